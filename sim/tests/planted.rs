//! Checks that cannot fail prove nothing: here the behaviour of nodes is broken on purpose, one way
//! after the other, and each check has to find it.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use khashmir::wire::{Dialect, Message, Nodes, Query, Reply, Values};
use khashmir::{
    Command, Contact, Event, Id, Instant, Node, OpId, Record, RecordNo, Refused, Seed, Snapshot,
};
use khashmir_sim::checks::Check;
use khashmir_sim::experiment::MachineFactory;
use khashmir_sim::plan::Plan;
use khashmir_sim::swarm;
use khashmir_sim::world::Machine;

/// How a node is broken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Records are confirmed before they are written.
    ConfirmsAtOnce,
    /// Records are never written.
    DropsRecords,
    /// Stores are let through with any token.
    AcceptsAnyToken,
    /// Replies name contacts that do not exist.
    NamesStrangers,
    /// Replies name no contacts.
    NamesNobody,
    /// Answers hold no values.
    HidesValues,
    /// What is sent is cut short.
    CutsDatagrams,
    /// A datagram is sent to an address that no reply has named.
    WritesToStrangers,
    /// Every ending is told twice.
    EndsTwice,
    /// No ending is told.
    NeverEnds,
    /// It is due again when it has just been called.
    DueAgain,
    /// It is due at the end of time.
    DueNever,
    /// It does not bear being asked for values.
    Panics,
    /// What it does depends on what other nodes of the same process have done.
    Unsteady,
    /// It takes the dead for alive.
    BelievesInGhosts,
}

/// A node that is broken.
struct Broken {
    node: Node,
    how: Break,
    now: Instant,
    again: VecDeque<Event>,
    called: bool,
    strangers: u8,
}

impl Broken {
    fn factory(how: Break) -> MachineFactory {
        MachineFactory::new(move |_, node| {
            Box::new(Self {
                node,
                how,
                now: Instant::ORIGIN,
                again: VecDeque::new(),
                called: false,
                strangers: 0,
            })
        })
    }

    /// Puts a good token into a store, got by asking ourselves for one in the name of the asker.
    fn with_good_token(&mut self, from: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        let message = Dialect::Khashmir.decode(datagram).ok()?;
        let Message::Query {
            tid,
            sender,
            query: Query::StoreValue { key, value, .. },
        } = message
        else {
            return None;
        };
        let asking = Query::FindNode { target: key };
        let asking = encoded(b"token", &sender, &asking);
        self.node.handle_datagram(self.now, from, None, &asking);
        let mut answer = Vec::new();
        while let Some(khashmir::Transmit { to, .. }) = self.node.poll_transmit(&mut answer) {
            if let Ok(Message::Reply {
                tid: b"token",
                reply,
            }) = Dialect::Khashmir.decode(&answer)
                && to == from
            {
                let token = reply.token?;
                let query = Query::StoreValue { key, token, value };
                return Some(encoded(tid, &sender, &query));
            }
        }
        None
    }

    /// Breaks what is sent.
    fn spoil(&mut self, to: SocketAddr, datagram: &mut Vec<u8>) {
        let Ok(message) = Dialect::Khashmir.decode(datagram) else {
            return;
        };
        match (self.how, message) {
            (Break::CutsDatagrams, Message::Reply { .. }) => {
                datagram.pop();
            }
            (Break::NamesStrangers, Message::Reply { tid, mut reply }) if reply.nodes.is_some() => {
                let stranger = |contact: Contact| {
                    Contact::new(Id::hash_of(contact.id.as_bytes()), contact.addr)
                };
                let named = reply.nodes.iter().flat_map(Nodes::iter);
                let strangers: Vec<Contact> = named.map(stranger).collect();
                reply.nodes = Some(Nodes::from(&strangers));
                *datagram = answered(tid, &reply);
            }
            (Break::NamesNobody, Message::Reply { tid, mut reply }) if reply.nodes.is_some() => {
                reply.nodes = Some(Nodes::from(&[]));
                *datagram = answered(tid, &reply);
            }
            (Break::HidesValues, Message::Reply { tid, mut reply }) if reply.values.is_some() => {
                reply.values = Some(Values::from(&[]));
                *datagram = answered(tid, &reply);
            }
            (Break::BelievesInGhosts, Message::Query { tid, .. }) => {
                let known = self.node.contacts().find(|contact| contact.addr == to);
                if let Some(contact) = known {
                    let reply = Reply {
                        id: contact.id,
                        nodes: Some(Nodes::from(&[])),
                        num: None,
                        seen_as: None,
                        token: None,
                        values: None,
                    };
                    let reply = answered(tid, &reply);
                    self.node.handle_datagram(self.now, to, None, &reply);
                }
            }
            (_, _) => {}
        }
    }
}

