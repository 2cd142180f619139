//! A contact that was asked and has not answered.

use core::time::Duration;

use crate::rtt::RoundTrip;
use crate::time::Instant;

/// Who says that a contact is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vouched {
    /// Our own table or the user, or contacts that are known independently of each other.
    Well,
    /// One source alone: it may be the address of somebody who has nothing to do with it, and gets
    /// few datagrams.
    Hardly,
}

impl Vouched {
    /// How often a call is sent at most.
    pub(super) const fn most_sends(self) -> u8 {
        match self {
            Self::Well => 5,
            Self::Hardly => 3,
        }
    }
}

/// A query that a contact has not answered: when it was sent, and what is known of the contact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Silence {
    /// When it was sent; of more than [`MOST_SENDS`](Self::MOST_SENDS), the first and the last ones.
    sent: [Instant; Self::MOST_SENDS],
    /// How often it was sent.
    pub(super) sends: u8,
    /// How long this contact takes to answer, if that was measured.
    pub(super) round_trip: Option<RoundTrip>,
    /// Whether the estimate has counted the contact as one that is not there.
    pub(super) counted: bool,
    pub(super) vouched: Vouched,
}

impl Silence {
    /// As often as [a call is sent](Vouched::most_sends) whose sends the estimate decides on.
    const MOST_SENDS: usize = Vouched::Well.most_sends() as usize;

    /// One that begins now.
    pub(crate) const fn new(now: Instant, round_trip: Option<RoundTrip>) -> Self {
        Self {
            sent: [now; Self::MOST_SENDS],
            sends: 1,
            round_trip,
            counted: false,
            vouched: Vouched::Well,
        }
    }

    /// The same of a contact for which so much speaks.
    pub(crate) const fn vouched(self, vouched: Vouched) -> Self {
        Self { vouched, ..self }
    }

    /// The call was given up, and the estimate has counted it.
    pub(crate) const fn given_up(&mut self) {
        self.counted = true;
    }

    /// The machine was asleep: the send before did not count, this one takes its place.
    pub(crate) fn begin_anew(&mut self, now: Instant) {
        if let Some(last) = self.kept_mut().last_mut() {
            *last = now;
        }
    }

    /// The query was sent again.
    pub(crate) fn sent_again(&mut self, now: Instant) {
        self.sends = self.sends.saturating_add(1);
        self.begin_anew(now);
    }

    /// When it was sent the last time.
    pub(super) fn last_sent(&self) -> Instant {
        self.sends().last().copied().unwrap_or(self.sent[0])
    }

    /// When it was sent.
    pub(super) fn sends(&self) -> &[Instant] {
        let kept = usize::from(self.sends).min(Self::MOST_SENDS);
        &self.sent[..kept]
    }

    /// How long ago it was sent each time, the longest ago first.
    pub(super) fn ages(&self, now: Instant) -> impl Iterator<Item = Duration> + '_ {
        self.sends().iter().map(move |sent| now.since(*sent))
    }

    fn kept_mut(&mut self) -> &mut [Instant] {
        let kept = usize::from(self.sends).min(Self::MOST_SENDS);
        &mut self.sent[..kept]
    }
}

/// What is to be expected of a contact that is silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    /// The chance that it was there when it was asked, by what is known of the others.
    pub(crate) there: f64,
    /// The chance that it answers, to what was sent or to what will be sent again.
    pub(crate) answers: f64,
    /// How likely it is to answer within the time that half of the answers take, beside a contact that
    /// is asked now: of the contacts asked at a time it counts for so much.
    pub(crate) soon: f64,
}

impl Outlook {
    /// Whether it is waited for no longer.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.answers < super::NetworkEstimate::MISSED
    }
}
