//! The names through which a node joins: when they are resolved, and what is done with what they
//! stand for. A machine without threads or clock.

use std::net::SocketAddr;
use std::time::Duration;

use khashmir::Instant;

use crate::name::HostPort;

/// The bootstrap names of one node.
pub(crate) struct Bootstrap {
    names: Vec<HostPort>,
    state: State,
    /// Counts the rounds of asking, so that an answer to an earlier one is not taken for news.
    round: u64,
    /// What the names of this round stand for, as far as known.
    found: Vec<SocketAddr>,
    /// What the names of the round before stood for.
    earlier: Vec<SocketAddr>,
    /// Names of this round that could not be resolved.
    failed: usize,
    /// How long to wait before asking again, should a name stand for nothing.
    wait: Duration,
}

enum State {
    /// The node knows addresses to try, or there are no names.
    Content,
    /// Names are being resolved.
    Asking {
        purpose: Purpose,
        missing: usize,
        /// When what has been found by then must do.
        enough: Option<Instant>,
    },
    /// A name could not be resolved: all are resolved again then.
    Waiting { until: Instant },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Join,
    Renew,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Todo {
    /// Resolve the names, for this round.
    Resolve(u64),
    /// Let the node join through these addresses.
    Join(Vec<SocketAddr>),
    /// Let the node try these addresses from now on.
    Renew(Vec<SocketAddr>),
}

impl Bootstrap {
    /// When some names have been resolved, the others get this long to follow.
    const PATIENCE: Duration = Duration::from_secs(3);
    /// The wait before names are resolved again, after one could not be. It doubles each time.
    const FIRST_WAIT: Duration = Duration::from_secs(2);
    const LONGEST_WAIT: Duration = Duration::from_secs(60);
    /// Addresses that are kept, those that were found last before those found earlier.
    const MOST_FOUND: usize = 256;

    pub(crate) const fn none() -> Self {
        Self {
            names: Vec::new(),
            state: State::Content,
            round: 0,
            found: Vec::new(),
            earlier: Vec::new(),
            failed: 0,
            wait: Self::FIRST_WAIT,
        }
    }

    pub(crate) fn names(&self) -> &[HostPort] {
        &self.names
    }

    /// Takes other names, to join through them.
    pub(crate) fn begin(&mut self, names: Vec<HostPort>) -> Todo {
        self.names = names;
        self.found.clear();
        self.wait = Self::FIRST_WAIT;
        if self.names.is_empty() {
            self.stop();
            return Todo::Join(Vec::new());
        }
        self.ask(Purpose::Join)
    }

    /// Forgets the names.
    pub(crate) fn stop(&mut self) {
        *self = Self {
            round: self.round + 1,
            ..Self::none()
        };
    }

    /// Takes in that the node is alone, or that an address does not answer: the names may stand for
    /// others by now.
    pub(crate) fn wanted(&mut self) -> Option<Todo> {
        let content = matches!(self.state, State::Content);
        (content && !self.names.is_empty()).then(|| self.ask(Purpose::Renew))
    }

    /// Takes in what one name stands for: no addresses when it could not be resolved.
    pub(crate) fn resolved(
        &mut self,
        now: Instant,
        round: u64,
        addresses: &[SocketAddr],
    ) -> Option<Todo> {
        if round != self.round {
            return None;
        }
        add(&mut self.found, addresses);
        self.failed += usize::from(addresses.is_empty());
        match &mut self.state {
            State::Asking {
                missing, enough, ..
            } => {
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    return self.conclude(now);
                }
                if !self.found.is_empty() && enough.is_none() {
                    *enough = Some(now + Self::PATIENCE);
                }
                None
            }
            // It comes late, but it comes.
            State::Content | State::Waiting { .. } if !addresses.is_empty() => {
                Some(Todo::Renew(self.found.clone()))
            }
            State::Content => {
                self.wait(now);
                None
            }
            State::Waiting { .. } => None,
        }
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Content => None,
            State::Asking { enough, .. } => enough,
            State::Waiting { until } => Some(until),
        }
    }

    /// Does what is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Todo> {
        match self.state {
            State::Asking {
                enough: Some(enough),
                ..
            } if enough <= now => self.conclude(now),
            State::Waiting { until } if until <= now => Some(self.ask(Purpose::Renew)),
            State::Asking { .. } | State::Content | State::Waiting { .. } => None,
        }
    }

    fn ask(&mut self, purpose: Purpose) -> Todo {
        self.round += 1;
        self.earlier = std::mem::take(&mut self.found);
        self.failed = 0;
        self.state = State::Asking {
            purpose,
            missing: self.names.len(),
            enough: None,
        };
        Todo::Resolve(self.round)
    }

    /// Has the names resolved again later.
    fn wait(&mut self, now: Instant) {
        let until = now + self.wait;
        self.state = State::Waiting { until };
        self.wait = self.wait.saturating_mul(2).min(Self::LONGEST_WAIT);
    }

    /// Makes do with what was found.
    fn conclude(&mut self, now: Instant) -> Option<Todo> {
        let State::Asking { purpose, .. } = self.state else {
            return None;
        };
        if self.failed > 0 {
            // An address that was found earlier is better than none.
            let earlier = std::mem::take(&mut self.earlier);
            add(&mut self.found, &earlier);
            self.found.truncate(Self::MOST_FOUND);
            self.wait(now);
        } else {
            self.state = State::Content;
            self.wait = Self::FIRST_WAIT;
        }
        match purpose {
            // A join that knows no address ends at once, and says that the node is alone.
            Purpose::Join => Some(Todo::Join(self.found.clone())),
            Purpose::Renew if self.found.is_empty() => None,
            Purpose::Renew => Some(Todo::Renew(self.found.clone())),
        }
    }
}

