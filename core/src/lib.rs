//! The Khashmir DHT as a protocol core: a pure state machine without sockets, clock or threads.
//!
//! Nodes find each other by XOR distance and keep values under 160-bit keys, over KRPC: bencoded
//! dictionaries in UDP datagrams, as apt-p2p speaks it. A [`Node`] consumes datagrams, clock
//! readings and commands, and gives datagrams, events, records and the time when it wants to be
//! called again. It never reads a clock, opens a socket or draws entropy, so that the same node
//! runs in an event loop, in a simulator, and under a test that decides everything.
//!
//! # The loop
//!
//! Every driver is this loop. Here two nodes meet on loopback, one stores a value, and the other
//! finds it.
//!
//! ```
//! use khashmir::{Config, Event, Id, Instant, Node, OpId, Outcome, Seed, Value};
//! use std::{io, net::UdpSocket, time::Duration};
//!
//! struct Driver { node: Node, socket: UdpSocket, start: std::time::Instant }
//!
//! impl Driver {
//!     fn now(&self) -> Instant {
//!         Instant::since_origin(self.start.elapsed())
//!     }
//!
//!     /// One turn: send, tell, wait, receive, and let the node do what is due.
//!     fn turn(&mut self, mut tell: impl FnMut(Event)) -> io::Result<()> {
//!         let mut buffer = Vec::new();
//!         while let Some(transmit) = self.node.poll_transmit(&mut buffer) {
//!             // What cannot be sent is lost, as any datagram may be: the node sends it again.
//!             let _ = self.socket.send_to(&buffer, transmit.to);
//!         }
//!         while let Some(event) = self.node.poll_event() {
//!             tell(event);
//!         }
//!         let wait = self.node.poll_timeout().map_or(Duration::MAX, |at| at.since(self.now()));
//!         let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(5));
//!         self.socket.set_read_timeout(Some(wait))?;
//!         let mut datagram = [0; khashmir::wire::MAX_INCOMING];
//!         if let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
//!             self.node.handle_datagram(self.now(), from, None, &datagram[..len]);
//!         }
//!         self.node.handle_timeout(self.now());
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let start = std::time::Instant::now();
//! let mut drivers = Vec::new();
//! for number in 0..2 {
//!     let seed = Seed::from_number(number); // A real node's seed comes from the system.
//!     let node = Node::new(Config::default(), seed, Instant::ORIGIN)?;
//!     drivers.push(Driver { node, socket: UdpSocket::bind("127.0.0.1:0")?, start });
//! }
//! let first = drivers[0].socket.local_addr()?;
//! let now = drivers[1].now();
//! let join = drivers[1].node.join(now, &[first])?;
//! wait_for(&mut drivers, join)?;
//! let (now, key) = (drivers[1].now(), Id::hash_of(b"greeting"));
//! let put = drivers[1].node.put(now, key, Value::new(*b"hello")?)?;
//! wait_for(&mut drivers, put)?;
//! # drivers.reverse();
//! let now = drivers[1].now();
//! let get = drivers[1].node.get(now, key)?;
//! assert_eq!(wait_for(&mut drivers, get)?, Outcome::Got { values: 1, missing: 0 });
//! # Ok(())
//! # }
//!
//! fn wait_for(drivers: &mut [Driver], op: OpId) -> io::Result<Outcome> {
//!     let mut result = None;
//!     while result.is_none() {
//!         drivers[0].turn(|_| ())?;
//!         drivers[1].turn(|event| match event {
//!             Event::Ended { op: ended, outcome, .. } if ended == op => result = Some(outcome),
//!             _ => (),
//!         })?;
//!     }
//!     Ok(result.unwrap())
//! }
//! ```
//!
//! # How a datagram goes through
//!
//! ```text
//!   datagram, deadline, command                    record, datagram, event, next deadline
//!              │                                                   ▲
//!       ┌──────▼───────────────────── node ────────────────────────┴──────┐
//!       │  wire ──► rpc / server ──► operation ──► routing, storage, token │
//!       └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `wire` turns bytes into a [`Message`](wire::Message), whose parts are valid from there on. A
//! query goes to `server`, which answers from the routing table, the store and the tokens. An
//! answer closes a call in `rpc`, which says what it belongs to: an `operation`, or upkeep. That
//! takes it in, and says which contact to ask next. Parts return facts, and only the node acts on them; no part
//! knows another beside or above it:
//!
//! ```text
//!   node
//!   rpc   operation   server
//!   config   typed
//!   wire   routing   storage   token   lookup
//!   contact   address   interval   rtt
//!   rng
//!   time   id   value   memory
//! ```
//!
//! # Laws
//!
//! These hold for every sequence of calls; the tests search for one that breaks them.
//!
//! 1. Any order of calls is legal; polls may wait or interleave. Records and events are never
//!    lost: at a named bound of unpolled ones, new commands are [refused](Refused::Busy) and new
//!    stores answered with an error. Running commands have room reserved for what they may still
//!    report, and the node's own events merge by kind. Only datagrams are dropped, the oldest
//!    first, as a network may.
//! 2. After [`Node::handle_timeout`] with the latest time seen, [`Node::poll_timeout`] is `None`
//!    or later. A timer that is overdue by many periods fires once.
//! 3. Time never runs back: an earlier reading counts as the latest seen. Time arithmetic
//!    saturates, and what would be due at the end of time is never due.
//! 4. Every accepted command ends in exactly one [`Event::Ended`], within
//!    [`Config::longest_operation`], and the time that the machine was
//!    [asleep](Node::handle_sleep).
//! 5. Equal settings, seed, inputs and points of polling give equal outputs, byte for byte.
//! 6. No datagram, command or clock reading makes a node panic, or grow beyond its
//!    [limits](Limits).
//! 7. What is acknowledged is durable first: with the [journal](Journal) on, the acknowledgement
//!    of a store leaves [`Node::poll_transmit`] only after [`Node::handle_durable`] has confirmed
//!    its record; until then the value is not served. Nor does a put that is to be kept end before
//!    that is safe. Every other datagram passes at once.
//!
//! After [`Node::shutdown`] what was queued can be polled, datagrams are ignored, commands are
//! refused, and `poll_timeout` is `None`.
//!
//! # What peers that lie can make a node do
//!
//! Whoever answers can name contacts that are not there, that it has invented, or that are victims of its
//! own choice. These bounds hold against that; tests in `tests/bounds.rs`, unless another place is
//! named, reach each of them.
//!
//! | what | bound | what happens there | test |
//! |---|---|---|---|
//! | calls in flight of a lookup | 4 K, and 2 K that are likely to answer (`ClosestNodes::MOST_IN_FLIGHT`); 64 of an operation of several (`ActiveOperations::MOST_CALLS`) | it waits for one of them | `a_lookup_under_attack_does_not_hold_up_others`; `lookup/closest_nodes/tests.rs` |
//! | queries of a lookup | [`Limits::max_lookup_queries`] | it ends with what it has | `lookup/closest_nodes/tests/bounds.rs` |
//! | a chain of names | 12, and 6 after 4 s (`ClosestNodes::MOST_HOPS`) | it is followed no farther; two contacts of one source count from there on | `a_put_beside_an_endless_liar_…` |
//! | contacts to ask that are known | 16 K (`ClosestNodes::SPARES`) | the farthest gives way, or that of a source which named more than half | the same |
//! | calls to one address, in a lookup | 1 | other identities there are not asked | `lookup/closest_nodes/tests/bounds.rs` |
//! | addresses of one identity, in a lookup | 3 (`Candidate::MOST_ELSEWHERE`) | further ones are not asked | the same |
//! | calls to an address that does not answer, of the whole node | 3 in 15 minutes ([`Config::silent_addresses`]) | lookups pass over it, newcomers are not pinged; [`Stats::withheld_calls`] | `however_often_an_address_is_named_…` |
//! | the same for a /24 | 12 in 15 minutes; an answer gives them back | the same | `however_many_of_its_addresses_are_named_…`, `forged_newcomers_…` |
//! | silent addresses remembered | 4096 (`Allowance::MOST`) | the one called the longest time ago is forgotten | `node/allowance.rs` |
//! | contacts of a /24 among the K closest | [`Config::most_of_prefix`] | others take the places; where there are none, [`Event::FewPrefixes`] | `a_campus_in_one_prefix_…`; `lookup/closest_nodes/tests/bounds.rs` |
//! | holders that a `get` asks | 2 K (`Limits::GET_HOLDERS`) | it ends with what they brought | `tests/retrieving.rs` |
//! | asking holders again | [`Limits::max_get_repeats`] | the outcome says how many values are missing | `tests/retrieving.rs` |
//!
//! Which addresses count with their ports, and have no /24, says [`Config::shared_addresses`]. Addresses
//! that the user gave, contacts of the table or of a snapshot, and those that the table has lost are
//! asked at times of their own.
//!
//! # Sources
//!
//! "Specification" in these pages means [the description of apt-p2p's Khashmir](protocol), as it was
//! observed in its earlier (2008) and later (0.1.5) generation; section numbers are its own. It is
//! the file `docs/protocol.md` of this package. The presets [`Config::early`] and [`Config::late`]
//! have the habits of the two.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod config;
mod contact;
mod estimate;
mod id;
mod interval;
mod lookup;
mod memory;
mod node;
mod operation;
mod rng;
mod routing;
mod rpc;
mod rtt;
mod server;
mod storage;
#[cfg(feature = "serde")]
mod text_form;
mod time;
mod token;
pub mod typed;
mod value;
pub mod wire;

#[cfg(doc)]
#[doc = include_str!("../docs/protocol.md")]
pub mod protocol {}

pub use address::{BadAddress, PrivateAddresses, SharedAddresses};
pub use config::{
    Config, ConfigError, Journal, Limits, Problem, Retrieve, Retry, Role, SilentAddresses,
    StaleBuckets, StoreLimits, TransactionIds,
};
pub use contact::{Contact, Place};
pub use id::{Distance, Id, NotAnId};
pub use node::request;
pub use node::{
    Buckets, Command, DropCause, Event, Keep, MethodStats, Node, OpId, OwnStore, Reachable, Record,
    RecordNo, Refused, SavedContact, SavedValue, Snapshot, SnapshotError, Stats, Status, Taken,
    Transmit, TypedEvent, TypedGet, TypedPutError,
};
pub use operation::{Abort, CallError, Holder, Joined, Outcome, Pong, QueryStats, Refusal, Report};
pub use rng::Seed;
pub use time::Instant;
pub use token::TokenSecrets;
pub use value::{Value, ValueTooLong};
