//! What a node does by itself: probes, refreshes, checkpoints, joining again while it is alone,
//! and storing again what is to be kept.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::active_operations::{MaintenanceTask, Waiters};
use super::{Event, Life, Node, OpId, Owner, Probe};
use crate::config::{Config, StaleBuckets};
use crate::contact::{Contact, Peer};
use crate::id::Id;
use crate::interval::Interval;
use crate::operation::{Ask, Join, Operation, Outcome, Put, Refresh, Trouble, WalkKind};
use crate::rpc::{Due, Sends, Slow};
use crate::time::Instant;
use crate::value::Value;

/// What upkeep keeps in mind.
pub(super) struct Upkeep {
    checkpoint: Interval,
    presence: Presence,
    bootstrap: Vec<SocketAddr>,
    /// Where contacts were that the table has lost, the latest first: to be tried beside the
    /// bootstrap addresses. At most [`Upkeep::MEMORY`].
    memory: VecDeque<SocketAddr>,
    /// Addresses being probed, at most `max_probes`.
    probing: BTreeSet<SocketAddr>,
    /// Addresses that did not answer, and until when they are left in peace; the oldest is
    /// forgotten beyond a hundred times `max_probes`.
    avoided: BTreeSet<SocketAddr>,
    avoided_until: VecDeque<(Instant, SocketAddr)>,
    max_probes: usize,
    /// Contacts that have not been asked again since the machine slept.
    pub(super) unverified: VecDeque<Contact>,
    /// Puts that are stored again and again, at most `max_kept`.
    kept: BTreeMap<OpId, Kept>,
    kept_due: BTreeSet<(Instant, OpId)>,
}

/// Whether anybody is there.
enum Presence {
    /// Nobody is. `next` is when the node tries again, `wait` how long it waits after that.
    Alone {
        next: Option<Instant>,
        wait: Duration,
    },
    Online,
}

/// A value that is stored again before it expires.
struct Kept {
    key: Id,
    value: Value,
    state: KeptState,
}

enum KeptState {
    /// Waiting for its time; `retry` is the wait after a failure.
    Due { at: Instant, retry: Duration },
    /// Being stored; the wait after a failure.
    Storing { retry: Duration },
}

