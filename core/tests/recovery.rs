//! Stories of nodes that were cut off, left alone or started anew, and find their way back.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use khashmir::wire::Method;
use khashmir::{Command, Config, Contact, Event, Id, Node, OpId, Outcome, Seed, Snapshot};
use net::{Net, addr, asks, is_query, key, seconds};

fn join(bootstrap: &[u8]) -> Command {
    Command::Join {
        bootstrap: bootstrap.iter().map(|number| addr(*number)).collect(),
    }
}

/// How many contacts a join says there are, and how many seconds it took.
fn joined(net: &mut Net, number: u8, op: OpId) -> (usize, u64) {
    let began = net.now;
    let Outcome::Join(joined) = net.end_of(number, op) else {
        panic!("not a join");
    };
    (joined.contacts, net.now.since(began).as_secs())
}

/// How often Online, and how often Alone was told.
fn told(net: &mut Net, number: u8) -> (usize, usize) {
    let events = net.events(number);
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    (
        count(|event| matches!(event, Event::Online { .. })),
        count(|event| matches!(event, Event::Alone)),
    )
}

/// When a node asked an address something, in seconds.
fn asked_at(net: &Net, from: u8, to: SocketAddr) -> Vec<u64> {
    let queries = net
        .log
        .iter()
        .filter(|flying| flying.from == addr(from) && flying.to == to && is_query(&flying.bytes));
    queries
        .map(|flying| flying.at.as_nanos() / 1_000_000_000)
        .collect()
}

/// Whether each of these nodes has all the others in its table.
fn know_each_other(net: &mut Net, numbers: &[u8]) -> bool {
    let all: BTreeSet<SocketAddr> = numbers.iter().map(|number| addr(*number)).collect();
    numbers.iter().all(|number| {
        let mut known = net.contacts(*number);
        known.insert(addr(*number));
        known.is_superset(&all)
    })
}

fn cancel(net: &mut Net, number: u8, op: OpId) {
    let now = net.now;
    assert!(net.node(number).cancel(now, op));
}

fn leave(net: &mut Net, number: u8) {
    let now = net.now;
    net.node(number).leave(now);
}

#[test]
fn two_that_met_while_their_bootstrap_host_was_down_find_it_when_it_is_back() {
    let mut net = Net::new();
    for number in [2, 3] {
        net.add(number, Config::default());
    }
    let op = net.command(2, join(&[1]));
    assert_eq!(joined(&mut net, 2, op).0, 0);
    let op = net.command(3, join(&[1, 2]));
    assert_eq!(joined(&mut net, 3, op).0, 1);
    net.run(seconds(86_400));
    net.add(1, Config::default());
    net.run(seconds(600));
    assert!(know_each_other(&mut net, &[1, 2, 3]));
}

#[test]
fn a_bootstrap_address_that_never_answers_costs_a_datagram_in_five_minutes_for_ever() {
    let mut net = Net::joined(3, &Config::default());
    net.add(4, Config::default());
    net.outcome(4, join(&[1, 9]));
    net.forget();
    net.run(seconds(3600));
    let tries = asked_at(&net, 4, addr(9));
    let waits: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.is_sorted_by(|a, b| *b >= 300 || b > a), "{waits:?}");
    assert!(
        waits[4..].iter().all(|wait| (299..=331).contains(wait)),
        "{waits:?}"
    );
    net.forget();
    net.run(seconds(86_400));
    let tries = asked_at(&net, 4, addr(9));
    assert!((260..=288).contains(&tries.len()), "{}", tries.len());
    let wanted = |event: &&Event| matches!(event, Event::BootstrapWanted);
    let wanted = net.events(4).iter().filter(wanted).count();
    assert!((260..=288).contains(&wanted), "{wanted} rounds were told");
}

#[test]
fn bootstrap_hosts_that_answer_are_hardly_ever_asked() {
    let mut net = Net::joined(4, &Config::default());
    net.run(seconds(7200));
    net.forget();
    net.run(seconds(4 * 3600));
    let bootstrap_was_wanted = net
        .events(2)
        .iter()
        .any(|event| matches!(event, Event::BootstrapWanted));
    assert!(!bootstrap_was_wanted);
    let pings = net
        .log
        .iter()
        .filter(|flying| flying.to == addr(1) && asks(&flying.bytes, Method::Ping));
    assert!(pings.count() <= 3 * 5);
}

#[test]
fn a_few_behind_an_uplink_that_was_away_are_found_again() {
    let mut net = Net::joined(12, &Config::default());
    let away: Vec<Node> = (10..=12).map(|number| net.kill(number)).collect();
    // Each part of the network lives on without the other.
    net.run(seconds(3600));
    let mut site = Net::new();
    site.now = net.now;
    for (number, node) in (10..).zip(away) {
        site.put_back(number, node);
    }
    site.run(seconds(3600));
    net.run(seconds(3600));
    for number in 10..=12 {
        let node = site.kill(number);
        assert!(node.contacts().count() <= 2, "it has lost the others");
        net.put_back(number, node);
    }
    net.run(seconds(600));
    let all: Vec<u8> = (1..=12).collect();
    assert!(know_each_other(&mut net, &all));
}

