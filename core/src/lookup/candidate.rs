//! A contact of a lookup: where it is, how it was found, and what became of it.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::contact::{Contact, Place};
use crate::estimate::{Outlook, Silence, Vouched};
use crate::id::{Distance, Id};
use crate::rtt::RoundTrip;
use crate::time::Instant;

/// A contact that may be asked, or that has answered.
pub(super) struct Candidate {
    pub(super) distance: Distance,
    pub(super) place: Place,
    pub(super) state: State,
    /// How long it takes to answer, where our table knows it.
    pub(super) round_trip: Option<RoundTrip>,
    /// How it was found: 1 from our own table, otherwise one more than the contact that named it.
    pub(super) depth: u32,
    /// The contact through which alone it is known; `None` if our own table names it, or contacts
    /// do that are known independently of each other (the dominator in the graph of who named whom).
    pub(super) known_through: Option<Id>,
    /// Until when it is not asked, since enough calls to its address are under way.
    pub(super) held_back: Option<Instant>,
    /// Other addresses that were named for the same identifier.
    pub(super) elsewhere: Vec<SocketAddr>,
}

/// What became of a contact.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Not asked yet.
    Fresh,
    /// Asked, and not heard of since.
    Asked {
        silence: Silence,
        outlook: Outlook,
        about: Id,
    },
    Answered,
    /// Did not answer, or not as it should.
    Failed,
}

impl Candidate {
    /// Addresses remembered for one identifier beside the first: a liar that names false ones can hide
    /// an honest node behind so many, and costs a query for each.
    const MOST_ELSEWHERE: usize = 2;

    pub(super) const fn has_answered(&self) -> bool {
        matches!(self.state, State::Answered)
    }

    pub(super) const fn is_fresh(&self) -> bool {
        matches!(self.state, State::Fresh)
    }

    /// Whether it may be asked now, if it was not.
    pub(super) fn may_be_asked(&self, now: Instant) -> bool {
        self.held_back.is_none_or(|until| until <= now)
    }

    /// When it was asked, if it has not answered.
    pub(super) const fn silence(&self) -> Option<&Silence> {
        match &self.state {
            State::Asked { silence, .. } => Some(silence),
            State::Fresh | State::Answered | State::Failed => None,
        }
    }

    /// Whether it has answered or may still.
    pub(super) fn is_waited_for(&self) -> bool {
        match self.state {
            State::Fresh | State::Answered => true,
            State::Asked { outlook, .. } => !outlook.is_hopeless(),
            State::Failed => false,
        }
    }

    /// Who says that it is there.
    pub(super) const fn vouched(&self) -> Vouched {
        match self.known_through {
            None => Vouched::Well,
            Some(_) => Vouched::Hardly,
        }
    }

    pub(super) fn addr(&self) -> Option<SocketAddr> {
        self.place.contact().map(|contact| contact.addr)
    }

    /// Takes in another address for its identifier.
    pub(super) fn is_named_at(&mut self, addr: SocketAddr) {
        let known = self.addr() == Some(addr) || self.elsewhere.contains(&addr);
        if !known && self.elsewhere.len() < Self::MOST_ELSEWHERE {
            self.elsewhere.push(addr);
        }
    }

    /// Turns to the next address of one that does not answer where it was asked. False if there is
    /// none.
    pub(super) fn try_elsewhere(&mut self) -> bool {
        if self.elsewhere.is_empty() {
            return false;
        }
        let addr = self.elsewhere.remove(0);
        self.place = Place::There(Contact::new(*self.place.id(), addr));
        self.round_trip = None;
        self.held_back = None;
        self.state = State::Fresh;
        true
    }
}
