//! What a node has learnt of those it asks: how long answers take, how many contacts are there, how many
//! datagrams are lost; and what that says of a call that has no answer yet.
//!
//! # The formula
//!
//! A contact that was asked and is silent is there and answers late, or is there and a datagram was
//! lost, or is not there. Let
//!
//! - `p` be the chance that a contact which was named is there,
//! - `r(k)` the chance that a query or its answer is lost, if `k` were lost to this contact before,
//! - `S(x)` the chance that an answer takes longer than `x`.
//!
//! After `n` sends of the same query, the last of them `x` ago, Bayes' rule weighs the causes of the
//! silence so:
//!
//! | cause | weight |
//! |---|---|
//! | the last answer is still to come | `p · r(0) ⋯ r(n-2) · (1 - r(n-1)) · S(x)` |
//! | the last one is lost, too | `p · r(0) ⋯ r(n-1)` |
//! | the contact is dead | `1 - p` |
//!
//! A call is sent again once a loss is the likelier cause than a late answer, which is when `S(x)` falls
//! to `r/(1-r)`. It is given up once the chance of an answer, with those to further sends, falls below
//! [that of a contact that may be missed](NetworkEstimate::MISSED). Calls in flight are judged by what is
//! known now, not by what was known when they were opened.
//!
//! # Where the chances come from
//!
//! - `r(k)`. A node knows the rate of loss from some cases only, `l` losses in `c` sends. What it knows is
//!   a beta distribution of the rate, and each further loss makes a high rate likelier: to a contact
//!   that has lost `k`, the next is lost with a chance of `(l + k)/(c + k)`, the predictive chance of
//!   that distribution. So a contact behind a bad link is not taken for dead at once.
//! - `S(x)`. The last round trips are a distribution by themselves, up to the longest of them. Beyond
//!   that, after `n` answers the next takes longer than each with a chance of one in `n + 1` (Laplace's
//!   rule of succession): a log-normal distribution, fitted to all, counts as one more round trip, and
//!   says how much longer. A contact whose own round trip was measured is judged by that one.
//! - `p`. Contacts named in one lookup are alive or dead together more than those of other days. So the
//!   calls in flight of a lookup count among the cases by which it is known how many are there, each as
//!   far as it still seems to be (the turnout). For each of them `p` is taken from all the others:
//!   otherwise its own silence would count against it twice.
//!
//! # What is neglected
//!
//! An answer to a send before the last one may come, too. At the time of a resend it is as likely as a
//! loss: for each send before the last, the true odds that the contact is there are at most twice those
//! of the formula, and fewer the longer the silence lasts. So the estimate errs towards asking another
//! contact; an answer that comes counts in any case.

#[cfg(test)]
mod exact;
mod round_trips;
mod share;
mod silence;

use alloc::boxed::Box;
use core::time::Duration;

pub(crate) use silence::{Outlook, Silence, Vouched};

use crate::rtt::RttSample;
use crate::time::Instant;
use round_trips::{LogNormal, RoundTrips};
use share::Share;

/// What calls to all contacts have taught a node: everything that waits for an answer decides by it.
#[derive(Clone, Debug)]
pub(crate) struct NetworkEstimate {
    /// `None` as long as nothing was measured: most of a million nodes in one process measure nothing.
    round_trips: Option<Box<RoundTrips>>,
    there: Share<32>,
    lost: Share<128>,
    version: u32,
}

impl NetworkEstimate {
    /// The chance of missing a contact that is there which a node accepts: a contact that answers with
    /// a smaller one is waited for no longer.
    const MISSED: f64 = 0.006;
    /// A busy machine answers late, however near it is: this is added to what was measured.
    const BUSY: Duration = Duration::from_millis(20);
    /// No call is sent again sooner than half of the answers take, however many are lost.
    const MOST_RESEND_LEVEL: f64 = 0.5;
    /// A chance that is as good as none.
    const NONE: f64 = 1e-6;
    /// How much likelier one send has to be than another for an answer to belong to it.
    const PLAIN: f64 = 2.0;
    /// No wait is longer: beyond, every call has failed.
    const LONGEST: Duration = Duration::from_secs(60);

    /// The estimate of a node that has measured nothing. It trusts that nearly all contacts that are
    /// named are there, and that few datagrams are lost.
    pub(crate) const ASSUMED: Self = Self {
        round_trips: None,
        there: Share::assumed(0.98, 4.0),
        lost: Share::assumed(0.05, 4.0),
        version: 0,
    };

    /// A number that changes whenever something was learnt.
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    /// The chance that a contact is there that was named and has not been asked.
    pub(crate) const fn there(&self) -> f64 {
        self.there.mean()
    }

