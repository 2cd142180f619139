//! How a node finds contacts again that were cut off from it: rounds in which the addresses are asked
//! that do not answer at the moment, and the joining of networks that come together again.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::remembered::{Breadth, Remembered, Was};
use crate::config::Config;
use crate::contact::{Contact, Peer};
use crate::id::Id;
use crate::memory::FreeWhenEmpty;
use crate::node::active_operations::{MaintenanceTask, Waiters};
use crate::node::{Event, Life, Node, Owner};
use crate::operation::{Ask, Join, Operation};
use crate::rng::Rng;
use crate::rpc::Sends;
use crate::time::Instant;
use crate::wire::Method;

/// What a node does to find lost contacts again.
///
/// A node that is cut off cannot tell it by its table alone: each half of a network that was cut in two
/// fills its tables with what it has. So each address that does not answer is asked again, for ever.
pub(in crate::node) struct Recovery {
    pub(super) remembered: Remembered,
    richness: Richness,
    rounds: Rounds,
    /// To be asked as soon as there is a free call: at most what one round and one snapshot bring.
    queue: VecDeque<(SocketAddr, Sends)>,
    /// Calls under way for those, at most `max_probes` of the configuration.
    asking: usize,
    /// Contacts that answered again and may be in another part of the network, at most
    /// [`Recovery::MOST_MERGES`].
    merges: VecDeque<Contact>,
    /// When a lost contact was last followed.
    followed: Option<Instant>,
    /// How many contacts the table had when the merge under way began.
    len_before_merge: usize,
}

/// When the next round is due, and how long to wait after it.
struct Rounds {
    next: Option<Instant>,
    wait: Duration,
    /// Which names the first wait and the longest.
    config: Arc<Config>,
}

/// How rich the table was, and is.
///
/// Its best size is what it is measured by. That sinks by one contact each round in which the table
/// is smaller, so that a network that has shrunk for good is taken for what it is after some hours.
#[derive(Default)]
struct Richness {
    best: usize,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Rich,
    /// The table has fallen below half of its best, and has not got back to three quarters since.
    Poor,
}

impl Recovery {
    /// Contacts that wait until their part of the network is joined.
    const MOST_MERGES: usize = 8;

    pub(super) fn new(config: &Arc<Config>) -> Self {
        Self {
            remembered: Remembered::default(),
            richness: Richness::default(),
            rounds: Rounds {
                next: None,
                wait: config.rejoin_first,
                config: Arc::clone(config),
            },
            queue: VecDeque::new(),
            asking: 0,
            merges: VecDeque::new(),
            followed: None,
            len_before_merge: 0,
        }
    }

    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.rounds.next
    }

    /// Stops everything that is under way. The addresses stay known.
    pub(super) fn stop(&mut self) {
        self.rounds.next = None;
        self.queue = VecDeque::new();
        self.asking = 0;
        self.merges = VecDeque::new();
    }

    /// The addresses to be greeted by a join, which takes the place of the round that was planned.
    pub(super) fn greetings(&mut self) -> Vec<Peer> {
        self.rounds.next = None;
        let greetings = self.remembered.greetings();
        greetings.into_iter().map(Peer::at).collect()
    }

    /// The next round is due after the first wait, and those after it more and more slowly again.
    pub(super) fn hurry(&mut self, now: Instant, rng: &mut Rng) {
        self.rounds.wait = self.rounds.config.rejoin_first;
        self.rounds.plan(now, rng);
    }

    /// The next round is due after a wait that is longer each time.
    pub(super) fn plan(&mut self, now: Instant, rng: &mut Rng) {
        self.rounds.plan(now, rng);
    }

    /// A node that starts anew with a table waits as if it had not waited before.
    pub(super) fn restart_waits(&mut self) {
        self.rounds.wait = self.rounds.config.rejoin_first;
    }

    pub(super) const fn is_planned(&self) -> bool {
        self.rounds.next.is_some()
    }

    fn ask(&mut self, addr: SocketAddr, sends: Sends) {
        if self.queue.iter().all(|(waiting, _)| *waiting != addr) {
            self.queue.push_back((addr, sends));
        }
    }
}

impl Rounds {
    /// How much longer than planned a wait may be, in percent, so that a network does not come back
    /// in step.
    const LONGER_BY: u32 = 10;

    fn plan(&mut self, now: Instant, rng: &mut Rng) {
        let wait = self.wait.min(self.config.rejoin_longest);
        let mean = wait / 200 * Self::LONGER_BY;
        self.next = Some(now + wait + rng.jitter(mean, 100));
        self.wait = wait.saturating_mul(2).min(self.config.rejoin_longest);
    }

    /// What does not hurry is done in a round after the longest wait, or in an earlier one that is
    /// planned anyway.
    fn plan_at_leisure(&mut self, now: Instant, rng: &mut Rng) {
        if self.next.is_none() {
            self.wait = self.config.rejoin_longest;
            self.plan(now, rng);
        }
    }
}

