//! Sparing addresses that do not answer: however many peers name one, and under however many
//! identifiers, it is sent few calls, and so is the network that it is in.

use alloc::collections::BTreeMap;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::{Node, Owner, Probe};
use crate::address::{Prefix, SharedAddresses};
use crate::config::SilentAddresses;
use crate::contact::Peer;
use crate::memory::FreeWhenEmpty;
use crate::time::Instant;
use crate::wire::Method;

/// The calls to addresses that have not answered since, and to the prefixes of those.
///
/// It concerns the addresses that others name or write from. Those that the user gave, contacts of the
/// table or of a snapshot, and those that were lost from the table are asked at times of their own.
///
/// An address that answers is forgotten at once, so that a node in a network that is well keeps hardly
/// more than its calls in flight.
#[derive(Default)]
pub(super) struct Allowance {
    /// At most [`Allowance::MOST`]; of more, the one that was called the longest time ago is forgotten.
    spent: BTreeMap<Scope, Spent>,
}

/// What has an allowance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// An address with all its ports.
    Host(IpAddr),
    /// One port of an address that many nodes share.
    Port(IpAddr, u16),
    Prefix(Prefix),
}

/// What was spent of an allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    calls: u8,
    heard: Heard,
    /// When the last call was made.
    last: Instant,
}

/// What has come of the calls so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// None is over.
    Nothing,
    /// One was given up, and none was answered.
    Silence,
    /// One was answered. That is remembered only of addresses that had no more calls left: others may
    /// have been waiting.
    Answer,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    /// It may.
    Granted,
    /// Not before one of the calls under way is over.
    Later,
    /// It may not: the address is silent.
    Refused,
}

impl Allowance {
    /// Calls to an address that does not answer, before it is left in peace; resends do not count.
    const OF_ADDRESS: u8 = 3;
    /// The same for a prefix, in which no address answers.
    const OF_PREFIX: u8 = 12;
    /// So long after the last call nothing more is known of an address. So there are no more calls in
    /// any span of that length.
    const PERIOD: Duration = SilentAddresses::SPARED;
    /// Addresses and prefixes remembered.
    const MOST: usize = 4096;
    /// No call is waited for longer, because no preset does.
    const LONGEST_CALL: Duration = Duration::from_secs(20);

    /// Asks for a call to an address, which counts if it is granted and the address has not answered.
    fn take(&mut self, now: Instant, shared: SharedAddresses, addr: SocketAddr) -> Permit {
        let scopes = Scope::of(shared, addr);
        let answers = |scope: &Scope| {
            let spent = self.known(now, scope);
            spent.is_some_and(|spent| spent.heard == Heard::Answer)
        };
        if scopes.iter().flatten().any(answers) {
            return Permit::Granted;
        }
        let permits = scopes.iter().flatten().map(|scope| self.permit(now, scope));
        match permits.max_by_key(|permit| permit.strictness()) {
            None | Some(Permit::Granted) => {}
            Some(permit) => return permit,
        }
        for scope in scopes.into_iter().flatten() {
            self.count(now, scope);
        }
        Permit::Granted
    }

    /// Takes in that an address has answered.
    fn answered(&mut self, shared: SharedAddresses, addr: SocketAddr) {
        if self.spent.is_empty() {
            return;
        }
        for scope in Scope::of(shared, addr).into_iter().flatten() {
            match self.spent.get_mut(&scope) {
                Some(spent) if spent.calls >= Self::OF_ADDRESS && scope.is_address() => {
                    spent.heard = Heard::Answer;
                }
                Some(_) => {
                    self.spent.remove(&scope);
                }
                None => {}
            }
        }
        self.spent.free_when_empty();
    }

    /// Takes in that a call to an address was given up.
    fn silent(&mut self, shared: SharedAddresses, addr: SocketAddr) {
        for scope in Scope::of(shared, addr).into_iter().flatten() {
            if let Some(spent) = self.spent.get_mut(&scope) {
                if spent.heard == Heard::Answer {
                    spent.calls = 1;
                }
                spent.heard = Heard::Silence;
            }
        }
    }

