//! A deterministic simulator of Khashmir networks: thousands to a million of the very nodes that run
//! behind real sockets, in virtual time, over a modelled network.
//!
//! A [`World`](world::World) is as much a driver of [`khashmir::Node`] as one with real sockets: it
//! has no door that they do not have. Equal seeds give equal runs, datagram by datagram, on any
//! machine and with any number of threads, and [`World::trace_hash`](world::World::trace_hash) is
//! there to prove it.
//!
//! ```text
//!   swarm                           the search for faults
//!   report  sniffer  pcap  lines    what came of a run, as a page, as a capture, as lines
//!   experiment                      a plan is run, and judged
//!   plan   checks                   a whole run as text; what must hold at every step
//!   world                           hosts, windows of time, threads, and observers
//!   warm   trace   truth            filled tables; hashes; the nodes that are really the closest
//!   network   churn   wheel         the fates of datagrams; sessions and pauses; the event queue
//!   span   random   host   stop   duration   text
//! ```
#![forbid(unsafe_code)]

pub mod checks;
pub mod churn;
pub mod duration;
pub mod experiment;
pub mod host;
pub mod lines;
pub mod network;
pub mod pcap;
pub mod plan;
pub mod random;
pub mod report;
pub mod sniffer;
pub mod span;
pub mod stop;
pub mod swarm;
pub mod text;
pub mod trace;
pub mod truth;
pub mod warm;
pub mod wheel;
pub mod world;
