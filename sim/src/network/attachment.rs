//! How one host is attached to the network: what it remembers of its own traffic.

use std::net::SocketAddr;
use std::time::Duration;

use khashmir::Instant;

use crate::host::HostId;

use super::access::{Access, Line};
use super::fate::LossCause;
use super::links::{Links, minute_of};
use super::nat::Nat;

/// A host's end of the network.
///
/// All that the network has to remember is here, with the host to which it belongs, and no two hosts
/// share any of it. It is small while a host is idle: rare state is boxed.
#[derive(Debug)]
pub struct Attachment {
    host: HostId,
    links: Links,
    line: Option<Box<Line>>,
    nat: Option<Box<Nat>>,
}

impl Attachment {
    pub(super) fn new(host: HostId, access: Option<Access>, nat: Option<Nat>) -> Self {
        Self {
            host,
            links: Links::default(),
            line: access.map(|access| Box::new(Line::new(access))),
            nat: nat.map(Box::new),
        }
    }

    /// The host that it attaches.
    #[must_use]
    pub const fn host(&self) -> HostId {
        self.host
    }

    /// The translator before the host, if there is one.
    #[must_use]
    pub fn nat(&self) -> Option<&Nat> {
        self.nat.as_deref()
    }

    /// Gives the host a line of its own, with nothing waiting for it, in place of the one that it
    /// has.
    pub fn set_access(&mut self, access: Option<Access>) {
        self.line = access.map(|access| Box::new(Line::new(access)));
    }

    /// A datagram of `len` bytes comes from an address to one of the host's. Tells how long it waits
    /// for the line before the host has it: zero when lines have no bounds.
    ///
    /// Arrivals must be told in the order of their times.
    ///
    /// # Errors
    /// The [`LossCause`] for which the host never gets it.
    pub fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        len: usize,
    ) -> Result<Duration, LossCause> {
        // A datagram that the translator drops has used the line.
        let wait = match &mut self.line {
            Some(line) => line.receive(now, len)?,
            None => Duration::ZERO,
        };
        match &self.nat {
            Some(nat) => nat.inbound(now, to.port(), from)?,
            None if to == self.host.addr() => (),
            None => return Err(LossCause::Nobody),
        }
        Ok(wait)
    }

    /// Frees the links of past minutes and expired mappings. Sending does so by itself; a silent host
    /// needs this call.
    pub fn settle(&mut self, now: Instant) {
        self.links.settle(minute_of(now));
        if let Some(nat) = &mut self.nat {
            nat.sweep(now);
        }
    }

    /// The host sends a datagram of `len` bytes to an address. Tells where the receiver sees it come
    /// from, and how long until the line has taken it.
    pub(super) fn depart(
        &mut self,
        now: Instant,
        to: SocketAddr,
        len: usize,
    ) -> Result<(SocketAddr, Duration), LossCause> {
        let from = match &mut self.nat {
            Some(nat) => nat.outbound(now, to)?,
            None => self.host.addr(),
        };
        let wait = match &mut self.line {
            Some(line) => line.send(now, len)?,
            None => Duration::ZERO,
        };
        Ok((from, wait))
    }

    pub(super) const fn links(&mut self) -> &mut Links {
        &mut self.links
    }
}
