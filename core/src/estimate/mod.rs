//! What a node has learnt of those it asks: how long answers take, how many contacts are there, how many
//! datagrams are lost; and what that says of a call that has no answer yet.
//!
//! # The formula
//!
//! A contact that was asked and is silent is there and answers late, or is there and datagrams were lost,
//! or is not there. Let
//!
//! - `p` be the chance that a contact which was named is there,
//! - `r(k)` the chance that a query or its answer is lost, if `k` were lost to this contact before, and
//!   `R(k) = r(0) ⋯ r(k-1)` that the first `k` sends are,
//! - `S(x)` the chance that an answer takes longer than `x`.
//!
//! A contact takes about as long for each answer. So if it was sent to `n` times, `x(1) > ⋯ > x(n)` ago,
//! and its answers take longer than `x(k+1)` but no longer than `x(k)`, then it is silent if the first `k`
//! sends were lost, and still to come is an answer to any other. Bayes' rule weighs the causes of the
//! silence so, with `S(x(0)) = 0`:
//!
//! | cause | weight |
//! |---|---|
//! | an answer is still to come | `p · (Σ R(k) · (S(x(k+1)) - S(x(k))) - R(n) · S(x(n)))`, `k` from 0 to `n-1` |
//! | all sends are lost | `p · R(n)` |
//! | the contact is dead | `1 - p` |
//!
//! A call is sent again once a loss is a likelier cause than a late answer, which is when `S(x(n))` falls
//! to `r/(1-r)`, or [sooner](NetworkEstimate::SENT_TWICE). It is given up once the chance of an answer,
//! with those to further sends, falls below [that of a contact that may be
//! missed](NetworkEstimate::MISSED). Calls in flight are judged by what is known now, not by what was
//! known when they were opened.
//!
//! # Where the chances come from
//!
//! - `r(k)`. A node knows the rate of loss from some cases only, `l` losses in `c` sends. What it knows is
//!   a beta distribution of the rate, and each further loss makes a high rate likelier: to a contact
//!   that has lost `k`, the next is lost with a chance of `(l + k)/(c + k)`, the predictive chance of
//!   that distribution. So a contact behind a bad link is not taken for dead at once. An answer
//!   to a call that was sent several times does not say which of them it answers: where the contact's
//!   own round trip is known, each counts for as much as it is likely, otherwise only what is clear does.
//! - `S(x)`. The last round trips are a distribution by themselves, up to the longest of them. Beyond
//!   that, after `n` answers the next takes longer than each with a chance of one in `n + 1` (Laplace's
//!   rule of succession): a log-normal distribution, fitted to all, counts as one more round trip, and
//!   says how much longer. A contact whose own round trip was measured is judged by that one.
//! - `p`. Contacts named in one lookup are alive or dead together more than those of other days. So the
//!   calls in flight of a lookup count among the cases by which it is known how many are there, each as
//!   far as it still seems to be (the turnout). For each of them `p` is taken from all the others:
//!   otherwise its own silence would count against it twice.

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
    const MISSED: f64 = 0.004;
    /// A busy machine answers late, however near it is: this is added to what was measured.
    const BUSY: Duration = Duration::from_millis(14);
    /// The share of the contacts that are there which are sent to a second time although the answer is
    /// only late. A lookup waits for the verdict on each contact that is silent, and a second datagram
    /// that was sent early makes that verdict sure early; a datagram more to one in four is what we pay.
    const SENT_TWICE: f64 = 0.25;
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
        there: Share::assumed(0.98, 6.0),
        lost: Share::assumed(0.05, 12.0),
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

    /// When a contact in flight is to be judged again if it stays silent: once the chance of a late
    /// answer has halved, or it is given up, whichever comes first. `None` when that chance is as good
    /// as none.
    pub(crate) fn next_review(
        &self,
        there: f64,
        silence: &Silence,
        now: Instant,
    ) -> Option<Instant> {
        let weights = self.weights(there, silence, now);
        let half = weights.coming / 2.0;
        let given_up = if Self::sends_again(silence, &weights) {
            0.0
        } else {
            weights.least_to_wait_for()
        };
        let level = if given_up < weights.coming {
            half.max(given_up)
        } else {
            half
        };
        let at = (level > Self::NONE).then(|| self.coming_falls_to(level, there, silence, now));
        // At the end of time nothing is later.
        at.filter(|at| *at > now)
    }

    /// When a call that stays silent is sent again, if it is.
    pub(crate) fn resend_at(&self, silence: &Silence, now: Instant) -> Option<Instant> {
        let weights = self.weights(self.there(), silence, now);
        if !Self::sends_again(silence, &weights) {
            return None;
        }
        let level = self.resend_level(silence);
        let last = silence.last_sent();
        let is_due = |at: Instant| self.longer_than(silence, at.since(last)) <= level;
        let at = Self::first(last, now, is_due);
        // At the end of time nothing is later.
        (at > now || is_due(now)).then_some(at)
    }

    /// When a call that is sent again no more is given up if it stays silent; `None` while it is.
    pub(crate) fn give_up_at(&self, silence: &Silence, now: Instant) -> Option<Instant> {
        let weights = self.weights(self.there(), silence, now);
        let again = Self::sends_again(silence, &weights);
        (!again).then(|| self.give_up_once_at(silence, now))
    }

    /// When a call that is sent only once is given up if it stays silent.
    pub(crate) fn give_up_once_at(&self, silence: &Silence, now: Instant) -> Instant {
        let level = self.weights(self.there(), silence, now).least_to_wait_for();
        self.coming_falls_to(level, self.there(), silence, now)
    }

    /// How long a call to a contact of which nothing is known waits before it is sent again.
    pub(crate) fn resend_wait(&self) -> Duration {
        let origin = Instant::ORIGIN;
        let silence = Silence::new(origin, None);
        let level = self.resend_level(&silence);
        let is_due = |at: Instant| self.longer_than(&silence, at.since(origin)) <= level;
        Self::first(origin, origin, is_due).since(origin)
    }

    /// What the answer that comes now to a call says of the round trip, and how many sends were lost, as
    /// far as that can be told.
    ///
    /// An answer does not say which of several sends it belongs to; Karn's rule would not count it. Here
    /// it counts for the one that is [much likelier](Self::PLAIN) than all others. Losses are those to
    /// be expected, if the contact's own round trip is known. Otherwise it is slow as likely as a datagram
    /// was lost, and only what is clear counts.
    pub(crate) fn sample(&self, silence: &Silence, now: Instant) -> (RttSample, Option<f64>) {
        let longest = silence.ages(now).next().unwrap_or_default();
        if silence.sends == 1 {
            return (RttSample::Exactly(longest), Some(0.0));
        }
        let (mut sum, mut expected, mut all_before) = (0.0, 0.0, 1.0);
        let (mut best, mut likeliest) = ((longest, 0), 0.0);
        for (before, took) in (0..u8::MAX).zip(silence.ages(now)) {
            let chance = self.density(silence, took) * all_before;
            all_before *= self.lost.after_hits(before);
            sum += chance;
            expected += chance * f64::from(before);
            if chance > likeliest {
                (best, likeliest) = ((took, before), chance);
            }
        }
        let is_clear = likeliest > (sum - likeliest) * Self::PLAIN;
        let sample = if is_clear {
            RttSample::Exactly(best.0)
        } else {
            RttSample::AtMost(longest)
        };
        let lost = match silence.round_trip {
            Some(_) => (sum > 0.0).then(|| expected / sum),
            None => is_clear.then(|| f64::from(best.1)),
        };
        (sample, lost)
    }

    /// A call was answered, after so many sends that were lost, if that is known.
    pub(crate) fn answered(&mut self, sample: RttSample, lost: Option<f64>) {
        self.version = self.version.wrapping_add(1);
        self.there.hit();
        if let RttSample::Exactly(took) = sample {
            self.round_trips
                .get_or_insert_with(|| Box::new(RoundTrips::ASSUMED))
                .add(took);
        }
        if let Some(lost) = lost {
            self.lost.add_hits(lost);
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

    /// Whether a contact that stays silent is sent to once more: once no late answer explains the silence
    /// any more, a loss still may. A call that was given up is not sent again, whoever vouches for the
    /// contact later.
    fn sends_again(silence: &Silence, weights: &Weights) -> bool {
        let lost = weights.lost / (weights.lost + weights.dead);
        !silence.counted && silence.sends < silence.vouched.most_sends() && lost >= Self::MISSED
    }

    /// The chance of a later answer at which a call is sent again.
    fn resend_level(&self, silence: &Silence) -> f64 {
        let lost = self.lost.after_hits(silence.sends - 1);
        let is_likelier = lost / (1.0 - lost);
        is_likelier.clamp(Self::SENT_TWICE, Self::MOST_RESEND_LEVEL)
    }

    fn weights(&self, there: f64, silence: &Silence, now: Instant) -> Weights {
        let (mut coming, mut lost, mut until) = (0.0, 1.0, 0.0);
        for (before, age) in (0..u8::MAX).zip(silence.ages(now)) {
            let later = self.longer_than(silence, age);
            coming += lost * (later - until);
            until = later;
            lost *= self.lost.after_hits(before);
        }
        coming -= lost * until;
        Weights {
            coming: there * coming,
            lost: there * lost,
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

    /// How likely it is that an answer takes this long, beside other times. Of a contact whose own round
    /// trip is known, one in ten is taken to be as those of others.
    fn density(&self, silence: &Silence, took: Duration) -> f64 {
        let took = took.saturating_sub(Self::BUSY);
        let any = self.round_trips().density(took);
        match silence.round_trip {
            Some(own) => any * 0.1 + LogNormal::of(own).density_of(took) * 0.9,
            None => any,
        }
    }

    /// When an answer is still to come with this weight only; now, if it has fallen to that already.
    fn coming_falls_to(&self, level: f64, there: f64, silence: &Silence, now: Instant) -> Instant {
        let coming = |at| self.weights(there, silence, at).coming;
        Self::first(silence.last_sent(), now, |at| coming(at) <= level)
    }

    /// The first moment from `now` on at which something is so that stays so, to within one part in a
    /// hundred of the time since `sent`, or a millisecond; the end of [all waits](Self::LONGEST), if it
    /// is so at none before.
    fn first(sent: Instant, now: Instant, is_so: impl Fn(Instant) -> bool) -> Instant {
        let (mut early, mut late) = (Duration::ZERO, Self::LONGEST);
        if is_so(now) {
            return now;
        }
        while late - early > (late / 128).max(Duration::from_millis(1)) {
            let middle = if early < late / 8 {
                late / 4
            } else {
                (early + late) / 2
            };
            if is_so(sent + middle) {
                late = middle;
            } else {
                early = middle;
            }
        }
        (sent + late).max(now)
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
    /// An answer is still to come.
    coming: f64,
    /// It is there, and all sends were lost.
    lost: f64,
    dead: f64,
}

impl Weights {
    fn sum(&self) -> f64 {
        self.coming + self.lost + self.dead
    }

    /// How much an answer that is to come has to weigh for a contact that is sent to no more to be waited
    /// for.
    fn least_to_wait_for(&self) -> f64 {
        (self.lost + self.dead) * NetworkEstimate::MISSED / (1.0 - NetworkEstimate::MISSED)
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
