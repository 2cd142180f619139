//! Which contact to ask next: a walk towards a target, a spread over a fixed list, and a retrieval from
//! the holders of a key. None knows the wire nor the clock; all are told what happened and say what
//! follows.

mod closest_nodes;
mod coverage;
mod retrieval;
mod spread;

pub(crate) use closest_nodes::{Asked, ClosestNodes, Patience};
pub(crate) use retrieval::{Bounds, Retrieval, Told, Wanted};
pub(crate) use spread::Spread;
