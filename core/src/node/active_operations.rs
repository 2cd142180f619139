//! The operations under way: which commands wait for them, what they took, and how they end.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::OpId;
use super::RecordNo;
use crate::address::AddressRules;
use crate::id::Id;
use crate::memory::FreeWhenEmpty;
use crate::operation::{Answer, CallError, Operation, QueryStats, Refusal};
use crate::time::Instant;
use crate::value::Value;
use crate::wire::InvalidReply;

/// All operations under way: commands of the user, and what upkeep does by itself. Commands are
/// bounded by the configuration, upkeep runs a few at a time.
#[derive(Default)]
pub(super) struct ActiveOperations {
    /// Boxed, because a tree has room for eleven as soon as it has one, and most nodes run one.
    running: BTreeMap<OpId, Box<Running>>,
    /// Commands that share an operation that another began.
    shared: BTreeMap<OpId, OpId>,
    deadlines: BTreeSet<(Instant, OpId)>,
    /// When operations judge their calls in flight again.
    reviews: BTreeSet<(Instant, OpId)>,
    /// Boxed: of a million nodes in one process, hardly one has operations that wait.
    waiting: Option<Box<Waiting>>,
    last: u64,
}

/// The operations that wait for something of our own node.
#[derive(Default)]
struct Waiting {
    /// Those that would ask, but found no free call.
    starved: BTreeSet<OpId>,
    /// Those that wait for a record of their own to be safe.
    unsafe_stores: BTreeSet<(RecordNo, OpId)>,
    /// Those that wait until it is safe that their value is to be kept.
    unsafe_kept: BTreeSet<(RecordNo, OpId)>,
}

/// An operation under way.
pub(super) struct Running {
    pub(super) operation: Operation,
    pub(super) waiters: Waiters,
    deadline: Instant,
    review: Option<Instant>,
    /// Calls in flight.
    calls: usize,
    query_stats: QueryStats,
}

/// The commands, or the maintenance task, that wait for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waiters {
    /// These commands, each with the events that it may still cause.
    Commands(Vec<Waiter>),
    /// Upkeep.
    Upkeep(MaintenanceTask),
}

/// A command that waits for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) op: OpId,
    pub(super) reserved: usize,
    pub(super) since: Instant,
}

/// What upkeep does through operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MaintenanceTask {
    /// Asking the holders of this put's value.
    Check(OpId),
    /// Storing the value of this put once more.
    Keep(OpId),
    /// Looking around in stale buckets.
    Refresh,
    /// Joining another part of the network, that was cut off.
    Merge,
    /// Joining again.
    Rejoin,
}

impl ActiveOperations {
    /// Calls of an operation of several walks in flight, those that it has given up among them: no
    /// operation takes the calls of others, whatever the contacts that it asks do.
    const MOST_CALLS: usize = 64;

    pub(super) fn next_id(&mut self) -> OpId {
        self.last += 1;
        OpId(self.last)
    }

    /// How many commands of the user are under way.
    pub(super) fn commands(&self) -> usize {
        self.running
            .values()
            .map(|running| running.waiters().len())
            .sum()
    }