#[test]
fn halves_of_a_network_that_lost_their_bootstrap_host_meet_there_again() {
    let config = Config::default();
    let mut halves: Vec<Net> = Vec::new();
    for first in [10, 20] {
        let mut half = Net::new();
        for number in first..first + 6 {
            half.add(number, config.clone());
            // Each knows the host that both halves share, and one of its own.
            half.command(number, join(&[1, first]));
            half.run(seconds(30));
        }
        half.run(seconds(7200));
        halves.push(half);
    }
    let mut net = Net::new();
    net.now = halves[0].now;
    net.add(1, config);
    for (half, first) in halves.iter_mut().zip([10, 20]) {
        for number in first..first + 6 {
            let node = half.kill(number);
            net.put_back(number, node);
        }
    }
    net.run(seconds(600));
    let all: Vec<u8> = (1..2).chain(10..16).chain(20..26).collect();
    let target = key("anything");
    let mut closest: Vec<Id> = Vec::new();
    for number in &all {
        let id = net.node(*number).id();
        closest.push(id);
    }
    closest.sort_by_key(|id| id.distance(&target));
    let expected: BTreeSet<Id> = closest.iter().take(8).copied().collect();
    for number in all {
        let Outcome::Found(places) = net.outcome(number, Command::FindNode { target }) else {
            panic!("not a lookup");
        };
        let found: BTreeSet<Id> = places.iter().map(|place| *place.id()).collect();
        assert_eq!(found, expected, "node {number}");
    }
}

#[test]
fn online_is_told_again_after_leaving_and_joining() {
    let mut net = Net::joined(3, &Config::default());
    leave(&mut net, 2);
    net.run(seconds(600));
    assert_eq!(told(&mut net, 2), (0, 0), "leaving is no loss");
    net.outcome(2, join(&[1]));
    assert_eq!(told(&mut net, 2), (1, 0));
}

#[test]
fn a_join_that_nobody_answers_reports_no_contacts_of_old_and_is_tried_again() {
    let mut net = Net::joined(3, &Config::default());
    leave(&mut net, 2);
    let others = [net.kill(1), net.kill(3)];
    let op = net.command(2, join(&[1]));
    assert_eq!(joined(&mut net, 2, op).0, 0);
    assert_eq!(told(&mut net, 2), (0, 1));
    for (number, node) in [1, 3].into_iter().zip(others) {
        net.put_back(number, node);
    }
    net.run(seconds(60));
    assert_eq!(told(&mut net, 2), (1, 1));
}

#[test]
fn cancelling_a_join_does_not_end_joining_again() {
    let mut net = Net::new();
    net.add(2, Config::default());
    let op = net.command(2, join(&[1]));
    net.run(seconds(1));
    cancel(&mut net, 2, op);
    net.run(seconds(3600));
    let op = net.command(2, join(&[1]));
    cancel(&mut net, 2, op);
    net.add(1, Config::default());
    net.run(seconds(600));
    assert_eq!(net.contacts(2), BTreeSet::from([addr(1)]));
}

#[test]
fn a_join_without_addresses_keeps_those_known() {
    let mut net = Net::new();
    net.add(2, Config::default());
    let op = net.command(2, join(&[1]));
    assert_eq!(joined(&mut net, 2, op).0, 0);
    leave(&mut net, 2);
    net.add(1, Config::default());
    let op = net.command(2, join(&[]));
    assert_eq!(joined(&mut net, 2, op).0, 1);
}

#[test]
fn a_node_with_live_contacts_does_not_wait_for_a_dead_bootstrap_host() {
    for config in [Config::adaptive(), Config::late(), Config::early()] {
        let mut net = Net::joined(3, &config);
        let op = net.command(2, join(&[9]));
        assert_eq!(joined(&mut net, 2, op), (2, 0));
        leave(&mut net, 2);
        let op = net.command(2, join(&[9]));
        assert_eq!(joined(&mut net, 2, op), (2, 0));
        assert_eq!(told(&mut net, 2), (1, 0));
    }
}

/// A snapshot that names contacts at addresses 2 to `last`, who answered that long ago.
fn snapshot_of(net: &mut Net, last: u8, ago: u64) -> Snapshot {
    let mut snapshot = Snapshot::new(key("restored"));
    for number in 2..=last {
        let id = net.node(number).id();
        snapshot.add_contact(Contact::new(id, addr(number)), seconds(ago));
    }
    snapshot
}

fn restored(net: &Net, snapshot: Snapshot) -> Node {
    let (away, seed) = (seconds(1), Seed::from_number(1));
    Node::restore(Config::default(), snapshot, away, seed, net.now).expect("works")
}

