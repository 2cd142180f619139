//! How large a walk may become, and what it takes addresses for.

use core::net::SocketAddr;

use crate::address::SharedAddresses;

/// How a walk deals with contacts that do not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It judges them by what the node has learnt of its network.
    Adaptive,
    /// It waits for each of them, alpha at a time, as in the original.
    Fixed,
}

/// How large a walk may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// It ends with so many.
    pub(crate) k: usize,
    /// So many are asked at a time while it comes closer.
    pub(crate) alpha: usize,
    /// So many are asked in all.
    pub(crate) max_queries: usize,
    pub(crate) patience: Patience,
    /// Which addresses many contacts may have.
    pub(crate) shared: SharedAddresses,
    /// So many of one prefix count while others can take the places, if that is bounded.
    pub(crate) most_of_prefix: Option<usize>,
}

impl Shape {
    /// Whether two addresses are one for a walk: on the public Internet every port of a host is, on a
    /// private network or on one machine many nodes share an address.
    pub(super) fn are_one(&self, a: SocketAddr, b: SocketAddr) -> bool {
        a == b || a.ip() == b.ip() && !self.shared.hold(a.ip())
    }
}
