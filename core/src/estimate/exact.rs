//! The estimate against Bayes' rule worked out by brute force, over histories made up at random.
//!
//! What is worked out here shares no code with the estimate: it adds up the answers of a history itself,
//! integrates over every rate of loss and over the density of the fitted tail on a grid, and goes through
//! every pattern of sends that may have been lost.

use alloc::vec::Vec;
use core::f64::consts::PI;

use super::*;
use crate::rng::{Rng, Seed};

/// How far the numerical integrals on these grids may be off.
const GRID: f64 = 1e-4;

/// What a node was told of a network.
struct History {
    /// Round trips in units of 250 µs.
    round_trips: Vec<f64>,
    given_up: f64,
    lost: f64,
    estimate: NetworkEstimate,
}

impl History {
    /// One too short for anything in it to be forgotten.
    fn random(rng: &mut Rng) -> Self {
        let mut history = Self {
            round_trips: Vec::new(),
            given_up: 0.0,
            lost: 0.0,
            estimate: NetworkEstimate::ASSUMED,
        };
        let median = 200.0 * libm::exp2(part(rng) * 12.0);
        let spread = part(rng) * 3.0;
        let losses = rng.below(4);
        for _ in 0..=rng.below(17) {
            let micros = median * libm::exp2((part(rng) - 0.5) * spread);
            let took = Duration::from_secs_f64(micros / 1e6);
            let lost = f64::from(u8::from(rng.below(10) < losses));
            let sample = RttSample::Exactly(took);
            history.estimate.answered(sample, Some(lost));
            let units = (took.as_nanos() / 250_000).min(65_535);
            history.round_trips.push(units as f64);
            history.lost += lost;
        }
        for _ in 0..rng.below(8) {
            history.estimate.silent();
            history.given_up += 1.0;
        }
        history
    }

    /// The chance that a contact is there: the assumption of 0.98 weighs like six cases.
    fn there(&self) -> f64 {
        let answered = self.round_trips.len() as f64;
        (5.88 + answered) / (6.0 + answered + self.given_up)
    }

    /// The chance that an answer takes longer than so many units: the share of those seen, where the
    /// fitted log-normal distribution counts as one more.
    fn longer_than(&self, units: f64) -> f64 {
        if units <= 0.0 {
            return 1.0;
        }
        let count = self.round_trips.len() as f64;
        let longer = self.round_trips.iter().filter(|took| **took > units);
        (longer.count() as f64 + self.tail(units)) / (count + 1.0)
    }

    fn tail(&self, units: f64) -> f64 {
        let logs: Vec<f64> = self
            .round_trips
            .iter()
            .map(|took| libm::log(took.max(1.0)))
            .collect();
        let count = logs.len() as f64;
        // One round trip of 150 ms is assumed, and six that spread by 0.6 around the mean.
        let assumed = libm::log(600.0);
        let mean = (assumed + logs.iter().sum::<f64>()) / (1.0 + count);
        let square = |log: f64| (log - mean) * (log - mean);
        let squares = logs.iter().map(|log| square(*log)).sum::<f64>() + square(assumed);
        let variance = (squares + 6.0 * 0.36) / (6.0 + count) * (1.0 + 1.0 / (1.0 + count));
        let from = (libm::log(units) - mean) / libm::sqrt(variance);
        normal_beyond(from)
    }

