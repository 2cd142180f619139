//! Stories and laws of walks.

mod bounds;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use core::time::Duration;

use quickcheck::{TestResult, quickcheck};

use super::*;
use crate::address::SharedAddresses;
use crate::estimate::NetworkEstimate;
use crate::rng::{Rng, Seed};
use crate::rtt::RttSample;

const TARGET: Id = Id::new([0; 20]);

fn contact(first: u8) -> Contact {
    let mut bytes = [0; 20];
    bytes[0] = first;
    Contact::new(Id::new(bytes), ([10, 0, 0, first], 1).into())
}

/// A walk of a node that knows its network, and the time.
struct Bench {
    walk: ClosestNodes,
    estimate: NetworkEstimate,
    now: Instant,
}

impl Bench {
    /// A walk that judges contacts by eight answers of 100 ms, and knows these of its own.
    fn new(k: usize, alpha: usize, seeds: impl IntoIterator<Item = u8>) -> Self {
        Self::with(k, alpha, Patience::Adaptive, seeds)
    }

    fn with(
        k: usize,
        alpha: usize,
        patience: Patience,
        seeds: impl IntoIterator<Item = u8>,
    ) -> Self {
        let shape = Shape {
            k,
            alpha,
            max_queries: 1000,
            patience,
            shared: SharedAddresses::Private,
            most_of_prefix: Some(2),
        };
        let mut walk = ClosestNodes::new(TARGET, shape);
        for first in seeds {
            walk.seed(contact(first), None);
        }
        let mut estimate = NetworkEstimate::ASSUMED;
        for _ in 0..8 {
            let sample = RttSample::Exactly(Duration::from_millis(100));
            estimate.answered(sample, Some(0.0));
        }
        Self {
            walk,
            estimate,
            now: Instant::ORIGIN,
        }
    }

    /// Asks all that are to be asked now, and says which.
    fn asked(&mut self) -> Vec<u8> {
        self.walk.judge(self.now, &self.estimate);
        core::iter::from_fn(|| self.walk.next(self.now))
            .map(|asked| asked.contact.id.as_bytes()[0])
            .collect()
    }

    /// Reports that a contact answered and named these.
    fn answered(&mut self, first: u8, named: &[u8]) -> bool {
        let by = contact(first).id;
        let ids = named.iter().map(|first| contact(*first).id);
        let counts = self.walk.answered(&by, ids);
        for first in named {
            self.walk.offer(contact(*first), &by);
        }
        counts
    }

    fn failed(&mut self, first: u8) {
        self.walk.failed(&contact(first).id);
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
        self.walk.judge(self.now, &self.estimate);
    }

    fn ask_again(&mut self, firsts: &[u8]) {
        for first in firsts {
            self.walk.asked_again(&contact(*first).id, self.now);
        }
    }

    /// Sends to these again, a second apart, and gives them up.
    fn give_up(&mut self, firsts: &[u8]) {
        for _ in 0..4 {
            self.pass(1000);
            self.ask_again(firsts);
        }
        self.pass(2000);
        for first in firsts {
            self.estimate.silent();
            self.walk.silent(&contact(*first).id);
        }
        self.pass(0);
    }

    fn closest(&self) -> Vec<Place> {
        self.walk.closest().collect()
    }
}

#[test]
fn a_walk_asks_alpha_at_a_time_closest_first() {
    let mut bench = Bench::new(3, 2, [9, 1, 5, 7]);
    assert_eq!(bench.asked(), [1, 5]);
    let five = contact(5).id;
    assert!(bench.walk.answered(&five, [contact(2).id].into_iter()));
    assert_eq!(bench.walk.offer(contact(2), &five), Offered::New);
    assert_eq!(bench.walk.offer(contact(2), &five), Offered::Ignored);
    assert_eq!(bench.asked(), [2]);
    assert_eq!((bench.walk.rounds(), bench.walk.is_done()), (2, false));
    assert!(bench.answered(1, &[]) && bench.answered(2, &[]));
    assert!(bench.walk.is_done());
    assert_eq!(bench.walk.closest().count(), 3);
}