impl Upkeep {
    /// Addresses of lost contacts that are remembered.
    const MEMORY: usize = 64;
    /// Of those, how many are tried at once.
    const REMEMBERED_AT_ONCE: usize = 16;
    /// Kept values being stored at once.
    const KEEPING_AT_ONCE: usize = 8;
    /// The first wait after a kept value could be stored nowhere. It doubles with each try.
    const KEEP_RETRY: Duration = Duration::from_secs(60);
    /// The jitter of checkpoints in percent (specification, section 7).
    const CHECKPOINT_JITTER: u8 = 10;
    /// The jitter of waits before joining again, so that a network does not come back in step.
    const REJOIN_JITTER: u8 = 25;

    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self {
            checkpoint: Interval::new(
                now,
                config.first_checkpoint,
                config.checkpoint,
                Self::CHECKPOINT_JITTER,
            ),
            presence: Presence::Alone {
                next: None,
                wait: config.rejoin_first,
            },
            bootstrap: Vec::new(),
            memory: VecDeque::new(),
            probing: BTreeSet::new(),
            avoided: BTreeSet::new(),
            avoided_until: VecDeque::new(),
            max_probes: config.limits.max_probes,
            unverified: VecDeque::new(),
            kept: BTreeMap::new(),
            kept_due: BTreeSet::new(),
        }
    }

    /// Remembers where a contact was that is not in the table.
    pub(super) fn remember(&mut self, addr: SocketAddr) {
        self.memory.retain(|known| *known != addr);
        self.memory.push_front(addr);
        self.memory.truncate(Self::MEMORY);
    }

    pub(super) fn set_bootstrap(&mut self, bootstrap: Vec<SocketAddr>) {
        self.bootstrap = bootstrap;
    }

    pub(super) fn probe_ended(&mut self, addr: SocketAddr) {
        self.probing.remove(&addr);
        if self.probing.is_empty() {
            // An empty tree keeps its last leaf; an idle node shall hold nothing.
            self.probing = BTreeSet::new();
        }
    }

    pub(super) fn probe_failed(&mut self, addr: SocketAddr, until: Instant) {
        self.probe_ended(addr);
        if self.avoided.insert(addr) {
            self.avoided_until.push_back((until, addr));
        }
        if self.avoided_until.len() > self.max_probes.saturating_mul(100)
            && let Some((_, oldest)) = self.avoided_until.pop_front()
        {
            self.avoided.remove(&oldest);
        }
    }

    pub(super) fn keeps(&self, key: &Id, value: &Value) -> bool {
        self.kept
            .values()
            .any(|kept| kept.key == *key && kept.value == *value)
    }

    /// Keeps a value that is being stored for the first time.
    pub(super) fn keep(&mut self, op: OpId, key: Id, value: Value) {
        let state = KeptState::Storing {
            retry: Self::KEEP_RETRY,
        };
        self.kept.insert(op, Kept { key, value, state });
    }

    /// Keeps it no longer. False when it was not kept.
    pub(super) fn forget_kept(&mut self, op: OpId) -> bool {
        let Some(kept) = self.kept.remove(&op) else {
            return false;
        };
        if let KeptState::Due { at, .. } = kept.state {
            self.kept_due.remove(&(at, op));
        }
        true
    }

    /// Lets every kept value that waits for its time be stored again then, if not earlier.
    pub(super) fn keep_all_at(&mut self, then: Instant) {
        self.kept_due.clear();
        for (op, kept) in &mut self.kept {
            if let KeptState::Due { at, .. } = &mut kept.state {
                *at = then.min(*at);
                self.kept_due.insert((*at, *op));
            }
        }
    }

    /// How many addresses are being probed.
    pub(super) fn probes(&self) -> usize {
        self.probing.len()
    }

    pub(super) fn kept_count(&self) -> usize {
        self.kept.len()
    }

    /// Stops everything but checkpoints.
    pub(super) fn stop(&mut self) {
        if let Presence::Alone { next, .. } = &mut self.presence {
            *next = None;
        }
        self.bootstrap.clear();
        self.probing.clear();
        self.unverified.clear();
        self.kept.clear();
        self.kept_due.clear();
    }

    fn forgive(&mut self, now: Instant) {
        while let Some((until, addr)) = self.avoided_until.front()
            && *until <= now
        {
            self.avoided.remove(addr);
            self.avoided_until.pop_front();
        }
        if self.avoided.is_empty() {
            self.avoided = BTreeSet::new();
            self.avoided_until = VecDeque::new();
        }
    }

    /// Whom to greet when joining: the bootstrap addresses, and some of those remembered, others
    /// each time.
    fn greetings(&mut self) -> Vec<Peer> {
        let remembered = self.memory.len().min(Self::REMEMBERED_AT_ONCE);
        self.memory.rotate_left(remembered);
        let recent = self.memory.iter().rev().take(remembered);
        let all: BTreeSet<SocketAddr> = self.bootstrap.iter().chain(recent).copied().collect();
        all.into_iter().map(Peer::at).collect()
    }

    fn knows_somebody(&self) -> bool {
        !self.bootstrap.is_empty() || !self.memory.is_empty()
    }
}

