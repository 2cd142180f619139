//! Kept puts: values that are looked after until they are cancelled. Their holders are asked now and
//! then, and copies that are missing are stored again.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use super::survival::Survival;
use crate::config::Config;
use crate::contact::{Contact, Place};
use crate::id::Id;
use crate::node::active_operations::MaintenanceTask;
use crate::node::{Event, Life, Node, OpId};
use crate::operation::{Check, Checked, Findings, Operation, Put, Replica, WalkKind};
use crate::time::Instant;
use crate::value::Value;

/// The puts that are kept, at most `max_kept` of the configuration.
pub(in crate::node) struct KeptPuts {
    puts: BTreeMap<OpId, Kept>,
    due: BTreeSet<(Instant, OpId)>,
    survival: Survival,
}

/// A value that is looked after.
struct Kept {
    key: Id,
    value: Value,
    /// The copies at other nodes, closest first, at most K.
    replicas: Vec<Holder>,
    /// Nodes close to the key that hold no copy, closest first, at most K.
    named: Vec<Contact>,
    /// Nodes that did not answer, and until when they are not asked; at most
    /// [`KeptPuts::AVOIDED`] times K.
    avoided: VecDeque<(Instant, Id)>,
    /// When our own node stored it, if it is one of the closest.
    here: Option<Instant>,
    /// At how many other nodes the last lookup stored it.
    placed: usize,
    /// The wait before storing is tried again, after it found no other node.
    retry: Duration,
    told: Told,
    state: KeptState,
}

/// A copy, and when its holder is asked again.
struct Holder {
    replica: Replica,
    next: Instant,
}

/// What the user was told last of the copies elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Kept,
    /// That there are none, or nothing.
    None,
}

enum KeptState {
    /// Its holders are being asked, or it is being stored.
    Busy,
    /// Something is to be done at that time.
    Due { at: Instant, next: Next },
}

/// What is to be done about a kept value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Ask the holders that are due.
    Check,
    /// Look for the closest nodes, and store it there.
    Store,
}

impl KeptPuts {
    /// Kept values being stored or asked for at once. A question to a holder that is gone stays open
    /// for some seconds.
    const KEEPING_AT_ONCE: usize = 32;
    /// The first wait after a kept value could be stored at no other node. It doubles with each try.
    const RETRY: Duration = Duration::from_secs(10);
    /// The longest such wait: about what it takes until a table that lost its network is empty.
    const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);
    /// The jitter of waits in percent, so that holders are not asked in step.
    const JITTER: u8 = 25;
    /// Nodes remembered because they did not answer, in multiples of K.
    const AVOIDED: usize = 4;

    pub(super) const fn new() -> Self {
        Self {
            puts: BTreeMap::new(),
            due: BTreeSet::new(),
            survival: Survival::new(),
        }
    }

    pub(in crate::node) fn keeps(&self, key: &Id, value: &Value) -> bool {
        self.puts
            .values()
            .any(|kept| kept.key == *key && kept.value == *value)
    }

    /// Keeps a value that is being stored for the first time.
    pub(in crate::node) fn keep(&mut self, op: OpId, key: Id, value: Value) {
        let kept = Kept {
            key,
            value,
            replicas: Vec::new(),
            named: Vec::new(),
            avoided: VecDeque::new(),
            here: None,
            placed: 0,
            retry: Self::RETRY,
            told: Told::None,
            state: KeptState::Busy,
        };
        self.puts.insert(op, kept);
    }

    pub(in crate::node) fn len(&self) -> usize {
        self.puts.len()
    }

    /// When the next put is due, whether or not another may be under way.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn stop(&mut self) {
        self.puts.clear();
        self.due.clear();
    }

    /// Keeps it no longer. False when it was not kept.
    fn forget(&mut self, op: OpId) -> bool {
        let Some(kept) = self.puts.remove(&op) else {
            return false;
        };
        if let KeptState::Due { at, .. } = kept.state {
            self.due.remove(&(at, op));
        }
        true
    }

    /// Takes out the first put that is due, with what is to be done about it.
    fn take_due(&mut self, now: Instant) -> Option<(OpId, Next)> {
        let (at, op) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, op));
        let kept = self.puts.get_mut(&op)?;
        match core::mem::replace(&mut kept.state, KeptState::Busy) {
            KeptState::Due { next, .. } => Some((op, next)),
            KeptState::Busy => None,
        }
    }

    /// Plans what is to be done about a put, in place of what was planned.
    fn plan(&mut self, op: OpId, at: Instant, next: Next) {
        if let Some(kept) = self.puts.get_mut(&op) {
            if let KeptState::Due { at: planned, .. } = kept.state {
                self.due.remove(&(planned, op));
            }
            kept.state = KeptState::Due { at, next };
            self.due.insert((at, op));
        }
    }
}

