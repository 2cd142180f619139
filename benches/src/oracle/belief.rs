//! How likely a contact lives that has been silent for so long: Bayes' rule with everything known.

use std::time::Duration;

/// One step of the oracle's time.
pub(super) const TICK: Duration = Duration::from_millis(2);

/// How likely a contact lives, by the time since it was first sent to, and when it is sent to again.
///
/// With the share `p` of contacts that live, the probability `s` that a query and its answer get
/// through, and datagrams sent at the ages `t₁ … tₙ`, a contact that lives is silent at age `t` with the
/// probability `E[(1-s)^i]`, where `i` is the number of datagrams whose round trip `r`, the same for
/// all of them, is over: `tᵢ + r ≤ t`. A dead one is silent for sure. So it lives with the probability
///
/// ```text
/// p E[(1-s)^i] / (p E[(1-s)^i] + 1 - p)
/// ```
///
/// It is sent to again when it is likelier that it lives and all of the `n` datagrams were lost,
/// `p (1-s)ⁿ`, than that an answer is still under way, `p (E[(1-s)^i] - (1-s)ⁿ)`.
#[derive(Clone, Debug)]
pub struct Belief {
    /// By the age in ticks; what comes after the last is as that.
    alive: Vec<f64>,
    /// The ages at which it is sent to, ascending; the first is 0.
    sends: Vec<Duration>,
}

impl Belief {
    /// Ages beyond this are all the same.
    const LONGEST: Duration = Duration::from_secs(20);

    /// Datagrams after which one more changes nothing.
    const SENDS: usize = 6;

    /// With that share of contacts that live, that probability of a datagram to be lost, and these
    /// round trips, ascending.
    #[must_use]
    pub fn new(share_alive: f64, loss: f64, round_trips: &[Duration]) -> Self {
        let through = (1.0 - loss) * (1.0 - loss);
        // The share of round trips that are over at an age.
        let over = |age: Duration| {
            let count = round_trips.partition_point(|round_trip| *round_trip <= age);
            count as f64 / round_trips.len().max(1) as f64
        };
        let ticks = Self::LONGEST.as_micros() / TICK.as_micros();
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        let mut sends = vec![Duration::ZERO];
        let mut alive = Vec::with_capacity(ticks as usize);
        for tick in 0..ticks {
            let age = TICK * tick;
            // E[(1-s)^i]: the first datagram is the first whose round trip is over.
            let mut silent = 0.0;
            let mut lost = 1.0;
            let mut more = 1.0;
            for sent in &sends {
                let this = over(age - *sent);
                silent += lost * (more - this);
                more = this;
                lost *= 1.0 - through;
            }
            silent += lost * more;
            let lives = share_alive * silent;
            alive.push(if lives > 0.0 {
                lives / (lives + 1.0 - share_alive)
            } else {
                0.0
            });
            if loss > 0.0 && lost > silent - lost && sends.len() < Self::SENDS {
                sends.push(age);
            }
        }
        Self { alive, sends }
    }

    /// The probability that a contact lives which was first sent to so long ago and has not answered.
    #[must_use]
    pub fn alive(&self, age: Duration) -> f64 {
        let tick = usize::try_from(age.as_micros() / TICK.as_micros()).unwrap_or(usize::MAX);
        let last = self.alive.len().saturating_sub(1);
        self.alive.get(tick.min(last)).copied().unwrap_or(0.0)
    }

    /// The ages at which a contact is sent to.
    #[must_use]
    pub fn sends(&self) -> &[Duration] {
        &self.sends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn silence_beyond_the_longest_round_trip_is_death_where_nothing_is_lost() {
        let belief = Belief::new(0.7, 0.0, &[millis(100), millis(200)]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(belief.alive(millis(50)), 0.7));
        // Half of those that live would have answered.
        assert!(near(belief.alive(millis(150)), 0.35 / 0.65));
        assert!(near(belief.alive(millis(200)), 0.0));
        assert_eq!(belief.sends(), [Duration::ZERO]);
    }

    #[test]
    fn who_cannot_be_dead_is_waited_for() {
        let belief = Belief::new(1.0, 0.1, &[millis(100)]);
        assert!((belief.alive(millis(5000)) - 1.0).abs() < 1e-9);
        // As soon as an answer would be there, it is asked again, and again.
        assert_eq!(belief.sends()[..3], [0, 100, 200].map(millis));
    }

    #[test]
    fn it_is_what_a_count_of_many_contacts_says() {
        // A thousand contacts, their round trips 10 to 400 ms; 600 live, and 0.81 of the queries of
        // those are answered: what is left of those that are silent at an age.
        let trips: Vec<Duration> = (1..=40).map(|step| millis(step * 10)).collect();
        let belief = Belief::new(0.6, 0.1, &trips);
        let second = belief.sends()[1];
        for age in [millis(55), millis(205), second - millis(2)] {
            let answered: f64 = trips.iter().filter(|trip| **trip <= age).count() as f64 / 40.0;
            let silent = 600.0 * (1.0 - answered * 0.81);
            let expected = silent / (silent + 400.0);
            assert!((belief.alive(age) - expected).abs() < 1e-9, "{age:?}");
        }
        let age = second + millis(101);
        let silent: f64 = trips
            .iter()
            .map(|trip| {
                let over = |sent: Duration| i32::from(sent + *trip <= age);
                600.0 / 40.0 * 0.19_f64.powi(over(Duration::ZERO) + over(second))
            })
            .sum();
        let expected = silent / (silent + 400.0);
        assert!(belief.sends().get(2).is_none_or(|third| *third > age));
        assert!((belief.alive(age) - expected).abs() < 1e-9);
    }
}