impl Node {
    /// The earliest thing that falls due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.life == Life::ShutDown {
            return None;
        }
        let rejoin = match self.upkeep.presence {
            Presence::Alone { next, .. } => next,
            Presence::Online => None,
        };
        let kept = self
            .upkeep
            .kept_due
            .first()
            .filter(|_| self.can_keep_more());
        let ours = [
            Some(self.upkeep.checkpoint.next_deadline()),
            rejoin,
            kept.map(|(at, _)| *at),
        ];
        // What would be due at the end of time is due never.
        let ours = ours.into_iter().flatten().filter(|at| *at < Instant::MAX);
        let theirs = [
            self.transactions.next_deadline(),
            self.operations.next_deadline(),
        ];
        ours.chain(theirs.into_iter().flatten()).min()
    }

    /// Does everything that has fallen due.
    pub(super) fn do_due(&mut self) {
        if self.life == Life::ShutDown {
            return;
        }
        while let Some(due) = self.transactions.take_due(self.now) {
            self.call_due(due);
        }
        while let Some(op) = self.operations.overdue(self.now) {
            self.out_of_time(op);
        }
        if self.upkeep.checkpoint.take_due(self.now, &mut self.rng) {
            self.checkpoint();
        }
        if let Presence::Alone {
            next: Some(next), ..
        } = self.upkeep.presence
            && self.is_due(next)
        {
            self.rejoin();
        }
    }

    /// Brings everything to rest after an input.
    pub(super) fn settle(&mut self) {
        if self.life == Life::ShutDown {
            return;
        }
        self.feed_starved();
        self.verify_after_sleep();
        self.keep_due();
        self.update_presence();
    }

    /// Pings someone for upkeep's sake, if that is not too much, and not too soon.
    pub(super) fn probe(&mut self, contact: Contact, why: Probe) {
        self.upkeep.forgive(self.now);
        let unbidden = why == Probe::Newcomer;
        let avoided = unbidden && self.upkeep.avoided.contains(&contact.addr);
        let too_many =
            self.upkeep.probing.len() >= self.upkeep.max_probes || self.transactions.is_full();
        if avoided || too_many || self.life != Life::Running {
            return;
        }
        if self.upkeep.probing.insert(contact.addr) {
            let sends = if unbidden {
                Sends::Once
            } else {
                Sends::Several
            };
            let how = (sends, Slow::AfterMost);
            self.call(contact.into(), Owner::Probe(why), how, Ask::Ping);
        }
    }

    /// What restoring has made of us.
    pub(super) fn presence_after_restore(&mut self) {
        self.update_presence();
        self.retry_if_alone();
    }

    /// Tries to find somebody now, if nobody is there and nothing is planned.
    pub(super) fn retry_if_alone(&mut self) {
        let (now, knows) = (self.now, self.upkeep.knows_somebody());
        let busy = self.operations.joining().is_some() || self.life != Life::Running;
        if let Presence::Alone {
            next: next @ None, ..
        } = &mut self.upkeep.presence
            && knows
            && !busy
        {
            *next = Some(now);
        }
    }

    /// The operation that joins, greeting all whom we know of. Whatever was planned is off.
    pub(super) fn joining(&mut self) -> Operation {
        if let Presence::Alone { next, .. } = &mut self.upkeep.presence {
            *next = None;
        }
        Operation::Join(Join::new(self.own, self.upkeep.greetings()))
    }

    /// Draws conclusions from the end of an operation.
    pub(super) fn upkeep_hears_of(&mut self, waiters: &Waiters, outcome: &Outcome) {
        match (outcome, waiters) {
            (Outcome::Join(joined), _) if joined.contacts == 0 => self.still_alone(),
            (Outcome::Stored(places), Waiters::Upkeep(MaintenanceTask::Keep(op))) => {
                self.stored_kept(*op, !places.is_empty());
            }
            (Outcome::Stored(places), Waiters::Commands(waiters)) => {
                if let Some(waiter) = waiters.first() {
                    self.stored_kept(waiter.op, !places.is_empty());
                }
            }
            _ => {}
        }
    }

    fn is_due(&self, at: Instant) -> bool {
        at <= self.now && at < Instant::MAX
    }

    fn call_due(&mut self, due: Due<Owner, Ask>) {
        match due {
            Due::GaveUp(closed) => {
                self.call_failed(&closed, crate::operation::CallError::Timeout);
            }
            Due::Resend {
                to,
                tid,
                method,
                owner,
                question,
            } => {
                let draft = self.outbox.draft();
                let dialect = self.config.dialect;
                dialect.encode_query(&tid, &self.own, &question.query(), draft);
                self.send_query(to, method, owner);
            }
            Due::Silent {
                peer,
                owner: Owner::Operation { op, branch },
            } => {
                self.trouble(op, &peer, branch, Trouble::Silent);
            }
            Due::Late {
                peer,
                owner: Owner::Operation { op, branch },
            } => {
                self.trouble(op, &peer, branch, Trouble::Late);
            }
            Due::Slow {
                peer,
                owner: Owner::Operation { op, branch },
            } => {
                self.trouble(op, &peer, branch, Trouble::Slow);
            }
            Due::Silent { .. } | Due::Late { .. } | Due::Slow { .. } => {}
        }
    }

    fn checkpoint(&mut self) {
        self.tokens.rotate(&mut self.rng);
        self.store.expire(self.now);
        self.upkeep.forgive(self.now);
        if self.life == Life::Running {
            self.refresh_stale();
            let failing: Vec<Contact> = self.table.failing().collect();
            for contact in failing {
                self.probe(contact, Probe::Failing);
            }
            self.probe_unheard();
        }
        self.outbox.event(Event::Checkpoint);
        self.outbox.shrink_to_fit();
    }

    /// Asks those who have not answered for as long as a bucket may go unused whether they are still
    /// there: lookups pass by the same few of a bucket, and without this the others would stay in
    /// the table for as long as nobody wants their place.
    fn probe_unheard(&mut self) {
        let contacts = self.table.contacts(self.now);
        let unheard = contacts.filter(|(_, age)| *age > self.config.staleness);
        let room = self.upkeep.max_probes;
        let unheard: Vec<Contact> = unheard.map(|(contact, _)| contact).take(room).collect();
        for contact in unheard {
            self.probe(contact, Probe::Questionable);
        }
    }

    fn refresh_stale(&mut self) {
        let busy = self
            .operations
            .maintenance(|task| task == MaintenanceTask::Refresh)
            > 0;
        if busy || self.table.is_empty() {
            return;
        }
        let (table, now, rng) = (&self.table, self.now, &mut self.rng);
        let targets = match self.config.refresh {
            StaleBuckets::All => table.stale_targets(now, rng),
            StaleBuckets::WithRoom => table.stale_targets_with_room(now, rng),
        };
        if !targets.is_empty() {
            self.begin_maintenance(
                MaintenanceTask::Refresh,
                Operation::Refresh(Refresh::new(targets)),
            );
        }
    }

    fn rejoin(&mut self) {
        let joining = self.joining();
        if self.operations.joining().is_none() {
            self.begin_maintenance(MaintenanceTask::Rejoin, joining);
        }
    }

    fn begin_maintenance(&mut self, task: MaintenanceTask, operation: Operation) {
        let op = self.operations.next_id();
        self.begin(op, operation, Waiters::Upkeep(task));
    }

    /// A round of joining found nobody: says so, and plans another, later each time.
    fn still_alone(&mut self) {
        let longest = self.config.rejoin_longest;
        let knows = self.upkeep.knows_somebody() && self.life == Life::Running;
        if let Presence::Alone { next, wait } = &mut self.upkeep.presence {
            let jittered = self.rng.jitter(*wait, Upkeep::REJOIN_JITTER);
            *next = knows.then(|| self.now + jittered);
            *wait = wait.saturating_mul(2).min(longest);
        }
        self.outbox.event(Event::Alone);
    }

    /// Notices when somebody is there, once a join under way is over, and when the last is lost.
    fn update_presence(&mut self) {
        let contacts = self.table.len();
        let joining = self.operations.joining().is_some();
        match self.upkeep.presence {
            Presence::Alone { .. } if contacts > 0 && !joining => {
                self.upkeep.presence = Presence::Online;
                self.outbox.event(Event::Online { contacts });
            }
            Presence::Online if contacts == 0 => {
                let wait = self.config.rejoin_first;
                self.upkeep.presence = Presence::Alone { next: None, wait };
                self.still_alone();
            }
            Presence::Alone { .. } | Presence::Online => {}
        }
    }

    fn can_keep_more(&self) -> bool {
        let keeping = self
            .operations
            .maintenance(|task| matches!(task, MaintenanceTask::Keep(_)));
        self.life == Life::Running && keeping < Upkeep::KEEPING_AT_ONCE
    }

    /// Stores again what is due for it.
    fn keep_due(&mut self) {
        while self.can_keep_more()
            && let Some((at, op)) = self.upkeep.kept_due.first().copied()
            && self.is_due(at)
        {
            self.upkeep.kept_due.pop_first();
            let Some(kept) = self.upkeep.kept.get_mut(&op) else {
                continue;
            };
            if let KeptState::Due { retry, .. } = kept.state {
                kept.state = KeptState::Storing { retry };
            }
            let (key, value) = (kept.key, kept.value.clone());
            let walk = self.walk(key, WalkKind::FindNode);
            let put = Put::new(walk, value, self.config.redundancy, self.config.alpha);
            self.begin_maintenance(MaintenanceTask::Keep(op), Operation::Put(put));
        }
    }

    /// Plans the next time a kept value is stored: at 5/6 of its life, or soon when it could be
    /// stored nowhere.
    fn stored_kept(&mut self, op: OpId, stored: bool) {
        let regular = self.config.expiry / 6 * 5;
        let Some(kept) = self.upkeep.kept.get_mut(&op) else {
            return;
        };
        let KeptState::Storing { retry } = kept.state else {
            return;
        };
        let (wait, retry) = if stored {
            (regular, Upkeep::KEEP_RETRY)
        } else {
            (retry.min(regular), retry.saturating_mul(2))
        };
        let at = self.now + wait;
        kept.state = KeptState::Due { at, retry };
        self.upkeep.kept_due.insert((at, op));
    }
}