impl Kept {
    /// When a holder is asked, or a copy stored again, whatever is first; never without a copy.
    fn next_check(&self, renewal: Duration) -> Option<Instant> {
        let renewals = self.here.iter().map(|stored| *stored + renewal);
        let checks = self.replicas.iter();
        let checks = checks.map(|holder| holder.next.min(holder.replica.stored + renewal));
        if self.replicas.is_empty() {
            return None;
        }
        checks.chain(renewals).min()
    }

    fn avoid(&mut self, id: Id, until: Instant, most: usize) {
        self.avoided.push_back((until, id));
        if self.avoided.len() > most {
            self.avoided.pop_front();
        }
    }

    /// A check of the holders that are due.
    fn check(&self, own: Id, config: &Config, now: Instant) -> Check {
        let about = Checked {
            key: self.key,
            value: self.value.clone(),
            own,
            redundancy: config.redundancy,
            k: config.k,
            avoided: self.avoided.iter().map(|(_, id)| *id).collect(),
        };
        let mut check = Check::new(about, now);
        for Holder { replica, next } in &self.replicas {
            if replica.stored + renewal(config) <= now {
                check.renew(replica.clone());
            } else if *next <= now {
                check.ask_for(replica.clone());
            } else {
                check.trust(replica.clone());
            }
        }
        for contact in &self.named {
            check.name(*contact);
        }
        check
    }
}

impl Node {
    pub(super) fn can_keep_more(&self) -> bool {
        let keeping = self.operations.maintenance(|task| match task {
            MaintenanceTask::Check(_) | MaintenanceTask::Keep(_) => true,
            MaintenanceTask::Refresh | MaintenanceTask::Rejoin => false,
        });
        self.life == Life::Running && keeping < KeptPuts::KEEPING_AT_ONCE
    }

    /// Keeps a put's value no longer, and ends what is under way about it. False when it was not
    /// kept.
    pub(in crate::node) fn stop_keeping(&mut self, op: OpId) -> bool {
        let kept = self.upkeep.kept.forget(op);
        if kept {
            self.operations.stop_keeping(op);
            self.outbox.forget_copies(op);
        }
        kept
    }

    /// Looks after what is due for it.
    pub(super) fn keep_due(&mut self) {
        while self.can_keep_more()
            && self.upkeep.kept.next_due().is_some_and(|at| self.is_due(at))
            && let Some((op, next)) = self.upkeep.kept.take_due(self.now)
        {
            match next {
                Next::Check => self.check_kept(op),
                Next::Store => self.store_kept(op),
            }
        }
    }

    /// Has every kept value looked after now: nobody knows what happened while we were alone.
    pub(super) fn check_all_kept(&mut self) {
        let now = self.now;
        let waiting: Vec<(OpId, Next)> = self
            .upkeep
            .kept
            .puts
            .iter_mut()
            .filter_map(|(op, kept)| {
                kept.replicas.iter_mut().for_each(|holder| holder.next = now);
                match kept.state {
                    KeptState::Due { next, .. } => Some((*op, next)),
                    KeptState::Busy => None,
                }
            })
            .collect();
        for (op, next) in waiting {
            self.upkeep.kept.plan(op, now, next);
        }
    }

