//! Stories of retrievals, each with holders that draw what they send.

use alloc::vec;

use super::*;
use crate::rng::{Rng, Seed};

/// So many values fit into one answer.
const ROOM: usize = 13;

/// What a holder does when it is asked.
enum Holds {
    /// It has these values, and counts them.
    These(core::ops::Range<u16>),
    /// It counts ever so many, and always sends these.
    Same(core::ops::Range<u16>),
    /// It counts ever so many, and sends what it makes up.
    MadeUp,
    /// It counts so many, and sends none.
    Nothing(u64),
    /// It has these values, but cannot send all that it is asked for at once.
    Refusing(core::ops::Range<u16>),
}

struct World {
    rng: Rng,
    holders: Vec<Holds>,
    made_up: u16,
    /// How often each was asked.
    asked: Vec<usize>,
    /// How many answers were told of.
    events: usize,
}

fn contact(number: usize) -> Contact {
    let first = u8::try_from(number + 1).expect("few");
    Contact::new(Id::new([first; 20]), ([10, 0, 0, first], 1).into())
}

fn value(number: u16) -> Value {
    Value::new(number.to_be_bytes()).expect("short")
}

fn bounds(repeats: usize) -> Bounds {
    let (k, alpha) = (8, 4);
    Bounds { k, alpha, repeats }
}

fn retrieval(retrieve: Retrieve, repeats: usize) -> Retrieval {
    Retrieval::new(Id::new([0; 20]), retrieve, bounds(repeats), Vec::new())
}

impl World {
    fn new(seed: u64, holders: Vec<Holds>) -> Self {
        let asked = vec![0; holders.len()];
        let rng = Rng::new(Seed::from_number(seed));
        let (made_up, events) = (1000, 0);
        Self {
            rng,
            holders,
            made_up,
            asked,
            events,
        }
    }

    /// Lets a retrieval ask these holders until it is over.
    fn serve(&mut self, retrieval: &mut Retrieval) {
        let count = |(at, holds): (usize, &Holds)| (contact(at), holds.count());
        let closest: Vec<_> = self.holders.iter().enumerate().map(count).collect();
        retrieval.settle(&closest);
        let mut in_flight = Vec::new();
        loop {
            in_flight.extend(core::iter::from_fn(|| retrieval.next()));
            if retrieval.is_done() || in_flight.is_empty() {
                break;
            }
            let Wanted {
                contact: asked,
                num,
            } = in_flight.remove(0);
            let at = usize::from(asked.id.as_bytes()[0]) - 1;
            self.asked[at] += 1;
            match self.answer(at, num) {
                Some(values) => retrieval.answered(&asked.id, values),
                None => retrieval.refused(&asked.id),
            }
            self.events += usize::from(retrieval.take_untold(Told::Due).is_some());
        }
        self.events += usize::from(retrieval.take_untold(Told::Everything).is_some());
        assert!(retrieval.is_done());
    }

    fn answer(&mut self, at: usize, num: i64) -> Option<Vec<Value>> {
        let values: Vec<u16> = match &self.holders[at] {
            Holds::Refusing(_) if num == 0 => return None,
            Holds::These(values) | Holds::Refusing(values) => {
                let mut values: Vec<u16> = values.clone().collect();
                if num > 0 && num < i64::try_from(values.len()).expect("few") {
                    self.rng.shuffle(&mut values);
                    values.truncate(usize::try_from(num).expect("few"));
                }
                values.truncate(ROOM);
                values
            }
            Holds::Same(values) => values.clone().collect(),
            Holds::MadeUp => {
                self.made_up += 5;
                (self.made_up - 5..self.made_up).collect()
            }
            Holds::Nothing(_) => Vec::new(),
        };
        Some(values.into_iter().map(value).collect())
    }
}

impl Holds {
    fn count(&self) -> u64 {
        match self {
            Self::These(values) | Self::Refusing(values) => values.len() as u64,
            Self::Same(_) | Self::MadeUp => u64::MAX,
            Self::Nothing(count) => *count,
        }
    }
}

fn found(retrieval: &Retrieval, values: core::ops::Range<u16>) -> usize {
    values
        .filter(|number| retrieval.found.contains_key(&value(*number)))
        .count()
}

#[test]
fn sixty_values_at_six_holders_are_all_found_and_nothing_is_missing() {
    let mut asked = 0;
    for seed in 0..300 {
        let mut world = World::new(seed, (0..6).map(|_| Holds::These(0..60)).collect());
        let mut retrieval = retrieval(Retrieve::Closest(6), 64);
        world.serve(&mut retrieval);
        assert_eq!(found(&retrieval, 0..60), 60, "seed {seed}");
        assert_eq!(retrieval.missing(), 0);
        asked += world.asked.iter().sum::<usize>();
        assert!(world.events <= Limits::default().most_events(8) - 2);
    }
    // Somebody who knew when all had come would make 20.
    assert!(asked < 300 * 35, "{asked} calls in 300 gets");
}

#[test]
fn holders_that_hold_different_values_are_each_asked_for_all_of_theirs() {
    let (mut lost, mut all) = (0, 0);
    for seed in 0..100 {
        let holders = vec![Holds::These(0..30), Holds::These(30..60)];
        let mut world = World::new(seed, holders);
        let mut retrieval = retrieval(Retrieve::All, 64);
        world.serve(&mut retrieval);
        lost += 60 - found(&retrieval, 0..60);
        all += 60;
    }
    assert!(lost * 1000 <= all, "{lost} of {all}");
}

