//! Stories of machines that sleep: nobody is blamed for it, and nothing of before is taken for news.

mod net;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Method, Query};
use khashmir::{CallError, Command, Config, Id, Keep, Outcome};
use net::{Net, addr, asks, get, key, put, seconds, stored_at, value};

const HOURS: Duration = Duration::from_secs(4 * 3600);

/// Lets a node's machine sleep while the others go on.
fn sleep(net: &mut Net, number: u8, span: Duration) {
    let node = net.kill(number);
    net.run(span);
    net.put_back(number, node);
    let now = net.now;
    net.node(number).handle_sleep(now, span);
}

/// Whom a node names to a stranger.
fn named(net: &mut Net, number: u8) -> BTreeSet<SocketAddr> {
    let (now, stranger) = (net.now, addr(99));
    let mut query = Vec::new();
    let find = Query::FindNode { target: key("x") };
    Dialect::Khashmir.encode_query(&[7; 20], &Id::hash_of(b"stranger"), &find, &mut query);
    let node = net.node(number);
    node.handle_datagram(now, stranger, None, &query);
    let mut waiting = Vec::new();
    let mut bytes = Vec::new();
    while let Some(transmit) = node.poll_transmit(&mut bytes) {
        if transmit.to == stranger
            && let Ok(Message::Reply { reply, .. }) = Dialect::Khashmir.decode(&bytes)
        {
            waiting.extend(reply.nodes.iter().flat_map(|nodes| nodes.iter()));
        }
    }
    waiting.iter().map(|contact| contact.addr).collect()
}

#[test]
fn a_call_that_was_open_over_a_sleep_is_blamed_on_nobody() {
    for span in [seconds(60), HOURS] {
        let mut net = Net::joined(2, &Config::default());
        let ping = net.command(1, Command::Ping { addr: addr(2) });
        let failed = net.node(1).stats().method(Method::Ping).failed;
        // The answer finds nobody awake.
        sleep(&mut net, 1, span);
        let outcome = net.end_of(1, ping);
        assert!(matches!(outcome, Outcome::Ping(Ok(_))), "{outcome:?}");
        assert_eq!(net.node(1).stats().method(Method::Ping).failed, failed);
    }
}

#[test]
fn who_is_gone_after_a_sleep_fails_in_its_time() {
    let mut net = Net::joined(2, &Config::default());
    let ping = net.command(1, Command::Ping { addr: addr(2) });
    net.kill(2);
    sleep(&mut net, 1, HOURS);
    let woken = net.now;
    let outcome = net.end_of(1, ping);
    assert_eq!(outcome, Outcome::Ping(Err(CallError::Timeout)));
    let waited = net.now.since(woken);
    assert!(waited > seconds(1) && waited < seconds(20), "{waited:?}");
}

#[test]
fn a_lookup_goes_on_after_a_sleep_that_is_longer_than_its_time() {
    let mut net = Net::joined(5, &Config::default());
    net.outcome(2, put("key", "value"));
    let op = net.command(1, get("key"));
    sleep(&mut net, 1, HOURS / 12);
    assert_eq!(
        net.end_of(1, op),
        Outcome::Got {
            values: 1,
            missing: 0
        }
    );
}

#[test]
fn contacts_are_named_to_others_after_a_long_sleep_once_they_have_answered() {
    let mut net = Net::joined(4, &Config::default());
    let all = BTreeSet::from([addr(2), addr(3), addr(4)]);
    assert_eq!(named(&mut net, 1), all);
    sleep(&mut net, 1, seconds(60));
    assert_eq!(named(&mut net, 1), all, "that was short");
    net.kill(3);
    sleep(&mut net, 1, HOURS);
    assert_eq!(named(&mut net, 1), BTreeSet::new());
    net.run(seconds(1));
    assert_eq!(named(&mut net, 1), BTreeSet::from([addr(2), addr(4)]));
    assert_eq!(net.contacts(1), all, "it is not given up after one failure");
    net.run(HOURS);
    assert_eq!(net.contacts(1), BTreeSet::from([addr(2), addr(4)]));
}

#[test]
fn a_kept_value_is_stored_again_at_once_after_a_long_sleep() {
    let mut net = Net::joined(4, &Config::default());
    let keep = Command::Put {
        key: key("key"),
        value: value("kept"),
        keep: Keep::UntilCancelled,
    };
    assert_eq!(stored_at(net.outcome(1, keep)).len(), 4);
    let stores = |net: &Net| {
        let stores = |bytes: &[u8]| asks(bytes, Method::StoreValue);
        net.log.iter().filter(|f| stores(&f.bytes)).count()
    };
    net.forget();
    sleep(&mut net, 1, seconds(60));
    net.run(seconds(60));
    assert_eq!(stores(&net), 0, "that was short");
    sleep(&mut net, 1, HOURS);
    net.run(seconds(5));
    assert_eq!(stores(&net), 3);
}
