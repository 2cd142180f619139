//! One contact in the table, packed: a node keeps a hundred and more, a simulator a million nodes.

use core::net::{SocketAddr, SocketAddrV4};

use crate::contact::Contact;
use crate::id::Id;
use crate::rtt::{Memory, RoundTrip, Took};
use crate::time::Instant;

/// A contact that answered us, and how it has behaved since.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Until when its last answer vouches for it.
    pub(super) fresh_until: Instant,
    pub(super) id: Id,
    pub(super) addr: SocketAddrV4,
    /// How long it takes to answer, once that was measured.
    pub(super) round_trip: Option<RoundTrip>,
    /// Failures since its last answer.
    pub(super) failures: u8,
}

impl Entry {
    /// `None` when the address is of another family than this table's.
    pub(super) fn new(contact: Contact, fresh_until: Instant) -> Option<Self> {
        let SocketAddr::V4(addr) = contact.addr else {
            return None;
        };
        Some(Self {
            fresh_until,
            id: contact.id,
            addr,
            round_trip: None,
            failures: 0,
        })
    }

    pub(super) const fn contact(&self) -> Contact {
        Contact::new(self.id, SocketAddr::V4(self.addr))
    }

    /// Takes in another answer.
    pub(super) fn answered(&mut self, fresh_until: Instant, took: Took) {
        self.fresh_until = self.fresh_until.max(fresh_until);
        self.failures = 0;
        took.add_to(&mut self.round_trip, Memory::Contact);
    }
}
