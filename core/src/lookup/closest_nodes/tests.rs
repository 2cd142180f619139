//! Stories and a law of walks.

use alloc::collections::BTreeSet;
use alloc::vec;

use quickcheck::{TestResult, quickcheck};

use super::*;
use crate::rng::{Rng, Seed};

fn contact(first: u8) -> Contact {
    let mut bytes = [0; 20];
    bytes[0] = first;
    Contact::new(Id::new(bytes), ([10, 0, 0, first], 1).into())
}

fn closest_nodes(k: usize, alpha: usize, seeds: impl IntoIterator<Item = u8>) -> ClosestNodes {
    let pace = Pace::Adaptive {
        answering: 1000,
        many_late: 4,
    };
    let mut closest_nodes = ClosestNodes::new(Id::new([0; 20]), k, alpha, pace);
    for seed in seeds {
        closest_nodes.seed(contact(seed));
    }
    closest_nodes
}

fn asked(closest_nodes: &mut ClosestNodes) -> Vec<u8> {
    core::iter::from_fn(|| closest_nodes.next())
        .map(|asked| asked.contact.id.as_bytes()[0])
        .collect()
}

#[test]
fn a_walk_asks_alpha_at_a_time_closest_first() {
    let mut walk = closest_nodes(3, 2, [9, 1, 5, 7]);
    assert_eq!(asked(&mut walk), [1, 5]);
    assert!(walk.answered(&contact(5).id));
    assert_eq!(walk.offer(contact(2), &contact(5).id), Offered::New);
    assert_eq!(walk.offer(contact(2), &contact(5).id), Offered::Ignored);
    assert_eq!(asked(&mut walk), [2]);
    assert_eq!((walk.rounds(), walk.is_done()), (2, false));
    assert!(walk.answered(&contact(1).id) && walk.answered(&contact(2).id));
    assert!(walk.is_done());
    assert_eq!(walk.closest().count(), 3);
}

#[test]
fn a_slow_contact_frees_its_slot_but_holds_up_the_end() {
    let mut walk = closest_nodes(2, 1, [1, 2]);
    assert_eq!(asked(&mut walk), [1]);
    walk.report(&contact(1).id, News::Slow);
    assert_eq!(asked(&mut walk), [2]);
    walk.answered(&contact(2).id);
    assert!(!walk.is_done());
    assert!(walk.answered(&contact(1).id));
    assert!(walk.is_done());
}

#[test]
fn a_silent_contact_holds_up_nothing_but_may_still_answer() {
    let mut walk = closest_nodes(1, 1, [1, 2]);
    assert_eq!(asked(&mut walk), [1]);
    walk.report(&contact(1).id, News::Silent);
    assert_eq!(asked(&mut walk), [2]);
    walk.answered(&contact(2).id);
    assert!(walk.is_done());
    walk.answered(&contact(1).id);
    assert_eq!(
        walk.closest().collect::<Vec<_>>(),
        [Place::There(contact(1))]
    );
    assert!(walk.is_done());
}

#[test]
fn when_nobody_has_answered_those_who_are_silent_are_waited_for() {
    let mut walk = closest_nodes(2, 2, [1, 2]);
    walk.include_self(contact(3).id);
    assert_eq!(asked(&mut walk), [1, 2]);
    walk.report(&contact(1).id, News::Silent);
    walk.report(&contact(2).id, News::Silent);
    assert!(!walk.is_done());
    walk.report(&contact(1).id, News::Failed);
    assert!(!walk.is_done());
    walk.answered(&contact(2).id);
    assert!(walk.is_done());
}

#[test]
fn a_failed_contact_is_replaced_and_never_in_the_result() {
    let mut walk = closest_nodes(1, 4, [1, 2]);
    assert_eq!(asked(&mut walk), [1]);
    walk.report(&contact(1).id, News::Failed);
    assert!(!walk.answered(&contact(1).id));
    assert_eq!(asked(&mut walk), [2]);
    walk.answered(&contact(2).id);
    assert_eq!(
        walk.closest().collect::<Vec<_>>(),
        [Place::There(contact(2))]
    );
}

#[test]
fn our_own_node_counts_and_an_empty_walk_is_over_at_once() {
    let mut walk = closest_nodes(2, 1, []);
    assert!(walk.is_done());
    walk.include_self(contact(3).id);
    assert!(walk.is_done());
    assert_eq!(
        walk.closest().collect::<Vec<_>>(),
        [Place::Here(contact(3).id)]
    );
    assert_eq!(walk.hops(), 0);
}

#[test]
fn once_no_answer_comes_closer_all_who_are_left_are_asked_at_once() {
    let mut walk = closest_nodes(4, 1, [1, 2, 3, 4, 5]);
    assert_eq!(asked(&mut walk), [1]);
    walk.answered(&contact(1).id);
    walk.offer(contact(9), &contact(1).id);
    assert_eq!(asked(&mut walk), [2, 3, 4]);
}

#[test]
fn while_answers_come_closer_alpha_are_asked_at_a_time() {
    let mut walk = closest_nodes(4, 1, [5, 6, 7, 8]);
    assert_eq!(asked(&mut walk), [5]);
    walk.answered(&contact(5).id);
    walk.offer(contact(1), &contact(5).id);
    assert_eq!(asked(&mut walk), [1]);
}

