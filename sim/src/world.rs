//! The world: hosts with one node each, a network between them, and the time that passes.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use khashmir::{
    Command, Config, ConfigError, Effort, Event, Instant, Node, OpId, Outcome, Refused, Seed,
};

use crate::trace::{Fingerprint, Purpose};

/// A number of hosts in virtual time. It stands still until it is told to go on.
pub struct World {
    seed: u64,
    now: Instant,
    hosts: Vec<Host>,
    agenda: BTreeMap<Moment, Due>,
    traffic: Traffic,
}

/// Names a host: they are numbered from 0 in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostNo(u32);

/// What a world has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams sent.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Datagrams sent to where no host is.
    pub strays: u64,
    /// Things that happened: datagrams that arrived, and deadlines that came.
    pub events: u64,
}

struct Host {
    node: Node,
    /// When the node is on the agenda because it asked to be.
    deadline: Option<Instant>,
    /// How many datagrams went to each other host.
    sent: BTreeMap<HostNo, u64>,
    /// What the node told its user, until somebody asks.
    events: VecDeque<Event>,
    /// Everything that it sent.
    trace: Fingerprint,
}

/// The place of something on the agenda. No counter of the whole world is part of it, so that what
/// two pairs of hosts do at the same time is independent of who of them was looked at first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    at: Instant,
    to: HostNo,
    /// `None` for a host's own deadline.
    from: Option<HostNo>,
    /// The how manieth from there to here.
    nth: u64,
}

enum Due {
    Datagram { from: HostNo, bytes: Vec<u8> },
    Deadline,
}

impl World {
    /// An empty world, at the origin of its time.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            now: Instant::ORIGIN,
            hosts: Vec::new(),
            agenda: BTreeMap::new(),
            traffic: Traffic {
                datagrams: 0,
                bytes: 0,
                strays: 0,
                events: 0,
            },
        }
    }

    /// Adds a host with a new node.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings cannot work.
    ///
    /// # Panics
    /// When there are more hosts than addresses in 10.0.0.0/8.
    pub fn add(&mut self, config: Config) -> Result<HostNo, ConfigError> {
        let host = HostNo::new(self.hosts.len());
        let number = Fingerprint::draw(self.seed, Purpose::NodeSeed, &[u64::from(host.0)]);
        let seed = Seed::from_number(number);
        self.hosts.push(Host {
            node: Node::new(config, seed, self.now)?,
            deadline: None,
            sent: BTreeMap::new(),
            events: VecDeque::new(),
            trace: Fingerprint::new(),
        });
        self.drain(host);
        Ok(host)
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// All hosts.
    pub fn hosts(&self) -> impl Iterator<Item = HostNo> + use<> {
        (0..self.hosts.len()).map(HostNo::new)
    }

    /// The node of a host, to look at.
    ///
    /// # Panics
    /// When the host is of another world.
    #[must_use]
    pub fn node(&self, host: HostNo) -> &Node {
        &self.hosts[host.index()].node
    }

    /// What has been seen so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// A fingerprint of every datagram sent so far: when, by whom, to whom, and its bytes.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        let traces: Vec<u64> = self.hosts.iter().map(|host| host.trace.finish()).collect();
        Fingerprint::of(&traces)
    }

    /// Gives a command to the node of a host.
    ///
    /// # Errors
    /// [`Refused`] as the node does.
    ///
    /// # Panics
    /// When the host is of another world.
    pub fn start(&mut self, host: HostNo, command: Command) -> Result<OpId, Refused> {
        let started = self.hosts[host.index()].node.start(self.now, command);
        self.drain(host);
        started
    }

    /// Lets time go by until a command is over. What else its node had to tell until then is
    /// forgotten. `None` when it is not over after as long as a command may take.
    ///
    /// # Panics
    /// When the host is of another world.
    pub fn run_to_end(&mut self, host: HostNo, op: OpId) -> Option<(Outcome, Effort)> {
        let latest = self.now + self.node(host).config().longest_operation();
        loop {
            while let Some(event) = self.hosts[host.index()].events.pop_front() {
                if let Event::Ended {
                    op: ended,
                    outcome,
                    effort,
                } = event
                    && ended == op
                {
                    return Some((outcome, effort));
                }
            }
            if !self.step(latest) {
                return None;
            }
        }
    }

    /// Lets time go by until then.
    pub fn run_until(&mut self, then: Instant) {
        while self.step(then) {}
        self.now = self.now.max(then);
    }

    /// Lets the next thing happen, if it happens by then.
    fn step(&mut self, by: Instant) -> bool {
        let Some(next) = self.agenda.first_entry().filter(|next| next.key().at <= by) else {
            return false;
        };
        let (moment, due) = next.remove_entry();
        self.now = moment.at;
        self.traffic.events += 1;
        let host = &mut self.hosts[moment.to.index()];
        match due {
            Due::Datagram { from, bytes } => {
                host.node.handle_datagram(self.now, from.address(), &bytes);
            }
            Due::Deadline => {
                host.deadline = None;
                host.node.handle_timeout(self.now);
                let next = host.node.poll_timeout();
                assert!(
                    next.is_none_or(|next| next > self.now),
                    "a node that has done what was due wants to do it again"
                );
            }
        }
        self.drain(moment.to);
        true
    }

    /// Takes out of a node what it wants after an input.
    fn drain(&mut self, number: HostNo) {
        let host = &mut self.hosts[number.index()];
        while let Some(event) = host.node.poll_event() {
            host.events.push_back(event);
        }
        self.set_deadline(number);
        loop {
            let mut datagram = Vec::new();
            let node = &mut self.hosts[number.index()].node;
            let Some(to) = node.poll_transmit(&mut datagram) else {
                return;
            };
            self.send(number, to, datagram);
        }
    }

    fn set_deadline(&mut self, number: HostNo) {
        let host = &mut self.hosts[number.index()];
        let at_deadline = |at| Moment {
            at,
            to: number,
            from: None,
            nth: 0,
        };
        let deadline = host.node.poll_timeout();
        if deadline != host.deadline {
            if let Some(old) = host.deadline {
                self.agenda.remove(&at_deadline(old));
            }
            if let Some(new) = deadline {
                self.agenda.insert(at_deadline(new), Due::Deadline);
            }
            host.deadline = deadline;
        }
    }

    fn send(&mut self, from: HostNo, to: SocketAddr, datagram: Vec<u8>) {
        self.traffic.datagrams += 1;
        self.traffic.bytes += datagram.len() as u64;
        let host = &mut self.hosts[from.index()];
        host.trace.number(self.now.as_nanos());
        host.trace.bytes(from.address().to_string().as_bytes());
        host.trace.bytes(to.to_string().as_bytes());
        host.trace.bytes(&datagram);
        let Some(to) = HostNo::at(to).filter(|to| to.index() < self.hosts.len()) else {
            self.traffic.strays += 1;
            return;
        };
        let at = self.now + self.latency(from, to);
        let sent = self.hosts[from.index()].sent.entry(to).or_default();
        let moment = Moment {
            at,
            to,
            from: Some(from),
            nth: *sent,
        };
        *sent += 1;
        let due = Due::Datagram {
            from,
            bytes: datagram,
        };
        self.agenda.insert(moment, due);
    }

    /// How long a datagram travels between two hosts, the same in both directions: evenly spread
    /// over all pairs, with nothing of geography in it.
    fn latency(&self, a: HostNo, b: HostNo) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(5);
        const SPREAD_NANOS: u64 = 95_000_000;
        let link = [a.min(b), a.max(b)].map(|host| u64::from(host.0));
        let drawn = Fingerprint::draw(self.seed, Purpose::Latency, &link);
        SHORTEST + Duration::from_nanos(drawn % SPREAD_NANOS)
    }
}

