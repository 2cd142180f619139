//! The addresses by which a node finds its way back: those of its bootstrap hosts, and those of
//! contacts that its table has lost.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::memory::FreeWhenEmpty;
use crate::time::Instant;

/// Bootstrap addresses, at most `max_bootstrap` of the configuration, and those of lost contacts, at
/// most [`Remembered::MOST_LOST`].
#[derive(Default)]
pub(super) struct Remembered {
    bootstrap: Vec<Bootstrap>,
    /// Where contacts were that the table has lost and that have not answered since. Those lost or
    /// asked last come first.
    lost: VecDeque<SocketAddr>,
    /// Contacts that were lost since all bootstrap addresses were asked.
    losses: usize,
}

struct Bootstrap {
    addr: SocketAddr,
    /// When it last answered. `None` when it never has, or did not when it was asked last.
    answered: Option<Instant>,
}

/// How an address stood when it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    /// A bootstrap address that did not answer until now.
    SilentBootstrap,
    /// The address of a lost contact.
    Lost,
    /// It was not missed.
    NotMissed,
}

/// How many of the addresses are asked in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breadth {
    /// All.
    All,
    /// The silent bootstrap addresses, and this many of the lost contacts.
    Few(usize),
}

impl Remembered {
    /// Addresses of lost contacts that are remembered; the one that was lost or asked the longest
    /// time ago gives way.
    const MOST_LOST: usize = 64;
    /// Of those, how many are greeted by one join.
    const GREETED: usize = 16;

    /// Replaces the bootstrap addresses. Gives those that are new.
    pub(super) fn set_bootstrap(&mut self, addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let before = core::mem::take(&mut self.bootstrap);
        let known = |addr: &SocketAddr| before.iter().find(|known| known.addr == *addr);
        for addr in &addrs {
            if self.bootstrap.iter().all(|other| other.addr != *addr) {
                let answered = known(addr).and_then(|known| known.answered);
                let addr = *addr;
                self.bootstrap.push(Bootstrap { addr, answered });
            }
        }
        let new = addrs.into_iter().filter(|addr| known(addr).is_none());
        new.collect()
    }

    /// Takes in that an address does not answer, which a contact of the table or a bootstrap host
    /// had.
    pub(super) fn silent(&mut self, addr: SocketAddr) {
        let mut bootstrap = self.bootstrap.iter_mut();
        if let Some(bootstrap) = bootstrap.find(|bootstrap| bootstrap.addr == addr) {
            bootstrap.answered = None;
        } else if !self.lost.contains(&addr) {
            self.lost.push_front(addr);
            self.lost.truncate(Self::MOST_LOST);
        }
    }

    /// Takes in that the table has lost the contact at this address.
    pub(super) fn lost(&mut self, addr: SocketAddr) {
        self.losses = self.losses.saturating_add(1);
        self.silent(addr);
    }

    /// Takes in that an address answered.
    pub(super) fn answered(&mut self, now: Instant, addr: SocketAddr) -> Was {
        let mut bootstrap = self.bootstrap.iter_mut();
        if let Some(bootstrap) = bootstrap.find(|bootstrap| bootstrap.addr == addr) {
            return match bootstrap.answered.replace(now) {
                Some(_) => Was::NotMissed,
                None => Was::SilentBootstrap,
            };
        }
        let Some(at) = self.lost.iter().position(|lost| *lost == addr) else {
            return Was::NotMissed;
        };
        self.lost.remove(at);
        self.lost.free_when_empty();
        Was::Lost
    }

    /// The addresses to ask in a round: those that do not answer at the moment, and bootstrap
    /// addresses of which that is no longer known.
    ///
    /// Like a contact of the table, a bootstrap host is taken for alive until it has not answered
    /// for `staleness`. But once a whole bucket's worth of contacts, `k`, was lost, or all addresses
    /// are to be asked, an answer vouches for `period` only: most of what was lost may be in another
    /// part of a network that was cut in two, and the bootstrap host with it.
    pub(super) fn round(
        &mut self,
        now: Instant,
        breadth: Breadth,
        k: usize,
        (period, staleness): (Duration, Duration),
    ) -> Vec<SocketAddr> {
        let doubted = self.losses >= k || breadth == Breadth::All;
        let vouches = if doubted { period } else { staleness };
        if doubted {
            self.losses = 0;
        }
        let is_due = |bootstrap: &&Bootstrap| bootstrap.is_silent(now, vouches);
        let bootstrap = self.bootstrap.iter().filter(is_due);
        let mut all: Vec<SocketAddr> = bootstrap.map(|bootstrap| bootstrap.addr).collect();
        let lost = match breadth {
            Breadth::All => self.lost.len(),
            Breadth::Few(few) => few.min(self.lost.len()),
        };
        all.extend(self.take_turn(lost));
        all
    }

