//! Letting operations run: the node asks the contacts that they name, passes on the values that they
//! found, and tells the commands that wait for them when they are over.

use alloc::vec::Vec;
use core::time::Duration;

use super::active_operations::{MaintenanceTask, Waiter, Waiters};
use super::allowance::Permit;
use super::journal::Safe;
use super::sender::CallQuestion;
use super::{Event, Node, OpId, Owner, Transmit};
use crate::config::{Retry, Role};
use crate::contact::Peer;
use crate::estimate::Vouched;
use crate::id::Id;
use crate::lookup::{ClosestNodes, Patience, Shape};
use crate::operation::{
    Abort, Action, Ask, CallError, Known, Operation, Outcome, QueryStats, Question, Step,
    StoredHere, Surroundings, Trouble, Walk, WalkKind,
};
use crate::rpc::{Due, Opening, Sends};
use crate::time::Instant;
use crate::value::Value;
use crate::wire::Method;

impl Node {
    /// Begins an operation under this id.
    pub(super) fn begin(&mut self, op: OpId, operation: Operation, waiters: Waiters) {
        let deadline = self.now + self.config.operation_timeout;
        self.operations.add(op, operation, waiters, deadline);
        self.advance(op);
    }

    /// A walk towards a target, seeded from our own table, our own node included if it serves.
    pub(super) fn walk(&mut self, target: Id, kind: WalkKind) -> Walk {
        let mut closest_nodes = self.unseeded(target);
        for contact in self.table.closest(&target, closest_nodes.seeds()) {
            let round_trip = self.table.round_trip(&contact);
            closest_nodes.seed(contact, round_trip);
        }
        self.begin_walk(closest_nodes, kind)
    }

    fn begin_walk(&mut self, closest_nodes: ClosestNodes, kind: WalkKind) -> Walk {
        self.stats.of(kind.method()).started += 1;
        Walk::new(closest_nodes, kind, self.own, self.now)
    }

    /// A lookup of the nodes closest to a target that knows none but our own, if that serves.
    fn unseeded(&self, target: Id) -> ClosestNodes {
        let patience = match self.config.retry {
            Retry::Adaptive => Patience::Adaptive,
            Retry::Fixed { .. } => Patience::Fixed,
        };
        let shape = Shape {
            k: self.config.k,
            alpha: self.config.alpha,
            max_queries: self.config.limits.max_lookup_queries,
            patience,
            shared: self.config.shared_addresses,
            most_of_prefix: self.config.most_of_prefix,
        };
        let mut closest_nodes = ClosestNodes::new(target, shape);
        if self.config.role != Role::Client {
            closest_nodes.include_self(self.own);
        }
        closest_nodes
    }

    /// Lets an operation do all that it can do now.
    pub(super) fn advance(&mut self, op: OpId) {
        while self.operations.is_running(op) {
            if self.transactions.is_full() {
                self.operations.starve(op);
                self.stats.waits_for_calls += 1;
                return;
            }
            if self.has_all_calls(op) {
                return;
            }
            let Some(running) = self.operations.get_mut(op) else {
                return;
            };
            let known = Known {
                now: self.now,
                estimate: self.transactions.estimate(),
            };
            match running.operation.step(&known) {
                Step::Ask(question) => self.ask(op, Sends::Several, question),
                Step::AskOnce(question) => self.ask(op, Sends::Once, question),
                Step::Deliver(values) => self.deliver(op, &values),
                Step::Done(outcome) => return self.finish(op, outcome),
                Step::Finished(action) => self.action_over(&action),
                Step::Open(target) => {
                    let walk = self.walk(target, WalkKind::FindNode);
                    self.with(op, |operation| operation.open(walk));
                }
                Step::OpenUnseeded(target) => {
                    let closest_nodes = self.unseeded(target);
                    let walk = self.begin_walk(closest_nodes, WalkKind::FindNode);
                    self.with(op, |operation| operation.open(walk));
                }
                Step::Started(method) => self.stats.of(method).started += 1,
                Step::StoreHere => self.store_here(op),
                Step::RefreshTargets(surroundings) => {
                    let targets = self.targets_around(surroundings);
                    self.with(op, |operation| operation.refresh_targets(targets));
                }
                Step::Wait => {
                    let review = running.operation.next_review(&known);
                    return self.operations.review_at(op, review);
                }
            }
        }
    }

