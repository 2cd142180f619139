//! The node: one state machine made of all the parts, and the only thing that drivers see.

mod accept;
mod active_operations;
mod allowance;
mod command;
mod durability;
mod event;
mod inbound;
mod journal;
mod outbox;
mod progress;
mod queue;
mod record;
pub mod request;
mod secrets;
mod sender;
mod short_forms;
mod sleep;
mod snapshot;
mod snapshot_parts;
mod stats;
mod transmit;
mod typed;
mod upkeep;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

pub use command::{Buckets, Command, Keep, OpId, OwnStore, Refused};
pub use event::Event;
pub use record::{Record, RecordNo};
pub use snapshot::{SavedContact, SavedValue, Snapshot, SnapshotError};
pub use stats::{DropCause, MethodStats, Reachable, Stats, Status};
pub use transmit::{Taken, Transmit};
pub use typed::{TypedEvent, TypedGet, TypedPutError};

use crate::address::AddressRules;
use crate::config::{Config, ConfigError, StoreLimits};
use crate::contact::Contact;
use crate::id::Id;
use crate::operation::Abort;
use crate::rng::{Rng, Seed};
use crate::routing::{Table, TableSettings};
use crate::rpc::Transactions;
use crate::storage::{Bounds, Durability, Store};
use crate::time::Instant;
use crate::token::Tokens;
use crate::value::Value;
use active_operations::ActiveOperations;
use allowance::Allowance;
use outbox::Outbox;
use secrets::SecretsAge;
use sender::{CallQuestion, Introduction};
use upkeep::Upkeep;

/// One node of the network, without socket, clock or entropy of its own.
///
/// Methods come in four kinds. *Inputs* (`handle_*`, [`start`](Self::start) and its short forms,
/// [`cancel`](Self::cancel), [`leave`](Self::leave), [`shutdown`](Self::shutdown)) take the time
/// and change the node. *Outputs* (`poll_*`) say what the node wants: call each until it is `None`
/// after every input, or later, in any order. *Looks* (`id`, `closest`, `stats`, …) change nothing.
/// And a node is made with [`new`](Self::new) or [`restore`](Self::restore).
///
/// The [crate documentation](crate) shows the loop and states the laws.
pub struct Node {
    /// Shared: a simulator runs a million nodes with one set of settings.
    config: Arc<Config>,
    own: Id,
    life: Life,
    /// The latest time seen: time never runs back.
    now: Instant,
    started: Instant,
    rng: Rng,
    table: Table,
    store: Store,
    tokens: Tokens,
    secrets_age: SecretsAge,
    transactions: Transactions<Owner, CallQuestion>,
    introduction: Introduction,
    operations: ActiveOperations,
    upkeep: Upkeep,
    outbox: Outbox,
    /// Boxed, as of a million nodes in one process hardly one asks an address that does not answer.
    allowance: Option<Box<Allowance>>,
    stats: Stats,
    reachable: Reachable,
}

/// The life stages of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// It answers and asks.
    Running,
    /// It has left its network: it neither answers nor asks, until it joins one.
    Left,
    /// It is over.
    ShutDown,
}

/// What a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// A part of an operation.
    Operation { op: OpId, branch: u16 },
    /// Upkeep's.
    Probe(Probe),
    /// Upkeep's, to an address that may not have answered for long.
    Recovery,
}

/// Why upkeep pings a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// It was long unseen, and somebody wants its place.
    Questionable,
    /// It failed: does it still answer?
    Failing,
    /// It would like to enter the table.
    Newcomer,
    /// Others claim its identifier: does it still answer?
    Holder,
    /// It claims the identifier of a contact that no longer answers.
    Claimant,
}

impl Node {
    /// A new node with an empty table. Nodes with equal settings can share them, as an
    /// `Arc<Config>`.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings cannot work.
    pub fn new(
        config: impl Into<Arc<Config>>,
        seed: Seed,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        let mut rng = Rng::new(seed);
        let drawn = rng.id();
        let own = config.id.unwrap_or(drawn);
        let mut node = Self::with_identity(config, own, rng, now)?;
        node.record_secrets();
        Ok(node)
    }