#[test]
fn where_many_are_late_nobody_waits_for_them_and_more_are_asked() {
    let mut walk = closest_nodes(2, 4, 1..=20);
    assert_eq!(asked(&mut walk), [1, 2]);
    for first in 1..=2 {
        walk.report(&contact(first).id, News::Late);
    }
    let more = asked(&mut walk);
    assert!(more.len() > 2, "they are not likely to be there: {more:?}");
    for first in [3, 4] {
        walk.report(&contact(first).id, News::Late);
    }
    for first in [5, 6] {
        asked(&mut walk);
        walk.answered(&contact(first).id);
    }
    assert!(walk.is_done());
}

#[test]
fn two_who_are_late_among_those_who_answer_are_waited_for() {
    let mut walk = closest_nodes(3, 3, 1..=5);
    assert_eq!(asked(&mut walk), [1, 2, 3]);
    walk.report(&contact(1).id, News::Late);
    walk.report(&contact(2).id, News::Late);
    asked(&mut walk);
    for first in 3..=5 {
        walk.answered(&contact(first).id);
    }
    assert!(!walk.is_done());
    walk.answered(&contact(1).id);
    walk.report(&contact(2).id, News::Silent);
    assert!(walk.is_done());
}

#[test]
fn whoever_is_farther_than_two_who_answered_is_asked_about_its_own_side() {
    let mut walk = closest_nodes(4, 2, [1, 2, 0x40, 0x80]);
    let target = Id::new([0; 20]);
    assert_eq!(walk.next().map(|asked| asked.about), Some(target));
    assert_eq!(walk.next().map(|asked| asked.about), Some(target));
    for first in 1..=2 {
        walk.answered(&contact(first).id);
    }
    let far = walk.next().expect("it belongs to the closest");
    let own_side = contact(0x40).id;
    assert_eq!((far.contact.id, far.about), (own_side, own_side));
}

#[test]
fn a_steady_walk_keeps_to_alpha_and_to_the_target() {
    let mut walk = ClosestNodes::new(Id::new([0; 20]), 4, 2, Pace::Steady);
    for first in 1..=9 {
        walk.seed(contact(first));
    }
    assert_eq!((walk.seeds(), asked(&mut walk)), (4, vec![1, 2]));
    for first in 1..=2 {
        walk.answered(&contact(first).id);
    }
    let next = walk.next().expect("alpha allows for it");
    assert_eq!((next.contact, next.about), (contact(3), Id::new([0; 20])));
    assert_eq!(asked(&mut walk), [4]);
}

#[test]
fn the_shortlist_is_bounded_behind_someone_far_who_was_asked() {
    let mut walk = closest_nodes(1, 1, 200..201);
    assert_eq!(asked(&mut walk), [200]);
    for closer in (1..200).rev() {
        walk.offer(contact(closer), &contact(200).id);
    }
    assert_eq!(walk.candidates.len(), ClosestNodes::SPARES + 1);
    assert!(walk.answered(&contact(200).id), "it is still known");
}

quickcheck! {
    /// Whatever answers, fails or dawdles, and whoever is named on the way: nobody is asked twice, the
    /// shortlist stays bounded, and a walk in a network of so many nodes ends. Against an adversary
    /// who makes up new ones without end the time of the operation is what ends it.
    fn every_walk_among_finitely_many_ends(seed: u64, k: u8, alpha: u8) -> TestResult {
        const NETWORK: u64 = 500;
        let (k, alpha) = (usize::from(k % 9), usize::from(alpha % 9));
        if k == 0 || alpha == 0 {
            return TestResult::discard();
        }
        let mut rng = Rng::new(Seed::from_number(seed));
        let network: Vec<Contact> = (0..NETWORK)
            .map(|_| Contact::new(rng.id(), ([10, 0, 0, 1], 1).into()))
            .collect();
        let mut walk = closest_nodes(k, alpha, 1..10);
        let mut asked = BTreeSet::new();
        let mut pending = Vec::new();
        for _ in 0..100_000 {
            while let Some(Asked { contact, .. }) = walk.next() {
                assert!(asked.insert(contact.id), "asked twice");
                pending.push(contact.id);
            }
            if pending.is_empty() {
                return TestResult::from_bool(walk.is_done());
            }
            let id = pending.swap_remove(rng.below(pending.len() as u64) as usize);
            match rng.below(6) {
                0 => walk.report(&id, News::Failed),
                1 => {
                    walk.report(&id, News::Silent);
                    pending.push(id);
                }
                2 | 3 => {
                    let news = [News::Slow, News::Late];
                    walk.report(&id, news[rng.below(2) as usize]);
                    pending.push(id);
                }
                _ => {
                    walk.answered(&id);
                    for _ in 0..rng.below(8) {
                        walk.offer(network[rng.below(NETWORK) as usize], &id);
                    }
                }
            }
            assert!(walk.candidates.len() <= k * ClosestNodes::SPARES + asked.len());
        }
        TestResult::failed()
    }
}
