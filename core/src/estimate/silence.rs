//! A contact that was asked and has not answered.

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
    /// When it was sent the last time.
    pub(super) sent: Instant,
    /// How often it was sent.
    pub(super) sends: u8,
    /// How long this contact takes to answer, if that was measured.
    pub(super) round_trip: Option<RoundTrip>,
    /// Whether the estimate has counted the contact as one that is not there.
    pub(super) counted: bool,
    pub(super) vouched: Vouched,
}

impl Silence {
    /// One that begins now.
    pub(crate) const fn new(now: Instant, round_trip: Option<RoundTrip>) -> Self {
        Self {
            sent: now,
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
    pub(crate) const fn begin_anew(&mut self, now: Instant) {
        self.sent = now;
    }

    /// The query was sent again.
    pub(crate) const fn sent_again(&mut self, now: Instant) {
        self.sent = now;
        self.sends = self.sends.saturating_add(1);
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