    /// Tells an operation that one of its calls is given up, and lets it go on. The oldest of those that
    /// it has given up makes room once it has half of all that it may have: the other half is for calls
    /// that it waits for, however many contacts are dead.
    pub(super) fn given_up(&mut self, op: OpId, peer: &Peer, branch: u16) {
        self.with(op, |operation| {
            operation.troubled(peer, branch, Trouble::Silent);
        });
        let is_of = |owner: &Owner| matches!(owner, Owner::Operation { op: of, .. } if *of == op);
        if let Some((calls, most)) = self.calls_of(op)
            && calls > most / 2
            && let Some(closed) = self.transactions.close_given_up(self.now, is_of)
        {
            self.operations.call_over(op);
            self.note_failure(&closed, CallError::Timeout);
        }
        self.advance(op);
    }

    /// Whether an operation has all the calls in flight that it may have.
    fn has_all_calls(&self, op: OpId) -> bool {
        self.calls_of(op).is_some_and(|(calls, most)| calls >= most)
    }

    /// How many calls an operation has in flight, and how many it may have.
    fn calls_of(&self, op: OpId) -> Option<(usize, usize)> {
        let of_one_walk = self.config.k * ClosestNodes::MOST_IN_FLIGHT;
        self.operations.calls_of(op, of_one_walk)
    }

    /// Tells an operation of trouble with a call, and lets it go on.
    pub(super) fn trouble(&mut self, op: OpId, peer: &Peer, branch: u16, trouble: Trouble) {
        self.with(op, |operation| operation.troubled(peer, branch, trouble));
        self.advance(op);
    }

    /// Ends a command before its time. False when it is not under way.
    pub(super) fn abort(&mut self, op: OpId, why: Abort) -> bool {
        let Some((waiter, query_stats)) = self.operations.dismiss(op) else {
            return false;
        };
        self.tell_end(waiter, Outcome::Aborted(why), query_stats);
        true
    }

    /// Ends an operation whose time is up with what it has come to.
    pub(super) fn out_of_time(&mut self, op: OpId) {
        let (mut values, mut outcome) = (None, None);
        self.with(op, |operation| {
            values = operation.take_undelivered();
            outcome = Some(operation.out_of_time());
        });
        if let Some(values) = values {
            self.deliver(op, &values);
        }
        if let Some(outcome) = outcome {
            self.finish(op, outcome);
        }
    }

    /// The next thing that has fallen due for a call. Calls of operations that are over are not sent
    /// again.
    pub(super) fn next_due_call(&mut self) -> Option<Due<Owner, CallQuestion>> {
        let vouched = |owner: &Owner, peer: &Peer| match owner {
            Owner::Operation { op, branch } => {
                let running = self.operations.get_mut(*op)?;
                Some(running.operation.vouched(peer, *branch))
            }
            Owner::Probe(_) | Owner::Recovery => Some(Vouched::Well),
        };
        self.transactions.take_due(self.now, vouched)
    }

    /// Lets operations go on that waited for a free call.
    pub(super) fn feed_starved(&mut self) {
        while !self.transactions.is_full()
            && let Some(op) = self.operations.take_starved()
        {
            self.advance(op);
        }
    }

    pub(super) fn with(&mut self, op: OpId, act: impl FnOnce(&mut Operation)) {
        if let Some(running) = self.operations.get_mut(op) {
            act(&mut running.operation);
        }
    }

    fn ask(&mut self, op: OpId, sends: Sends, question: Question) {
        let Question {
            peer,
            ask,
            branch,
            vouched,
        } = question;
        let owner = Owner::Operation { op, branch };
        let not_made = match self.permit(&peer, owner, ask.query().method()) {
            Permit::Granted => None,
            // At the end of time there is no later.
            Permit::Later if self.now < Instant::MAX => {
                Some(Trouble::NotMadeYet(self.now + self.usual_wait()))
            }
            Permit::Later | Permit::Refused => Some(Trouble::NotMade),
        };
        if let Some(trouble) = not_made {
            return self.with(op, |operation| operation.troubled(&peer, branch, trouble));
        }
        let sender = self.sender_for(&peer);
        let question = CallQuestion {
            ask,
            sender,
            from: None,
        };
        self.call_as(peer, owner, (sends, vouched), question);
        self.operations.count_call(op);
    }

    /// How long an answer usually takes, but long enough that waiting for one is not a busy loop.
    fn usual_wait(&self) -> Duration {
        let wait = self.transactions.estimate().resend_wait();
        wait.max(Duration::from_millis(50))
    }

