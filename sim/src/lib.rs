//! A deterministic world of Khashmir nodes: virtual time, a modelled network, and experiments.
//!
//! A [`World`] is as much a driver of [`khashmir::Node`] as one with real sockets: it has no door
//! that they do not have. Equal seeds give equal runs, datagram by datagram, and
//! [`World::trace_hash`] is there to prove it.
//!
//! It is small for now: every datagram arrives, after a latency that is constant for the two hosts
//! between which it travels, and hosts neither come nor go once they are there.
#![forbid(unsafe_code)]

mod lookups;
mod trace;
mod world;

pub use lookups::{Lookups, Summary};
pub use world::{HostNo, Traffic, World};