#[test]
fn contacts_last_heard_twenty_minutes_ago_are_taken_up_again_at_once() {
    let mut net = Net::new();
    for number in 2..=101 {
        net.add(number, Config::default());
    }
    let snapshot = snapshot_of(&mut net, 101, 1200);
    let node = restored(&net, snapshot);
    net.put_back(1, node);
    net.run(seconds(1));
    let asked: BTreeSet<SocketAddr> = net
        .log
        .iter()
        .filter(|flying| flying.from == addr(1) && asks(&flying.bytes, Method::Ping))
        .map(|flying| flying.to)
        .collect();
    assert_eq!(asked.len(), 100, "each is asked");
    let now = net.now;
    let status = net.node(1).status(now);
    assert!(status.contacts + status.candidates > 50, "{status:?}");
    assert_eq!(told(&mut net, 1), (1, 0));
}

#[test]
fn restored_contacts_are_asked_side_by_side_and_no_more_than_probes_may_be_under_way() {
    let mut net = Net::new();
    for number in 2..=101 {
        net.add(number, Config::default());
    }
    let snapshot = snapshot_of(&mut net, 101, 1200);
    for number in 2..=101 {
        net.kill(number);
    }
    let node = restored(&net, snapshot);
    net.put_back(1, node);
    net.run(seconds(0));
    let now = net.now;
    assert_eq!(net.node(1).status(now).calls, 32);
    net.run(seconds(40));
    let asked: BTreeSet<SocketAddr> = net.log.iter().map(|flying| flying.to).collect();
    assert_eq!(
        asked.len(),
        100,
        "the silent ones do not hold up the others"
    );
}

#[test]
fn a_restored_contact_that_is_silent_costs_a_datagram_until_the_next_round() {
    let mut net = Net::new();
    for number in 2..=21 {
        net.add(number, Config::default());
    }
    let snapshot = snapshot_of(&mut net, 21, 1200);
    for number in 2..=21 {
        net.kill(number);
    }
    // One is there, so that the node is not alone, and joins by itself.
    net.add(22, Config::default());
    let node = restored(&net, snapshot);
    net.put_back(1, node);
    net.outcome(1, Command::AddContact { addr: addr(22) });
    net.run(seconds(60));
    for number in 2..=21 {
        assert_eq!(asked_at(&net, 1, addr(number)).len(), 1, "{number}");
    }
    net.run(seconds(360));
    let again = (2..=21).filter(|number| asked_at(&net, 1, addr(*number)).len() > 1);
    assert!(again.count() >= 8, "a bucketful of them in the round");
}

#[test]
fn a_restarted_node_in_its_own_network_looks_up_no_full_bucket_and_is_heard_by_all_contacts() {
    let mut net = Net::joined(60, &Config::default());
    net.add(100, Config::default());
    let refreshed = |net: &mut Net| {
        let Outcome::Join(joined) = net.outcome(100, join(&[1])) else {
            panic!("not a join");
        };
        joined.refreshed
    };
    let first = refreshed(&mut net);
    net.run(seconds(120));
    let now = net.now;
    let snapshot = net.kill(100).snapshot(now);
    let node = restored(&net, snapshot);
    net.put_back(100, node);
    let contacts = net.contacts(100);
    net.forget();
    let again = refreshed(&mut net);
    assert!(again < first, "{again} after {first}");
    net.run(seconds(1));
    for contact in contacts {
        assert!(!asked_at(&net, 100, contact).is_empty(), "{contact}");
    }
}

#[test]
fn fresh_and_older_contacts_of_a_snapshot_stand_side_by_side() {
    let mut net = Net::new();
    for number in 2..=6 {
        net.add(number, Config::default());
    }
    let mut snapshot = snapshot_of(&mut net, 4, 1200);
    for number in 5..=6 {
        let id = net.node(number).id();
        snapshot.add_contact(Contact::new(id, addr(number)), seconds(60));
    }
    let node = restored(&net, snapshot);
    assert_eq!(node.contacts().count(), 2);
    net.put_back(1, node);
    net.run(seconds(1));
    assert_eq!(net.contacts(1).len(), 5);
}

#[test]
fn what_is_lost_is_remembered_within_bounds_and_asked_a_bucketful_in_a_round() {
    let mut net = Net::new();
    for number in 2..=101 {
        net.add(number, Config::default());
    }
    let snapshot = snapshot_of(&mut net, 101, 1200);
    for number in 3..=101 {
        net.kill(number);
    }
    let node = restored(&net, snapshot);
    net.put_back(1, node);
    net.run(seconds(86_400));
    net.forget();
    net.run(seconds(3600));
    let to_the_dead = net
        .log
        .iter()
        .filter(|flying| flying.from == addr(1) && flying.to != addr(2));
    // A day after all but one were lost, the node has got used to that: 8 in a round.
    let count = to_the_dead.count();
    assert!((80..=96).contains(&count), "{count}");
}
