//! What the feature `serde` makes of identifiers, contacts, configuration, statistics and events: in JSON,
//! which people read, and in CBOR, which they do not.

use std::fmt::Debug;
use std::time::Duration;

use khashmir::wire::{InvalidReply, Malformed, Method};
use khashmir::{
    Abort, BadAddress, CallError, Config, Contact, DropCause, Event, Holder, Id, Instant, Joined,
    MethodStats, Node, OpId, Outcome, Place, Pong, QueryStats, Refusal, Report, Retrieve, Retry,
    Seed, Stats, Status, Value,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{from_value, json, to_value};

/// Asserts that it is the same after it went through both formats.
fn assert_survives<T: Serialize + DeserializeOwned + Debug + PartialEq>(it: &T) {
    let text = serde_json::to_string(it).expect("JSON");
    assert_eq!(serde_json::from_str::<T>(&text).expect(&text), *it);
    let mut bytes = Vec::new();
    ciborium::into_writer(it, &mut bytes).expect("CBOR");
    assert_eq!(
        ciborium::from_reader::<T, _>(bytes.as_slice()).expect(&text),
        *it
    );
}

fn contact() -> Contact {
    Contact::new(Id::new([0xab; Id::LEN]), ([10, 0, 0, 1], 9977).into())
}

fn value() -> Value {
    Value::new([0, 0xff]).expect("short")
}

fn outcomes() -> Vec<Outcome> {
    let (id, addr) = (contact().id, contact().addr);
    let pong = Pong {
        id,
        took: Duration::from_millis(3),
        seen_as: Some(addr),
    };
    let joined = Joined {
        contacts: 7,
        seen_as: vec![Report {
            by: addr,
            seen_as: addr,
        }],
        refreshed: 2,
    };
    let holder = Holder {
        place: Place::There(contact()),
        values: 4,
    };
    vec![
        Outcome::Aborted(Abort::ShutDown),
        Outcome::Ping(Ok(pong)),
        Outcome::Ping(Err(CallError::Broken(InvalidReply::SeenAs))),
        Outcome::Ping(Err(CallError::Refused(205))),
        Outcome::Join(joined),
        Outcome::Found(vec![Place::Here(id), Place::There(contact())]),
        Outcome::Holders(vec![holder]),
        Outcome::Got {
            values: 3,
            missing: 0,
        },
        Outcome::Stored(Vec::new()),
        Outcome::Refreshed { buckets: 5 },
    ]
}

#[test]
fn identifiers_values_and_contacts_are_hex_in_texts_and_bytes_elsewhere() {
    let hex = "ab".repeat(Id::LEN);
    assert_eq!(
        to_value(contact()).expect("JSON"),
        json!({ "id": hex, "addr": "10.0.0.1:9977" })
    );
    assert_eq!(to_value(value()).expect("JSON"), json!("00ff"));
    let mut bytes = Vec::new();
    ciborium::into_writer(&contact().id, &mut bytes).expect("CBOR");
    // A string of 20 bytes has one byte before it.
    assert_eq!(bytes.len(), 1 + Id::LEN);
    assert_survives(&contact());
    assert_survives(&Place::Here(contact().id));
    assert_survives(&value());
    assert_survives(&OpId::from_number(u64::MAX));
}

#[test]
fn what_is_no_identifier_or_no_value_is_refused() {
    for wrong in [
        "",
        "ab",
        &"xy".repeat(20),
        &"a".repeat(39),
        &"ab".repeat(21),
    ] {
        assert!(from_value::<Id>(json!(wrong)).is_err(), "{wrong}");
    }
    let longest = "00".repeat(Value::MAX_LEN);
    assert!(from_value::<Value>(json!(longest)).is_ok());
    let error = from_value::<Value>(json!(longest + "00")).expect_err("too long");
    assert!(error.to_string().contains("1392"), "{error}");
}

#[test]
fn every_event_survives() {
    let query_stats = QueryStats {
        asked: 3,
        refusals: vec![Refusal {
            by: contact().addr,
            code: 203,
        }],
        took: Duration::from_nanos(1_000_000_001),
        ..QueryStats::default()
    };
    for outcome in outcomes() {
        assert_survives(&Event::Ended {
            op: OpId::from_number(1),
            outcome,
            query_stats: query_stats.clone(),
        });
    }
    let values = Event::Values {
        op: OpId::from_number(2),
        key: contact().id,
        values: vec![value()],
    };
    assert_survives(&values);
    for event in [
        Event::Alone,
        Event::Checkpoint,
        Event::Online { contacts: 1 },
    ] {
        assert_survives(&event);
    }
    assert_eq!(
        to_value(Event::Online { contacts: 1 }).expect("JSON"),
        json!({ "online": { "contacts": 1 } })
    );
}

/// `Config` has no equality; its form has.
fn form(config: &Config) -> serde_json::Value {
    to_value(config).expect("JSON")
}

#[test]
fn settings_that_are_left_out_are_the_usual_ones() {
    for config in [Config::adaptive(), Config::early(), Config::late()] {
        let again: Config = from_value(form(&config)).expect("its own form");
        assert_eq!(form(&again), form(&config));
    }
    let config: Config = from_value(json!({
        "id": "01".repeat(20),
        "role": "client",
        "retry": { "fixed": { "resend": [], "give_up": { "secs": 20, "nanos": 0 } } },
        "retrieve": { "at_most": 9 },
        "limits": { "max_calls": 12 },
    }))
    .expect("settings");
    assert_eq!(config.id, Some(Id::new([1; Id::LEN])));
    assert_eq!(config.retry, Retry::early());
    assert_eq!(config.retrieve, Retrieve::AtMost(9));
    let usual = Config::default();
    assert_eq!((config.k, config.store), (usual.k, usual.store));
    assert_eq!(config.limits.max_calls, 12);
    assert_eq!(config.limits.max_operations, usual.limits.max_operations);
    let misspelt = from_value::<Config>(json!({ "aplha": 4 })).expect_err("no such setting");
    assert!(misspelt.to_string().contains("aplha"), "{misspelt}");
}

#[test]
fn statistics_survive_with_their_methods_and_drops_under_names() {
    let mut node = Node::new(Config::default(), Seed::from_number(1), Instant::ORIGIN)
        .expect("sound settings");
    node.handle_datagram(Instant::ORIGIN, contact().addr, None, b"garbage");
    let ping = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t20:abcdefghij01234567891:y1:qe";
    node.handle_datagram(Instant::ORIGIN, contact().addr, None, ping);
    let stats: &Stats = node.stats();
    assert_eq!(stats.method(Method::Ping).received, 1);
    let form = to_value(stats).expect("JSON");
    assert_eq!(form["methods"]["ping"]["received"], 1);
    assert_eq!(
        form["drops"],
        json!([{ "cause": { "malformed": "bencode" }, "count": 1 }])
    );
    assert_survives(stats);
    assert_survives::<MethodStats>(stats.method(Method::Ping));
    assert_survives::<Status>(&node.status(Instant::ORIGIN));
    for cause in [
        DropCause::Malformed(Malformed::TooLong),
        DropCause::Source(BadAddress::PortZero),
        DropCause::NotAsked,
    ] {
        assert_survives(&cause);
    }
}
