//! Which contact to ask next: a walk towards a target, and a spread over a fixed list. Neither knows the
//! wire nor the clock; both are told what happened and say what follows.

mod closest_nodes;
mod coverage;
mod spread;

pub(crate) use closest_nodes::{Asked, ClosestNodes, Patience};
pub(crate) use spread::Spread;
