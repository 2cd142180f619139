//! One contact in the table, packed: a node keeps a hundred and more, a simulator a million nodes.

use core::net::{SocketAddr, SocketAddrV4};

use crate::contact::Contact;
use crate::id::Id;
use crate::rtt::{RoundTrip, RttSample};
use crate::time::Instant;

/// A contact without what addresses of other families would need.
///
/// It is the one place that knows of which family the addresses in a table are: a table of another
/// family differs in nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compact {
    pub(super) id: Id,
    addr: SocketAddrV4,
}

impl Compact {
    /// `None` when the address is of another family than this table's.
    pub(super) const fn new(contact: Contact) -> Option<Self> {
        match contact.addr {
            SocketAddr::V4(addr) => Some(Self {
                id: contact.id,
                addr,
            }),
            SocketAddr::V6(_) => None,
        }
    }

    pub(super) const fn contact(&self) -> Contact {
        Contact::new(self.id, SocketAddr::V4(self.addr))
    }

    /// Whether the two are at one address.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        self.addr == other.addr
    }
}

/// A contact that answered us, and how it has behaved since: 40 bytes.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Until when its last answer vouches for it.
    pub(super) fresh_until: Instant,
    pub(super) compact: Compact,
    conduct: Conduct,
}

/// Failures since the last answer, and how long answers take, once that was measured. An `Option`
/// beside a number would be longer.
#[derive(Clone, Copy, Debug)]
enum Conduct {
    Measured { failures: u8, round_trip: RoundTrip },
    Unmeasured { failures: u8 },
}

impl Entry {
    pub(super) const fn new(compact: Compact, fresh_until: Instant) -> Self {
        Self {
            fresh_until,
            compact,
            conduct: Conduct::Unmeasured { failures: 0 },
        }
    }

    pub(super) const fn contact(&self) -> Contact {
        self.compact.contact()
    }

    /// How long it takes to answer, once that was measured.
    pub(super) const fn round_trip(&self) -> Option<RoundTrip> {
        match self.conduct {
            Conduct::Measured { round_trip, .. } => Some(round_trip),
            Conduct::Unmeasured { .. } => None,
        }
    }

    /// Failures since its last answer.
    pub(super) const fn failures(&self) -> u8 {
        match self.conduct {
            Conduct::Measured { failures, .. } | Conduct::Unmeasured { failures } => failures,
        }
    }

    /// Takes in another answer.
    pub(super) fn answered(&mut self, fresh_until: Instant, took: RttSample) {
        self.fresh_until = self.fresh_until.max(fresh_until);
        let mut round_trip = self.round_trip();
        took.add_to(&mut round_trip);
        self.conduct = match round_trip {
            Some(round_trip) => Conduct::Measured {
                failures: 0,
                round_trip,
            },
            None => Conduct::Unmeasured { failures: 0 },
        };
    }

    /// Counts a failure, and tells how many there are now.
    pub(super) const fn failed(&mut self) -> u8 {
        let (Conduct::Measured { failures, .. } | Conduct::Unmeasured { failures }) =
            &mut self.conduct;
        *failures = failures.saturating_add(1);
        *failures
    }
}

/// A contact that found its bucket full.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
    /// It only wrote to us: it has to answer before it enters.
    Unverified(Compact),
    /// It answered us.
    Verified(Entry),
}

impl Candidate {
    pub(super) const fn contact(&self) -> Contact {
        match self {
            Self::Unverified(compact) => compact.contact(),
            Self::Verified(entry) => entry.contact(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_40_bytes_and_who_only_wrote_26() {
        assert_eq!((size_of::<Entry>(), size_of::<Compact>()), (40, 26));
    }

    #[test]
    fn an_answer_clears_failures_and_keeps_what_was_measured() {
        let contact = Contact::new(Id::hash_of(b"x"), ([10, 0, 0, 1], 1).into());
        let mut entry = Entry::new(Compact::new(contact).expect("IPv4"), Instant::ORIGIN);
        assert_eq!((entry.failed(), entry.failed()), (1, 2));
        assert_eq!(entry.round_trip(), None);
        let took = core::time::Duration::from_millis(50);
        entry.answered(Instant::ORIGIN, RttSample::Exactly(took));
        assert_eq!(entry.failures(), 0);
        assert_eq!((entry.failed(), entry.failures()), (1, 1));
        assert_eq!(entry.round_trip().map(RoundTrip::mean), Some(took));
    }
}
