//! What a node does by itself: probes, refreshes, checkpoints, finding lost contacts again,
//! joining again while it is alone, and storing again what is to be kept.

mod arrivals;
mod conflicts;
mod kept;
mod presence;
mod probes;
mod recovery;
mod remembered;
mod survival;
mod sweep;
mod unverified;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use arrivals::Arrivals;
use conflicts::IdentityConflicts;
use kept::KeptPuts;
use presence::{Presence, Variety};
use probes::Probes;
use recovery::Recovery;
use sweep::Sweep;
use unverified::Unverified;

use super::active_operations::{MaintenanceTask, Waiters};
use super::sender::CallQuestion;
use super::{Event, Life, Node, Owner, Probe, Transmit};
use crate::config::{Config, StaleBuckets};
use crate::contact::Contact;
use crate::interval::Interval;
use crate::operation::{Operation, Outcome, Refresh, Trouble};
use crate::rpc::Due;
use crate::time::Instant;

/// What upkeep keeps in mind.
pub(super) struct Upkeep {
    checkpoint: Interval,
    /// Boxed: it is empty where the driver names no local addresses.
    pub(super) arrivals: Option<Box<Arrivals>>,
    pub(super) presence: Presence,
    variety: Variety,
    pub(super) conflicts: IdentityConflicts,
    recovery: Recovery,
    pub(super) probes: Probes,
    pub(super) kept: KeptPuts,
    pub(super) unverified: Unverified,
    sweep: Sweep,
}

impl Upkeep {
    /// The jitter of checkpoints in percent (specification, section 7).
    const CHECKPOINT_JITTER: u8 = 10;

    pub(super) fn new(config: &Arc<Config>, now: Instant) -> Self {
        Self {
            checkpoint: Interval::new(
                now,
                config.first_checkpoint,
                config.checkpoint,
                Self::CHECKPOINT_JITTER,
            ),
            arrivals: None,
            presence: Presence::default(),
            variety: Variety::default(),
            conflicts: IdentityConflicts::new(config.limits.max_probes.saturating_mul(100)),
            recovery: Recovery::new(config),
            probes: Probes::new(config.limits.max_probes),
            kept: KeptPuts::new(),
            unverified: Unverified::default(),
            sweep: Sweep::default(),
        }
    }

    /// Replaces the bootstrap addresses. Gives those that are new.
    pub(super) fn set_bootstrap(&mut self, addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
        self.recovery.remembered.set_bootstrap(addrs)
    }

    /// Stops everything but checkpoints.
    pub(super) fn stop(&mut self) {
        self.arrivals = None;
        self.presence = Presence::Alone;
        self.recovery.stop();
        self.conflicts.stop();
        self.probes.stop();
        self.kept.stop();
        self.unverified.stop();
    }
}

impl Node {
    /// The earliest thing that falls due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.life == Life::ShutDown {
            return None;
        }
        let kept = self.upkeep.kept.next_due();
        let ours = [
            Some(self.upkeep.checkpoint.next_deadline()),
            self.upkeep.recovery.next_deadline(),
            self.upkeep.sweep.next_deadline(),
            kept.filter(|_| self.can_keep_more()),
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
        while let Some(due) = self.next_due_call() {
            self.call_due(due);
        }
        while let Some(op) = self.operations.take_review(self.now) {
            self.advance(op);
        }
        while let Some(op) = self.operations.overdue(self.now) {
            self.out_of_time(op);
        }
        if self.upkeep.checkpoint.take_due(self.now, &mut self.rng) {
            self.checkpoint();
        }
        let sweep = self.upkeep.sweep.next_deadline();
        if sweep.is_some_and(|at| self.is_due(at)) {
            self.sweep();
        }
        let round = self.upkeep.recovery.next_deadline();
        if round.is_some_and(|at| self.is_due(at)) {
            self.recovery_round();
        }
    }

    /// Brings everything to rest after an input.
    pub(super) fn settle(&mut self) {
        if self.life == Life::ShutDown {
            return;
        }
        self.feed_starved();
        self.verify_unverified();
        self.keep_due();
        self.recover();
        self.update_presence();
    }

    /// Draws conclusions from the end of an operation.
    pub(super) fn upkeep_hears_of(&mut self, waiters: &Waiters, outcome: &Outcome) {
        match (outcome, waiters) {
            (Outcome::Join(_), Waiters::Upkeep(MaintenanceTask::Merge)) => {}
            (Outcome::Join(joined), _) if joined.contacts == 0 => self.still_alone(),
            (Outcome::Join(_), _) => self.recover_after_join(),
            (Outcome::Stored(places), Waiters::Upkeep(MaintenanceTask::Keep(op))) => {
                self.stored_kept(*op, places);
            }
            (Outcome::Stored(places), Waiters::Commands(waiters)) => {
                if let Some(waiter) = waiters.first() {
                    self.stored_kept(waiter.op, places);
                }
            }
            _ => {}
        }
    }

    fn is_due(&self, at: Instant) -> bool {
        at <= self.now && at < Instant::MAX
    }

    fn call_due(&mut self, due: Due<Owner, CallQuestion>) {
        match due {
            Due::GaveUp(closed) => {
                self.address_silent(closed.peer.addr);
                if let Owner::Operation { op, .. } = closed.owner {
                    self.operations.call_over(op);
                }
                self.call_failed(&closed, crate::operation::CallError::Timeout);
            }
            Due::Resend {
                peer,
                tid,
                method,
                owner,
                question,
            } => {
                let draft = self.outbox.draft();
                let dialect = self.config.dialect;
                question.encode(dialect, &tid, (&self.own, &peer), draft);
                let transmit = Transmit {
                    to: peer.addr,
                    from: question.from,
                };
                self.send_query(transmit, method, owner);
                if let Owner::Operation { op, branch } = owner {
                    self.trouble(op, &peer, branch, Trouble::AskedAgain(self.now));
                }
            }
            Due::Silent { peer, owner } => {
                self.address_silent(peer.addr);
                if let Owner::Operation { op, branch } = owner {
                    self.given_up(op, &peer, branch);
                }
            }
        }
    }

    fn checkpoint(&mut self) {
        self.change_secrets();
        self.sweep();
        self.upkeep.probes.forgive(self.now);
        if let Some(allowance) = &mut self.allowance {
            allowance.forget_old(self.now);
        }
        self.allowance.take_if(|allowance| allowance.is_empty());
        if self.life == Life::Running {
            self.refresh_stale();
            let failing: Vec<Contact> = self.table.failing().collect();
            for contact in failing {
                self.probe(contact, Probe::Failing);
            }
            self.ask_holders_again();
            self.fill_buckets();
            self.probe_unheard();
            self.check_bootstrap();
        }
        self.outbox.event(Event::Checkpoint);
        self.outbox.shrink_to_fit();
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

    fn begin_maintenance(&mut self, task: MaintenanceTask, operation: Operation) {
        let op = self.operations.next_id();
        self.begin(op, operation, Waiters::Upkeep(task));
    }
}