    /// The addresses to greet when joining: the bootstrap addresses, and some of those lost, others each
    /// time.
    pub(super) fn greetings(&mut self) -> Vec<SocketAddr> {
        let lost = self.lost.len().min(Self::GREETED);
        let mut all: Vec<SocketAddr> = self.bootstrap.iter().map(|known| known.addr).collect();
        let lost: Vec<SocketAddr> = self.take_turn(lost).collect();
        all.extend(lost);
        all
    }

    /// Whether a bootstrap address does not answer at the moment, or has not for this long.
    pub(super) fn misses_bootstrap(&self, now: Instant, vouches: Duration) -> bool {
        let mut bootstrap = self.bootstrap.iter();
        bootstrap.any(|bootstrap| bootstrap.is_silent(now, vouches))
    }

    pub(super) fn misses_contacts(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bootstrap.is_empty() && self.lost.is_empty()
    }

    /// The lost addresses that were not asked for the longest time; they are the last to be asked
    /// again.
    fn take_turn(&mut self, count: usize) -> impl Iterator<Item = SocketAddr> + '_ {
        self.lost.rotate_right(count);
        self.lost.iter().take(count).copied()
    }
}

impl Bootstrap {
    fn is_silent(&self, now: Instant, vouches: Duration) -> bool {
        self.answered
            .is_none_or(|answered| now.since(answered) >= vouches)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const PERIODS: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3600));

    fn addr(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    fn at(seconds: u64) -> Instant {
        Instant::since_origin(Duration::from_secs(seconds))
    }

    fn round(known: &mut Remembered, now: u64, breadth: Breadth) -> Vec<u16> {
        let asked = known.round(at(now), breadth, 8, PERIODS);
        asked.into_iter().map(|addr| addr.port()).collect()
    }

    #[test]
    fn the_lost_take_turns_and_the_oldest_is_forgotten() {
        let mut known = Remembered::default();
        for port in 0..100 {
            known.lost(addr(port));
        }
        let mut asked: Vec<u16> = Vec::new();
        for turn in 0..8 {
            asked.extend(round(&mut known, turn, Breadth::Few(8)));
        }
        asked.sort_unstable();
        assert_eq!(asked, (36..100).collect::<Vec<u16>>(), "each once");
        assert_eq!(round(&mut known, 9, Breadth::All).len(), 64);
        assert_eq!(known.answered(at(10), addr(40)), Was::Lost);
        assert_eq!(known.answered(at(10), addr(40)), Was::NotMissed);
        assert_eq!(round(&mut known, 11, Breadth::All).len(), 63);
    }

    #[test]
    fn a_bootstrap_address_is_asked_while_it_is_silent_and_seldom_while_it_answers() {
        let mut known = Remembered::default();
        known.set_bootstrap(vec![addr(1), addr(2), addr(1)]);
        assert_eq!(round(&mut known, 0, Breadth::Few(8)), [1, 2]);
        assert_eq!(known.answered(at(1), addr(1)), Was::SilentBootstrap);
        assert_eq!(known.answered(at(2), addr(1)), Was::NotMissed);
        assert_eq!(round(&mut known, 300, Breadth::Few(8)), [2]);
        assert_eq!(round(&mut known, 300, Breadth::All), [2]);
        assert_eq!(round(&mut known, 302, Breadth::All), [1, 2]);
        assert_eq!(round(&mut known, 3601, Breadth::Few(8)), [2]);
        assert_eq!(round(&mut known, 3602, Breadth::Few(8)), [1, 2]);
        known.silent(addr(1));
        assert!(known.misses_bootstrap(at(2), PERIODS.1) && !known.misses_contacts());
    }

    #[test]
    fn bootstrap_addresses_that_answered_are_doubted_once_a_bucketful_was_lost() {
        let mut known = Remembered::default();
        known.set_bootstrap(vec![addr(1)]);
        known.answered(at(0), addr(1));
        for port in 10..17 {
            known.lost(addr(port));
        }
        assert!(!round(&mut known, 400, Breadth::Few(8)).contains(&1));
        known.lost(addr(17));
        assert!(round(&mut known, 400, Breadth::Few(8)).contains(&1));
        assert!(!round(&mut known, 400, Breadth::Few(8)).contains(&1));
    }

    #[test]
    fn addresses_that_stay_keep_their_standing() {
        let mut known = Remembered::default();
        known.set_bootstrap(vec![addr(1)]);
        known.answered(at(0), addr(1));
        assert_eq!(known.set_bootstrap(vec![addr(1), addr(2)]), [addr(2)]);
        assert_eq!(round(&mut known, 10, Breadth::Few(8)), [2]);
    }
}
