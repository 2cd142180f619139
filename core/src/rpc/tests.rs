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

fn exactly(millis: u64) -> RttSample {
    RttSample::Exactly(Duration::from_millis(millis))
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

    /// One that has measured so many answers of so many milliseconds.
    fn measured(count: u32, millis: u64) -> Self {
        let mut bench = Self::new(Retry::Adaptive, 9);
        bench.measure(count, millis);
        bench
    }

    fn measure(&mut self, count: u32, millis: u64) {
        for _ in 0..count {
            let sample = exactly(millis);
            self.transactions.measured(at(0), sample, Some(0.0));
        }
    }

    /// Opens a call to 10.0.0.1 and gives its transaction id.
    fn open(&mut self, now: Instant, owner: u32) -> Option<Tid> {
        self.open_with(now, owner, Sends::Several)
    }

    fn open_with(&mut self, now: Instant, owner: u32, sends: Sends) -> Option<Tid> {
        let opening = Opening {
            retry: &self.retry,
            peer: Peer {
                id: None,
                addr: addr(1),
            },
            method: Method::Ping,
            owner,
            question: (),
            sends,
            vouched: Vouched::Well,
            round_trip: None,
        };
        let opened = self.transactions.open(now, opening, &mut self.rng);
        opened.map(|(tid, ())| tid)
    }

    /// Lets time pass and gives what falls due, in milliseconds.
    fn run(&mut self) -> Vec<(u64, &'static str)> {
        let mut log = vec![];
        while let Some(now) = self.transactions.next_deadline() {
            while let Some(due) = self.transactions.take_due(now, |_, _| Some(Vouched::Well)) {
                let what = match due {
                    Due::GaveUp(_) => "gave up",
                    Due::Resend { .. } => "resend",
                    Due::Silent { .. } => "silent",
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
    let mut bench = Bench::measured(50, 100);
    bench.open(at(0), 1);
    let log = bench.run();
    let ([(first, _), ..], [.., (silent, "silent"), (9000, "gave up")]) = (&log[..], &log[..])
    else {
        panic!("{log:?}");
    };
    let resends = &log[..log.len() - 2];
    assert!(!resends.is_empty() && resends.iter().all(|(_, what)| *what == "resend"));
    assert!((100..=250).contains(first), "{log:?}");
    assert!(*silent < 1000, "{log:?}");
}

#[test]
fn the_longer_answers_take_the_later_a_call_is_sent_again_and_given_up() {
    let waits = |millis| {
        let mut bench = Bench::measured(50, millis);
        bench.open(at(0), 1);
        bench.run()
    };
    let (quick, slow) = (waits(50), waits(500));
    assert_eq!(quick.len(), slow.len());
    let (quick, slow) = (quick.iter().rev(), slow.iter().rev());
    for (quick, slow) in quick.zip(slow).skip(1) {
        assert!(slow.0 >= quick.0 * 4 && slow.1 == quick.1);
    }
}

#[test]
fn what_is_measured_meanwhile_goes_for_calls_in_flight() {
    let mut bench = Bench::new(Retry::Adaptive, 9);
    bench.open(at(0), 1);
    let before = bench.transactions.next_deadline().expect("a wait");
    assert!(before > at(200), "nothing is known yet: {before}");
    bench.measure(8, 1);
    let after = bench.transactions.next_deadline().expect("a wait");
    assert!(after < at(60), "others answered at once: {after}");
}

#[test]
fn the_more_is_lost_the_more_often_a_call_is_sent_again() {
    let resends = |lost| {
        let mut bench = Bench::measured(50, 100);
        for _ in 0..50 {
            bench.transactions.measured(at(0), exactly(100), Some(lost));
        }
        bench.open(at(0), 1);
        let log = bench.run();
        log.iter().filter(|(_, what)| *what == "resend").count()
    };
    assert!(resends(1.0) > resends(0.0));
}

#[test]
fn a_call_that_is_given_up_counts_unless_its_address_may_be_forged() {
    for (sends, counts) in [(Sends::Several, true), (Sends::Once, false)] {
        let mut bench = Bench::measured(8, 100);
        let before = bench.transactions.estimate().there();
        bench.open_with(at(0), 1, sends);
        let log = bench.run();
        assert!(log.iter().any(|(_, what)| *what == "silent"), "{log:?}");
        let resent = log.iter().any(|(_, what)| *what == "resend");
        let fewer = bench.transactions.estimate().there() < before;
        assert_eq!((resent, fewer), (counts, counts), "{log:?}");
    }
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
    assert_eq!((closed.owner, closed.sample), (7, exactly(5)));
    assert_eq!(bench.transactions.close(at(5), &tid, addr(1)), None);
    assert_eq!(bench.transactions.next_deadline(), None);
}

#[test]
fn an_answer_after_a_resend_is_held_to_be_that_of_the_likelier_send() {
    let answered = |millis| {
        let mut bench = Bench::measured(20, 100);
        bench.retry = Retry::late();
        let tid = bench.open(at(0), 7).expect("room");
        let due = bench
            .transactions
            .take_due(at(2000), |_, _| Some(Vouched::Well));
        assert!(matches!(due, Some(Due::Resend { .. })));
        let closed = bench.transactions.close(at(millis), &tid, addr(1));
        closed.expect("it was asked").sample
    };
    assert_eq!(answered(2100), exactly(100));
    assert_eq!(answered(2005), exactly(2005));
}

#[test]
fn an_answer_after_the_machine_slept_measures_nothing() {
    let mut bench = Bench::measured(20, 100);
    let tid = bench.open(at(0), 7).expect("room");
    bench.transactions.resume(at(5000));
    let due = bench
        .transactions
        .take_due(at(5000), |_, _| Some(Vouched::Well));
    assert!(matches!(due, Some(Due::Resend { .. })));
    let again = bench.transactions.next_deadline();
    assert!(again >= Some(at(5100)), "its waits begin anew: {again:?}");
    let closed = bench.transactions.close(at(5100), &tid, addr(1));
    let sample = closed.map(|closed| closed.sample);
    assert_eq!(sample, Some(RttSample::AtMost(Duration::from_millis(5100))));
}

#[test]
fn an_answer_that_took_no_time_measures_nothing() {
    let sample = |millis| {
        let mut bench = Bench::measured(20, 100);
        let tid = bench.open(at(0), 7).expect("room");
        let closed = bench.transactions.close(at(millis), &tid, addr(1));
        closed.expect("it was asked").sample
    };
    assert_eq!(sample(1), exactly(1));
    assert_eq!(sample(0), RttSample::Unknown);
}

#[test]
fn of_the_calls_that_were_given_up_the_oldest_of_an_owner_is_closed() {
    let mut bench = Bench::measured(50, 100);
    for (millis, owner) in [(0, 1), (10, 2), (20, 1), (5000, 1)] {
        bench.open(at(millis), owner);
    }
    let mut given_up = 0;
    let next = |bench: &Bench| bench.transactions.next_deadline();
    while let Some(now) = next(&bench).filter(|now| *now <= at(5050)) {
        let due = bench.transactions.take_due(now, |_, _| Some(Vouched::Well));
        given_up += u32::from(matches!(due, Some(Due::Silent { .. })));
    }
    assert_eq!(given_up, 3, "the last call is young");
    let mut close = |owner| {
        let is_of = |other: &u32| *other == owner;
        let closed = bench.transactions.close_given_up(at(5050), is_of);
        closed.map(|closed| closed.elapsed)
    };
    let millis = Duration::from_millis;
    assert_eq!(close(3), None);
    assert_eq!(close(1), Some(millis(5050)));
    assert_eq!(close(1), Some(millis(5030)));
    assert_eq!(close(1), None);
    assert_eq!(close(2), Some(millis(5040)));
    assert_eq!(bench.transactions.len(), 1, "the last call is in flight");
    assert_eq!(bench.run().last(), Some(&(14_000, "gave up")));
}

#[test]
fn a_clock_that_jumps_ahead_ends_a_call_without_a_burst() {
    let mut bench = Bench::new(Retry::Adaptive, 9);
    bench.open(at(0), 1);
    assert!(matches!(
        bench
            .transactions
            .take_due(at(60_000), |_, _| Some(Vouched::Well)),
        Some(Due::GaveUp(_))
    ));
    assert_eq!(
        bench
            .transactions
            .take_due(at(60_000), |_, _| Some(Vouched::Well)),
        None
    );
    bench.open(Instant::MAX, 1);
    assert!(matches!(
        bench
            .transactions
            .take_due(Instant::MAX, |_, _| Some(Vouched::Well)),
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
        while let Some(due) = bench
            .transactions
            .take_due(now, |owner, _| (*owner == 2).then_some(Vouched::Well))
        {
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
