//! Accepting commands: what is refused, and what operation an accepted one turns into.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::active_operations::{Waiter, Waiters};
use super::journal::Safe;
use super::{Buckets, Command, Event, Keep, Life, Node, OpId, OwnStore, Record, Refused};
use crate::address::BadAddress;
use crate::config::Retrieve;
use crate::id::Id;
use crate::operation::{Bounds, Find, Get, Operation, Ping, Put, Refresh, WalkKind};
use crate::value::Value;
use crate::wire::Method;

impl Node {
    pub(super) fn accept(&mut self, command: Command) -> Result<OpId, Refused> {
        match self.life {
            Life::ShutDown => return Err(Refused::ShutDown),
            Life::Left if !matches!(command, Command::Join { .. }) => {
                return Err(Refused::NotJoined);
            }
            Life::Left | Life::Running => {}
        }
        if !self.config.role.knows(method_of(&command)) {
            return Err(Refused::NotMyRole);
        }
        let reserved = self.events_of(&command);
        let too_many = self.operations.commands() >= self.config.limits.max_operations;
        if too_many || !self.outbox.has_room_for_events(reserved) {
            return Err(Refused::Busy);
        }
        match command {
            Command::AddContact { addr } => {
                let addr = self.usable(addr)?;
                Ok(self.begin_command(reserved, Operation::Ping(Ping::greet(addr))))
            }
            Command::FindClose => Ok(self.find(reserved, self.own.neighbour())),
            Command::FindNode { target } => Ok(self.find(reserved, target)),
            Command::FindValue { key } => {
                let walk = self.walk(key, WalkKind::FindValue);
                let own = (self.own, self.store.count(&key, self.now) as u64);
                Ok(self.begin_command(reserved, Operation::Find(Find::holders(walk, own))))
            }
            Command::Get {
                key,
                retrieve,
                own_store,
            } => Ok(self.accept_get(reserved, key, retrieve, own_store)),
            Command::Join { bootstrap } => self.accept_join(reserved, &bootstrap),
            Command::Ping { addr } => {
                let addr = self.usable(addr)?;
                Ok(self.begin_command(reserved, Operation::Ping(Ping::plain(addr))))
            }
            Command::Put { key, value, keep } => self.accept_put(reserved, key, value, keep),
            Command::Refresh { buckets } => {
                let targets = match buckets {
                    Buckets::All => self.table.all_targets(&mut self.rng),
                    Buckets::Stale => self.table.stale_targets(self.now, &mut self.rng),
                };
                Ok(self.begin_command(reserved, Operation::Refresh(Refresh::new(targets))))
            }
        }
    }

    /// How many events a command may cause: its end, and what a `get` finds.
    fn events_of(&self, command: &Command) -> usize {
        match command {
            Command::Get { .. } => self.config.most_events(),
            Command::AddContact { .. }
            | Command::FindClose
            | Command::FindNode { .. }
            | Command::FindValue { .. }
            | Command::Join { .. }
            | Command::Ping { .. }
            | Command::Put { .. }
            | Command::Refresh { .. } => 1,
        }
    }

    fn begin_command(&mut self, reserved: usize, operation: Operation) -> OpId {
        let op = self.operations.next_id();
        self.begin_as(op, reserved, operation);
        op
    }

    fn begin_as(&mut self, op: OpId, reserved: usize, operation: Operation) {
        self.outbox.reserve(reserved);
        self.begin(
            op,
            operation,
            Waiters::Commands(vec![Waiter {
                op,
                reserved,
                since: self.now,
            }]),
        );
    }

    fn find(&mut self, reserved: usize, target: Id) -> OpId {
        let walk = self.walk(target, WalkKind::FindNode);
        self.begin_command(reserved, Operation::Find(Find::nodes(walk)))
    }

    /// Lets a `get` share the lookup of another that is the same.
    fn share_get(&mut self, reserved: usize, key: Id, leader: OpId) -> OpId {
        let op = self.operations.next_id();
        let reserved = reserved - 1;
        let waiter = Waiter {
            op,
            reserved,
            since: self.now,
        };
        let values = self.operations.share(leader, waiter);
        self.outbox.reserve(reserved);
        if !values.is_empty() {
            self.outbox.event(Event::Values { op, key, values });
        }
        op
    }