#[test]
fn a_slow_contact_frees_its_slot_but_holds_up_the_end() {
    let mut bench = Bench::new(2, 1, [1, 2]);
    assert_eq!(bench.asked(), [1]);
    bench.pass(50);
    assert_eq!(bench.asked(), [0_u8; 0], "an answer is not late yet");
    bench.pass(150);
    assert_eq!(bench.asked(), [2]);
    assert!(bench.answered(2, &[]) && !bench.walk.is_done());
    assert!(bench.answered(1, &[]) && bench.walk.is_done());
}

#[test]
fn a_silent_contact_holds_up_nothing_but_may_still_answer() {
    let mut bench = Bench::new(1, 1, [1, 2]);
    assert_eq!(bench.asked(), [1]);
    bench.give_up(&[1]);
    assert_eq!(bench.asked(), [2]);
    assert!(bench.answered(2, &[]) && bench.walk.is_done());
    assert_eq!(bench.closest(), [Place::There(contact(2))]);
    assert!(bench.answered(1, &[]) && bench.walk.is_done());
    assert_eq!(bench.closest(), [Place::There(contact(1))]);
}

#[test]
fn a_contact_is_not_given_up_while_a_loss_may_be_the_cause() {
    let mut bench = Bench::new(2, 2, [1, 2]);
    assert_eq!(bench.asked(), [1, 2]);
    assert!(bench.answered(2, &[]));
    bench.pass(1000);
    assert!(!bench.walk.is_done(), "it will be asked again");
    bench.ask_again(&[1]);
    bench.pass(50);
    assert!(!bench.walk.is_done(), "its answer may be on the way");
    bench.give_up(&[1]);
    assert!(bench.walk.is_done());
}

#[test]
fn a_contact_that_is_known_to_be_slow_is_waited_for_as_long_as_it_takes() {
    let is_waited_for = |round_trip| {
        let mut bench = Bench::new(1, 1, [2]);
        bench.walk.seed(contact(1), round_trip);
        assert_eq!(bench.asked(), [1]);
        bench.ask_again(&[1]);
        bench.pass(400);
        bench.asked().is_empty()
    };
    let slow = RoundTrip::first(Duration::from_millis(900));
    assert!(is_waited_for(Some(slow)) && !is_waited_for(None));
}

#[test]
fn when_nobody_has_answered_those_who_are_silent_are_waited_for() {
    let mut bench = Bench::new(2, 2, [1, 2]);
    bench.walk.include_self(contact(3).id);
    assert_eq!(bench.asked(), [1, 2]);
    bench.give_up(&[1, 2]);
    assert!(!bench.walk.is_done());
    bench.failed(1);
    assert!(!bench.walk.is_done());
    assert!(bench.answered(2, &[]) && bench.walk.is_done());
}

#[test]
fn a_failed_contact_is_replaced_and_never_in_the_result() {
    let mut bench = Bench::new(1, 4, [1, 2]);
    assert_eq!(bench.asked(), [1]);
    bench.failed(1);
    assert!(!bench.answered(1, &[]));
    assert_eq!(bench.asked(), [2]);
    assert!(bench.answered(2, &[]));
    assert_eq!(bench.closest(), [Place::There(contact(2))]);
}

#[test]
fn our_own_node_counts_and_an_empty_walk_is_over_at_once() {
    let mut bench = Bench::new(2, 1, []);
    assert!(bench.walk.is_done());
    bench.walk.include_self(contact(3).id);
    assert!(bench.walk.is_done());
    assert_eq!(bench.closest(), [Place::Here(contact(3).id)]);
    assert_eq!(bench.walk.hops(), 0);
}

#[test]
fn once_no_answer_comes_closer_all_who_are_left_are_asked_at_once() {
    let mut bench = Bench::new(4, 1, [1, 2, 3, 4, 5]);
    assert_eq!(bench.asked(), [1]);
    bench.answered(1, &[9]);
    assert_eq!(bench.asked(), [2, 3, 4]);
}