    /// Every command of the user that is under way.
    pub(super) fn all_commands(&self) -> Vec<OpId> {
        self.running
            .values()
            .flat_map(|running| running.waiters())
            .map(|l| l.op)
            .collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let firsts = [self.deadlines.first(), self.reviews.first()];
        firsts.into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// Plans when an operation judges its calls in flight again.
    pub(super) fn review_at(&mut self, op: OpId, at: Option<Instant>) {
        let Some(running) = self.running.get_mut(&op) else {
            return;
        };
        if running.review != at {
            if let Some(before) = running.review {
                self.reviews.remove(&(before, op));
            }
            running.review = at;
            self.reviews.extend(at.map(|at| (at, op)));
        }
    }

    /// The next operation that is to judge its calls in flight again.
    pub(super) fn take_review(&mut self, now: Instant) -> Option<OpId> {
        let (at, op) = self.reviews.first().copied()?;
        (at <= now).then(|| {
            self.review_at(op, None);
            op
        })
    }

    /// Gives every operation so much more time.
    pub(super) fn postpone(&mut self, by: Duration) {
        self.deadlines.clear();
        for (op, running) in &mut self.running {
            running.deadline = running.deadline + by;
            self.deadlines.insert((running.deadline, *op));
        }
    }

    /// The next operation whose time is up.
    pub(super) fn overdue(&self, now: Instant) -> Option<OpId> {
        self.deadlines
            .first()
            .filter(|(deadline, _)| *deadline <= now)
            .map(|(_, op)| *op)
    }

    /// How many operations of upkeep's fit the description.
    pub(super) fn maintenance(&self, is: impl Fn(MaintenanceTask) -> bool) -> usize {
        let fits = |running: &Running| match running.waiters {
            Waiters::Upkeep(task) => is(task),
            Waiters::Commands(_) => false,
        };
        self.running
            .values()
            .filter(|running| fits(running))
            .count()
    }

    /// Ends what upkeep does about a kept put.
    pub(super) fn stop_keeping(&mut self, kept: OpId) {
        let about = |running: &Running| match running.waiters {
            Waiters::Upkeep(MaintenanceTask::Check(op) | MaintenanceTask::Keep(op)) => op == kept,
            Waiters::Upkeep(
                MaintenanceTask::Merge | MaintenanceTask::Refresh | MaintenanceTask::Rejoin,
            )
            | Waiters::Commands(_) => false,
        };
        let mut all = self.running.iter();
        if let Some(op) = all.find_map(|(op, running)| about(running).then_some(*op)) {
            self.remove(op);
        }
    }

    /// The operation that joins, if one does, and what waits for it.
    pub(super) fn joining(&self) -> Option<(OpId, &Waiters)> {
        let joins = |running: &Running| matches!(running.operation, Operation::Join(_));
        self.running
            .iter()
            .find_map(|(op, running)| joins(running).then_some((*op, &running.waiters)))
    }

    /// Whether this value is being put under this key.
    pub(super) fn is_putting(&self, key: &Id, value: &Value) -> bool {
        self.running
            .values()
            .any(|running| match &running.operation {
                Operation::Put(put) => put.key() == key && put.value() == value,
                Operation::Check(_)
                | Operation::Find(_)
                | Operation::Get(_)
                | Operation::Join(_)
                | Operation::Ping(_)
                | Operation::Refresh(_) => false,
            })
    }

    /// A running operation of the user's that is the same in every respect.
    pub(super) fn find_same(&self, same: impl Fn(&Operation) -> bool) -> Option<OpId> {
        let shareable = |running: &Running| {
            matches!(running.waiters, Waiters::Commands(_)) && same(&running.operation)
        };
        self.running
            .iter()
            .find_map(|(op, running)| shareable(running).then_some(*op))
    }

    /// Lets a command share a running `get`; gives what that has delivered so far.
    pub(super) fn share(&mut self, leader: OpId, waiter: Waiter) -> Vec<Value> {
        let Some(running) = self.running.get_mut(&leader) else {
            return Vec::new();
        };
        let (Waiters::Commands(waiters), Operation::Get(get)) =
            (&mut running.waiters, &running.operation)
        else {
            return Vec::new();
        };
        waiters.push(waiter);
        self.shared.insert(waiter.op, leader);
        get.delivered()
    }

    pub(super) fn clear(&mut self) {
        let last = self.last;
        *self = Self {
            last,
            ..Self::default()
        };
    }

    /// Adds an operation that has until the deadline.
    pub(super) fn add(
        &mut self,
        op: OpId,
        operation: Operation,
        waiters: Waiters,
        deadline: Instant,
    ) {
        let query_stats = QueryStats::default();
        let running = Running {
            operation,
            waiters,
            deadline,
            review: None,
            calls: 0,
            query_stats,
        };
        self.running.insert(op, Box::new(running));
        self.deadlines.insert((deadline, op));
    }

    pub(super) fn is_running(&self, op: OpId) -> bool {
        self.running.contains_key(&op)
    }

    pub(super) fn get_mut(&mut self, op: OpId) -> Option<&mut Running> {
        self.running.get_mut(&op).map(Box::as_mut)
    }

    /// The operation that a command waits for, its own or another's.
    pub(super) fn leader_of(&self, op: OpId) -> OpId {
        self.shared.get(&op).copied().unwrap_or(op)
    }

    /// Takes a command out of the waiters of its operation, which goes on if others wait for it.
    /// Gives what the operation took so far.
    pub(super) fn dismiss(&mut self, op: OpId) -> Option<(Waiter, QueryStats)> {
        let leader = self.leader_of(op);
        let running = self.running.get_mut(&leader)?;
        let query_stats = running.query_stats();
        let Waiters::Commands(waiters) = &mut running.waiters else {
            return None;
        };
        let at = waiters.iter().position(|waiter| waiter.op == op)?;
        let waiter = waiters.remove(at);
        if waiters.is_empty() {
            self.remove(leader);
        }
        self.shared.remove(&op);
        Some((waiter, query_stats))
    }

    /// Notes that an operation would ask, but found no free call.
    pub(super) fn starve(&mut self, op: OpId) {
        self.waiting().starved.insert(op);
    }

    /// The first of those that found no free call.
    pub(super) fn take_starved(&mut self) -> Option<OpId> {
        self.waiting.as_mut()?.starved.pop_first()
    }

    /// Notes that an operation waits for a record of its own to be safe.
    pub(super) fn wait_for(&mut self, record: RecordNo, op: OpId) {
        self.waiting().unsafe_stores.insert((record, op));
    }

    /// The first of those whose record is safe.
    pub(super) fn take_safe(&mut self, is_safe: impl Fn(RecordNo) -> bool) -> Option<OpId> {
        let waiting = self.waiting.as_mut()?;
        let (record, op) = waiting.unsafe_stores.first().copied()?;
        is_safe(record).then(|| {
            waiting.unsafe_stores.pop_first();
            op
        })
    }

    /// Notes that a put waits until it is safe that its value is to be kept.
    pub(super) fn wait_until_kept(&mut self, record: RecordNo, op: OpId) {
        self.waiting().unsafe_kept.insert((record, op));
    }

    /// The first of those whose record is settled.
    pub(super) fn take_kept(&mut self, is_settled: impl Fn(RecordNo) -> bool) -> Option<OpId> {
        let waiting = self.waiting.as_mut()?;
        let (record, op) = waiting.unsafe_kept.first().copied()?;
        is_settled(record).then(|| {
            waiting.unsafe_kept.pop_first();
            op
        })
    }

    /// Counts a call made for an operation.
    pub(super) fn count_call(&mut self, op: OpId) {
        if let Some(running) = self.running.get_mut(&op) {
            running.query_stats.asked += 1;
            running.calls += 1;
        }
    }

    /// Takes in that a call of an operation is over.
    pub(super) fn call_over(&mut self, op: OpId) {
        if let Some(running) = self.running.get_mut(&op) {
            running.calls = running.calls.saturating_sub(1);
        }
    }

    /// How many calls an operation has in flight, and how many it may have: one walk so many, one of
    /// several walks [more](Self::MOST_CALLS).
    pub(super) fn calls_of(&self, op: OpId, most_of_one_walk: usize) -> Option<(usize, usize)> {
        let running = self.running.get(&op)?;
        let most = match running.operation {
            Operation::Join(_) | Operation::Refresh(_) => Self::MOST_CALLS,
            Operation::Check(_)
            | Operation::Find(_)
            | Operation::Get(_)
            | Operation::Ping(_)
            | Operation::Put(_) => most_of_one_walk,
        };
        Some((running.calls, most))
    }

    /// Takes in an answer, if the operation is still there.
    pub(super) fn answered(
        &mut self,
        op: OpId,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        let Some(running) = self.running.get_mut(&op) else {
            return Ok(());
        };
        running.operation.answered(answer, rules)?;
        running.query_stats.answered += 1;
        Ok(())
    }

    /// Whether an answer to this branch of an operation leads its self-lookup to where the answer came
    /// from.
    pub(super) fn follows(&self, op: OpId, branch: u16) -> bool {
        let running = self.running.get(&op);
        running.is_some_and(|running| running.operation.follows(branch))
    }

    /// Counts a datagram that was sent or received for an operation.
    pub(super) fn count_datagram(&mut self, op: OpId, len: usize) {
        if let Some(running) = self.running.get_mut(&op) {
            running.query_stats.datagrams += 1;
            running.query_stats.bytes += len as u64;
        }
    }

    /// Counts a call that brought nothing.
    pub(super) fn failed(&mut self, op: OpId, by: SocketAddr, error: CallError) {
        let Some(query_stats) = self
            .running
            .get_mut(&op)
            .map(|running| &mut running.query_stats)
        else {
            return;
        };
        match error {
            CallError::Broken(_) | CallError::WrongId => query_stats.broken += 1,
            CallError::Refused(code) => {
                query_stats.refused += 1;
                if query_stats.refusals.len() < QueryStats::MAX_REFUSALS {
                    query_stats.refusals.push(Refusal { by, code });
                }
            }
            CallError::Timeout => {}
        }
    }

    /// Takes an operation out, over or not.
    pub(super) fn remove(&mut self, op: OpId) -> Option<Running> {
        let running = self.running.remove(&op)?;
        self.deadlines.remove(&(running.deadline, op));
        if let Some(review) = running.review {
            self.reviews.remove(&(review, op));
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.forget(op);
        }
        for waiter in running.waiters() {
            self.shared.remove(&waiter.op);
        }
        self.running.free_when_empty();
        self.deadlines.free_when_empty();
        self.reviews.free_when_empty();
        self.shared.free_when_empty();
        self.waiting.take_if(|waiting| waiting.is_empty());
        Some(*running)
    }

    fn waiting(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_default()
    }
}

impl Waiting {
    fn forget(&mut self, op: OpId) {
        self.starved.remove(&op);
        self.unsafe_stores.retain(|(_, waiting)| *waiting != op);
        self.unsafe_kept.retain(|(_, waiting)| *waiting != op);
    }

    fn is_empty(&self) -> bool {
        self.starved.is_empty() && self.unsafe_stores.is_empty() && self.unsafe_kept.is_empty()
    }
}

impl Running {
    fn waiters(&self) -> &[Waiter] {
        match &self.waiters {
            Waiters::Commands(waiters) => waiters,
            Waiters::Upkeep(_) => &[],
        }
    }

    /// What it took so far. A query without an answer yet counts as unanswered.
    pub(super) fn query_stats(&self) -> QueryStats {
        let mut query_stats = self.query_stats.clone();
        let heard = query_stats.answered + query_stats.broken + query_stats.refused;
        query_stats.unanswered = query_stats.asked.saturating_sub(heard);
        let reach = self.operation.reach();
        (query_stats.hops, query_stats.rounds) = (reach.hops, reach.rounds);
        query_stats
    }
}
