//! The Khashmir DHT as a protocol core without sockets, clock or threads.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod config;
mod contact;
mod id;
mod interval;
mod lookup;
mod node;
mod operation;
mod rng;
mod routing;
mod rpc;
mod rtt;
mod server;
mod storage;
mod time;
mod token;
pub mod typed;
mod value;
pub mod wire;

pub use address::{BadAddress, PrivateAddresses};
pub use config::{
    Config, ConfigError, Journal, Limits, Problem, Retrieve, Retry, Role, StoreLimits,
};
pub use contact::{Contact, Place};
pub use id::{Distance, Id, NotAnId};
pub use node::{
    Buckets, Command, Drop, Event, Keep, MethodStats, Node, OpId, OwnStore, Reachable, Record,
    RecordNo, Refused, SavedContact, SavedValue, Snapshot, SnapshotError, Stats, Status,
};
pub use operation::{Abort, CallError, Effort, Holder, Joined, Outcome, Pong, Refusal, Report};
pub use rng::Seed;
pub use time::Instant;
pub use value::{Value, ValueTooLong};