    /// A node that goes on where another left off, `away` after its snapshot was taken.
    ///
    /// Contacts whose last answer is no older than the configuration's `fresh`, the time away
    /// included, stand as verified. Older ones are asked at once, side by side, and stand again when
    /// they answer. Buckets keep the time since they were last looked up; values keep what is left
    /// of their lives. Tokens given before are good for as long as if the node had never been away. Values that
    /// were kept at others are stored there anew, under operations that [`kept_puts`](Self::kept_puts) names.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings cannot work, or the snapshot has no identity.
    pub fn restore(
        config: impl Into<Arc<Config>>,
        mut snapshot: Snapshot,
        away: Duration,
        seed: Seed,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        snapshot.advance(away);
        let mut node = Self::with_identity(config.into(), snapshot.id(), Rng::new(seed), now)?;
        node.restore_secrets(&snapshot);
        let rules = node.rules();
        let mut doubted = Vec::new();
        for saved in snapshot.contacts() {
            let Ok(addr) = rules.admit(saved.contact.addr) else {
                continue;
            };
            let contact = Contact::new(saved.contact.id, addr);
            if saved.answered_ago <= node.config.fresh {
                node.table.restore(now, contact, saved.answered_ago);
            } else {
                doubted.push(addr);
            }
        }
        node.restored_from(node.table.len() + doubted.len());
        node.ask_restored(doubted);
        node.table.restore_ages(now, snapshot.bucket_ages());
        for saved in snapshot.values() {
            let expires = now + saved.remaining;
            node.store.put(
                now,
                *saved.key,
                saved.value.clone(),
                (expires, Durability::Now),
            );
        }
        node.restore_kept(snapshot.kept());
        node.presence_after_restore();
        Ok(node)
    }

    // ---- inputs