impl Richness {
    /// Takes in how many contacts there are. True when the table has become poor by that.
    fn note(&mut self, contacts: usize) -> bool {
        self.best = self.best.max(contacts);
        match self.standing {
            Standing::Rich if contacts * 2 < self.best => {
                self.standing = Standing::Poor;
                true
            }
            Standing::Poor if contacts * 4 >= self.best * 3 => {
                self.standing = Standing::Rich;
                false
            }
            Standing::Rich | Standing::Poor => false,
        }
    }

    /// Gets used to what there is.
    fn sink(&mut self, contacts: usize) {
        self.best = contacts.max(self.best.saturating_sub(1));
        self.note(contacts);
    }
}

impl Node {
    /// Remembers where a contact was that the table has lost.
    pub(in crate::node) fn contact_lost(&mut self, addr: SocketAddr) {
        let recovery = &mut self.upkeep.recovery;
        recovery.remembered.lost(addr);
        recovery.rounds.plan_at_leisure(self.now, &mut self.rng);
    }

    /// Asks the contacts of a snapshot whose answers no longer vouch for them, all side by side as
    /// far as the limits allow. Those that do not answer are remembered as lost, and asked again: so
    /// one datagram for each is enough, when many may have left meanwhile.
    pub(in crate::node) fn ask_restored(&mut self, addrs: Vec<SocketAddr>) {
        let most = self.config.k.saturating_mul(Id::BITS);
        for addr in addrs.into_iter().take(most) {
            self.upkeep.recovery.ask(addr, Sends::Once);
        }
    }

    /// A table that was restored is measured by what it was.
    pub(in crate::node) fn restored_from(&mut self, contacts: usize) {
        self.upkeep.recovery.richness.best = contacts;
    }

    /// Asks bootstrap addresses that are new to a node that is running.
    pub(in crate::node) fn ask_bootstrap(&mut self, new: Vec<SocketAddr>) {
        if self.life == Life::Running {
            for addr in new {
                self.upkeep.recovery.ask(addr, Sends::Several);
            }
        }
    }

    /// Takes in that a call was answered in order, by this contact.
    pub(in crate::node) fn reached(&mut self, owner: Owner, contact: Contact) {
        let was = self
            .upkeep
            .recovery
            .remembered
            .answered(self.now, contact.addr);
        self.upkeep.presence.answered();
        let is_ours = owner == Owner::Recovery;
        if is_ours {
            self.upkeep.recovery.asking = self.upkeep.recovery.asking.saturating_sub(1);
        }
        let followed = match owner {
            Owner::Operation { op, branch } => self.operations.follows(op, branch),
            Owner::Probe(_) | Owner::Recovery => false,
        };
        match was {
            // The self-lookup of a join goes there already.
            _ if followed => {}
            Was::SilentBootstrap => self.follow(contact),
            Was::Lost => self.follow_seldom(contact),
            // After a restart, if no join looks around anyway.
            Was::NotMissed if is_ours && self.operations.joining().is_none() => {
                self.follow_seldom(contact);
            }
            Was::NotMissed => {}
        }
    }

    /// Takes in that a call of recovery brought nothing.
    pub(in crate::node) fn recovery_failed(&mut self, addr: SocketAddr) {
        let recovery = &mut self.upkeep.recovery;
        recovery.asking = recovery.asking.saturating_sub(1);
        recovery.remembered.silent(addr);
        recovery.rounds.plan_at_leisure(self.now, &mut self.rng);
    }

    /// Whether the merge under way has brought contacts.
    pub(in crate::node) fn has_merged(&self) -> bool {
        self.table.len() > self.upkeep.recovery.len_before_merge
    }

    /// Plans rounds after a join: at once more and more slowly while bootstrap addresses have not
    /// answered it.
    pub(super) fn recover_after_join(&mut self) {
        let (now, staleness) = (self.now, self.config.staleness);
        let recovery = &mut self.upkeep.recovery;
        if recovery.remembered.misses_bootstrap(now, staleness) {
            recovery.hurry(now, &mut self.rng);
        } else if recovery.remembered.misses_contacts() {
            recovery.rounds.plan_at_leisure(now, &mut self.rng);
        }
    }

    /// Plans a round if a bootstrap address has not answered for too long.
    pub(in crate::node) fn check_bootstrap(&mut self) {
        let (now, staleness) = (self.now, self.config.staleness);
        let recovery = &mut self.upkeep.recovery;
        if recovery.remembered.misses_bootstrap(now, staleness) {
            recovery.rounds.plan_at_leisure(now, &mut self.rng);
        }
    }