/// Adds those that are not there.
fn add(to: &mut Vec<SocketAddr>, addresses: &[SocketAddr]) {
    for addr in addresses {
        if !to.contains(addr) {
            to.push(*addr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::since_origin(Duration::from_millis(millis))
    }

    fn addr(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 9977).into()
    }

    fn names(count: usize) -> Vec<HostPort> {
        let name = |n| format!("n{n}.example:9977").parse().expect("a name");
        (0..count).map(name).collect()
    }

    #[test]
    fn joining_waits_until_every_name_is_resolved() {
        let mut bootstrap = Bootstrap::none();
        assert_eq!(bootstrap.begin(names(3)), Todo::Resolve(1));
        assert_eq!(bootstrap.resolved(at(0), 1, &[addr(1)]), None);
        assert_eq!(bootstrap.resolved(at(1), 1, &[]), None);
        assert_eq!(
            bootstrap.resolved(at(2), 1, &[addr(1), addr(2)]),
            Some(Todo::Join(vec![addr(1), addr(2)]))
        );
        assert_eq!(bootstrap.deadline(), Some(at(2002)), "one is missing");
    }

    #[test]
    fn a_name_that_takes_long_holds_up_the_others_for_a_while_only() {
        let mut bootstrap = Bootstrap::none();
        bootstrap.begin(names(2));
        assert_eq!(bootstrap.deadline(), None, "nothing is known yet");
        assert_eq!(bootstrap.resolved(at(1000), 1, &[addr(1)]), None);
        assert_eq!(bootstrap.deadline(), Some(at(4000)));
        assert_eq!(bootstrap.due(at(3999)), None);
        assert_eq!(bootstrap.due(at(4000)), Some(Todo::Join(vec![addr(1)])));
        let late = bootstrap.resolved(at(9000), 1, &[addr(2)]);
        assert_eq!(late, Some(Todo::Renew(vec![addr(1), addr(2)])));
    }

    #[test]
    fn names_are_resolved_again_whenever_the_node_is_alone() {
        let mut bootstrap = Bootstrap::none();
        assert_eq!(bootstrap.wanted(), None, "there are no names");
        bootstrap.begin(names(1));
        assert_eq!(bootstrap.wanted(), None, "they are being resolved");
        bootstrap.resolved(at(0), 1, &[addr(1)]);
        assert_eq!(bootstrap.wanted(), Some(Todo::Resolve(2)));
        assert_eq!(bootstrap.resolved(at(5), 1, &[addr(1)]), None, "outdated");
        assert_eq!(
            bootstrap.resolved(at(6), 2, &[addr(7)]),
            Some(Todo::Renew(vec![addr(7)]))
        );
        assert_eq!(bootstrap.wanted(), Some(Todo::Resolve(3)));
        assert_eq!(
            bootstrap.resolved(at(7), 3, &[]),
            Some(Todo::Renew(vec![addr(7)])),
            "keeps the old"
        );
    }

    #[test]
    fn names_that_stand_for_nothing_are_resolved_again_later_each_time() {
        let mut bootstrap = Bootstrap::none();
        bootstrap.begin(names(1));
        let joined = bootstrap.resolved(at(0), 1, &[]);
        assert_eq!(joined, Some(Todo::Join(vec![])));
        assert_eq!(bootstrap.wanted(), None, "it is waiting");
        let mut waits = Vec::new();
        let mut now = at(0);
        for round in 2..9 {
            let due = bootstrap.deadline().expect("it tries again");
            waits.push(due.since(now).as_secs());
            now = due;
            assert_eq!(bootstrap.due(now), Some(Todo::Resolve(round)));
            assert_eq!(bootstrap.resolved(now, round, &[]), None);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        let late = bootstrap.resolved(now, 8, &[addr(1)]);
        assert_eq!(late, Some(Todo::Renew(vec![addr(1)])));
        let due = bootstrap.deadline();
        assert!(due.is_some(), "an answer that comes late ends no wait");
        assert_eq!(
            bootstrap.due(now + Duration::from_secs(60)),
            Some(Todo::Resolve(9))
        );
        let renewed = bootstrap.resolved(now, 9, &[addr(1)]);
        assert_eq!(renewed, Some(Todo::Renew(vec![addr(1)])));
        assert_eq!(bootstrap.deadline(), None);
    }

    #[test]
    fn without_names_there_is_nothing_to_wait_for() {
        let mut bootstrap = Bootstrap::none();
        assert_eq!(bootstrap.begin(Vec::new()), Todo::Join(Vec::new()));
        assert_eq!((bootstrap.wanted(), bootstrap.deadline()), (None, None));
    }

    #[test]
    fn nothing_is_resolved_for_a_node_that_has_left() {
        let mut bootstrap = Bootstrap::none();
        bootstrap.begin(names(1));
        bootstrap.stop();
        assert_eq!(bootstrap.resolved(at(0), 1, &[addr(1)]), None);
        assert_eq!((bootstrap.wanted(), bootstrap.deadline()), (None, None));
    }
}