#[test]
fn while_answers_come_closer_alpha_are_asked_at_a_time() {
    let mut bench = Bench::new(4, 1, [5, 6, 7, 8]);
    assert_eq!(bench.asked(), [5]);
    bench.answered(5, &[1]);
    assert_eq!(bench.asked(), [1]);
}

#[test]
fn where_many_are_silent_nobody_waits_for_them_and_more_are_asked() {
    let mut bench = Bench::new(2, 4, 1..=20);
    assert_eq!(bench.asked(), [1, 2]);
    bench.pass(200);
    bench.ask_again(&[1, 2]);
    bench.pass(300);
    let more = bench.asked();
    assert!(more.len() > 2, "they are not likely to be there: {more:?}");
    assert!(more.contains(&3) && more.contains(&4), "{more:?}");
    bench.give_up(&[1, 2, 3, 4]);
    for first in [5, 6] {
        bench.asked();
        assert!(bench.answered(first, &[]), "{first} was not asked");
    }
    assert!(bench.walk.is_done());
}

#[test]
fn in_a_network_that_is_half_dead_more_are_asked_from_the_start() {
    let asked_at_once = |dead: bool| {
        let mut bench = Bench::new(8, 2, 1..=40);
        for _ in 0..40 {
            bench.estimate.answered(RttSample::Unknown, None);
            if dead {
                bench.estimate.silent();
            }
        }
        bench.asked().len()
    };
    assert_eq!(asked_at_once(false), 2);
    assert!(asked_at_once(true) > 3);
}

#[test]
fn two_who_are_late_among_those_who_answer_are_waited_for() {
    let mut bench = Bench::new(3, 3, 1..=5);
    assert_eq!(bench.asked(), [1, 2, 3]);
    bench.pass(200);
    assert_eq!(bench.asked(), [4, 5]);
    for first in 3..=5 {
        assert!(bench.answered(first, &[]));
    }
    assert!(!bench.walk.is_done());
    assert!(bench.answered(1, &[]));
    bench.give_up(&[2]);
    assert!(bench.walk.is_done());
}

#[test]
fn once_the_surroundings_of_the_target_are_shown_the_next_is_asked_about_the_gap_beyond() {
    let about_whom = |named: &[u8]| {
        let mut bench = Bench::new(4, 2, [1, 2, 0x40, 0x80]);
        bench.walk.judge(bench.now, &bench.estimate);
        for _ in 0..2 {
            let asked = bench.walk.next(bench.now);
            assert_eq!(asked.map(|asked| asked.about), Some(TARGET));
        }
        let ids = named.iter().map(|first| contact(*first).id);
        assert!(bench.walk.answered(&contact(1).id, ids));
        let next = bench.walk.next(bench.now).expect("0x40 may belong to them");
        (next.contact.id.as_bytes()[0], next.about)
    };
    assert_eq!(about_whom(&[1, 2, 3]), (0x40, TARGET), "it knew no more");
    assert_eq!(about_whom(&[1, 2, 3, 4]), (0x40, contact(4).id));
    assert_eq!(about_whom(&[1, 2, 3, 0x20]), (0x40, contact(0x20).id));
}

#[test]
fn a_walk_with_fixed_waits_keeps_to_alpha_and_to_the_target() {
    let mut bench = Bench::with(4, 2, Patience::Fixed, 1..=9);
    assert_eq!((bench.walk.seeds(), bench.asked()), (4, vec![1, 2]));
    bench.pass(8000);
    assert_eq!(
        bench.asked(),
        [0_u8; 0],
        "nobody is judged by how long it takes"
    );
    assert_eq!(bench.walk.next_review(bench.now, &bench.estimate), None);
    bench.answered(1, &[1, 2, 3, 4]);
    bench.answered(2, &[]);
    let next = bench.walk.next(bench.now).expect("alpha allows for it");
    assert_eq!((next.contact, next.about), (contact(3), TARGET));
    assert_eq!(bench.asked(), [4]);
}

