//! Stories of strangers who write to a node, and of what that makes it do.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod victim;
mod written;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Query};
use khashmir::{Command, Config, Contact, Id, Limits};
use net::{Net, addr, is_query, seconds};
use victim::{Victim, contact};
use written::written;

#[test]
fn a_flood_of_strangers_is_pinged_a_few_at_a_time_and_keeps_nobody_out_for_long() {
    let mut net = Net::new();
    net.add(1, Config::default());
    let most = net.node(1).config().limits.max_probes;
    for port in 1..=2000u16 {
        let [high, low] = port.to_be_bytes();
        let from: SocketAddr = ([192, high, low, 1], 9977).into();
        let asker = Id::hash_of(&port.to_be_bytes());
        let bytes =
            written(|out| Dialect::Khashmir.encode_query(&[7; 20], &asker, &Query::Ping, out));
        net.send(from, 1, &bytes);
        net.run(Duration::from_millis(10));
        let now = net.now;
        assert!(net.node(1).status(now).calls <= most);
    }
    let pings = |net: &Net| {
        net.log
            .iter()
            .filter(|f| f.from == addr(1) && is_query(&f.bytes))
            .count()
    };
    assert!(pings(&net) >= most, "some get their chance");
    assert!(pings(&net) < 4 * most, "{} in 20 s", pings(&net));
    net.run(seconds(20));
    net.add(2, Config::default());
    let bootstrap = vec![addr(1)];
    net.outcome(2, Command::Join { bootstrap });
    net.run(seconds(1));
    assert_eq!(net.contacts(1), BTreeSet::from([addr(2)]));
}

#[test]
fn whoever_is_known_elsewhere_is_asked_when_another_claims_its_identity() {
    let mut victim = Victim::knowing(2, Config::default());
    // So long that what is known of the contact does not settle it.
    victim.play(seconds(1000), |_| None);
    let claimant = Contact::new(contact(1).id, addr(9));
    victim.hears_query(claimant, &Query::Ping);
    let mut asked = Vec::new();
    victim.play(seconds(1), |query| {
        asked.push(query.to);
        let known = contact(victim::number_of(query.to));
        (query.to != claimant.addr).then(|| query.honest_reply(known.id, &[]))
    });
    assert!(asked.contains(&addr(1)), "{asked:?}");
    assert_eq!(victim.node.stats().identity_conflicts, 1);
    let known: BTreeSet<_> = victim.node.contacts().collect();
    assert_eq!(known, BTreeSet::from([contact(1), contact(2)]));
}

#[test]
fn a_stranger_that_was_being_pinged_when_the_node_left_is_pinged_again_once_it_is_back() {
    let mut victim = Victim::knowing(1, Config::default());
    let stranger = contact(9);
    let pings = |victim: &mut Victim| {
        victim.hears_query(stranger, &Query::Ping);
        let asked = victim.asked();
        asked
            .iter()
            .filter(|asked| asked.to == stranger.addr)
            .count()
    };
    assert_eq!(pings(&mut victim), 1);
    assert_eq!(pings(&mut victim), 0, "it is being pinged");
    victim.node.leave(victim.now);
    let join = victim.node.join(victim.now, &[addr(1)]);
    join.expect("it may come back");
    victim.asked();
    assert_eq!(pings(&mut victim), 1);
}

#[test]
fn after_a_long_sleep_half_of_the_pings_are_left_to_others() {
    let limits = Limits {
        max_probes: 4,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let mut victim = Victim::knowing(7, config);
    victim.asked();
    let slept = victim.node.config().fresh;
    victim.now = victim.now + slept;
    victim.node.handle_sleep(victim.now, slept);
    let known = |asked: &victim::Asked| (1..=7).any(|number| asked.to == addr(number));
    assert_eq!(
        victim.asked().iter().filter(|asked| known(asked)).count(),
        2
    );
    for stranger in [8, 9] {
        victim.hears_query(contact(stranger), &Query::Ping);
        let asked = victim.asked();
        assert!(asked.iter().any(|asked| asked.to == addr(stranger)));
    }
    victim.hears_query(contact(10), &Query::Ping);
    assert!(victim.asked().is_empty(), "four are being pinged");
    // Each that answers makes room for the next.
    let mut woken = BTreeSet::new();
    victim.play(seconds(30), |asked| {
        woken.insert(asked.to);
        let named = contact(victim::number_of(asked.to));
        Some(asked.honest_reply(named.id, &[]))
    });
    assert!(
        (1..=7).all(|known| woken.contains(&addr(known))),
        "{woken:?}"
    );
}