    /// Draws conclusions from having looked up where a kept value belongs, and stored it there.
    pub(super) fn stored_kept(&mut self, op: OpId, places: &[Place]) {
        let (now, interval) = (self.now, self.check_interval());
        let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
            return;
        };
        let contacts: Vec<Contact> = places.iter().filter_map(Place::contact).collect();
        if contacts.len() < places.len() {
            kept.here = Some(now);
        }
        kept.placed = contacts.len();
        let stored = |id: &Id| contacts.iter().any(|contact| contact.id == *id);
        kept.avoided.retain(|(_, id)| !stored(id));
        kept.named.retain(|contact| !stored(&contact.id));
        kept.replicas
            .retain(|holder| !stored(&holder.replica.contact.id));
        for contact in contacts {
            let next = now + self.rng.jitter(interval, KeptPuts::JITTER);
            let replica = Replica::new(contact, now);
            kept.replicas.push(Holder { replica, next });
        }
        let key = kept.key;
        kept.replicas
            .sort_by_key(|holder| key.distance(&holder.replica.contact.id));
        kept.replicas.truncate(self.config.k);
        self.plan_kept(op);
    }

    /// Draws conclusions from having asked the holders of a kept value.
    pub(in crate::node) fn checked_kept(&mut self, op: OpId, findings: Findings) {
        let longest = longest_interval(&self.config);
        let (survived, lost) = (findings.survived, findings.lost);
        self.upkeep.kept.survival.saw(survived, lost, longest);
        let (now, interval) = (self.now, self.check_interval());
        let (k, until) = (self.config.k, now + self.config.fresh);
        let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
            return;
        };
        for id in findings.failed {
            kept.avoid(id, until, k * KeptPuts::AVOIDED);
        }
        kept.named = findings.named;
        kept.named.truncate(k);
        let before = core::mem::take(&mut kept.replicas);
        for replica in findings.replicas {
            let same = |holder: &&Holder| holder.replica == replica && holder.next > now;
            let next = before.iter().find(same).map(|holder| holder.next);
            let next = next.unwrap_or_else(|| now + self.rng.jitter(interval, KeptPuts::JITTER));
            kept.replicas.push(Holder { replica, next });
        }
        kept.replicas.truncate(k);
        self.plan_kept(op);
    }

    fn check_kept(&mut self, op: OpId) {
        let (now, own) = (self.now, self.own);
        let (expiry, renewal) = (self.config.expiry, renewal(&self.config));
        let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
            return;
        };
        kept.avoided.retain(|(until, _)| *until > now);
        kept.replicas
            .retain(|holder| holder.replica.stored + expiry > now);
        if kept.replicas.is_empty() {
            return self.store_kept(op);
        }
        let check = kept.check(own, &self.config, now);
        if kept.here.is_some_and(|stored| stored + renewal <= now) {
            let (key, value) = (kept.key, kept.value.clone());
            kept.here = Some(now);
            self.store_own(key, value);
        }
        self.begin_maintenance(MaintenanceTask::Check(op), Operation::Check(check));
    }

    fn store_kept(&mut self, op: OpId) {
        let Some(kept) = self.upkeep.kept.puts.get(&op) else {
            return;
        };
        let (key, value) = (kept.key, kept.value.clone());
        let walk = self.walk(key, WalkKind::FindNode);
        let put = Put::new(walk, value, self.config.redundancy, self.config.alpha);
        self.begin_maintenance(MaintenanceTask::Keep(op), Operation::Put(put));
    }

    /// Plans what comes next for a kept value, and says how it stands. Without copies elsewhere it is
    /// stored again soon; so it is when more than half of those are gone that a lookup placed, since
    /// their neighbours can no longer be relied upon to say who else is there.
    fn plan_kept(&mut self, op: OpId) {
        let (now, renewal) = (self.now, renewal(&self.config));
        let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
            return;
        };
        let copies = kept.replicas.len();
        let lost = copies == 0 && kept.told == Told::Kept;
        let (at, next) = match kept.next_check(renewal) {
            Some(at) => {
                kept.retry = KeptPuts::RETRY;
                let few = copies < kept.placed.div_ceil(2);
                if few { (now, Next::Store) } else { (at, Next::Check) }
            }
            None if lost => (now, Next::Store),
            None => {
                let wait = self.rng.jitter(kept.retry, KeptPuts::JITTER);
                kept.retry = kept.retry.saturating_mul(2).min(KeptPuts::LONGEST_RETRY);
                (now + wait, Next::Store)
            }
        };
        let told = core::mem::replace(
            &mut kept.told,
            if copies > 0 { Told::Kept } else { Told::None },
        );
        self.upkeep.kept.plan(op, at, next);
        if lost {
            self.outbox.event(Event::CopiesLost { op });
        } else if copies > 0 && told == Told::None {
            self.outbox.event(Event::Kept { op, copies });
        }
    }

    fn check_interval(&self) -> Duration {
        self.upkeep
            .kept
            .survival
            .interval(longest_interval(&self.config))
    }
}

/// How long after it was stored a copy is stored again: at 5/6 of its life, as in the original
/// (section 8).
fn renewal(config: &Config) -> Duration {
    config.expiry / 6 * 5
}

/// The longest that a holder is not asked: a copy that vanished is noticed before a sixth of its
/// life has passed, however long-lived all others are.
fn longest_interval(config: &Config) -> Duration {
    config.expiry / 6
}