    /// A round is due: a node with contacts asks the addresses that do not answer, one that is alone
    /// joins again.
    pub(super) fn recovery_round(&mut self) {
        self.upkeep.recovery.rounds.next = None;
        if self.life != Life::Running {
            return;
        }
        if self.upkeep.presence.is_alone() {
            return self.rejoin();
        }
        let (now, contacts, k) = (self.now, self.table.len(), self.config.k);
        let staleness = self.config.staleness;
        let recovery = &mut self.upkeep.recovery;
        let breadth = match recovery.richness.standing {
            Standing::Rich => Breadth::Few(k),
            Standing::Poor => Breadth::All,
        };
        recovery.richness.sink(contacts);
        let periods = (self.config.rejoin_longest, staleness);
        for addr in recovery.remembered.round(now, breadth, k, periods) {
            recovery.ask(addr, Sends::Once);
        }
        let misses_bootstrap = recovery.remembered.misses_bootstrap(now, staleness);
        let is_poor = recovery.richness.standing == Standing::Poor;
        if misses_bootstrap || is_poor || recovery.remembered.misses_contacts() {
            recovery.rounds.plan(now, &mut self.rng);
        }
        if misses_bootstrap || is_poor {
            self.outbox.event(Event::BootstrapWanted);
        }
    }

    /// Notices when the table has become poor, and does what there is room for.
    pub(super) fn recover(&mut self) {
        if self.life != Life::Running {
            return;
        }
        let recovery = &mut self.upkeep.recovery;
        if recovery.richness.note(self.table.len()) && !self.upkeep.presence.is_alone() {
            recovery.hurry(self.now, &mut self.rng);
        }
        self.ask_queued();
        self.merge();
    }

    fn ask_queued(&mut self) {
        while self.upkeep.recovery.asking < self.config.limits.max_probes
            && !self.transactions.is_full()
            && let Some((addr, sends)) = self.upkeep.recovery.queue.pop_front()
        {
            self.upkeep.recovery.asking += 1;
            self.stats.of(Method::Ping).started += 1;
            self.call(Peer::at(addr), Owner::Recovery, sends, Ask::Ping);
        }
        self.upkeep.recovery.queue.free_when_empty();
    }

    /// A self-lookup that starts at a contact shows whether it is in a part of the network that we do
    /// not know.
    fn follow(&mut self, contact: Contact) {
        let merges = &mut self.upkeep.recovery.merges;
        if merges.len() < Recovery::MOST_MERGES && !merges.contains(&contact) {
            merges.push_back(contact);
        }
    }

    /// The same for contacts that come and go in any network: one in the time for which an answer
    /// vouches for a contact.
    fn follow_seldom(&mut self, contact: Contact) {
        let (now, recovery) = (self.now, &mut self.upkeep.recovery);
        let fresh = self.config.fresh;
        let is_soon = |at: Instant| now.since(at) < fresh;
        if !recovery.followed.is_some_and(is_soon) {
            recovery.followed = Some(now);
            self.follow(contact);
        }
    }

    /// Those of our table that are closest to us: more than one answer names.
    pub(super) fn neighbours(&self) -> Vec<Contact> {
        self.table.closest(&self.own, self.config.k * 2)
    }

    /// Joins the part of the network that the next contact is in, one at a time.
    fn merge(&mut self) {
        if self.operations.joining().is_some() {
            return;
        }
        let Some(contact) = self.upkeep.recovery.merges.pop_front() else {
            return;
        };
        self.upkeep.recovery.merges.free_when_empty();
        self.upkeep.recovery.len_before_merge = self.table.len();
        let op = self.operations.next_id();
        let join = Join::through(self.own, contact, self.neighbours());
        let join = Operation::Join(join);
        self.begin(op, join, Waiters::Upkeep(MaintenanceTask::Merge));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Seed;

    #[test]
    fn a_table_is_poor_below_half_of_its_best_until_three_quarters() {
        let mut richness = Richness::default();
        assert!(!richness.note(20) && !richness.note(10));
        assert!(richness.note(9), "it has become poor");
        assert!(!richness.note(8), "it was poor before");
        assert!(!richness.note(14));
        assert_eq!(richness.standing, Standing::Poor);
        assert!(!richness.note(15));
        assert_eq!(richness.standing, Standing::Rich);
    }

    #[test]
    fn what_lasts_is_no_longer_poor() {
        let mut richness = Richness::default();
        richness.note(20);
        richness.note(3);
        let mut rounds = 0;
        while richness.standing == Standing::Poor {
            richness.sink(3);
            rounds += 1;
        }
        assert_eq!(rounds, 16);
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_never_shorter() {
        let mut rng = Rng::new(Seed::from_number(1));
        let mut rounds = Rounds {
            next: None,
            wait: Duration::from_secs(20),
            config: Arc::new(Config {
                rejoin_first: Duration::from_secs(20),
                rejoin_longest: Duration::from_secs(300),
                ..Config::default()
            }),
        };
        for wait in [20, 40, 80, 160, 300, 300, 300] {
            rounds.plan(Instant::ORIGIN, &mut rng);
            let next = rounds.next.expect("planned").as_nanos();
            let (least, most) = (wait * 1_000_000_000, wait * 1_100_000_001);
            assert!((least..=most).contains(&next), "{wait} s: {next}");
        }
    }
}
