//! How long lookups take: the network's round trips, not fixed waits, though contacts be dead.

mod net;
mod written;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Reply};
use khashmir::{Command, Config, Contact, Event, Id, Instant, Node, Outcome, Place, QueryStats};
use khashmir::{Role, Seed, Snapshot};

use net::{Net, addr, key, message};
use written::written;

/// Nodes of the world; those whose number [`is_dead`] says are long gone.
const NODES: u8 = 60;
/// Who does the lookups.
const ASKER: u8 = 1;

/// Three out of ten.
const fn is_dead(number: u8) -> bool {
    matches!(number % 10, 3 | 6 | 9)
}

fn contact(number: u8) -> Contact {
    Contact::new(Id::hash_of(&[number]), addr(number))
}

/// Nodes with tables as full as they get, the dead among the contacts of all of them.
fn world(config: &Config, round_trip: Duration) -> Net {
    let mut net = Net::new();
    net.delay = round_trip / 2;
    for number in (1..=NODES).filter(|number| !is_dead(*number)) {
        let mut snapshot = Snapshot::new(contact(number).id);
        for other in 1..=NODES {
            snapshot.add_contact(contact(other), Duration::ZERO);
        }
        let seed = Seed::from_number(number.into());
        let node = Node::restore(config.clone(), snapshot, Duration::ZERO, seed, net.now);
        net.put_back(number, node.expect("settings that can work"));
    }
    net
}

/// What a lookup took.
struct Lookup {
    query_stats: QueryStats,
    /// Whether any of the K closest to its target is dead.
    dead_among_closest: bool,
}

/// Looks up so many targets, one after another.
fn look_up(net: &mut Net, targets: Range<u8>) -> Vec<Lookup> {
    let targets = targets.map(|number| key(&number.to_string()));
    targets.map(|target| look_up_one(net, target)).collect()
}

fn look_up_one(net: &mut Net, target: Id) -> Lookup {
    let op = net.command(ASKER, Command::FindNode { target });
    let Outcome::Found(places) = net.end_of(ASKER, op) else {
        panic!("a lookup finds nodes");
    };
    let dead = |id: &Id| (1..=NODES).any(|n| is_dead(n) && contact(n).id == *id);
    assert!(places.len() >= 4 && !places.iter().any(|place| dead(place.id())));
    let mut closest: Vec<u8> = (1..=NODES).collect();
    closest.sort_by_key(|number| target.distance(&contact(*number).id));
    let query_stats = net.events(ASKER).iter().find_map(|event| {
        if let Event::Ended {
            op: of,
            query_stats,
            ..
        } = event
        {
            (*of == op).then(|| query_stats.clone())
        } else {
            None
        }
    });
    Lookup {
        query_stats: query_stats.expect("it ended"),
        dead_among_closest: closest[..8].iter().any(|number| is_dead(*number)),
    }
}

#[test]
fn with_dead_contacts_the_end_of_a_lookup_follows_the_round_trip() {
    // At 20 ms the shortest waits, which allow for busy machines, weigh more.
    for (millis, most_round_trips) in [(20, 15), (200, 7)] {
        let round_trip = Duration::from_millis(millis);
        let mut net = world(&Config::adaptive(), round_trip);
        look_up(&mut net, 0..10);
        let measured = look_up(&mut net, 10..30);
        let held_up = measured
            .iter()
            .filter(|lookup| lookup.query_stats.unanswered > 0);
        assert!(held_up.count() > 10, "most lookups meet the dead");
        for Lookup { query_stats, .. } in measured {
            let most = round_trip * most_round_trips;
            assert!(query_stats.took <= most, "{millis} ms: {query_stats:?}");
        }
    }
}

#[test]
fn with_fixed_waits_a_dead_contact_holds_a_lookup_up_for_seconds() {
    let mut net = world(&Config::late(), Duration::from_millis(20));
    let (dead, alive): (Vec<Lookup>, Vec<Lookup>) = look_up(&mut net, 0..20)
        .into_iter()
        .partition(|lookup| lookup.dead_among_closest);
    assert!(!dead.is_empty() && !alive.is_empty());
    for Lookup { query_stats, .. } in dead {
        assert!(
            query_stats.took >= Duration::from_secs(2),
            "{query_stats:?}"
        );
    }
    for Lookup { query_stats, .. } in alive {
        assert!(
            query_stats.took < Duration::from_millis(100),
            "{query_stats:?}"
        );
    }
}

/// A client that wants two nodes, knows two, and is told of a third by the second.
///
/// The third is asked only when nobody waits for the first any longer.
#[test]
fn who_answers_after_it_was_given_up_but_before_the_end_is_in_the_result() {
    let target = contact(0).id;
    let mut peers: Vec<Contact> = (1..=3).map(contact).collect();
    peers.sort_by_key(|peer| target.distance(&peer.id));
    let [laggard, prompt, third] = peers[..] else {
        unreachable!("there are three");
    };
    let config = Config {
        k: 2,
        role: Role::Client,
        ..Config::adaptive()
    };
    let mut snapshot = Snapshot::new(target);
    snapshot.add_contact(laggard, Duration::ZERO);
    snapshot.add_contact(prompt, Duration::ZERO);
    let (seed, mut now) = (Seed::from_number(1), Instant::ORIGIN);
    let node = Node::restore(config, snapshot, Duration::ZERO, seed, now);
    let mut node = node.expect("settings that can work");
    node.find_node(now, target).expect("room");

    let mut asked = queries(&mut node);
    assert!(asked.contains_key(&laggard.addr) && !asked.contains_key(&third.addr));
    answer(&mut node, now, prompt, &asked[&prompt.addr], vec![third]);
    while !asked.contains_key(&third.addr) {
        now = node.poll_timeout().expect("it waits for somebody");
        node.handle_timeout(now);
        asked.append(&mut queries(&mut node));
    }
    assert!(now.since(Instant::ORIGIN) < Duration::from_secs(3));
    assert_eq!(found(&mut node), None);
    answer(&mut node, now, laggard, &asked[&laggard.addr], Vec::new());
    let places = [laggard, prompt].map(Place::There);
    assert_eq!(found(&mut node), Some(places.to_vec()));
}

/// The transaction ids of what the node asks, by whom it asks.
fn queries(node: &mut Node) -> BTreeMap<SocketAddr, Vec<u8>> {
    let mut queries = BTreeMap::new();
    let mut datagram = Vec::new();
    while let Some(khashmir::Transmit { to, .. }) = node.poll_transmit(&mut datagram) {
        let Message::Query { tid, .. } = message(&datagram) else {
            panic!("a client only asks");
        };
        queries.insert(to, tid.to_vec());
    }
    queries
}

fn answer(node: &mut Node, now: Instant, by: Contact, tid: &[u8], nodes: Vec<Contact>) {
    let reply = Reply {
        nodes: Some((&nodes).into()),
        token: Some(b"token"),
        ..Reply::from(by.id)
    };
    let datagram = written(|out| Dialect::Khashmir.encode_reply(tid, &reply, out));
    node.handle_datagram(now, by.addr, None, &datagram);
}

/// What a lookup came to, if it is over.
fn found(node: &mut Node) -> Option<Vec<Place>> {
    let mut events = std::iter::from_fn(|| node.poll_event());
    events.find_map(|event| {
        if let Event::Ended {
            outcome: Outcome::Found(places),
            ..
        } = event
        {
            Some(places)
        } else {
            None
        }
    })
}