    /// How many contacts are there, by what is known of all and by these calls in flight: those that
    /// have been silent for long make it fewer.
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
        for silence in silences.filter(|silence| !silence.counted) {
            turnout.there += self.weights(mean, silence, now).there();
            turnout.count += 1.0;
        }
        turnout
    }

    /// The chance that a contact in flight is there, by what is known of all others.
    pub(crate) fn there_beside(&self, turnout: &Turnout, silence: &Silence, now: Instant) -> f64 {
        let others = turnout.count - 1.0;
        if silence.counted {
            // It counts as one that is not there. Since then the share may have forgotten some of that.
            (turnout.there / others).min(1.0 - Self::NONE)
        } else {
            let own = self.weights(self.there.mean(), silence, now).there();
            (turnout.there - own) / others
        }
    }

    /// What to expect of a contact that was asked and is silent, if contacts are there with this
    /// chance.
    pub(crate) fn outlook(&self, there: f64, silence: &Silence, now: Instant) -> Outlook {
        let weights = self.weights(there, silence, now);
        let patience = self.round_trips().median();
        let later = self.weights(there, silence, now + patience + Self::BUSY);
        let fresh = there * (1.0 - self.round_trips().longer_than(patience));
        let soon = (weights.coming - later.coming) / weights.sum() / fresh;
        Outlook {
            there,
            answers: weights.answers(Self::sends_again(silence, &weights)),
            soon: soon.min(1.0),
        }
    }

    /// When a contact in flight is to be judged again if it stays silent: once the chance of a later
    /// answer has halved, or it is given up or sent to again, whichever comes first. `None` when that
    /// chance is as good as none.
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
        let at = (level > Self::NONE).then(|| self.reached(silence, level, now));
        // At the end of time nothing is later.
        at.filter(|at| *at > now)
    }

    /// When a call that stays silent is sent again, if it is.
    pub(crate) fn resend_at(&self, silence: &Silence, now: Instant) -> Option<Instant> {
        let level = self.resend_level(silence);
        let weights = self.weights_at(self.there(), silence, level);
        if !Self::sends_again(silence, &weights) {
            return None;
        }
        let at = self.reached(silence, level, now);
        // At the end of time nothing is later.
        let is_due = || self.longer_than(silence, now.since(silence.sent)) <= level;
        (at > now || is_due()).then_some(at)
    }

    /// When a call that is sent again no more is given up if it stays silent; `None` while it is.
    pub(crate) fn give_up_at(&self, silence: &Silence, now: Instant) -> Option<Instant> {
        let weights = self.weights_at(self.there(), silence, self.resend_level(silence));
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
        let at = self.reached(&silence, self.resend_level(&silence), Instant::ORIGIN);
        at.since(Instant::ORIGIN)
    }

    /// What the answer to a call that was opened so long ago says of the round trip.
    ///
    /// An answer does not say which of several sends it belongs to; Karn's rule would not count it. Here
    /// it counts for the first or the last of them where that one is [much likelier](Self::PLAIN).
    pub(crate) fn sample(&self, elapsed: Duration, silence: &Silence, now: Instant) -> RttSample {
        if silence.sends == 1 {
            return RttSample::Exactly {
                took: elapsed,
                lost: 0,
            };
        }
        let since_last = now.since(silence.sent);
        let q = self.lost.mean();
        let mut last = self
            .round_trips()
            .density(since_last.saturating_sub(Self::BUSY));
        let first = self
            .round_trips()
            .density(elapsed.saturating_sub(Self::BUSY))
            * (1.0 - q);
        for _ in 1..silence.sends {
            last *= q;
        }
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
            self.round_trips
                .get_or_insert_with(|| Box::new(RoundTrips::ASSUMED))
                .add(took);
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

    fn round_trips(&self) -> &RoundTrips {
        self.round_trips.as_deref().unwrap_or(&RoundTrips::ASSUMED)
    }

    fn sends_again(silence: &Silence, weights: &Weights) -> bool {
        silence.sends < silence.vouched.most_sends() && weights.lost / weights.sum() >= Self::MISSED
    }

    /// The chance of a later answer at which a call is sent again, as a loss becomes the likelier cause
    /// of the silence.
    fn resend_level(&self, silence: &Silence) -> f64 {
        let lost = self.lost.after_hits(silence.sends - 1);
        (lost / (1.0 - lost)).min(Self::MOST_RESEND_LEVEL)
    }

    /// The chance of a later answer at which a call that is sent again no more is given up.
    fn give_up_level(&self, there: f64, silence: &Silence) -> f64 {
        let Weights { coming, lost, dead } = self.weights_at(there, silence, 1.0);
        ((lost + dead) * Self::MISSED / (1.0 - Self::MISSED) / coming).min(1.0)
    }

    /// The chance of a later answer at which a call is sent again, or given up.
    fn next_level(&self, there: f64, silence: &Silence) -> f64 {
        let level = self.resend_level(silence);
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
        let earlier = silence.sends - 1;
        let lost_before: f64 = (0..earlier).map(|n| self.lost.after_hits(n)).product();
        let lost = self.lost.after_hits(earlier);
        Weights {
            coming: there * lost_before * (1.0 - lost) * later,
            lost: there * lost_before * lost,
            dead: 1.0 - there,
        }
    }

    /// The chance that an answer takes longer than this.
    fn longer_than(&self, silence: &Silence, elapsed: Duration) -> f64 {
        let elapsed = elapsed.saturating_sub(Self::BUSY);
        match silence.round_trip {
            Some(own) => LogNormal::of(own).later_than(elapsed),
            None => self.round_trips().longer_than(elapsed),
        }
    }

    /// When the chance of a later answer has fallen to this level; now, if it has already.
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

/// How many of some contacts are there: the cases that were counted, and the calls in flight of a walk.
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

/// How likely each cause of a silence is beside the others.
struct Weights {
    /// The contact answers to the last send.
    coming: f64,
    /// It is there, and all sends were lost.
    lost: f64,
    dead: f64,
}

impl Weights {
    fn sum(&self) -> f64 {
        self.coming + self.lost + self.dead
    }

    /// The chance that the contact is there.
    fn there(&self) -> f64 {
        (self.coming + self.lost) / self.sum()
    }

    /// The chance that it answers.
    fn answers(&self, sent_again: bool) -> f64 {
        let lost = if sent_again { self.lost } else { 0.0 };
        (self.coming + lost) / self.sum()
    }
}

#[cfg(test)]
mod tests;