    /// What the silence of a contact means that was sent to at these times.
    ///
    /// Of the sends that were not lost, the first is answered first. So for each pattern of losses the
    /// contact is silent if its answers take longer than it is since that one.
    fn causes(&self, sent: &[Instant], now: Instant) -> Causes {
        const STEPS: u32 = 250;
        let later: Vec<f64> = sent
            .iter()
            .map(|sent| now.since(*sent).saturating_sub(NetworkEstimate::BUSY))
            .map(|age| self.longer_than(age.as_nanos() as f64 / 250_000.0))
            .collect();
        // The rate of loss has a beta distribution: the assumption of 0.05 weighs like twelve cases.
        let a = 0.6 + self.lost;
        let b = 11.4 + self.round_trips.len() as f64;
        let (mut all, mut coming, mut lost) = (0.0, 0.0, 0.0);
        for step in 0..STEPS {
            // In the fifth root of the rate, as its density may be endless at 0.
            let root = (f64::from(step) + 0.5) / f64::from(STEPS);
            let rate = libm::pow(root, 5.0);
            let weight = libm::pow(root, 5.0 * a - 1.0) * libm::pow(1.0 - rate, b - 1.0);
            all += weight;
            for pattern in 0..1_u32 << sent.len() {
                let losses = f64::from(pattern.count_ones());
                let arrivals = sent.len() as f64 - losses;
                let chance = libm::pow(rate, losses) * libm::pow(1.0 - rate, arrivals);
                match later.get(pattern.trailing_ones() as usize) {
                    Some(later) => coming += weight * chance * later,
                    None => lost += weight * chance,
                }
            }
        }
        let there = self.there();
        let (coming, lost) = (there * coming / all, there * lost / all);
        let sum = coming + lost + 1.0 - there;
        Causes {
            there: (coming + lost) / sum,
            answers: coming / sum,
        }
    }
}

/// The chances of a silent contact.
struct Causes {
    /// It is there.
    there: f64,
    /// It answers to something that was sent.
    answers: f64,
}

/// The chance that a normal variable is larger than this.
fn normal_beyond(from: f64) -> f64 {
    const STEPS: u32 = 250;
    let from = from.clamp(-9.0, 9.0);
    let step = (9.0 - from) / f64::from(STEPS);
    let density = |at: f64| libm::exp(-at * at / 2.0) / libm::sqrt(2.0 * PI);
    let middles = (0..STEPS).map(|n| from + (f64::from(n) + 0.5) * step);
    middles.map(|at| density(at) * step).sum()
}

/// A number from 0 to 1.
fn part(rng: &mut Rng) -> f64 {
    rng.below(1 << 30) as f64 / f64::from(1 << 30)
}

/// A contact that is silent for good, sent to again as the estimate has it: what happens at several
/// moments of each wait.
fn each_moment(history: &History, mut check: impl FnMut(&Silence, &[Instant], Instant)) {
    let estimate = &history.estimate;
    let mut silence = Silence::new(Instant::ORIGIN, None);
    let mut sent = Vec::from([Instant::ORIGIN]);
    loop {
        let begun = sent[sent.len() - 1];
        let resend = estimate.resend_at(&silence, begun);
        let end = resend.unwrap_or_else(|| estimate.give_up_once_at(&silence, begun));
        for part in 0..4 {
            check(&silence, &sent, begun + end.since(begun) * part / 3);
        }
        if resend.is_none() {
            return;
        }
        silence.sent_again(end);
        sent.push(end);
    }
}

#[test]
fn the_estimate_is_that_of_bayes_rule() {
    let mut rng = Rng::new(Seed::from_number(7));
    let mut most_sends = 0;
    for _ in 0..100 {
        let history = History::random(&mut rng);
        let estimate = &history.estimate;
        each_moment(&history, |silence, sent, now| {
            let exact = history.causes(sent, now);
            let weights = estimate.weights(estimate.there(), silence, now);
            // Without and with another send, to which everyone who is there would answer.
            let (answers, there) = (weights.answers(false), weights.answers(true));
            for (exact, estimated) in [(exact.answers, answers), (exact.there, there)] {
                assert!(
                    (exact - estimated).abs() < GRID,
                    "{exact}, not {estimated} after {silence:?} at {now}"
                );
            }
            most_sends = most_sends.max(sent.len());
        });
    }
    assert_eq!(most_sends, usize::from(Vouched::Well.most_sends()));
}