#[test]
fn the_shortlist_is_bounded_behind_someone_far_who_was_asked() {
    let mut bench = Bench::new(1, 1, 200..201);
    assert_eq!(bench.asked(), [200]);
    for closer in (1..200).rev() {
        bench.walk.offer(contact(closer), &contact(200).id);
    }
    assert_eq!(bench.walk.candidates.len(), ClosestNodes::SPARES + 1);
    assert!(bench.answered(200, &[]), "it is still known");
}

#[test]
fn a_walk_that_is_stepped_only_when_it_says_so_leaves_its_dead_behind() {
    let mut bench = Bench::new(4, 2, 1..=60);
    let mut steps = 0;
    let mut dead: Vec<u8> = Vec::new();
    loop {
        dead.extend(bench.asked());
        steps += 1;
        let Some(review) = bench.walk.next_review(bench.now, &bench.estimate) else {
            break;
        };
        assert!(review > bench.now, "it would be stepped without end");
        bench.now = review;
    }
    assert!(dead.len() >= 8, "stand-ins were asked: {dead:?}");
    let most = 32 * dead.len();
    assert!(steps < most, "{steps} steps for {} calls", dead.len());
}

quickcheck! {
    /// Whatever answers, fails or dawdles, and whoever is named on the way: nobody is asked twice, the
    /// shortlist stays bounded, and so do the contacts in flight that may yet answer; and a walk in a
    /// network of so many nodes ends. Against an adversary who makes up new ones without end the time
    /// of the operation is what ends it.
    fn every_walk_among_finitely_many_ends(seed: u64, k: u8, alpha: u8) -> TestResult {
        const NETWORK: u16 = 500;
        let (k, alpha) = (usize::from(k % 9), usize::from(alpha % 9));
        if k == 0 || alpha == 0 {
            return TestResult::discard();
        }
        let mut rng = Rng::new(Seed::from_number(seed));
        let network: Vec<Contact> = (0..NETWORK)
            .map(|port| Contact::new(rng.id(), ([10, 0, 1, 1], port).into()))
            .collect();
        let mut bench = Bench::new(k, alpha, 1..10);
        let mut asked = BTreeSet::new();
        let mut pending = Vec::new();
        for _ in 0..100_000 {
            bench.walk.judge(bench.now, &bench.estimate);
            while let Some(Asked { contact, .. }) = bench.walk.next(bench.now) {
                assert!(asked.insert(contact.id), "asked twice");
                pending.push(contact.id);
                assert!(in_flight(&bench.walk) <= k * ClosestNodes::MOST_IN_FLIGHT);
            }
            assert!(bench.walk.candidates.len() <= k * ClosestNodes::SPARES + asked.len());
            if pending.is_empty() {
                return TestResult::from_bool(bench.walk.is_done());
            }
            bench.now = bench.now + Duration::from_millis(rng.below(300));
            let id = pending.swap_remove(rng.below(pending.len() as u64) as usize);
            match rng.below(6) {
                0 => bench.walk.failed(&id),
                1 => {
                    bench.walk.silent(&id);
                    pending.push(id);
                }
                2 | 3 => {
                    bench.walk.asked_again(&id, bench.now);
                    pending.push(id);
                }
                _ => {
                    let named: Vec<_> = (0..rng.below(8))
                        .map(|_| network[rng.below(NETWORK.into()) as usize])
                        .collect();
                    assert!(bench.walk.answered(&id, named.iter().map(|contact| contact.id)));
                    for contact in named {
                        bench.walk.offer(contact, &id);
                    }
                }
            }
        }
        TestResult::failed()
    }
}

/// How many are in flight that may yet answer.
fn in_flight(walk: &ClosestNodes) -> usize {
    let hopeful = |candidate: &&Candidate| match candidate.state {
        State::Asked { outlook, .. } => !outlook.is_hopeless(),
        State::Fresh | State::Answered | State::Failed => false,
    };
    walk.candidates.iter().filter(hopeful).count()
}
