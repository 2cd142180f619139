//! The commands under way: who waits for them, what they took, and how they come to their end.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::event::RecordNo;
use super::outbox::Safe;
use super::{Event, Node, OpId, Owner};
use crate::address::AddressRules;
use crate::config::Role;
use crate::contact::Peer;
use crate::id::Id;
use crate::lookup::Frontier;
use crate::operation::{
    Abort, Action, Answer, CallError, Effort, Operation, Outcome, Question, Refusal, Step,
    StoredHere, Trouble, Walk, WalkKind,
};
use crate::rpc::{Opening, Sends};
use crate::time::Instant;
use crate::value::Value;
use crate::wire::{Breach, Method, Query};

/// All operations under way: commands of the user, and what upkeep does by itself. Commands are
/// bounded by the configuration, upkeep runs a few at a time.
#[derive(Default)]
pub(super) struct Operations {
    running: BTreeMap<OpId, Running>,
    /// Commands that share an operation that another began.
    shared: BTreeMap<OpId, OpId>,
    deadlines: BTreeSet<(Instant, OpId)>,
    /// Those that would ask, but found no free call.
    starved: BTreeSet<OpId>,
    /// Those that wait for a record of their own to be safe.
    unsafe_stores: BTreeSet<(RecordNo, OpId)>,
    last: u64,
}

struct Running {
    operation: Operation,
    audience: Audience,
    deadline: Instant,
    effort: Effort,
}

/// Who waits for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// These commands, each with the events that it may still cause.
    Commands(Vec<Listener>),
    /// Upkeep.
    Upkeep(Chore),
}

/// A command that waits for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) op: OpId,
    pub(super) reserved: usize,
    pub(super) since: Instant,
}

/// What upkeep does through operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chore {
    /// Storing the value of this put once more.
    Keep(OpId),
    /// Looking around in stale buckets.
    Refresh,
    /// Joining again.
    Rejoin,
}

impl Operations {
    pub(super) fn next_id(&mut self) -> OpId {
        self.last += 1;
        OpId(self.last)
    }

    /// How many commands of the user are under way.
    pub(super) fn commands(&self) -> usize {
        self.running
            .values()
            .map(|running| running.listeners().len())
            .sum()
    }

    /// Every command of the user that is under way.
    pub(super) fn all_commands(&self) -> Vec<OpId> {
        self.running
            .values()
            .flat_map(|running| running.listeners())
            .map(|l| l.op)
            .collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The next operation whose time is up.
    pub(super) fn overdue(&self, now: Instant) -> Option<OpId> {
        self.deadlines
            .first()
            .filter(|(deadline, _)| *deadline <= now)
            .map(|(_, op)| *op)
    }

    /// How many operations of upkeep's fit the description.
    pub(super) fn chores(&self, is: impl Fn(Chore) -> bool) -> usize {
        let fits = |running: &&Running| match running.audience {
            Audience::Upkeep(chore) => is(chore),
            Audience::Commands(_) => false,
        };
        self.running.values().filter(fits).count()
    }

    /// The operation that joins, if one does, and for whom.
    pub(super) fn joining(&self) -> Option<(OpId, &Audience)> {
        let joins = |running: &Running| matches!(running.operation, Operation::Join(_));
        self.running
            .iter()
            .find_map(|(op, running)| joins(running).then_some((*op, &running.audience)))
    }

    /// Whether this value is being put under this key.
    pub(super) fn is_putting(&self, key: &Id, value: &Value) -> bool {
        self.running
            .values()
            .any(|running| match &running.operation {
                Operation::Put(put) => put.key() == key && put.value() == value,
                Operation::Find(_)
                | Operation::Get(_)
                | Operation::Join(_)
                | Operation::Ping(_)
                | Operation::Refresh(_) => false,
            })
    }

    /// A running operation of the user's that is the same in every respect.
    pub(super) fn find_same(&self, same: impl Fn(&Operation) -> bool) -> Option<OpId> {
        let shareable = |running: &Running| {
            matches!(running.audience, Audience::Commands(_)) && same(&running.operation)
        };
        self.running
            .iter()
            .find_map(|(op, running)| shareable(running).then_some(*op))
    }

    /// Lets a command share a running `get`; gives what that has delivered so far.
    pub(super) fn share(&mut self, leader: OpId, listener: Listener) -> Vec<Value> {
        let Some(running) = self.running.get_mut(&leader) else {
            return Vec::new();
        };
        let (Audience::Commands(listeners), Operation::Get(get)) =
            (&mut running.audience, &running.operation)
        else {
            return Vec::new();
        };
        listeners.push(listener);
        self.shared.insert(listener.op, leader);
        get.delivered()
    }

    pub(super) fn clear(&mut self) {
        let last = self.last;
        *self = Self {
            last,
            ..Self::default()
        };
    }

    /// Takes in an answer, if the operation is still there.
    pub(super) fn answered(
        &mut self,
        op: OpId,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), Breach> {
        let Some(running) = self.running.get_mut(&op) else {
            return Ok(());
        };
        running.operation.answered(answer, rules)?;
        running.effort.answered += 1;
        Ok(())
    }

    /// Counts a datagram that was sent or received for an operation.
    pub(super) fn count_datagram(&mut self, op: OpId, len: usize) {
        if let Some(running) = self.running.get_mut(&op) {
            running.effort.datagrams += 1;
            running.effort.bytes += len as u64;
        }
    }

    /// Counts a call that brought nothing.
    pub(super) fn failed(&mut self, op: OpId, by: SocketAddr, error: CallError) {
        let Some(effort) = self.running.get_mut(&op).map(|running| &mut running.effort) else {
            return;
        };
        match error {
            CallError::Broken(_) | CallError::WrongId => effort.broken += 1,
            CallError::Refused(code) if effort.refusals.len() < Effort::MAX_REFUSALS => {
                effort.refusals.push(Refusal { by, code });
            }
            CallError::Refused(_) | CallError::Timeout => {}
        }
    }

    fn remove(&mut self, op: OpId) -> Option<Running> {
        let running = self.running.remove(&op)?;
        self.deadlines.remove(&(running.deadline, op));
        self.starved.remove(&op);
        self.unsafe_stores.retain(|(_, waiting)| *waiting != op);
        for listener in running.listeners() {
            self.shared.remove(&listener.op);
        }
        Some(running)
    }
}

impl Running {
    fn listeners(&self) -> &[Listener] {
        match &self.audience {
            Audience::Commands(listeners) => listeners,
            Audience::Upkeep(_) => &[],
        }
    }