impl Machine for Broken {
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.now = now;
        self.called = false;
        let query = match Dialect::Khashmir.decode(datagram) {
            Ok(Message::Query { query, .. }) => Some(query),
            _ => None,
        };
        assert!(
            self.how != Break::Panics || !matches!(query, Some(Query::FindValue { .. })),
            "cannot bear it"
        );
        if self.how == Break::AcceptsAnyToken
            && let Some(good) = self.with_good_token(from, datagram)
        {
            self.node.handle_datagram(now, from, None, &good);
            return;
        }
        self.node.handle_datagram(now, from, None, datagram);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.called = !self.called;
        self.node.handle_timeout(now);
    }

    fn handle_durable(&mut self, now: Instant, up_to: RecordNo) {
        self.now = now;
        self.node.handle_durable(now, up_to);
    }

    fn start(&mut self, now: Instant, command: Command) -> Result<OpId, Refused> {
        self.now = now;
        self.node.start(now, command)
    }

    fn leave(&mut self, now: Instant) {
        self.node.leave(now);
    }

    fn poll_record(&mut self) -> Option<(RecordNo, Record)> {
        let (number, record) = self.node.poll_record()?;
        if matches!(self.how, Break::ConfirmsAtOnce | Break::DropsRecords) {
            self.node.handle_durable(self.now, number);
        }
        (self.how != Break::DropsRecords).then_some((number, record))
    }

    fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        static SENT: AtomicU64 = AtomicU64::new(0);
        let to = self.node.poll_transmit(datagram)?.to;
        self.spoil(to, datagram);
        if self.how == Break::WritesToStrangers && self.strangers < 3 {
            self.strangers += 1;
            return Some(([10, 9, 9, self.strangers], 9977).into());
        }
        if self.how == Break::Unsteady && SENT.fetch_add(1, Ordering::Relaxed) % 1009 == 7 {
            return Some(self.node.poll_transmit(datagram)?.to);
        }
        Some(to)
    }

    fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.again.pop_front() {
            return Some(event);
        }
        let event = self.node.poll_event()?;
        match (self.how, &event) {
            (Break::EndsTwice, Event::Ended { .. }) => self.again.push_back(event.clone()),
            (Break::NeverEnds, Event::Ended { .. }) => return None,
            _ => {}
        }
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        // Only once, or the world would call it for ever.
        if self.how == Break::DueAgain && self.called {
            return Some(self.now);
        }
        if self.how == Break::DueNever {
            return Some(Instant::MAX);
        }
        self.node.poll_timeout()
    }

    fn node(&self) -> &Node {
        &self.node
    }
}

fn encoded(tid: &[u8], sender: &Id, query: &Query<'_>) -> Vec<u8> {
    let mut datagram = Vec::new();
    Dialect::Khashmir.encode_query(tid, sender, query, &mut datagram);
    datagram
}

fn answered(tid: &[u8], reply: &Reply<'_>) -> Vec<u8> {
    let mut datagram = Vec::new();
    let _ = Dialect::Khashmir.encode_reply(tid, reply, &mut datagram);
    datagram
}

/// A small network in which everything happens that a broken node could stumble over.
fn plan() -> Plan {
    let key = "0123456789abcdef0123456789abcdef01234567";
    // A store with a token that was never issued.
    let store = encoded(
        b"garbage",
        &Id::hash_of(b"someone"),
        &Query::StoreValue {
            key: Id::hash_of(b"somewhere"),
            token: b"no token at all",
            value: b"something",
        },
    );
    let store: String = store.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "nodes 24\n\
         start join\n\
         disk 5ms\n\
         fresh 1m\nstaleness 4m\ncheckpoint 30s\n\
         at 1s n01 find_node {key}\n\
         at 2s n02 put {key} word\n\
         at 20s n03 get {key}\n\
         at 30s n04 find_value {key}\n\
         at 40s n05 garbage n00..n04 {store}\n\
         at 50s all restart\n\
         healed 5m\n"
    )
    .parse()
    .expect("a plan")
}