    /// Starts a `get`, or lets it share the lookup of another that is the same.
    fn accept_get(
        &mut self,
        reserved: usize,
        key: Id,
        retrieve: Option<Retrieve>,
        own_store: OwnStore,
    ) -> OpId {
        let retrieve = retrieve.unwrap_or(self.config.retrieve);
        let own = match own_store {
            OwnStore::Include => Some(self.own),
            OwnStore::LeaveOut => None,
        };
        let same = |operation: &Operation| match operation {
            Operation::Get(get) => get.is_same(&key, retrieve, own),
            Operation::Check(_)
            | Operation::Find(_)
            | Operation::Join(_)
            | Operation::Ping(_)
            | Operation::Put(_)
            | Operation::Refresh(_) => false,
        };
        if let Some(leader) = self.operations.find_same(same) {
            return self.share_get(reserved, key, leader);
        }
        let walk = self.walk(key, WalkKind::FindValue);
        let own = own.map(|own| (own, self.store.values(&key, self.now).cloned().collect()));
        let get = Get::new(walk, retrieve, self.bounds(), own);
        self.begin_command(reserved, Operation::Get(get))
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            k: self.config.k,
            alpha: self.config.alpha,
            repeats: self.config.limits.max_get_repeats,
        }
    }

    fn accept_join(&mut self, reserved: usize, bootstrap: &[SocketAddr]) -> Result<OpId, Refused> {
        if bootstrap.len() > self.config.limits.max_bootstrap {
            return Err(Refused::TooManyAddresses);
        }
        let mut usable = Vec::new();
        for addr in bootstrap {
            match self.usable(*addr) {
                Ok(addr) => usable.push(addr),
                // Every node of a network may be given the same list.
                Err(Refused::BadAddress {
                    why: BadAddress::Own,
                    ..
                }) => {}
                Err(refused) => return Err(refused),
            }
        }
        match self.operations.joining() {
            Some((_, Waiters::Commands(_))) => return Err(Refused::JoinInProgress),
            Some((op, Waiters::Upkeep(_))) => {
                self.operations.remove(op);
            }
            None => {}
        }
        self.life = Life::Running;
        if !usable.is_empty() {
            // All of them are greeted, the new ones like the others.
            self.upkeep.set_bootstrap(usable);
        }
        let joining = self.joining();
        Ok(self.begin_command(reserved, joining))
    }

    fn accept_put(
        &mut self,
        reserved: usize,
        key: Id,
        value: Value,
        keep: Keep,
    ) -> Result<OpId, Refused> {
        if self.operations.is_putting(&key, &value) {
            return Err(Refused::AlreadyPutting);
        }
        let mut safe = Safe::Now;
        let op = match keep {
            Keep::Once => self.operations.next_id(),
            Keep::UntilCancelled if self.upkeep.kept.keeps(&key, &value) => {
                return Err(Refused::AlreadyKept);
            }
            Keep::UntilCancelled
                if self.upkeep.kept.len() >= self.config.limits.max_kept
                    || !self.outbox.has_room_for_records() =>
            {
                return Err(Refused::Busy);
            }
            Keep::UntilCancelled => {
                let op = self.operations.next_id();
                let record = || {
                    let value = value.clone();
                    (Record::Kept { key, value }, None)
                };
                safe = self.outbox.record(record);
                self.upkeep.kept.keep(op, key, value.clone());
                op
            }
        };
        let walk = self.walk(key, WalkKind::FindNode);
        let mut put = Put::new(walk, value, self.config.redundancy, self.config.alpha);
        if let Safe::After(record) = safe {
            put.wait_until_kept();
            self.operations.wait_until_kept(record, op);
        }
        self.begin_as(op, reserved, Operation::Put(put));
        Ok(op)
    }

    /// An address that a command names. Private ones are accepted: the user means them.
    fn usable(&self, addr: SocketAddr) -> Result<SocketAddr, Refused> {
        let refused = |why| Refused::BadAddress { addr, why };
        let addr = BadAddress::check(addr).map_err(refused)?;
        if self.config.address == Some(addr) {
            Err(refused(BadAddress::Own))
        } else {
            Ok(addr)
        }
    }
}

/// The method that a command is about, as far as roles are concerned.
const fn method_of(command: &Command) -> Method {
    match command {
        Command::AddContact { .. } | Command::Join { .. } => Method::Join,
        Command::FindClose | Command::FindNode { .. } | Command::Refresh { .. } => Method::FindNode,
        Command::FindValue { .. } => Method::FindValue,
        Command::Get { .. } => Method::GetValue,
        Command::Ping { .. } => Method::Ping,
        Command::Put { .. } => Method::StoreValue,
    }
}