    /// Takes in a datagram, which came from `from` to the local address `local`, and says whether it
    /// was one of this protocol. Bad ones are counted and dropped; this never fails.
    ///
    /// With `local` the answer leaves from the address that was asked, as a host of several addresses
    /// must see to, and so does the ping to a newcomer. A driver whose socket is bound to one address, or
    /// which cannot tell, gives `None`.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
    ) -> Taken {
        self.advance_clock(now);
        let taken = self.receive(from, local, datagram);
        self.settle();
        taken
    }

    /// Does what has fallen due. Nothing happens when nothing has.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance_clock(now);
        self.do_due();
        self.settle();
        // Only at the end of time is there anything due that was begun just now.
        while self.next_deadline().is_some_and(|at| at <= self.now) {
            self.do_due();
            self.settle();
        }
    }

    /// Starts a command: the one door for all of them.
    ///
    /// # Errors
    /// [`Refused`] says why nothing was started.
    pub fn start(&mut self, now: Instant, command: Command) -> Result<OpId, Refused> {
        self.advance_clock(now);
        let started = self.accept(command);
        self.settle();
        started
    }

    /// Ends a command, with [`Abort::Cancelled`] as its outcome; or stops keeping the value of a
    /// put that is over. False when there is nothing to end.
    pub fn cancel(&mut self, now: Instant, op: OpId) -> bool {
        self.advance_clock(now);
        let kept = self.stop_keeping(op);
        let cancelled = self.abort(op, Abort::Cancelled);
        // It may have been the join that would have planned this.
        self.check_bootstrap();
        self.settle();
        kept || cancelled
    }

    /// Leaves the network: everything under way ends with [`Abort::Left`], nothing is kept or
    /// retried any longer, and no query is answered. Table and store stay, and
    /// [joining](Command::Join) works again.
    pub fn leave(&mut self, now: Instant) {
        self.advance_clock(now);
        if self.life == Life::Running {
            self.life = Life::Left;
            self.stop(Abort::Left);
        }
    }

    /// Ends the node: everything under way ends with [`Abort::ShutDown`]. What waits to be polled
    /// still can be; datagrams are ignored, and commands refused.
    pub fn shutdown(&mut self, now: Instant) {
        self.advance_clock(now);
        if self.life != Life::ShutDown {
            self.life = Life::ShutDown;
            self.stop(Abort::ShutDown);
        }
    }

    /// Changes the bootstrap addresses, for instance because names resolve to other addresses by
    /// now. Those that are new are asked at once. Those that cannot be used, and those beyond the
    /// configured number, are left out.
    pub fn set_bootstrap(&mut self, now: Instant, bootstrap: &[SocketAddr]) {
        self.advance_clock(now);
        let rules = self.rules();
        let usable = bootstrap.iter().filter_map(|addr| rules.admit(*addr).ok());
        let most = self.config.limits.max_bootstrap;
        let new = self.upkeep.set_bootstrap(usable.take(most).collect());
        self.ask_bootstrap(new);
        self.settle();
    }

    // ---- outputs

    /// The next change to be written down, if the configuration asks for a journal.
    pub fn poll_record(&mut self) -> Option<(RecordNo, Record)> {
        self.outbox.poll_record()
    }

    /// The next datagram to send: fills `datagram`, whose contents are replaced, and says where it
    /// goes and from where.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<Transmit> {
        let transmit = self.outbox.poll_transmit(datagram)?;
        self.stats.datagrams_out += 1;
        self.stats.bytes_out += datagram.len() as u64;
        Some(transmit)
    }

    /// Gives back the memory that is kept for the datagrams to come, if none waits to be polled.
    ///
    /// A node does that by itself now and then. A program that holds many idle nodes may want it
    /// after each input: then the next datagram is allocated anew.
    pub fn shrink(&mut self) {
        self.outbox.shrink_to_fit();
    }

    /// The next thing that the user may want to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outbox.poll_event()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, if nothing else
    /// happens until then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_deadline()
    }

    // ---- looks

    /// This node's identifier.
    #[must_use]
    pub const fn id(&self) -> Id {
        self.own
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The contacts in the table that are closest to a target, as many as an answer names.
    #[must_use]
    pub fn closest(&self, target: &Id) -> Vec<Contact> {
        self.table.closest(target, self.config.k)
    }

    /// All contacts in the table, from the farthest bucket to the one around ourselves; in each,
    /// least recently seen first.
    pub fn contacts(&self) -> impl Iterator<Item = Contact> + '_ {
        self.table.buckets().flatten()
    }

    /// The contacts of each bucket: the first bucket holds those that share no leading bit with
    /// our own identifier, the next those that share one, and so on; the last holds all that share
    /// more.
    pub fn buckets(&self) -> impl Iterator<Item = Vec<Contact>> + '_ {
        self.table.buckets().map(Iterator::collect)
    }

    /// The puts that are kept, each with its key and value. [`cancel`](Self::cancel) ends one.
    pub fn kept_puts(&self) -> impl Iterator<Item = (OpId, &Id, &Value)> {
        self.upkeep.kept.iter()
    }

    /// The counters.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let now = now.max(self.now);
        Status {
            uptime: now.since(self.started),
            reachable: self.reachable,
            contacts: self.table.len(),
            candidates: self.table.candidates(),
            estimated_nodes: self.table.estimated_network(),
            keys: self.store.key_count(),
            values: self.store.value_count(),
            calls: self.transactions.len(),
            operations: self.operations.commands(),
            kept: self.upkeep.kept.len(),
        }
    }

    /// Everything worth keeping: identity, contacts, values, kept puts, and the secrets behind tokens. With many values that takes its time:
    /// [`snapshot_values`](Self::snapshot_values) takes them in parts.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let now = now.max(self.now);
        let mut snapshot = self.contacts_snapshot(now);
        self.snapshot_kept(&mut snapshot);
        self.snapshot_values(now, &mut snapshot, None, usize::MAX);
        snapshot
    }

    /// Identity, contacts and the secrets behind tokens only: the values are in the journal, if there is one.
    #[must_use]
    pub fn contacts_snapshot(&self, now: Instant) -> Snapshot {
        let now = now.max(self.now);
        let mut snapshot = Snapshot::new(self.own);
        for (contact, age) in self.table.contacts(now) {
            snapshot.add_contact(contact, age);
        }
        for age in self.table.bucket_ages(now) {
            snapshot.add_bucket_age(age);
        }
        self.save_secrets(now, &mut snapshot);
        snapshot
    }

    // ---- inside

    fn with_identity(
        config: Arc<Config>,
        own: Id,
        mut rng: Rng,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Config::check_id(&own)?;
        let settings = TableSettings {
            k: config.k,
            max_failures: config.max_failures,
            fresh: config.fresh,
            staleness: config.staleness,
        };
        let bounds = Bounds {
            max_values_per_key: config.store.max_values_per_key,
            max_keys: config.store.max_keys,
            max_bytes: config.store.max_bytes,
            overhead: StoreLimits::OVERHEAD,
        };
        let mut outbox = Outbox::new(config.journal, &config.limits);
        outbox.record(|| (Record::Identity { id: own }, None));
        Ok(Self {
            own,
            life: Life::Running,
            now,
            started: now,
            table: Table::new(own, settings, now),
            store: Store::new(own, bounds),
            tokens: Tokens::new(&mut rng),
            secrets_age: SecretsAge::new(now),
            transactions: Transactions::new(config.limits.max_calls, &mut rng),
            introduction: Introduction::None,
            operations: ActiveOperations::default(),
            upkeep: Upkeep::new(&config, now),
            outbox,
            allowance: None,
            stats: Stats::default(),
            reachable: Reachable::Unknown,
            rng,
            config,
        })
    }

    fn advance_clock(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    fn rules(&self) -> AddressRules {
        AddressRules {
            private: self.config.private_addresses,
            own: self.config.address,
        }
    }

    fn stop(&mut self, why: Abort) {
        for op in self.operations.all_commands() {
            self.abort(op, why);
        }
        self.operations.clear();
        self.transactions.clear();
        self.introduction = Introduction::None;
        self.upkeep.stop();
        self.outbox.forget_all_copies();
    }
}

/// Who it is and how much it has under way: the table and the store may be large.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.own)
            .field("life", &self.life)
            .field("status", &self.status(self.now))
            .finish_non_exhaustive()
    }
}
