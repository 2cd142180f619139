//! What a node has learnt of those it asks: how long answers take, how many of the contacts are there,
//! how many datagrams are lost; and what that says of a call that has no answer yet.

mod round_trips;
mod share;
mod silence;

use core::time::Duration;

pub(crate) use silence::{Outlook, Silence};

use crate::rtt::RttSample;
use crate::time::Instant;
use round_trips::{LogNormal, RoundTrips};
use share::Share;

/// What calls to all contacts have taught a node.
///
/// Everything that waits for an answer decides by this: a contact that was asked is there and answers
/// late, or is there and a datagram was lost, or is not there. Be
///
/// - `p` the chance that a contact which was named is there,
/// - `q` the chance that a query or its answer is lost,
/// - `S(x)` the chance that an answer takes longer than `x`.
///
/// Then, after a contact was sent the same query `n` times and has been silent for `x` since the last,
/// it is still to answer with a weight of `p qⁿ⁻¹ (1 - q) S(x)`, lost with `p qⁿ` and dead with
/// `1 - p` (Bayes' rule; an answer to an earlier send would be later than nearly all are). All of it
/// is measured, so that calls in flight are judged by what is known now.
#[derive(Clone, Debug)]
pub(crate) struct NetworkEstimate {
    round_trips: RoundTrips,
    there: Share,
    lost: Share,
    version: u32,
}

impl NetworkEstimate {
    /// The chance of missing a contact that is there that a node accepts: one that answers with
    /// less is waited for no longer.
    const MISSED: f64 = 0.004;
    /// Answers come late when a machine is busy, however close the contact: so much is added to
    /// what is measured.
    const BUSY: Duration = Duration::from_millis(20);
    /// A chance that is as good as none.
    const NONE: f64 = 1e-6;
    /// A call is sent so often at most.
    const MAX_SENDS: u8 = 5;
    /// So much likelier an answer has to belong to one send than to another.
    const PLAIN: f64 = 4.0;
    /// No wait is longer: beyond, every call has failed.
    const LONGEST: Duration = Duration::from_secs(60);

    /// The estimate of a node that has measured nothing. It trusts that nearly all contacts that are
    /// named are there, and that few datagrams are lost.
    pub(crate) const ASSUMED: Self = Self {
        round_trips: RoundTrips::ASSUMED,
        there: Share::assumed(0.98, 4.0, 32.0),
        lost: Share::assumed(0.01, 32.0, 128.0),
        version: 0,
    };

    /// Which number changes whenever something was learnt.
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    /// The chance that a contact is there which was named and not asked.
    pub(crate) const fn there(&self) -> f64 {
        self.there.mean()
    }