impl HostNo {
    const PORT: u16 = 9977;

    /// The host with that number.
    fn new(index: usize) -> Self {
        let number = u32::try_from(index).ok().filter(|number| *number < 1 << 24);
        Self(number.expect("no more hosts than addresses in 10.0.0.0/8"))
    }

    /// Its place among the hosts.
    const fn index(self) -> usize {
        self.0 as usize
    }

    /// Where its node is to be found.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        let [_, b, c, d] = self.0.to_be_bytes();
        SocketAddrV4::new(Ipv4Addr::new(10, b, c, d), Self::PORT).into()
    }

    /// Who is at an address, if there are that many hosts.
    fn at(address: SocketAddr) -> Option<Self> {
        let SocketAddr::V4(address) = address else {
            return None;
        };
        let [a, b, c, d] = address.ip().octets();
        let ours = a == 10 && address.port() == Self::PORT;
        ours.then(|| Self(u32::from_be_bytes([0, b, c, d])))
    }
}

impl fmt::Display for HostNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use khashmir::{Id, Place};

    use super::*;

    fn pair(seed: u64) -> (World, [HostNo; 2]) {
        let mut world = World::new(seed);
        let hosts = [(); 2].map(|()| world.add(Config::default()).expect("a preset"));
        (world, hosts)
    }

    fn join(world: &mut World, host: HostNo, through: HostNo) -> Option<(Outcome, Effort)> {
        let bootstrap = vec![through.address()];
        let op = world
            .start(host, Command::Join { bootstrap })
            .expect("a host's address");
        world.run_to_end(host, op)
    }

    #[test]
    fn two_hosts_meet_in_virtual_time() {
        let (mut world, [first, second]) = pair(1);
        let (_, effort) = join(&mut world, second, first).expect("an end");
        let latency = world.latency(first, second);
        assert_eq!(latency, world.latency(second, first));
        assert!(effort.took >= 2 * latency && effort.took < Duration::from_secs(5));
        let target = Id::hash_of(b"anything");
        let op = world
            .start(first, Command::FindNode { target })
            .expect("accepted");
        let (outcome, _) = world.run_to_end(first, op).expect("an end");
        let Outcome::Found(places) = outcome else {
            panic!("{outcome:?}");
        };
        let mut found: Vec<Id> = places.iter().map(Place::id).copied().collect();
        found.sort();
        let mut both = [first, second].map(|host| world.node(host).id());
        both.sort();
        assert_eq!(found, both);
    }

    #[test]
    fn what_is_sent_to_nobody_is_a_stray() {
        let (mut world, [first, _]) = pair(2);
        let addr = HostNo(7).address();
        let op = world
            .start(first, Command::Ping { addr })
            .expect("accepted");
        let (outcome, effort) = world.run_to_end(first, op).expect("an end");
        assert_eq!((effort.answered, effort.unanswered), (0, 1), "{outcome:?}");
        assert_eq!(world.traffic().strays, world.traffic().datagrams);
    }

    #[test]
    fn time_goes_on_when_nothing_happens() {
        let mut world = World::new(3);
        let then = Instant::since_origin(Duration::from_secs(1));
        world.run_until(then);
        assert_eq!((world.now(), world.traffic().events), (then, 0));
    }

    #[test]
    fn addresses_go_there_and_back() {
        for number in [0, 1, 255, 256, 70_000, (1 << 24) - 1] {
            let host = HostNo(number);
            assert_eq!(HostNo::at(host.address()), Some(host));
        }
        assert_eq!(HostNo::at(([11, 0, 0, 1], HostNo::PORT).into()), None);
        assert_eq!(HostNo::at(([10, 0, 0, 1], 1).into()), None);
    }
}
