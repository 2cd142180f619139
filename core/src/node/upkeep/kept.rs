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
use crate::node::{Event, Life, Node, OpId, Record};
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
    /// The copies at other nodes, closest first, at most [`copies`].
    replicas: Vec<Holder>,
    /// Nodes close to the key that hold no copy, closest first, at most K.
    named: Vec<Contact>,
    /// Nodes that did not answer, and until when they are not asked; at most
    /// [`KeptPuts::AVOIDED`], of which the oldest is forgotten.
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
    /// The jitter of those waits in percent.
    const JITTER: u8 = 25;
    /// Nodes remembered because they did not answer.
    const AVOIDED: usize = 32;

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

    /// Keeps a value again that an earlier run kept: it is stored anew from then on.
    fn restore(&mut self, op: OpId, (key, value): (Id, Value), then: Instant) {
        self.keep(op, key, value);
        self.plan(op, then, Next::Store);
    }

    /// All of them, in the order in which they were accepted.
    pub(in crate::node) fn iter(&self) -> impl Iterator<Item = (OpId, &Id, &Value)> {
        let puts = self.puts.iter();
        puts.map(|(op, kept)| (*op, &kept.key, &kept.value))
    }

    pub(in crate::node) fn len(&self) -> usize {
        self.puts.len()
    }

    /// Lets every kept value that waits for its time be stored again then, if not earlier: how much
    /// of the lives of its copies is left, and who holds them, nobody knows.
    pub(in crate::node) fn all_due_at(&mut self, then: Instant) {
        self.due.clear();
        for (op, kept) in &mut self.puts {
            if let KeptState::Due { at, next } = &mut kept.state {
                (*at, *next) = (then.min(*at), Next::Store);
                self.due.insert((*at, *op));
            }
        }
    }

    /// When the next put is due, whether or not another may be under way.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn stop(&mut self) {
        self.puts.clear();
        self.due.clear();
    }

    /// Keeps it no longer. Gives what was kept.
    fn forget(&mut self, op: OpId) -> Option<(Id, Value)> {
        let kept = self.puts.remove(&op)?;
        if let KeptState::Due { at, .. } = kept.state {
            self.due.remove(&(at, op));
        }
        Some((kept.key, kept.value))
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

    /// Adds copies that were just seen. Their holders are asked again one after the other at equal
    /// distances, the last after the whole interval: then fewer copies are missing at once than if
    /// all were asked together.
    fn add(&mut self, replicas: Vec<Replica>, now: Instant, interval: Duration) {
        let count = u32::try_from(replicas.len().max(1)).unwrap_or(u32::MAX);
        for (replica, turn) in replicas.into_iter().zip(1..) {
            let next = now + interval / count * turn;
            self.replicas.push(Holder { replica, next });
        }
        let key = self.key;
        self.replicas
            .sort_by_key(|holder| key.distance(&holder.replica.contact.id));
    }

    fn avoid(&mut self, id: Id, until: Instant) {
        self.avoided.push_back((until, id));
        if self.avoided.len() > KeptPuts::AVOIDED {
            self.avoided.pop_front();
        }
    }

    /// A check of the holders that are due.
    fn check(&self, own: Id, config: &Config, now: Instant) -> Check {
        let about = Checked {
            key: self.key,
            value: self.value.clone(),
            own,
            copies: copies(config),
            closest: closest(config),
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
            MaintenanceTask::Merge | MaintenanceTask::Refresh | MaintenanceTask::Rejoin => false,
        });
        self.life == Life::Running && keeping < KeptPuts::KEEPING_AT_ONCE
    }

    /// Keeps a put's value no longer, and ends what is under way about it. False when it was not
    /// kept.
    pub(in crate::node) fn stop_keeping(&mut self, op: OpId) -> bool {
        let Some((key, value)) = self.forget_kept(op) else {
            return false;
        };
        self.outbox
            .record_soon(|| Record::KeptNoLonger { key, value });
        true
    }

    /// As [`stop_keeping`](Self::stop_keeping), of what was never written down. Gives what was kept.
    pub(in crate::node) fn forget_kept(&mut self, op: OpId) -> Option<(Id, Value)> {
        let kept = self.upkeep.kept.forget(op)?;
        self.operations.stop_keeping(op);
        self.outbox.forget_copies(op);
        Some(kept)
    }

    /// Keeps what an earlier run kept, as far as the bound allows.
    pub(in crate::node) fn restore_kept<'a>(
        &mut self,
        kept: impl Iterator<Item = (&'a Id, &'a Value)>,
    ) {
        for (key, value) in kept.take(self.config.limits.max_kept) {
            let op = self.operations.next_id();
            let kept = (*key, value.clone());
            self.upkeep.kept.restore(op, kept, self.now);
        }
    }

    /// Looks after what is due for it.
    pub(super) fn keep_due(&mut self) {
        while self.can_keep_more()
            && self
                .upkeep
                .kept
                .next_due()
                .is_some_and(|at| self.is_due(at))
            && let Some((op, next)) = self.upkeep.kept.take_due(self.now)
        {
            match next {
                Next::Check => self.check_kept(op),
                Next::Store => self.store_kept(op),
            }
        }
    }

    /// Has every kept value looked after now: copies may have gone while this node was alone.
    pub(super) fn check_all_kept(&mut self) {
        let now = self.now;
        let waiting: Vec<(OpId, Next)> = self
            .upkeep
            .kept
            .puts
            .iter_mut()
            .filter_map(|(op, kept)| {
                kept.replicas
                    .iter_mut()
                    .for_each(|holder| holder.next = now);
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
        let new = contacts.into_iter();
        let new = new.map(|contact| Replica::new(contact, now)).collect();
        kept.add(new, now, interval);
        kept.replicas.truncate(copies(&self.config));
        self.plan_kept(op);
    }

    /// Draws conclusions from having asked the holders of a kept value.
    pub(in crate::node) fn checked_kept(&mut self, op: OpId, findings: Findings) {
        let longest = longest_interval(&self.config);
        let (survived, lost) = (findings.survived, findings.lost);
        self.upkeep.kept.survival.saw(survived, lost, longest);
        let (now, interval) = (self.now, self.check_interval());
        let until = now + self.config.fresh;
        let Some(kept) = self.upkeep.kept.puts.get_mut(&op) else {
            return;
        };
        for id in findings.failed {
            kept.avoid(id, until);
        }
        kept.named = findings.named;
        kept.named.truncate(self.config.k);
        let mut seen = findings.replicas;
        kept.replicas
            .retain(|holder| holder.next > now && seen.contains(&holder.replica));
        let trusted = |replica: &Replica| {
            let mut trusted = kept.replicas.iter();
            trusted.any(|holder| holder.replica == *replica)
        };
        seen.retain(|replica| !trusted(replica));
        kept.add(seen, now, interval);
        kept.replicas.truncate(copies(&self.config));
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
    /// stored again soon; so it is when no more than half are left of those that a lookup placed, since
    /// their neighbours can no longer be relied upon to name the others that are there.
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
                let few = copies * 2 <= kept.placed && copies < kept.placed;
                if few {
                    (now, Next::Store)
                } else {
                    (at, Next::Check)
                }
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

/// How many copies of a kept value are held at other nodes: a third more than the redundancy. A copy
/// that is lost is missing until its holder is asked; at the pace at which holders are asked, that is
/// the case for a quarter of the copies on average, and as many as the redundancy are there. The same
/// number of copies that are never few costs more with fewer of them, which have to be asked for more
/// often.
fn copies(config: &Config) -> usize {
    let spare = config.redundancy.div_ceil(3);
    (config.redundancy + spare).min(closest(config))
}

/// Among how many of the closest nodes these copies have to be: half as many again as a reader asks.
/// Since nodes come and go there as fast as holders do, a copy that was pushed out of the K closest
/// often comes back, and storing one at every newcomer would cost more than holding the value.
const fn closest(config: &Config) -> usize {
    config.k + config.k / 2
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
