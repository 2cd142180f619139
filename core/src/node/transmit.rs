//! Where a datagram goes and from where it leaves, and whether an incoming one was for the node.

use core::net::{IpAddr, SocketAddr};

use super::Node;

/// The two ends of a datagram that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transmit {
    /// The address it goes to.
    pub to: SocketAddr,
    /// The local address it has to leave from: a query came in there which it answers, or it asks the
    /// newcomer that sent one whether it is there. `None` leaves the choice to the system.
    pub from: Option<IpAddr>,
}

/// What a node made of an incoming datagram, so that one socket can serve several protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Taken {
    /// It is a message of this protocol, and the node has dealt with it. A reply that answers no
    /// query of ours counts too: it was dropped.
    Ours,
    /// It is no message of this protocol, or the node takes none at the moment: it was counted and
    /// dropped. Another protocol on the same socket may look at it.
    NotOurs,
}

impl Node {
    /// Takes in that the system refused to send a datagram that was polled. The network loses
    /// datagrams anyway, so this is only counted; what is missing is sent again in its time.
    pub const fn handle_send_failure(&mut self) {
        self.stats.datagrams_refused += 1;
    }
}
