//! Transactions by themselves: when they are sent again, given up, and closed.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::rng::Seed;

fn at(millis: u64) -> Instant {
    Instant::since_origin(Duration::from_millis(millis))
}

fn addr(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 9977).into()
}

struct Bench {
    retry: Retry,
    transactions: Transactions<u32, ()>,
    rng: Rng,
}

impl Bench {
    fn new(retry: Retry, max: usize) -> Self {
        let mut rng = Rng::new(Seed::from_number(1));
        Self {
            retry,
            transactions: Transactions::new(max, &mut rng),
            rng,
        }
    }

    /// Opens a call to 10.0.0.1 and gives its transaction id.
    fn open(&mut self, now: Instant, owner: u32) -> Option<Tid> {
        let opening = Opening {
            retry: &self.retry,
            peer: Peer {
                id: None,
                addr: addr(1),
            },
            method: Method::Ping,
            owner,
            question: (),
            sends: Sends::Several,
            vouched: Vouched::Well,
            slow: Slow::AfterMost,
            round_trip: None,
        };
        let opened = self.transactions.open(now, opening, &mut self.rng);
        opened.map(|(tid, ())| tid)
    }

    /// Lets time pass and gives what falls due, in milliseconds.
    fn run(&mut self) -> Vec<(u64, &'static str)> {
        let mut log = vec![];
        while let Some(now) = self.transactions.next_deadline() {
            while let Some(due) = self.transactions.take_due(now, |_| true) {
                let what = match due {
                    Due::GaveUp(_) => "gave up",
                    Due::Resend { .. } => "resend",
                    Due::Silent { .. } => "silent",
                    Due::Late { .. } => "late",
                    Due::Slow { .. } => "slow",
                };
                log.push((now.as_nanos() / 1_000_000, what));
            }
        }
        log
    }
}

#[test]
fn the_late_preset_sends_at_0_2_and_6_seconds_and_gives_up_at_9() {
    let mut bench = Bench::new(Retry::late(), 9);
    bench.open(at(0), 1);
    assert_eq!(
        bench.run(),
        [(2000, "resend"), (6000, "resend"), (9000, "gave up")]
    );
}

#[test]
fn the_early_preset_sends_once_and_gives_up_at_20() {
    let mut bench = Bench::new(Retry::early(), 9);
    bench.open(at(0), 1);
    assert_eq!(bench.run(), [(20_000, "gave up")]);
}

#[test]
fn adaptive_waits_follow_what_was_measured() {
    let mut bench = Bench::new(Retry::Adaptive, 9);
    for _ in 0..50 {
        bench
            .transactions
            .measured(RttSample::Exactly(Duration::from_millis(100)));
    }
    bench.open(at(0), 1);
    let log = bench.run();
    let kinds: Vec<_> = log.iter().map(|(_, what)| *what).collect();
    let expected = ["slow", "late", "resend", "resend", "silent", "gave up"];
    assert_eq!(kinds, expected);
    assert!(
        log[0].0 >= 100 && log[3].0 <= 450 && log[4].0 < 2000,
        "{log:?}"
    );
}

#[test]
fn only_who_was_asked_can_answer_and_only_once() {
    let mut bench = Bench::new(Retry::late(), 9);
    let tid = bench.open(at(0), 7).expect("room");
    assert_eq!(bench.transactions.close(at(5), &tid, addr(2)), None);
    assert_eq!(bench.transactions.close(at(5), &tid[1..], addr(1)), None);
    let closed = bench
        .transactions
        .close(at(5), &tid, addr(1))
        .expect("it was asked");
    assert_eq!(
        (closed.owner, closed.sample),
        (7, RttSample::Exactly(Duration::from_millis(5)))
    );
    assert_eq!(bench.transactions.close(at(5), &tid, addr(1)), None);
    assert_eq!(bench.transactions.next_deadline(), None);
}

#[test]
fn an_answer_after_a_resend_measures_nothing() {
    let mut bench = Bench::new(Retry::late(), 9);
    let tid = bench.open(at(0), 7).expect("room");
    assert!(matches!(
        bench.transactions.take_due(at(2000), |_| true),
        Some(Due::Resend { .. })
    ));
    let closed = bench
        .transactions
        .close(at(2001), &tid, addr(1))
        .expect("it was asked");
    assert_eq!(
        closed.sample,
        RttSample::AtMost(Duration::from_millis(2001))
    );
}

#[test]
fn a_clock_that_jumps_ahead_ends_a_call_without_a_burst() {
    let mut bench = Bench::new(Retry::Adaptive, 9);
    bench.open(at(0), 1);
    assert!(matches!(
        bench.transactions.take_due(at(60_000), |_| true),
        Some(Due::GaveUp(_))
    ));
    assert_eq!(bench.transactions.take_due(at(60_000), |_| true), None);
    bench.open(Instant::MAX, 1);
    assert!(matches!(
        bench.transactions.take_due(Instant::MAX, |_| true),
        Some(Due::GaveUp(_))
    ));
}

#[test]
fn a_call_that_nobody_wants_any_longer_is_not_sent_again() {
    let mut bench = Bench::new(Retry::late(), 9);
    bench.open(at(0), 1);
    bench.open(at(0), 2);
    let mut resends = vec![];
    while let Some(now) = bench.transactions.next_deadline() {
        while let Some(due) = bench.transactions.take_due(now, |owner| *owner == 2) {
            if let Due::Resend { owner, .. } = due {
                resends.push((now, owner));
            }
        }
    }
    assert_eq!(resends, [(at(2000), 2), (at(6000), 2)]);
}

#[test]
fn calls_are_bounded() {
    let mut bench = Bench::new(Retry::late(), 2);
    assert!(bench.open(at(0), 1).is_some() && bench.open(at(0), 2).is_some());
    assert!(bench.open(at(0), 3).is_none());
    bench.run();
    assert!(!bench.transactions.is_full());
    assert_eq!(bench.transactions.len(), 0);
}
