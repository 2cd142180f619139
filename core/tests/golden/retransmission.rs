//! Replaying a ping that nobody answers: when it is sent again, and when it fails.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use khashmir::wire::{Dialect, Message};
use khashmir::{CallError, Command, Config, Event, Id, Instant, Node, Outcome, Seed};

use super::Generation;
use super::bytes;
use super::recorded::Retransmission;
use super::subject::Subject;

/// Where nobody answered.
const NOBODY: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)), 42_300);

/// How late the original's timers fire for a send, and for the failure at the end.
const SEND_SLACK: Duration = Duration::from_millis(10);
const FAILURE_SLACK: Duration = Duration::from_millis(50);

/// Has a node with the same identifier ping nobody, and compares times and bytes.
pub(crate) fn replay(generation: Generation) {
    let recorded = Retransmission::read(generation);
    let first = &recorded.sends.first().expect("it was sent at least once").1;
    let config = Config {
        id: Some(sender(first)),
        ..generation.config()
    };
    let node = Node::new(config, Seed::from_number(1), Instant::ORIGIN).expect("a preset");
    let mut subject = Subject::new(node);

    let op = subject
        .start(Command::Ping { addr: NOBODY })
        .expect("nothing else is under way");
    subject.run_until_event(|event| event.ends() == Some(op));

    let sent = subject.take_sent();
    assert_eq!(sent.len(), recorded.sends.len(), "{sent:?}");
    for (ours, (at, theirs)) in sent.iter().zip(&recorded.sends) {
        assert_eq!(ours.to, NOBODY);
        assert_eq!(ours.bytes, sent[0].bytes, "sent again with other bytes");
        assert_eq!(&ours.bytes, &with_tid_of(theirs, &ours.bytes));
        assert_about(ours.at, *at, SEND_SLACK);
    }
    assert_about(subject.now(), recorded.failed_after, FAILURE_SLACK);
    let outcomes: Vec<Outcome> = subject
        .take_events()
        .into_iter()
        .filter_map(outcome)
        .collect();
    assert_eq!(outcomes, [Outcome::Ping(Err(CallError::Timeout))]);
}

fn sender(ping: &[u8]) -> Id {
    match Dialect::Khashmir.decode(ping) {
        Ok(Message::Query { sender, .. }) => sender,
        other => panic!("not a query: {other:?}"),
    }
}

fn outcome(event: Event) -> Option<Outcome> {
    match event {
        Event::Ended { outcome, .. } => Some(outcome),
        Event::Alone
        | Event::BootstrapWanted
        | Event::Checkpoint
        | Event::CopiesLost { .. }
        | Event::FewPrefixes
        | Event::Kept { .. }
        | Event::Online { .. }
        | Event::Values { .. } => None,
        _ => None,
    }
}

fn with_tid_of(datagram: &[u8], other: &[u8]) -> Vec<u8> {
    let from = bytes::tid(other).expect("20 bytes of ours");
    let to = bytes::tid(datagram).expect("20 bytes of theirs");
    bytes::with(datagram, to, &other[from])
}

fn assert_about(at: Instant, recorded: Duration, slack: Duration) {
    let ours = at.since(Instant::ORIGIN);
    assert!(
        ours.abs_diff(recorded) <= slack,
        "{ours:?} is not about {recorded:?}"
    );
}