    /// What it took so far; whoever was asked and has not been heard of counts as unanswered.
    fn effort(&self) -> Effort {
        let mut effort = self.effort.clone();
        let heard =
            effort.answered + effort.broken + u32::try_from(effort.refusals.len()).unwrap_or(0);
        effort.unanswered = effort.asked.saturating_sub(heard);
        let reach = self.operation.reach();
        (effort.hops, effort.rounds) = (reach.hops, reach.rounds);
        effort
    }
}

impl Node {
    /// Begins an operation under this id.
    pub(super) fn begin(&mut self, op: OpId, operation: Operation, audience: Audience) {
        let deadline = self.now + self.config.operation_timeout;
        let effort = Effort::default();
        let running = Running {
            operation,
            audience,
            deadline,
            effort,
        };
        self.operations.running.insert(op, running);
        self.operations.deadlines.insert((deadline, op));
        self.advance(op);
    }

    /// A walk towards a target, seeded from our own table, our own node included if it serves.
    pub(super) fn walk(&mut self, target: Id, kind: WalkKind) -> Walk {
        let mut frontier = Frontier::new(target, self.config.k, self.config.alpha);
        if self.config.role != Role::Client {
            frontier.include_self(self.own);
        }
        for contact in self.table.closest(&target, self.config.k) {
            frontier.seed(contact);
        }
        self.stats.of(kind.method()).started += 1;
        Walk::new(frontier, kind, self.own, self.now)
    }

    /// Lets an operation do all that it can do now.
    pub(super) fn advance(&mut self, op: OpId) {
        while let Some(running) = self.operations.running.get_mut(&op) {
            if self.calls.is_full() {
                self.operations.starved.insert(op);
                return;
            }
            match running.operation.step(self.now) {
                Step::Ask(question) => self.ask(op, &question),
                Step::Deliver(values) => self.deliver(op, &values),
                Step::Done(outcome) => return self.finish(op, outcome),
                Step::Finished(action) => self.action_over(&action),
                Step::Open(target) => {
                    let walk = self.walk(target, WalkKind::FindNode);
                    self.with(op, |operation| operation.open(walk));
                }
                Step::Started(method) => self.stats.of(method).started += 1,
                Step::StoreHere => self.store_here(op),
                Step::Tour => {
                    let targets = self.table.far_targets(&mut self.rng);
                    self.with(op, |operation| operation.tour(targets));
                }
                Step::Wait => return,
            }
        }
    }

    /// Tells an operation of trouble with a call, and lets it go on.
    pub(super) fn trouble(&mut self, op: OpId, peer: &Peer, branch: u16, trouble: Trouble) {
        self.with(op, |operation| operation.troubled(peer, branch, trouble));
        self.advance(op);
    }

    /// Ends a command before its time. False when it is not under way.
    pub(super) fn abort(&mut self, op: OpId, why: Abort) -> bool {
        let leader = self.operations.shared.get(&op).copied().unwrap_or(op);
        let Some(running) = self.operations.running.get_mut(&leader) else {
            return false;
        };
        let effort = running.effort();
        let Audience::Commands(listeners) = &mut running.audience else {
            return false;
        };
        let Some(at) = listeners.iter().position(|listener| listener.op == op) else {
            return false;
        };
        let listener = listeners.remove(at);
        let abandoned = listeners.is_empty();
        self.operations.shared.remove(&op);
        self.tell_end(listener, Outcome::Aborted(why), effort);
        if abandoned {
            self.operations.remove(leader);
        }
        true
    }

    /// Ends an operation of upkeep's.
    pub(super) fn drop_operation(&mut self, op: OpId) {
        self.operations.remove(op);
    }

