//! What is done to a node to see whether it keeps the laws: a setup, a list of steps, an ending.

use core::time::Duration;

use khashmir::wire::Method;
use khashmir::{
    Command, Config, Journal, Keep, Limits, PrivateAddresses, Role, SharedAddresses, StoreLimits,
};

use crate::world::{own_addr, own_id};

/// A life of a node.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<Step>,
    pub(crate) ending: Ending,
}

/// What the node is made of, and how it is driven.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) preset: Preset,
    pub(crate) role: Role,
    pub(crate) journal: Journal,
    pub(crate) room: Room,
    pub(crate) k: usize,
    pub(crate) private_addresses: PrivateAddresses,
    pub(crate) polling: Polling,
    pub(crate) birth: Birth,
    pub(crate) seed: u8,
}

/// Which of the presets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Preset {
    Adaptive,
    Early,
    Late,
}

/// How tight the limits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Plenty,
    Little,
    /// One of each.
    Least,
}

/// When outputs are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polling {
    /// All of them after every step.
    Prompt,
    /// When a step says so, and at the end.
    Lazy,
}

/// How the node comes into being.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Birth {
    New,
    /// From a snapshot with so many contacts, which last answered so long before.
    Restored {
        contacts: u8,
        ago: Duration,
    },
}

/// One thing that is done to the node.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The right answer to a call in flight.
    Answer {
        nth: u8,
        facts: u8,
    },
    /// Right answers to all calls in flight of which we know.
    AnswerAll {
        facts: u8,
    },
    /// The clock goes back by so many seconds.
    Back(u16),
    Cancel {
        nth: u8,
    },
    /// A find_node query, and store_value queries of different values with the token that came.
    Deposit {
        peer: u8,
        key: u8,
        value: u8,
        times: u8,
    },
    /// All outputs are polled until there are none.
    Drain,
    /// Records are reported safe, up to the one that was polled so many before the last.
    Durable {
        before_last: u8,
    },
    /// Records are reported not written, up to the one that was polled so many before the last.
    NotDurable {
        before_last: u8,
    },
    /// The clock reads the end of time from now on.
    EndOfTime,
    Garbage {
        from: u8,
        bytes: Vec<u8>,
    },
    /// The clock goes ahead by so many minutes.
    Jump(u16),
    Leave,
    /// A good datagram, damaged.
    Mutated {
        base: Base,
        edit: Edit,
    },
    Poll {
        output: Output,
        times: u8,
    },
    /// The command of that name; its value is written short in a script that failed.
    Put {
        key: u8,
        value: u8,
        keep: Keep,
    },
    Query {
        from: u8,
        ask: Ask,
        tid_len: usize,
    },
    /// A datagram from before comes once more.
    Replay {
        nth: u8,
    },
    SetBootstrap(Vec<u8>),
    Shutdown,
    /// The machine sleeps for so many minutes.
    Sleep(u16),
    Start(Command),
    /// The clock goes ahead by so many milliseconds.
    Tick(u16),
    /// The node is told the time.
    Timeout,
    /// The clock goes ahead to when the node wants to be told, and it is.
    TimeoutWhenDue,
    /// Something that is not the right answer to a call in flight.
    WrongAnswer {
        nth: u8,
        wrong: Wrong,
    },
}

/// Which output is polled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    Datagram,
    Event,
    Record,
}

/// What a peer asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Ping,
    Join,
    FindNode(u8),
    FindValue(u8),
    GetValue {
        key: u8,
        num: i64,
    },
    Store {
        key: u8,
        value: u8,
        token: Token,
    },
    /// A method that does not exist, with a name of this length.
    Unknown {
        len: usize,
    },
    WrongArguments(Method),
}

/// What token a store comes with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    /// One that the node gave to some peer, who uses it.
    Issued {
        nth: u8,
    },
    /// The same, but another uses it.
    Stolen {
        nth: u8,
    },
    Forged,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wrong {
    /// It comes from elsewhere.
    Address,
    /// Under another transaction id.
    Tid,
    /// Somebody else answers.
    Id,
    /// The node itself seems to answer.
    OwnId,
    NullId,
    /// An error.
    Code(i64),
    /// It says nothing but who answers.
    Bare,
    /// Facts that break the rules, one of several ways.
    Facts(u8),
}

/// A good datagram to be damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    /// The right answer to a call in flight.
    Answer(u8),
    /// One that was sent to the node before.
    Recent(u8),
}

/// How a datagram is damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Cut(u16),
    Flip { at: u16, bit: u8 },
    Insert { at: u16, byte: u8 },
}

/// How it ends. In each case every command that was accepted has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The node is told the time whenever it wants, and hears nothing more.
    RunOut,
    Leave,
    Shutdown,
}

impl Setup {
    pub(crate) fn config(&self) -> Config {
        let preset = match self.preset {
            Preset::Adaptive => Config::adaptive(),
            Preset::Early => Config::early(),
            Preset::Late => Config::late(),
        };
        let (store, limits) = match self.room {
            Room::Plenty => (StoreLimits::default(), Limits::default()),
            Room::Little => (store_limits(40, 2, 2, 500), limits(6, 3, 3 * self.k + 4, 4)),
            Room::Least => (store_limits(20, 1, 1, 100), limits(1, 1, 2 * self.k + 4, 1)),
        };
        Config {
            id: Some(own_id()),
            address: Some(own_addr()),
            role: self.role,
            journal: self.journal,
            k: self.k,
            private_addresses: self.private_addresses,
            // In some lives, private addresses count as public ones.
            shared_addresses: match self.seed % 3 {
                2 => SharedAddresses::None,
                _ => SharedAddresses::Private,
            },
            store,
            limits,
            ..preset
        }
    }
}

const fn store_limits(value_len: usize, values: usize, keys: usize, bytes: usize) -> StoreLimits {
    StoreLimits {
        max_value_len: value_len,
        max_values_per_key: values,
        max_keys: keys,
        max_bytes: bytes,
    }
}

const fn limits(calls: usize, operations: usize, events: usize, few: usize) -> Limits {
    Limits {
        max_calls: calls,
        max_lookup_queries: calls * 2,
        max_get_repeats: 3,
        max_operations: operations,
        max_events: events,
        max_records: few,
        max_datagrams: few,
        max_probes: few,
        max_bootstrap: few,
        max_kept: few,
    }
}
