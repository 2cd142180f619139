//! The network between the hosts, as a pure machine: told what is sent, it says what becomes of it.
//!
//! It has no sockets, no clock and no queue of its own. A [`Network`] is what all hosts share and
//! does not change while they are at work; an [`Attachment`] is what belongs to one host. So hosts
//! can be computed by several threads, and since chance is found from names and not from a common
//! generator, the outcome is the same in whatever order they are.
//!
//! # What a fate depends on
//!
//! Latency belongs to a pair of hosts for good. The rest is drawn from the seed, sender, receiver,
//! the virtual minute of sending, and how many datagrams went that way in that minute before. What
//! a link was like in past minutes is forgotten, bursts of loss included. So what happens on one
//! link leaves the others as they were, with two exceptions that lie in the nature of the thing:
//! a [line](Access) and a [translator](nat) are common to all links of a host.
//!
//! # The way of a datagram
//!
//! Sender: MTU, translator, line. Between: cuts, loss, delay, duplication. Receiver: line,
//! translator. The sender's part and the way happen in [`Network::send`], the receiver's in
//! [`Attachment::receive`] when it arrives.

use std::net::SocketAddr;
use std::time::Duration;

use khashmir::Instant;

use crate::host::HostId;
use crate::random::{Chance, Draw, topic};
use crate::span::Span;

mod access;
mod attachment;
mod config;
mod cuts;
mod fate;
pub mod geo;
mod latency;
mod links;
mod loss;
mod loss_counts;
pub mod nat;

pub use access::Access;
pub use attachment::Attachment;
pub use config::{BadNetwork, HEADERS, NetworkConfig, Reorder};
pub use cuts::{Cut, CutId, Cuts, Groups};
pub use fate::{Arrival, Fate, LossCause, LossPlace, Sent};
pub use latency::{CustomLatency, Latency};
pub use loss::Loss;
pub use loss_counts::LossCounts;
pub use nat::{Nat, NatConfig};

use links::minute_of;
use loss::Losses;

const LINK: u64 = topic("network/link");
const START: u64 = topic("network/start");
const LOSS: u64 = topic("network/loss");
const JITTER: u64 = topic("network/jitter");
const REORDER: u64 = topic("network/reorder");
const DUPLICATE: u64 = topic("network/duplicate");
const COPY: u64 = topic("network/copy");
const PORTS: u64 = topic("network/ports");

/// The network that all hosts share.
#[derive(Clone, Debug)]
pub struct Network {
    config: NetworkConfig,
    losses: Losses,
    duplicate: Chance,
    reorder: Chance,
    cuts: Cuts,
}

impl Network {
    /// A network without cuts.
    ///
    /// # Errors
    /// [`BadNetwork`] when a setting makes no sense.
    pub fn new(config: NetworkConfig) -> Result<Self, BadNetwork> {
        config.check()?;
        Ok(Self {
            losses: Losses::new(&config.loss),
            duplicate: Chance::new(config.duplicate),
            reorder: Chance::new(config.reorder.chance),
            config,
            cuts: Cuts::new(),
        })
    }

    /// What it is like.
    #[must_use]
    pub const fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Makes it another network for what is sent from now on. Its floor stays.
    ///
    /// # Errors
    /// [`BadNetwork`] when a setting would make no sense; then nothing changes.
    pub fn change(&mut self, how: impl FnOnce(&mut NetworkConfig)) -> Result<(), BadNetwork> {
        let mut config = self.config.clone();
        how(&mut config);
        config.floor = self.config.floor;
        let cuts = std::mem::take(&mut self.cuts);
        let changed = Self::new(config);
        if let Ok(changed) = changed {
            *self = Self { cuts, ..changed };
            return Ok(());
        }
        self.cuts = cuts;
        changed.map(|_| ())
    }

    /// No datagram arrives sooner than that after it was sent.
    #[must_use]
    pub const fn floor(&self) -> Duration {
        self.config.floor
    }

    /// The cuts of the moment.
    #[must_use]
    pub const fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    /// The cuts, to change them.
    pub const fn cuts_mut(&mut self) -> &mut Cuts {
        &mut self.cuts
    }