fn found(factory: &MachineFactory) -> BTreeSet<Check> {
    let trial = swarm::trial(&plan(), factory, 1).expect("it makes sense");
    trial.checks()
}

#[test]
fn nodes_that_are_whole_pass() {
    assert_eq!(found(&MachineFactory::default()), BTreeSet::new());
}

#[test]
fn each_check_finds_what_is_planted_for_it() {
    for (how, check) in [
        (Break::ConfirmsAtOnce, Check::Durability),
        (Break::DropsRecords, Check::Durability),
        (Break::AcceptsAnyToken, Check::Token),
        (Break::NamesStrangers, Check::Contact),
        (Break::NamesNobody, Check::Lookup),
        (Break::HidesValues, Check::Found),
        (Break::CutsDatagrams, Check::Datagram),
        (Break::WritesToStrangers, Check::Address),
        (Break::EndsTwice, Check::Events),
        (Break::NeverEnds, Check::Ending),
        (Break::DueAgain, Check::Timer),
        (Break::DueNever, Check::Time),
        (Break::Panics, Check::Panic),
    ] {
        let found = found(&Broken::factory(how));
        assert!(found.contains(&check), "{check:?}: {found:?}");
    }
}

#[test]
fn who_takes_the_dead_for_alive_is_found() {
    let mut plan = plan();
    plan.steps.clear();
    plan.shares.dead = 0.3;
    let believer = Broken::factory(Break::BelievesInGhosts);
    let trial = swarm::trial(&plan, &believer, 1).expect("it makes sense");
    assert!(trial.checks().contains(&Check::Dead));
}

#[test]
fn a_node_that_forgets_after_a_crash_is_found() {
    let forgetful = MachineFactory::new(|host, node| {
        let started = Instant::ORIGIN;
        let is_new = node.status(started).values == 0;
        if is_new {
            return node.into();
        }
        let config = node.config().clone();
        let nothing = Snapshot::new(node.id());
        let seed = Seed::from_number(host.number().into());
        let away = std::time::Duration::ZERO;
        let node = Node::restore(config, nothing, away, seed, started);
        node.expect("settings").into()
    });
    assert!(found(&forgetful).contains(&Check::Value));
}

#[test]
fn what_depends_on_more_than_its_inputs_is_found() {
    let unsteady = Broken::factory(Break::Unsteady);
    let trial = swarm::twice(&plan(), &unsteady, [1, 1]).expect("it makes sense");
    assert!(trial.checks().contains(&Check::Determinism));
    let steady = swarm::twice(&plan(), &MachineFactory::default(), [1, 2]).expect("it makes sense");
    assert_eq!(steady.violations, []);
}

#[test]
fn a_planted_failure_in_a_large_plan_is_made_small() {
    let key = "0123456789abcdef0123456789abcdef01234567";
    let mut text = "nodes 20\nstart join\ndisk 5ms\nloss 0.05\njitter exponential:5ms\n".to_owned();
    for number in 0..10 {
        let (time, host) = (10 * number, 2 * number);
        text += &format!("at {time}s n{host:02} find_node {key}\n");
        text += &format!("at {time}.5s n{:02} crash\n", host + 1);
        text += &format!("at {}s n{host:02} put {key} word{number}\n", time + 1);
    }
    let plan: Plan = text.parse().expect("a plan");
    assert_eq!((plan.steps.len(), plan.hosts.len()), (30, 20));
    let factory = Broken::factory(Break::DropsRecords);
    let fails = |plan: &Plan| {
        let trial = swarm::trial(plan, &factory, 1).expect("it makes sense");
        trial.checks().contains(&Check::Durability)
    };
    assert!(fails(&plan));
    let small = swarm::shrink(&plan, 1000, fails);
    assert!(fails(&small), "{small}");
    assert!(
        small.steps.len() <= 3 && small.hosts.len() <= 3,
        "still large:\n{small}"
    );
    let trial = swarm::trial(&small, &factory, 1).expect("it makes sense");
    let first = trial.first().expect("it fails");
    let lines = swarm::last_lines(&small, &factory, first, 5);
    assert_eq!(lines.len(), 5);
    assert!(lines[4].contains("→"), "the acknowledgement: {lines:?}");
}
