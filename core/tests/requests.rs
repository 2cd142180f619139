//! Stories of programs that start several commands at once and pick each one's results out of the events.

mod net;

use khashmir::request::{
    AddContact, FindClose, FindNode, FindValue, Get, Join, Op, Ping, Put, Refresh, Request,
};
use khashmir::{Abort, Buckets, Config, Event, Instant, Keep, Node, Seed, TypedEvent, TypedGet};
use net::{Net, addr, key, seconds, value};

/// A node that is alone, with values of its own: everything ends at once.
fn alone() -> Node {
    let config = Config::default();
    let mut node = Node::new(config, Seed::from_number(1), Instant::ORIGIN).expect("good settings");
    for (name, text) in [("one", "3:uno"), ("two", "3:dos"), ("two", "5:zwei")] {
        let put = Put {
            key: key(name),
            value: value(text),
            keep: Keep::Once,
        };
        node.request(Instant::ORIGIN, put).expect("room");
    }
    while node.poll_event().is_some() {}
    node
}

fn events(node: &mut Node) -> Vec<Event> {
    core::iter::from_fn(|| node.poll_event()).collect()
}

/// All that a typed get makes of these events, but what is not its own.
fn read(mut get: TypedGet<String>, events: &[Event]) -> Vec<TypedEvent<String>> {
    let all = events.iter().map(|event| get.handle_event(event));
    all.filter(|event| *event != TypedEvent::Other).collect()
}

/// What a request comes to in a world of nodes.
fn output<R: Request>(net: &mut Net, request: R) -> R::Output {
    let now = net.now;
    let mut op: Op<R> = net.node(1).request(now, request).expect("room for it");
    net.run(seconds(60));
    let mut results = net
        .events(1)
        .iter()
        .filter_map(|event| op.handle_event(event));
    let result = results.next().expect("it has ended");
    assert!(results.next().is_none(), "it ends once");
    result.expect("nobody ended it")
}

#[test]
fn each_of_two_gets_comes_to_its_own_values() {
    let mut node = alone();
    let gets = ["one", "two"].map(|name| Get::new(key(name)));
    let gets = gets.map(|get| node.request(Instant::ORIGIN, get).expect("room"));
    let events = events(&mut node);
    let [one, two] = gets.map(|mut get: Op<Get>| {
        let mut ended = events.iter().filter_map(|event| get.handle_event(event));
        let mut values = ended.next().expect("over").expect("not aborted");
        assert_eq!(ended.next(), None);
        values.sort();
        values
    });
    assert_eq!(one, [value("3:uno")]);
    assert_eq!(two, [value("3:dos"), value("5:zwei")]);
}

#[test]
fn each_of_two_typed_gets_reads_its_own_values() {
    let mut node = alone();
    let gets = ["one", "two"].map(|name| node.get_typed(Instant::ORIGIN, key(name)));
    let events = events(&mut node);
    let [one, two] = gets.map(|get| read(get.expect("room"), &events));
    let ended = |skipped| TypedEvent::Ended {
        missing: 0,
        skipped,
        aborted: None,
    };
    assert_eq!(one, [TypedEvent::Values(vec!["uno".into()]), ended(0)]);
    assert_eq!(two, [TypedEvent::Values(vec!["dos".into()]), ended(1)]);
}

#[test]
fn a_request_that_is_cancelled_says_so_and_the_others_go_on() {
    let mut net = Net::joined(3, &Config::default());
    let now = net.now;
    let node = net.node(1);
    let mut ping = node.request(now, Ping { addr: addr(2) }).expect("room");
    let mut find = node.request(now, FindClose).expect("room");
    let get = node.get_typed::<String>(now, key("x")).expect("room");
    assert!(node.cancel(now, find.id()) && node.cancel(now, get.op()));
    net.run(seconds(30));
    let events = net.events(1);
    let found: Vec<_> = events
        .iter()
        .filter_map(|event| find.handle_event(event))
        .collect();
    assert_eq!(found, [Err(Abort::Cancelled)]);
    let read = read(get, events);
    let aborted = TypedEvent::Ended {
        missing: 0,
        skipped: 0,
        aborted: Some(Abort::Cancelled),
    };
    assert_eq!(read, [aborted]);
    let answered: Vec<_> = events
        .iter()
        .filter_map(|event| ping.handle_event(event))
        .collect();
    assert!(matches!(answered[..], [Ok(Ok(_))]), "{answered:?}");
}

#[test]
fn every_request_comes_to_a_result_of_its_own_type() {
    let mut net = Net::joined(3, &Config::default());
    let key = key("greeting");
    let put = Put {
        key,
        value: value("hello"),
        keep: Keep::Once,
    };
    let bootstrap = vec![addr(2)];
    assert_eq!(output(&mut net, Join { bootstrap }).contacts, 2);
    assert!(output(&mut net, Ping { addr: addr(2) }).is_ok());
    assert!(output(&mut net, AddContact { addr: addr(9) }).is_err());
    assert_eq!(output(&mut net, put).len(), 3);
    assert_eq!(output(&mut net, Get::new(key)), [value("hello")]);
    assert_eq!(output(&mut net, FindValue { key }).len(), 3);
    assert_eq!(output(&mut net, FindNode { target: key }).len(), 3);
    assert_eq!(output(&mut net, FindClose).len(), 3);
    let buckets = Buckets::All;
    assert_eq!(output(&mut net, Refresh { buckets }), 1);
}

#[test]
fn an_event_names_the_command_that_it_belongs_to_and_the_one_that_it_ends() {
    let mut node = alone();
    let get = node
        .request(Instant::ORIGIN, Get::new(key("one")))
        .expect("room");
    let told: Vec<_> = events(&mut node)
        .iter()
        .map(|event| (event.op(), event.ends()))
        .collect();
    assert_eq!(
        told,
        [(Some(get.id()), None), (Some(get.id()), Some(get.id()))]
    );
}