    /// Attaches a host that has a public address.
    #[must_use]
    pub fn attach(&self, host: HostId) -> Attachment {
        Attachment::new(host, self.config.access, None)
    }

    /// Attaches a host behind a translator, whose address outside is the host's.
    ///
    /// # Errors
    /// [`BadNetwork`] when a setting of the translator makes no sense.
    pub fn attach_behind(&self, nat: NatConfig, host: HostId) -> Result<Attachment, BadNetwork> {
        if let Some(problem) = nat.problem() {
            return Err(BadNetwork {
                field: "nat",
                problem,
            });
        }
        let ports = Draw::new(self.config.seed, &[PORTS, host.number().into()]);
        let nat = Nat::new(nat, host.ip().into(), ports);
        Ok(Attachment::new(host, self.config.access, Some(nat)))
    }

    /// The one-way delay between two hosts without jitter, queues and holding back.
    #[must_use]
    pub fn delay(&self, a: HostId, b: HostId) -> Duration {
        let delay = self.config.latency.between(self.config.seed, a, b);
        delay.max(self.config.floor)
    }

    /// A host sends a datagram of `len` bytes to an address that belongs to the host `receiver`.
    pub fn send(
        &self,
        sender: &mut Attachment,
        now: Instant,
        receiver: HostId,
        to: SocketAddr,
        len: usize,
    ) -> Sent {
        let (from, minute) = (sender.host(), minute_of(now));
        let words = [
            LINK,
            from.number().into(),
            receiver.number().into(),
            minute.into(),
        ];
        let on_link = Draw::new(self.config.seed, &words);
        let start = || self.losses.start(on_link.fork(START));
        let link = sender.links().to(receiver, minute, start);
        let datagram = on_link.fork(link.sent.into());
        let number = u64::from(minute) << 32 | u64::from(link.sent) << 1;
        link.sent = (link.sent + 1).min(u32::MAX >> 1);
        // Whatever else happens to it, so that the channel goes on as if it had passed.
        let struck = self.losses.strike(&mut link.channel, datagram.fork(LOSS));
        let fate = match self.depart(sender, now, receiver, to, len) {
            Err(why) => Fate::Lost(why),
            Ok(_) if struck => Fate::Lost(LossCause::Loss),
            Ok((source, waited)) => Fate::Arrives {
                from: source,
                after: waited.saturating_add(self.transit(from, receiver, &datagram)),
                copy_after: self.is_duplicated(&datagram).then(|| {
                    let copy = datagram.fork(COPY);
                    waited.saturating_add(self.transit(from, receiver, &copy))
                }),
            },
        };
        Sent { number, fate }
    }

    /// The sender's side, and the cuts.
    fn depart(
        &self,
        sender: &mut Attachment,
        now: Instant,
        receiver: HostId,
        to: SocketAddr,
        len: usize,
    ) -> Result<(SocketAddr, Duration), LossCause> {
        if len.saturating_add(HEADERS) > self.config.mtu {
            return Err(LossCause::Mtu);
        }
        let departed = sender.depart(now, to, len)?;
        if self.cuts.passes(sender.host(), receiver) {
            Ok(departed)
        } else {
            Err(LossCause::Cut)
        }
    }

    /// How long a datagram is on the way.
    fn transit(&self, from: HostId, to: HostId, datagram: &Draw) -> Duration {
        let mut delay = self.config.latency.between(self.config.seed, from, to);
        if self.config.jitter != Span::NONE {
            let jitter = self.config.jitter.draw(&mut datagram.fork(JITTER));
            delay = delay.saturating_add(jitter);
        }
        if !self.reorder.is_never() {
            let mut draw = datagram.fork(REORDER);
            if draw.chance(self.reorder) {
                delay = delay.saturating_add(self.config.reorder.hold.draw(&mut draw));
            }
        }
        delay.max(self.config.floor)
    }

    fn is_duplicated(&self, datagram: &Draw) -> bool {
        !self.duplicate.is_never() && datagram.fork(DUPLICATE).chance(self.duplicate)
    }
}

#[cfg(test)]
mod tests;