    /// Forgets addresses that were not called for long.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.spent.retain(|_, spent| spent.counts(now));
    }

    /// Whether it knows of no address that did not answer.
    pub(super) fn is_empty(&self) -> bool {
        self.spent.is_empty()
    }

    fn known(&self, now: Instant, scope: &Scope) -> Option<&Spent> {
        self.spent.get(scope).filter(|spent| spent.counts(now))
    }

    fn permit(&self, now: Instant, scope: &Scope) -> Permit {
        let Some(spent) = self.known(now, scope) else {
            return Permit::Granted;
        };
        match spent.heard {
            Heard::Answer => Permit::Granted,
            Heard::Nothing | Heard::Silence if spent.calls < scope.allowance() => Permit::Granted,
            Heard::Nothing if now.since(spent.last) < Self::LONGEST_CALL => Permit::Later,
            Heard::Nothing | Heard::Silence => Permit::Refused,
        }
    }

    fn count(&mut self, now: Instant, scope: Scope) {
        let before = self.known(now, &scope);
        let (calls, heard) = before.map_or((0, Heard::Nothing), |spent| (spent.calls, spent.heard));
        if before.is_none() && self.spent.len() >= Self::MOST {
            self.make_room(now);
        }
        let spent = Spent {
            calls: calls.saturating_add(1),
            heard,
            last: now,
        };
        self.spent.insert(scope, spent);
    }

    fn make_room(&mut self, now: Instant) {
        self.forget_old(now);
        if self.spent.len() >= Self::MOST {
            let oldest = self.spent.iter().min_by_key(|(_, spent)| spent.last);
            if let Some(oldest) = oldest.map(|(scope, _)| *scope) {
                self.spent.remove(&oldest);
            }
        }
    }
}

impl Spent {
    fn counts(&self, now: Instant) -> bool {
        now.since(self.last) < Allowance::PERIOD
    }
}

impl Scope {
    /// The address, and the prefix if it is not shared.
    fn of(shared: SharedAddresses, addr: SocketAddr) -> [Option<Self>; 2] {
        match shared.prefix_of(addr.ip()) {
            None => [Some(Self::Port(addr.ip(), addr.port())), None],
            Some(prefix) => [Some(Self::Host(addr.ip())), Some(Self::Prefix(prefix))],
        }
    }

    const fn is_address(&self) -> bool {
        matches!(self, Self::Host(_) | Self::Port(..))
    }

    const fn allowance(&self) -> u8 {
        match self {
            Self::Host(_) | Self::Port(..) => Allowance::OF_ADDRESS,
            Self::Prefix(_) => Allowance::OF_PREFIX,
        }
    }
}

impl Permit {
    const fn strictness(self) -> u8 {
        match self {
            Self::Granted => 0,
            Self::Later => 1,
            Self::Refused => 2,
        }
    }
}

impl Node {
    /// Whether an address may be called now. Only hearsay uses up an allowance: lookups go where others
    /// say that a contact is, and unbidden pings to where a datagram says that it came from.
    pub(super) fn permit(&mut self, peer: &Peer, owner: Owner, method: Method) -> Permit {
        let hearsay = match owner {
            Owner::Operation { .. } => matches!(method, Method::FindNode | Method::FindValue),
            Owner::Probe(Probe::Newcomer | Probe::Claimant) => true,
            Owner::Probe(Probe::Questionable | Probe::Failing | Probe::Holder)
            | Owner::Recovery => false,
        };
        let named = peer.contact().filter(|_| hearsay);
        let is_limited = match self.config.silent_addresses {
            SilentAddresses::Spare => named.is_some_and(|contact| !self.table.holds(&contact)),
            SilentAddresses::AskAgain => false,
        };
        if !is_limited {
            return Permit::Granted;
        }
        let shared = self.config.shared_addresses;
        let allowance = self.allowance.get_or_insert_default();
        let permit = allowance.take(self.now, shared, peer.addr);
        self.stats.withheld_calls += u64::from(permit == Permit::Refused);
        permit
    }

    /// Takes in that an address has answered a call, in whatever way.
    pub(super) fn address_answered(&mut self, addr: SocketAddr) {
        if let Some(allowance) = &mut self.allowance {
            allowance.answered(self.config.shared_addresses, addr);
        }
    }