#[test]
fn a_holder_of_all_beside_one_of_a_few_is_asked_for_what_the_few_do_not_stand_for() {
    for seed in 0..100 {
        let holders = vec![Holds::These(100..112), Holds::These(0..24)];
        let mut world = World::new(seed, holders);
        let mut retrieval = retrieval(Retrieve::All, 64);
        world.serve(&mut retrieval);
        assert_eq!(found(&retrieval, 0..24), 24, "seed {seed}");
        assert_eq!(world.asked[0], 1);
    }
}

#[test]
fn the_empty_handed_are_passed_over_and_do_not_count() {
    let mut holders: Vec<_> = (0..7).map(|_| Holds::Nothing(5)).collect();
    holders.push(Holds::These(0..1));
    let mut world = World::new(1, holders);
    let mut retrieval = retrieval(Retrieve::Closest(1), 64);
    world.serve(&mut retrieval);
    assert_eq!((found(&retrieval, 0..1), retrieval.missing()), (1, 0));
    assert_eq!(world.asked, [1; 8]);
}

#[test]
fn a_holder_that_counts_ever_so_many_and_sends_the_same_is_asked_once_again() {
    let mut world = World::new(1, vec![Holds::Same(0..3), Holds::These(0..5)]);
    let mut retrieval = retrieval(Retrieve::All, 64);
    world.serve(&mut retrieval);
    assert_eq!(world.asked, [2, 1]);
    assert_eq!(found(&retrieval, 0..5), 5);
    assert!(retrieval.missing() > 0, "it was not disproved");
}

#[test]
fn a_holder_that_makes_up_values_takes_no_turn_of_others_and_ends_with_the_budget() {
    for seed in 0..50 {
        let mut holders: Vec<_> = (0..5).map(|_| Holds::These(0..60)).collect();
        holders.push(Holds::MadeUp);
        let mut world = World::new(seed, holders);
        let mut retrieval = retrieval(Retrieve::Closest(6), 64);
        world.serve(&mut retrieval);
        assert!(found(&retrieval, 0..60) >= 59, "seed {seed}");
        assert_eq!(world.asked.iter().sum::<usize>(), 6 + 64);
        assert!(retrieval.missing() > 0);
        assert!(world.events <= Limits::default().most_events(8) - 2);
    }
}

#[test]
fn what_the_budget_does_not_reach_is_said_to_be_missing() {
    let mut world = World::new(1, vec![Holds::These(0..60)]);
    let mut retrieval = retrieval(Retrieve::All, 2);
    world.serve(&mut retrieval);
    let found = found(&retrieval, 0..60) as u64;
    assert_eq!((world.asked[0], retrieval.missing()), (3, 60 - found));
}

#[test]
fn a_holder_that_refuses_to_send_all_is_asked_for_some() {
    for seed in 0..50 {
        let mut world = World::new(seed, vec![Holds::Refusing(0..20)]);
        let mut retrieval = retrieval(Retrieve::Closest(6), 64);
        world.serve(&mut retrieval);
        assert_eq!((found(&retrieval, 0..20), retrieval.missing()), (20, 0));
    }
}

#[test]
fn as_many_as_are_wanted_are_asked_for_and_no_more() {
    let mut world = World::new(1, (0..6).map(|_| Holds::These(0..60)).collect());
    let mut retrieval = retrieval(Retrieve::AtMost(20), 64);
    world.serve(&mut retrieval);
    assert_eq!((found(&retrieval, 0..60), retrieval.missing()), (20, 0));
    assert!(world.asked.iter().sum::<usize>() <= 6, "{:?}", world.asked);
}

#[test]
fn a_silent_holder_has_a_stand_in_and_is_waited_for_while_no_one_brought_any() {
    let mut retrieval = retrieval(Retrieve::Closest(1), 64);
    retrieval.settle(&[(contact(0), 1), (contact(1), 1)]);
    let asked = |retrieval: &mut Retrieval| retrieval.next().map(|wanted| wanted.contact);
    assert_eq!(asked(&mut retrieval), Some(contact(0)));
    assert_eq!(asked(&mut retrieval), None);
    retrieval.silent(&contact(0).id);
    assert_eq!(asked(&mut retrieval), Some(contact(1)));
    retrieval.answered(&contact(1).id, Vec::new());
    assert!(!retrieval.is_done());
    assert_eq!(retrieval.missing(), 1);
    retrieval.answered(&contact(0).id, vec![value(1)]);
    assert!(retrieval.is_done());
    assert_eq!(retrieval.missing(), 0);
}

#[test]
fn while_the_walk_goes_on_the_first_k_holders_that_are_close_are_asked() {
    let mut retrieval = retrieval(Retrieve::All, 64);
    for number in 0..20 {
        retrieval.heard_of(contact(number), 1);
    }
    let far = contact(1).id;
    let mut asked = Vec::new();
    while let Some(wanted) = retrieval.next_early(|id| *id != far) {
        retrieval.answered(&wanted.contact.id, vec![value(7)]);
        asked.push(wanted.contact);
    }
    let close = [0, 2, 3, 4, 5, 6, 7].map(contact);
    assert_eq!(asked, close);
    let closest: Vec<_> = (8..16).map(|number| (contact(number), 1)).collect();
    retrieval.settle(&closest);
    assert_eq!(retrieval.holders.len(), 16);
    assert!(
        !retrieval.is_done(),
        "the closest at the end are asked, whoever was asked before"
    );
}

#[test]
fn what_a_holder_brings_that_is_not_among_the_closest_is_no_longer_taken() {
    let mut retrieval = retrieval(Retrieve::Closest(1), 64);
    retrieval.heard_of(contact(0), 1);
    assert!(retrieval.next_early(|_| true).is_some());
    retrieval.settle(&[(contact(1), 1)]);
    retrieval.answered(&contact(0).id, vec![value(1)]);
    assert!(retrieval.found.is_empty() && !retrieval.is_done());
}
