//! The translator before a host that has no public address of its own, in the terms of RFC 4787.
//!
//! Each such host has a translator to itself. It gives the host's datagrams a port outside, which is
//! its *mapping*, and lets in what comes to a mapped port if its *filtering* allows the sender.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use khashmir::Instant;

use crate::random::Draw;

use super::fate::LossCause;

mod config;
mod recent;

pub use config::{Dependence, Hairpinning, NatConfig};

use config::Remote;
use recent::Recent;

/// A translator at work.
#[derive(Debug)]
pub struct Nat {
    config: NatConfig,
    outside: IpAddr,
    chance: Draw,
    /// The port that is mapped for each remote.
    mappings: Recent<u16>,
    /// The remote for which each port is mapped.
    ports: BTreeMap<u16, Remote>,
    /// The remote addresses to which the host sent, as far as the filtering tells them apart.
    written: Recent<()>,
}

impl Nat {
    /// A translator without mappings, with that address outside. The stream decides which ports it
    /// gives out.
    #[must_use]
    pub const fn new(config: NatConfig, outside: IpAddr, chance: Draw) -> Self {
        Self {
            config,
            outside,
            chance,
            mappings: Recent::new(),
            ports: BTreeMap::new(),
            written: Recent::new(),
        }
    }

    /// The host sends to an address: where the receiver sees it come from.
    ///
    /// # Errors
    /// [`LossCause::Hairpin`] when it sends to its own address outside and that is not supported.
    pub fn outbound(&mut self, now: Instant, to: SocketAddr) -> Result<SocketAddr, LossCause> {
        if to.ip() == self.outside && self.config.hairpinning == Hairpinning::Off {
            return Err(LossCause::Hairpin);
        }
        self.sweep(now);
        if self.config.filtering != Dependence::EndpointIndependent {
            self.remember(now, self.config.filtering.remote(to));
        }
        let port = self.map(now, self.config.mapping.remote(to));
        Ok(SocketAddr::new(self.outside, port))
    }

    /// A datagram comes from an address to a port outside.
    ///
    /// # Errors
    /// [`LossCause::NoMapping`] when nothing is mapped to the port, [`LossCause::Filtered`] when the
    /// sender is not let in.
    pub fn inbound(&self, now: Instant, port: u16, from: SocketAddr) -> Result<(), LossCause> {
        let mapping = self
            .ports
            .get(&port)
            .and_then(|remote| self.mappings.get(*remote));
        if mapping.is_none_or(|(used, _)| self.is_over(now, *used)) {
            return Err(LossCause::NoMapping);
        }
        if self.config.filtering == Dependence::EndpointIndependent {
            return Ok(());
        }
        match self.written.get(self.config.filtering.remote(from)) {
            Some((used, ())) if !self.is_over(now, *used) => Ok(()),
            Some(_) | None => Err(LossCause::Filtered),
        }
    }

    /// Frees expired mappings. It happens by itself when the host sends.
    pub fn sweep(&mut self, now: Instant) {
        let config = self.config;
        let is_over = |used| now.since(used) >= config.expiry;
        while let Some(port) = self.mappings.pop_if(is_over) {
            self.ports.remove(&port);
        }
        while self.written.pop_if(is_over).is_some() {}
    }

    /// How many mappings it holds, those included that have expired and are not yet freed.
    #[must_use]
    pub fn bindings(&self) -> usize {
        self.mappings.len()
    }

    fn is_over(&self, now: Instant, used: Instant) -> bool {
        now.since(used) >= self.config.expiry
    }

    fn bound(&self) -> usize {
        self.config
            .bindings
            .clamp(1, NatConfig::MOST_BINDINGS)
            .into()
    }

    /// Maps a port for a remote.
    fn map(&mut self, now: Instant, remote: Remote) -> u16 {
        if let Some(port) = self.mappings.touch(now, remote) {
            return *port;
        }
        if self.mappings.len() >= self.bound()
            && let Some(port) = self.mappings.pop_if(|_| true)
        {
            self.ports.remove(&port);
        }
        let port = self.free_port();
        self.mappings.insert(now, remote, port);
        self.ports.insert(port, remote);
        port
    }

    /// A port that nothing is mapped to. Most are free, since the mappings are bounded.
    fn free_port(&mut self) -> u16 {
        const FIRST: u16 = 1024;
        loop {
            let port = FIRST + self.chance.below(u64::from(u16::MAX - FIRST) + 1) as u16;
            if !self.ports.contains_key(&port) {
                return port;
            }
        }
    }

    /// Remembers for the filtering that the host sent to a remote.
    fn remember(&mut self, now: Instant, remote: Remote) {
        let is_new = self.written.get(remote).is_none();
        if is_new && self.written.len() >= self.bound() {
            self.written.pop_if(|_| true);
        }
        self.written.insert(now, remote, ());
    }
}

#[cfg(test)]
mod tests;
