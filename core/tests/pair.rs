//! Stories between a few nodes: joining, finding, storing, and living together.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;

use std::collections::BTreeSet;

use khashmir::wire::{Method, Query};
use khashmir::{Abort, Command, Config, Keep, Outcome, OwnStore, Place, Refused, Retrieve};
use khashmir::{TypedEvent, TypedPutError, Value};
use net::{Net, addr, asks, get, key, put, stored_at, value};

#[test]
fn after_one_join_each_table_holds_exactly_the_other() {
    let mut net = Net::joined(2, &Config::default());
    assert_eq!(net.contacts(1), BTreeSet::from([addr(2)]));
    assert_eq!(net.contacts(2), BTreeSet::from([addr(1)]));
}

#[test]
fn a_join_reports_how_others_see_us() {
    let mut net = Net::new();
    net.add(1, Config::default());
    net.add(2, Config::default());
    let Outcome::Join(joined) = net.outcome(
        2,
        Command::Join {
            bootstrap: vec![addr(1)],
        },
    ) else {
        panic!("not a join");
    };
    assert_eq!(joined.contacts, 1);
    let reports: Vec<_> = joined
        .seen_as
        .iter()
        .map(|report| (report.by, report.seen_as))
        .collect();
    assert_eq!(reports, [(addr(1), addr(2))]);
}

#[test]
fn a_value_that_one_stores_the_other_finds() {
    let mut net = Net::joined(2, &Config::default());
    assert_eq!(stored_at(net.outcome(1, put("key", "hello"))).len(), 2);
    let op = net.command(2, get("key"));
    assert_eq!(
        net.end_of(2, op),
        Outcome::Got {
            values: 1,
            missing: 0
        }
    );
    assert_eq!(net.got(2, op), [value("hello")]);
}

#[test]
fn a_third_node_finds_what_others_stored_and_each_value_once() {
    let mut net = Net::joined(7, &Config::default());
    for (number, text) in [(1, "a"), (2, "b"), (3, "a")] {
        assert_eq!(stored_at(net.outcome(number, put("key", text))).len(), 6);
    }
    let op = net.command(7, get("key"));
    net.end_of(7, op);
    let mut got = net.got(7, op);
    got.sort();
    assert_eq!(got, [value("a"), value("b")]);
}

#[test]
fn a_get_can_leave_our_own_store_out() {
    let mut net = Net::new();
    net.add(1, Config::default());
    assert_eq!(
        stored_at(net.outcome(1, put("key", "mine"))),
        [Place::Here(net.node(1).id())]
    );
    let own = net.outcome(1, get("key"));
    let left_out = Command::Get {
        key: key("key"),
        retrieve: None,
        own_store: OwnStore::LeaveOut,
    };
    let others = net.outcome(1, left_out);
    assert_eq!(
        (own, others),
        (
            Outcome::Got {
                values: 1,
                missing: 0
            },
            Outcome::Got {
                values: 0,
                missing: 0
            }
        )
    );
}

#[test]
fn find_value_tells_who_holds_how_many() {
    let mut net = Net::joined(4, &Config::default());
    net.outcome(1, put("key", "a"));
    net.outcome(1, put("key", "b"));
    let Outcome::Holders(holders) = net.outcome(3, Command::FindValue { key: key("key") }) else {
        panic!("not a find_value");
    };
    assert_eq!(holders.len(), 4);
    assert!(holders.iter().all(|holder| holder.values == 2));
    let distances: Vec<_> = holders
        .iter()
        .map(|h| key("key").distance(h.place.id()))
        .collect();
    assert!(distances.is_sorted(), "closest first");
}

#[test]
fn a_retrieval_policy_bounds_how_many_are_asked() {
    let mut net = Net::joined(7, &Config::default());
    for text in ["a", "b", "c", "d"] {
        net.outcome(1, put("key", text));
    }
    for (retrieve, values, asked) in [
        (Retrieve::AtMost(2), 2, 1),
        (Retrieve::Closest(1), 4, 1),
        (Retrieve::Closest(3), 4, 3),
        (Retrieve::All, 4, 5),
    ] {
        net.forget();
        let own_store = OwnStore::LeaveOut;
        let op = net.command(
            7,
            Command::Get {
                key: key("key"),
                retrieve: Some(retrieve),
                own_store,
            },
        );
        assert_eq!(
            net.end_of(7, op),
            Outcome::Got { values, missing: 0 },
            "{retrieve:?}"
        );
        let sent = |net: &Net| {
            let gets = net.log.iter().filter(|flying| flying.from == addr(7));
            gets.filter(|flying| asks(&flying.bytes, Method::GetValue))
                .count()
        };
        let asked_now = sent(&net);
        assert!(
            asked_now == asked || retrieve == Retrieve::All && asked_now >= asked,
            "{retrieve:?}: {asked_now}"
        );
    }
}