    /// Opens a call and sends its datagram.
    pub(super) fn call(&mut self, peer: Peer, owner: Owner, sends: Sends, ask: Ask) {
        let sender = self.sender_for(&peer);
        let how = (sends, Vouched::Well);
        let question = CallQuestion {
            ask,
            sender,
            from: None,
        };
        self.call_as(peer, owner, how, question);
    }

    /// The same under a certain identifier, and from a certain local address.
    pub(super) fn call_as(
        &mut self,
        peer: Peer,
        owner: Owner,
        (sends, vouched): (Sends, Vouched),
        question: CallQuestion,
    ) {
        let round_trip = peer
            .contact()
            .and_then(|contact| self.table.round_trip(&contact));
        let method = question.ask.query().method();
        let transmit = Transmit {
            to: peer.addr,
            from: question.from,
        };
        let opening = Opening {
            retry: &self.config.retry,
            peer,
            method,
            owner,
            question,
            sends,
            vouched,
            round_trip,
        };
        if let Some((tid, asked)) = self.transactions.open(self.now, opening, &mut self.rng) {
            let draft = self.outbox.draft();
            let dialect = self.config.dialect;
            asked.encode(dialect, &tid, (&self.own, &peer), draft);
            self.send_query(transmit, method, owner);
        }
    }

    /// Sends a query that was drafted, for the first time or again.
    pub(super) fn send_query(&mut self, transmit: Transmit, method: Method, owner: Owner) {
        let len = self.outbox.draft_len();
        self.stats.of(method).sent += 1;
        self.count_datagram(owner, len);
        self.send(Safe::Now, transmit);
    }

    /// Counts a datagram towards the statistics of the operation that it was for.
    pub(super) fn count_datagram(&mut self, owner: Owner, len: usize) {
        if let Owner::Operation { op, .. } = owner {
            self.operations.count_datagram(op, len);
        }
    }

    fn deliver(&mut self, op: OpId, values: &[Value]) {
        let Some(running) = self.operations.get_mut(op) else {
            return;
        };
        let (Waiters::Commands(waiters), Operation::Get(get)) =
            (&mut running.waiters, &running.operation)
        else {
            return;
        };
        let key = *get.key();
        for waiter in waiters {
            // Room for it was reserved when the command was accepted.
            waiter.reserved = waiter.reserved.saturating_sub(1);
            self.outbox.release(1);
            self.outbox.event(Event::Values {
                op: waiter.op,
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
                if walk.is_crowded() {
                    self.note_few_prefixes();
                }
                if walk.found_anyone() {
                    self.table.touch(self.now, walk.target());
                }
            }
        }
    }

    /// Random targets in the buckets that a join looks around in, once it is known where it is.
    fn targets_around(&mut self, surroundings: Surroundings) -> Vec<Id> {
        match surroundings {
            Surroundings::Far => self.table.far_targets(&mut self.rng),
            Surroundings::Familiar { since } => {
                self.verify_unheard(since);
                self.table.targets_with_room(&mut self.rng)
            }
            Surroundings::IfChanged if self.has_merged() => {
                self.table.targets_with_room(&mut self.rng)
            }
            Surroundings::IfChanged => Vec::new(),
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
                self.operations.wait_for(record, op);
                StoredHere::Pending
            }
        };
        self.with(op, |operation| operation.stored_here(stored));
    }

    fn finish(&mut self, op: OpId, mut outcome: Outcome) {
        let Some(running) = self.operations.remove(op) else {
            return;
        };
        let query_stats = running.query_stats();
        if let Outcome::Join(joined) = &mut outcome
            && query_stats.answered > 0
        {
            // Without any answer, the contacts of the table are only those of old.
            joined.contacts = self.table.len();
        }
        self.upkeep_hears_of(&running.waiters, &outcome);
        match (running.operation, running.waiters) {
            (_, Waiters::Commands(waiters)) => {
                for waiter in waiters {
                    self.tell_end(waiter, outcome.clone(), query_stats.clone());
                }
            }
            (Operation::Check(check), Waiters::Upkeep(MaintenanceTask::Check(kept))) => {
                self.checked_kept(kept, check.into_findings());
            }
            (_, Waiters::Upkeep(_)) => {}
        }
    }

    fn tell_end(&mut self, waiter: Waiter, outcome: Outcome, mut query_stats: QueryStats) {
        self.outbox.release(waiter.reserved);
        query_stats.took = self.now.since(waiter.since);
        self.outbox.event(Event::Ended {
            op: waiter.op,
            outcome,
            query_stats,
        });
    }
}
