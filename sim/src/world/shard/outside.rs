//! What is done to hosts from outside, between windows of time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use khashmir::{Id, Instant};

use super::Shard;
use crate::host::HostId;
use crate::network::{LossCause, Network};
use crate::world::alarm::Alarm;
use crate::world::clock::Clock;
use crate::world::host::{Backlog, Power};
use crate::world::host_event::HostEvent;
use crate::world::keyed::{KeyCounter, KeyTraffic};
use crate::world::machine::Machine;
use crate::world::observer::{Fact, Observer};

impl<W: Observer> Shard<W> {
    /// Gives a host a machine, or takes it away.
    pub(in crate::world) fn switch(
        &mut self,
        id: HostId,
        now: Instant,
        machine: Option<Box<dyn Machine>>,
        network: &Network,
    ) -> Option<Box<dyn Machine>> {
        let when = self.when(id, now);
        let host = self.host_mut(id);
        host.alarm = Alarm::NONE;
        let mut held = None;
        if let Some(rare) = &mut host.rare {
            held = rare.pause.take();
            rare.starts = rare.starts.wrapping_add(1);
            if let Some(disk) = &mut rare.disk {
                disk.lose_pending();
            }
        }
        for what in held.into_iter().flat_map(Backlog::into_all) {
            self.drop_held(id, now, what, LossCause::Off);
        }
        let host = self.host_mut(id);
        let power = machine.map_or(Power::Off, Power::On);
        let before = std::mem::replace(&mut host.power, power);
        let before = match before {
            Power::Off => None,
            Power::On(machine) => Some(machine),
        };
        if let Some(machine) = &before {
            self.observer.see(when, id, Fact::Off(&**machine));
        }
        let place = self.place(id);
        if let Power::On(machine) = &self.hosts[place].power {
            self.observer.see(when, id, Fact::On(&**machine));
        }
        self.drain(id, now, network);
        before
    }

    /// Sets the clock of a host.
    pub(in crate::world) fn set_clock(
        &mut self,
        id: HostId,
        now: Instant,
        clock: Clock,
        network: &Network,
    ) {
        self.host_mut(id).rare().clock = clock;
        let when = self.when(id, now);
        self.observer.see(when, id, Fact::Clock);
        self.host_mut(id).alarm = Alarm::NONE;
        self.drain(id, now, network);
    }

    /// Lets a host stand still.
    pub(in crate::world) fn pause(&mut self, id: HostId, now: Instant) {
        let when = self.when(id, now);
        let host = self.host_mut(id);
        if matches!(host.power, Power::On(_)) && host.backlog().is_none() {
            host.rare().pause = Some(Backlog::default());
            self.observer.see(when, id, Fact::Paused);
        }
    }

    /// Lets it go on with what has waited for it.
    pub(in crate::world) fn resume(&mut self, id: HostId, now: Instant, network: &Network) {
        let when = self.when(id, now);
        let rare = self.host_mut(id).rare.as_mut();
        let Some(backlog) = rare.and_then(|rare| rare.pause.take()) else {
            return;
        };
        self.observer.see(when, id, Fact::Resumed);
        for what in backlog.into_all() {
            self.handle(
                HostEvent {
                    at: now,
                    to: id,
                    what,
                },
                network,
            );
        }
        self.host_mut(id).alarm = Alarm::NONE;
        self.drain(id, now, network);
    }

    /// Lets the machine of a host leave its network.
    pub(in crate::world) fn leave(&mut self, id: HostId, now: Instant, network: &Network) {
        let when = self.when(id, now);
        if let Power::On(machine) = &mut self.host_mut(id).power {
            machine.leave(when.reading);
            self.observer.see(when, id, Fact::Left);
        }
        self.drain(id, now, network);
    }

    /// Sends a datagram from a host that its machine knows nothing of.
    pub(in crate::world) fn forge(
        &mut self,
        id: HostId,
        now: Instant,
        to: SocketAddr,
        bytes: &[u8],
        network: &Network,
    ) {
        self.buffer.clear();
        self.buffer.extend_from_slice(bytes);
        let fate = self.send(id, now, to, network);
        let when = self.when(id, now);
        let bytes = &self.buffer;
        let fate = &fate;
        self.observer
            .see(when, id, Fact::Forged { to, fate, bytes });
    }

    /// Counts from now on what goes over the network about keys that have owners.
    pub(in crate::world) fn count_keys(&mut self, owners: Arc<BTreeMap<Id, HostId>>) {
        self.keyed = Some(Box::new(KeyCounter::new(owners)));
    }

    /// What was counted.
    pub(in crate::world) fn key_traffic(&self) -> KeyTraffic {
        let keyed = self.keyed.as_ref();
        keyed.map_or_else(KeyTraffic::default, |keyed| keyed.traffic())
    }
}