#[test]
fn gets_of_one_key_share_one_lookup() {
    let mut net = Net::joined(4, &Config::default());
    net.outcome(1, put("key", "hello"));
    net.forget();
    let first = net.command(2, get("key"));
    let second = net.command(2, get("key"));
    assert_ne!(first, second);
    for op in [first, second] {
        assert_eq!(
            net.end_of(2, op),
            Outcome::Got {
                values: 1,
                missing: 0
            }
        );
        assert_eq!(net.got(2, op), [value("hello")]);
    }
    let walks = net
        .log
        .iter()
        .filter(|f| f.from == addr(2) && asks(&f.bytes, Method::FindValue));
    assert_eq!(walks.count(), 3, "each of the others is asked once");
}

#[test]
fn cancelling_one_of_two_gets_leaves_the_other() {
    let mut net = Net::joined(3, &Config::default());
    net.outcome(1, put("key", "hello"));
    let (first, second) = (net.command(2, get("key")), net.command(2, get("key")));
    let now = net.now;
    assert!(net.node(2).cancel(now, first));
    assert!(!net.node(2).cancel(now, first));
    assert_eq!(net.end_of(2, first), Outcome::Aborted(Abort::Cancelled));
    assert_eq!(
        net.end_of(2, second),
        Outcome::Got {
            values: 1,
            missing: 0
        }
    );
}

#[test]
fn a_put_of_the_same_value_is_refused_while_one_is_under_way() {
    let mut net = Net::joined(2, &Config::default());
    let op = net.command(1, put("key", "hello"));
    let now = net.now;
    assert_eq!(
        net.node(1).start(now, put("key", "hello")),
        Err(Refused::AlreadyPutting)
    );
    assert!(net.node(1).start(now, put("key", "other")).is_ok());
    net.end_of(1, op);
    let now = net.now;
    assert!(net.node(1).start(now, put("key", "hello")).is_ok());
}

#[test]
fn leaving_ends_what_is_pending_and_joining_works_again() {
    let mut net = Net::joined(3, &Config::default());
    let op = net.command(2, get("key"));
    let now = net.now;
    net.node(2).leave(now);
    assert_eq!(net.end_of(2, op), Outcome::Aborted(Abort::Left));
    assert_eq!(net.node(2).start(now, get("key")), Err(Refused::NotJoined));
    assert_eq!(net.ask(addr(99), 2, &Query::Ping), None);
    let Outcome::Join(joined) = net.outcome(
        2,
        Command::Join {
            bootstrap: vec![addr(1)],
        },
    ) else {
        panic!("not a join");
    };
    assert_eq!(joined.contacts, 2);
    assert!(net.ask(addr(98), 2, &Query::Ping).is_some());
}

#[test]
fn a_join_fails_while_another_is_under_way() {
    let mut net = Net::joined(2, &Config::default());
    net.command(
        2,
        Command::Join {
            bootstrap: vec![addr(1)],
        },
    );
    let now = net.now;
    let again = net.node(2).join(now, &[addr(1)]);
    assert_eq!(again, Err(Refused::JoinInProgress));
}

#[test]
fn a_typed_get_reads_what_a_typed_put_stored_and_counts_what_is_of_another_type() {
    let mut net = Net::joined(3, &Config::default());
    net.outcome(3, put("key", "not bencode"));
    let now = net.now;
    let stored = String::from("typed");
    let put = net.node(1).put_typed(now, key("key"), &stored, Keep::Once);
    net.end_of(1, put.expect("accepted"));
    let now = net.now;
    let mut get = net
        .node(2)
        .get_typed::<String>(now, key("key"))
        .expect("accepted");
    net.end_of(2, get.op());
    let (mut found, mut end) = (Vec::new(), None);
    for event in net.events(2) {
        match get.handle_event(event) {
            TypedEvent::Values(values) => found.extend(values),
            TypedEvent::Ended {
                skipped,
                missing,
                aborted,
            } => end = Some((skipped, missing, aborted)),
            TypedEvent::Other => {}
        }
    }
    assert_eq!((found, end), (vec![stored], Some((1, 0, None))));
    let long = "x".repeat(Value::MAX_LEN);
    let now = net.now;
    let refused = net.node(1).put_typed(now, key("key"), &long, Keep::Once);
    assert!(matches!(refused, Err(TypedPutError::Encode(_))));
}