    /// What calls in flight say of how many contacts are there: those that are silent for long make
    /// it fewer.
    pub(crate) fn turnout<'s>(
        &self,
        silences: impl Iterator<Item = &'s Silence>,
        now: Instant,
    ) -> Turnout {
        let mean = self.there.mean();
        let count = self.there.weight();
        let mut turnout = Turnout {
            there: mean * count,
            count,
        };
        for silence in silences {
            turnout.there += self.weights(mean, silence, now).there();
            turnout.count += 1.0;
        }
        turnout
    }

    /// The chance that a contact in flight is there, by what is known of all others.
    pub(crate) fn there_beside(&self, turnout: &Turnout, silence: &Silence, now: Instant) -> f64 {
        let own = self.weights(self.there.mean(), silence, now).there();
        (turnout.there - own) / (turnout.count - 1.0)
    }

    /// What is to be expected of a contact that was asked and is silent, where contacts are there with
    /// this chance.
    pub(crate) fn outlook(&self, there: f64, silence: &Silence, now: Instant) -> Outlook {
        let weights = self.weights(there, silence, now);
        let patience = self.round_trips.median();
        let later = self.weights(there, silence, now + patience);
        let fresh = there * (1.0 - self.round_trips.longer_than(patience));
        let soon = (weights.coming - later.coming) / weights.sum() / fresh;
        Outlook {
            there,
            answers: weights.answers(Self::sends_again(silence, &weights)),
            soon: soon.min(1.0),
        }
    }

    /// When the chance of a later answer has halved, or a contact that stays silent is given up or is
    /// sent to again, whichever comes first. `None` where that chance is as good as none.
    pub(crate) fn next_review(
        &self,
        there: f64,
        silence: &Silence,
        now: Instant,
    ) -> Option<Instant> {
        let later = self.longer_than(silence, now.since(silence.sent));
        let next = self.next_level(there, silence);
        let half = later / 2.0;
        let level = if next < later { half.max(next) } else { half };
        (level > Self::NONE).then(|| self.reached(silence, level, now))
    }

    /// When a call that stays silent is sent again, if it is.
    pub(crate) fn resend_at(&self, silence: &Silence, now: Instant) -> Option<Instant> {
        let level = self.resend_level();
        let weights = self.weights_at(self.there(), silence, level);
        let again = Self::sends_again(silence, &weights);
        again.then(|| self.reached(silence, level, now))
    }

    /// When a call that is sent again no more is given up if it stays silent; `None` while it is.
    pub(crate) fn give_up_at(&self, silence: &Silence, now: Instant) -> Option<Instant> {
        let weights = self.weights_at(self.there(), silence, self.resend_level());
        let again = Self::sends_again(silence, &weights);
        (!again).then(|| self.give_up_once_at(silence, now))
    }

    /// When a call that is sent only once is given up if it stays silent.
    pub(crate) fn give_up_once_at(&self, silence: &Silence, now: Instant) -> Instant {
        let level = self.give_up_level(self.there(), silence);
        self.reached(silence, level, now)
    }

    /// How long a call to a contact of which nothing is known waits before it is sent again.
    pub(crate) fn resend_wait(&self) -> Duration {
        let silence = Silence::new(Instant::ORIGIN, None);
        let at = self.reached(&silence, self.resend_level(), Instant::ORIGIN);
        at.since(Instant::ORIGIN)
    }

    /// What it says of the round trip that a call opened so long ago was answered now.
    ///
    /// An answer to something that was sent several times belongs to one send that nobody names
    /// (Karn's rule would not count it). It is held to be the first or the last one where that is
    /// [so much](Self::PLAIN) likelier than the other.
    pub(crate) fn sample(&self, elapsed: Duration, silence: &Silence, now: Instant) -> RttSample {
        if silence.sends == 1 {
            return RttSample::Exactly {
                took: elapsed,
                lost: 0,
            };
        }
        let since_last = now.since(silence.sent);
        let mut first = self.round_trips.density(elapsed.saturating_sub(Self::BUSY));
        let mut last = self
            .round_trips
            .density(since_last.saturating_sub(Self::BUSY));
        for _ in 1..silence.sends {
            last *= self.lost.mean();
        }
        first *= 1.0 - self.lost.mean();
        if last > first * Self::PLAIN {
            RttSample::Exactly {
                took: since_last,
                lost: silence.sends - 1,
            }
        } else if first > last * Self::PLAIN {
            RttSample::Exactly {
                took: elapsed,
                lost: 0,
            }
        } else {
            RttSample::AtMost(elapsed)
        }
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self, sample: RttSample) {
        self.version = self.version.wrapping_add(1);
        self.there.hit();
        if let RttSample::Exactly { took, lost } = sample {
            self.round_trips.add(took);
            for _ in 0..lost {
                self.lost.hit();
            }
            self.lost.miss();
        }
    }

    /// A call was given up.
    pub(crate) fn silent(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.there.miss();
    }

    fn sends_again(silence: &Silence, weights: &Weights) -> bool {
        silence.sends < Self::MAX_SENDS && weights.lost / weights.sum() >= Self::MISSED
    }

    /// A call is sent again once a loss is the likelier cause of the silence than a slow answer.
    fn resend_level(&self) -> f64 {
        let lost = self.lost.mean();
        lost / (1.0 - lost)
    }

    /// At which chance of a later answer a call is given up that is sent again no more.
    fn give_up_level(&self, there: f64, silence: &Silence) -> f64 {
        let Weights { coming, lost, dead } = self.weights_at(there, silence, 1.0);
        ((lost + dead) * Self::MISSED / (1.0 - Self::MISSED) / coming).min(1.0)
    }

    /// At which chance of a later answer something happens next.
    fn next_level(&self, there: f64, silence: &Silence) -> f64 {
        let level = self.resend_level();
        let weights = self.weights_at(there, silence, level);
        if Self::sends_again(silence, &weights) {
            level
        } else {
            self.give_up_level(there, silence)
        }
    }

    fn weights(&self, there: f64, silence: &Silence, now: Instant) -> Weights {
        let later = self.longer_than(silence, now.since(silence.sent));
        self.weights_at(there, silence, later)
    }

    fn weights_at(&self, there: f64, silence: &Silence, later: f64) -> Weights {
        let q = self.lost.mean();
        let mut there_still = there;
        for _ in 1..silence.sends {
            there_still *= q;
        }
        Weights {
            coming: there_still * (1.0 - q) * later,
            lost: there_still * q,
            dead: 1.0 - there,
        }
    }

    /// The chance that an answer takes longer than this.
    fn longer_than(&self, silence: &Silence, elapsed: Duration) -> f64 {
        let elapsed = elapsed.saturating_sub(Self::BUSY);
        match silence.round_trip {
            Some(own) => LogNormal::of(own).later_than(elapsed),
            None => self.round_trips.longer_than(elapsed),
        }
    }

    /// When the chance of a later answer has fallen to this level, or now, if it has.
    fn reached(&self, silence: &Silence, level: f64, now: Instant) -> Instant {
        let (mut early, mut late) = (Duration::ZERO, Self::LONGEST);
        if self.longer_than(silence, now.since(silence.sent)) <= level {
            return now;
        }
        // To within one part in a hundred, or a millisecond.
        while late - early > (late / 128).max(Duration::from_millis(1)) {
            let middle = if early < late / 8 {
                late / 4
            } else {
                (early + late) / 2
            };
            if self.longer_than(silence, middle) <= level {
                late = middle;
            } else {
                early = middle;
            }
        }
        (silence.sent + late).max(now)
    }
}

/// How many of some contacts are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turnout {
    there: f64,
    count: f64,
}

impl Turnout {
    /// The chance that one more is there.
    pub(crate) fn share(&self) -> f64 {
        self.there / self.count
    }
}

/// How likely the causes of a silence are, as weights.
struct Weights {
    coming: f64,
    lost: f64,
    dead: f64,
}

impl Weights {
    fn sum(&self) -> f64 {
        self.coming + self.lost + self.dead
    }

    fn there(&self) -> f64 {
        (self.coming + self.lost) / self.sum()
    }

    fn answers(&self, sent_again: bool) -> f64 {
        let lost = if sent_again { self.lost } else { 0.0 };
        (self.coming + lost) / self.sum()
    }
}