    /// Ends an operation whose time is up with what it has come to.
    pub(super) fn out_of_time(&mut self, op: OpId) {
        let mut outcome = None;
        self.with(op, |operation| outcome = Some(operation.out_of_time()));
        if let Some(outcome) = outcome {
            self.finish(op, outcome);
        }
    }

    /// Lets operations go on that waited for a free call.
    pub(super) fn feed_starved(&mut self) {
        while !self.calls.is_full()
            && let Some(op) = self.operations.starved.pop_first()
        {
            self.advance(op);
        }
    }

    /// Tells puts that what they stored here is safe.
    pub(super) fn confirm_own_stores(&mut self) {
        while let Some((record, op)) = self.operations.unsafe_stores.first().copied()
            && self.outbox.is_durable(record)
        {
            self.operations.unsafe_stores.pop_first();
            self.with(op, |operation| operation.stored_here(StoredHere::Done));
            self.advance(op);
        }
    }

    fn with(&mut self, op: OpId, act: impl FnOnce(&mut Operation)) {
        if let Some(running) = self.operations.running.get_mut(&op) {
            act(&mut running.operation);
        }
    }

    fn ask(&mut self, op: OpId, question: &Question) {
        let Question { peer, ask, branch } = question;
        let owner = Owner::Operation {
            op,
            branch: *branch,
        };
        self.call(*peer, owner, Sends::Several, &ask.query());
        if let Some(running) = self.operations.running.get_mut(&op) {
            running.effort.asked += 1;
        }
    }

    /// Opens a call and sends its datagram.
    pub(super) fn call(&mut self, peer: Peer, owner: Owner, sends: Sends, query: &Query<'_>) {
        let round_trip = peer
            .contact()
            .and_then(|contact| self.table.round_trip(&contact));
        let config = Arc::clone(&self.config);
        let opening = Opening {
            retry: &config.retry,
            peer,
            method: query.method(),
            owner,
            sends,
            round_trip,
        };
        let (dialect, own) = (self.config.dialect, self.own);
        let encode = |tid: &[u8]| dialect.encode_query(tid, &own, query);
        if let Some(datagram) = self.calls.open(self.now, opening, &mut self.rng, encode) {
            let datagram = datagram.to_vec();
            self.stats.of(query.method()).sent += 1;
            self.count_datagram(owner, datagram.len());
            self.send(peer.addr, datagram);
        }
    }

    /// Counts a datagram towards the effort of the operation that it was for.
    pub(super) fn count_datagram(&mut self, owner: Owner, len: usize) {
        if let Owner::Operation { op, .. } = owner {
            self.operations.count_datagram(op, len);
        }
    }

    fn deliver(&mut self, op: OpId, values: &[Value]) {
        let Some(running) = self.operations.running.get_mut(&op) else {
            return;
        };
        let (Audience::Commands(listeners), Operation::Get(get)) =
            (&mut running.audience, &running.operation)
        else {
            return;
        };
        let key = *get.key();
        for listener in listeners {
            // Room for it was reserved when the command was accepted.
            listener.reserved = listener.reserved.saturating_sub(1);
            self.outbox.release(1);
            self.outbox.event(Event::Values {
                op: listener.op,
                key,
                values: values.to_vec(),
            });
        }
    }

    fn action_over(&mut self, action: &Action) {
        match action {
            Action::Plain { method, took } => self.stats.of(*method).complete(*took),
            Action::Walk(walk) => {
                self.stats.of(walk.method()).complete(walk.took(self.now));
                if walk.found_anyone() {
                    self.table.touch(self.now, walk.target());
                }
            }
        }
    }

    fn store_here(&mut self, op: OpId) {
        let mut wanted = None;
        self.with(op, |operation| {
            if let Operation::Put(put) = operation {
                wanted = Some((*put.key(), put.value().clone()));
            }
        });
        let serves = self.config.role.serves(Method::StoreValue);
        let safe = wanted
            .filter(|_| serves)
            .and_then(|(key, value)| self.store_own(key, value));
        let stored = match safe {
            None => StoredHere::Refused,
            Some(Safe::Now) => StoredHere::Done,
            Some(Safe::After(record)) => {
                self.operations.unsafe_stores.insert((record, op));
                StoredHere::Pending
            }
        };
        self.with(op, |operation| operation.stored_here(stored));
    }

    fn finish(&mut self, op: OpId, mut outcome: Outcome) {
        let Some(running) = self.operations.remove(op) else {
            return;
        };
        if let Outcome::Join(joined) = &mut outcome {
            joined.contacts = self.table.len();
        }
        let effort = running.effort();
        self.upkeep_hears_of(&running.audience, &outcome);
        if let Audience::Commands(listeners) = running.audience {
            for listener in listeners {
                self.tell_end(listener, outcome.clone(), effort.clone());
            }
        }
    }

    fn tell_end(&mut self, listener: Listener, outcome: Outcome, mut effort: Effort) {
        self.outbox.release(listener.reserved);
        effort.took = self.now.since(listener.since);
        self.outbox.event(Event::Ended {
            op: listener.op,
            outcome,
            effort,
        });
    }
}
