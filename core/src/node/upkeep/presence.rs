//! Whether a node is online, and how it joins again when it is not.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::config::Config;
use crate::contact::Peer;
use crate::node::active_operations::MaintenanceTask;
use crate::node::{Event, Life, Node};
use crate::operation::{Join, Operation};
use crate::time::Instant;

/// Whether the node is online, and the addresses by which it can get there.
pub(in crate::node) struct Presence {
    state: State,
    bootstrap: Vec<SocketAddr>,
    /// Where contacts were that the table has lost, the latest first: to be tried beside the
    /// bootstrap addresses. At most [`Presence::MEMORY`].
    memory: VecDeque<SocketAddr>,
}

/// Whether anybody is there.
enum State {
    /// Nobody is. `next` is when the node tries again, `wait` how long it waits after that.
    Alone {
        next: Option<Instant>,
        wait: Duration,
    },
    Online,
}

impl Presence {
    /// Addresses of lost contacts that are remembered.
    const MEMORY: usize = 64;
    /// Of those, how many are tried at once.
    const REMEMBERED_AT_ONCE: usize = 16;
    /// The jitter of waits before joining again, so that a network does not come back in step.
    const REJOIN_JITTER: u8 = 25;

    pub(super) const fn new(config: &Config) -> Self {
        Self {
            state: State::Alone {
                next: None,
                wait: config.rejoin_first,
            },
            bootstrap: Vec::new(),
            memory: VecDeque::new(),
        }
    }

    /// Remembers where a contact was that is not in the table.
    pub(in crate::node) fn remember(&mut self, addr: SocketAddr) {
        self.memory.retain(|known| *known != addr);
        self.memory.push_front(addr);
        self.memory.truncate(Self::MEMORY);
    }

    pub(in crate::node) fn set_bootstrap(&mut self, bootstrap: Vec<SocketAddr>) {
        self.bootstrap = bootstrap;
    }

    /// When the next attempt to join is due.
    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            State::Alone { next, .. } => next,
            State::Online => None,
        }
    }

    pub(super) fn stop(&mut self) {
        if let State::Alone { next, .. } = &mut self.state {
            *next = None;
        }
        self.bootstrap.clear();
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
    /// What restoring has made of us.
    pub(in crate::node) fn presence_after_restore(&mut self) {
        self.update_presence();
        self.retry_if_alone();
    }

    /// Tries to find somebody now, if nobody is there and nothing is planned.
    pub(in crate::node) fn retry_if_alone(&mut self) {
        let (now, knows) = (self.now, self.upkeep.presence.knows_somebody());
        let busy = self.operations.joining().is_some() || self.life != Life::Running;
        if let State::Alone {
            next: next @ None, ..
        } = &mut self.upkeep.presence.state
            && knows
            && !busy
        {
            *next = Some(now);
        }
    }

    /// The operation that joins, greeting all whom we know of. Whatever was planned is off.
    pub(in crate::node) fn joining(&mut self) -> Operation {
        if let State::Alone { next, .. } = &mut self.upkeep.presence.state {
            *next = None;
        }
        Operation::Join(Join::new(self.own, self.upkeep.presence.greetings()))
    }

    pub(super) fn rejoin(&mut self) {
        let joining = self.joining();
        if self.operations.joining().is_none() {
            self.begin_maintenance(MaintenanceTask::Rejoin, joining);
        }
    }

    /// A round of joining found nobody: says so, and plans another, later each time.
    pub(super) fn still_alone(&mut self) {
        let longest = self.config.rejoin_longest;
        let knows = self.upkeep.presence.knows_somebody() && self.life == Life::Running;
        if let State::Alone { next, wait } = &mut self.upkeep.presence.state {
            let jittered = self.rng.jitter(*wait, Presence::REJOIN_JITTER);
            *next = knows.then(|| self.now + jittered);
            *wait = wait.saturating_mul(2).min(longest);
        }
        self.outbox.event(Event::Alone);
    }

    /// Notices when somebody is there, once a join under way is over, and when the last is lost.
    pub(super) fn update_presence(&mut self) {
        let contacts = self.table.len();
        let joining = self.operations.joining().is_some();
        match self.upkeep.presence.state {
            State::Alone { .. } if contacts > 0 && !joining => {
                self.upkeep.presence.state = State::Online;
                self.outbox.event(Event::Online { contacts });
                self.check_all_kept();
            }
            State::Online if contacts == 0 => {
                let wait = self.config.rejoin_first;
                self.upkeep.presence.state = State::Alone { next: None, wait };
                self.still_alone();
            }
            State::Alone { .. } | State::Online => {}
        }
    }
}