    /// Takes in that a call to an address is given up.
    pub(super) fn address_silent(&mut self, addr: SocketAddr) {
        if let Some(allowance) = &mut self.allowance {
            allowance.silent(self.config.shared_addresses, addr);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: SharedAddresses = SharedAddresses::Private;

    fn at(seconds: u64) -> Instant {
        Instant::since_origin(Duration::from_secs(seconds))
    }

    fn host(last: u8) -> SocketAddr {
        ([44, 1, 2, last], 9).into()
    }

    /// As many calls as are granted of so many, each of which is given up.
    fn granted(allowance: &mut Allowance, now: Instant, addr: SocketAddr, calls: usize) -> usize {
        let mut granted = 0;
        for _ in 0..calls {
            granted += usize::from(allowance.take(now, PUBLIC, addr) == Permit::Granted);
            allowance.silent(PUBLIC, addr);
        }
        granted
    }

    #[test]
    fn a_silent_address_gets_three_calls_until_it_was_left_in_peace_for_a_quarter_of_an_hour() {
        let mut allowance = Allowance::default();
        assert_eq!(granted(&mut allowance, at(0), host(1), 2), 2);
        assert_eq!(granted(&mut allowance, at(800), host(1), 9), 1);
        let other_port = ([44, 1, 2, 1], 10).into();
        assert_eq!(granted(&mut allowance, at(1699), other_port, 9), 0);
        assert_eq!(granted(&mut allowance, at(1700), host(1), 9), 3);
    }

    #[test]
    fn a_silent_prefix_gets_twelve_calls_and_an_answer_gives_them_back() {
        let mut allowance = Allowance::default();
        let all = |allowance: &mut Allowance, now| -> usize {
            (1..=40)
                .map(|last| granted(allowance, now, host(last), 1))
                .sum()
        };
        assert_eq!(all(&mut allowance, at(0)), 12);
        assert_eq!(all(&mut allowance, at(899)), 0);
        assert_eq!(
            granted(&mut allowance, at(1), ([44, 1, 3, 1], 1).into(), 1),
            1
        );
        allowance.answered(PUBLIC, host(200));
        assert_eq!(all(&mut allowance, at(899)), 12);
    }

    #[test]
    fn on_shared_addresses_ports_count_and_prefixes_do_not() {
        let mut allowance = Allowance::default();
        let all: usize = (1..=40)
            .map(|port| granted(&mut allowance, at(0), ([10, 1, 2, 3], port).into(), 4))
            .sum();
        assert_eq!(all, 120);
        let mut allowance = Allowance::default();
        let addr = ([127, 0, 0, 1], 1).into();
        let permits = (0..4).map(|_| allowance.take(at(0), SharedAddresses::None, addr));
        assert_eq!(
            permits.filter(|permit| *permit == Permit::Granted).count(),
            3
        );
        let other = ([127, 0, 0, 1], 2).into();
        assert_eq!(
            allowance.take(at(0), SharedAddresses::None, other),
            Permit::Later
        );
    }

    #[test]
    fn while_calls_are_under_way_more_wait_and_an_answer_lets_all_of_them_go() {
        let mut allowance = Allowance::default();
        let take = |allowance: &mut Allowance, now| allowance.take(now, PUBLIC, host(1));
        for _ in 0..3 {
            assert_eq!(take(&mut allowance, at(0)), Permit::Granted);
        }
        assert_eq!(take(&mut allowance, at(0)), Permit::Later);
        assert_eq!(
            take(&mut allowance, at(20)),
            Permit::Refused,
            "they are lost"
        );
        allowance.answered(PUBLIC, host(1));
        for _ in 0..40 {
            assert_eq!(take(&mut allowance, at(20)), Permit::Granted);
        }
        assert_eq!(granted(&mut allowance, at(21), host(1), 9), 3, "it is gone");
    }

    #[test]
    fn an_address_that_answers_is_forgotten() {
        let mut allowance = Allowance::default();
        for last in 1..=9 {
            allowance.take(at(0), PUBLIC, host(last));
            allowance.answered(PUBLIC, host(last));
        }
        assert!(allowance.spent.is_empty());
    }

    #[test]
    fn of_too_many_addresses_the_one_called_longest_ago_is_forgotten() {
        let mut allowance = Allowance::default();
        let addr = |number: u16| {
            let [high, low] = number.to_be_bytes();
            ([10, 0, high, low], 1).into()
        };
        for number in 0..=4096 {
            let now = Instant::from_nanos(number.into());
            assert_eq!(granted(&mut allowance, now, addr(number), 3), 3);
        }
        assert_eq!(allowance.spent.len(), 4096);
        assert_eq!(granted(&mut allowance, at(1), addr(1), 1), 0);
        assert_eq!(granted(&mut allowance, at(1), addr(0), 1), 1);
    }
}
