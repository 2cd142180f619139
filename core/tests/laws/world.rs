//! The small world around the node under test: few peers, keys and values, so that things collide.

use core::net::SocketAddr;
use core::time::Duration;
use std::net::{Ipv4Addr, Ipv6Addr};

use khashmir::{Contact, Id, Value};

/// Peers that exist. Each four of them share one leading bit more with the node under test.
pub(crate) const PEERS: u8 = 40;
/// The last of them live at addresses of the first: an address has one node, they say otherwise.
const SQUATTERS: u8 = 4;
/// Addresses that [`addr`] knows: the peers', a few that are no good, and one where nobody is.
pub(crate) const ADDRESSES: u8 = PEERS + 7;

/// The identifier of the node under test.
pub(crate) fn own_id() -> Id {
    Id::hash_of(b"the node under test")
}

/// Where the node under test is.
pub(crate) fn own_addr() -> SocketAddr {
    ([11, 0, 0, 250], 9977).into()
}

/// One of the peers.
pub(crate) fn peer(index: u8) -> Contact {
    let index = index % PEERS;
    let mut bytes = *Id::hash_of(&[index]).as_bytes();
    let own = own_id();
    let shared = usize::from(index / 4);
    for bit in 0..=shared {
        let mask = 0x80 >> (bit % 8);
        let like_ours = own.as_bytes()[bit / 8] & mask;
        let wanted = if bit == shared {
            like_ours ^ mask
        } else {
            like_ours
        };
        bytes[bit / 8] = bytes[bit / 8] & !mask | wanted;
    }
    Contact::new(Id::new(bytes), addr(index))
}

/// An address: of a peer, of nobody, of the node itself, or one that nothing can come from.
pub(crate) fn addr(index: u8) -> SocketAddr {
    match index % ADDRESSES {
        squatter if (PEERS - SQUATTERS..PEERS).contains(&squatter) => {
            addr(squatter - (PEERS - SQUATTERS))
        }
        peer if peer < PEERS => ([11, 0, 0, peer + 1], 9000).into(),
        40 => own_addr(),
        41 => ([11, 0, 0, 1], 0).into(),
        42 => (Ipv6Addr::LOCALHOST, 9000).into(),
        43 => ([224, 0, 0, 1], 9000).into(),
        44 => ([192, 168, 0, 1], 9000).into(),
        45 => (Ipv4Addr::new(11, 0, 0, 1).to_ipv6_mapped(), 9000).into(),
        nobody => ([12, 0, 0, nobody], 9000).into(),
    }
}

/// Whom the one who writes from that address says to be: no good address has a good identifier.
pub(crate) fn sender(index: u8) -> Id {
    match index % ADDRESSES {
        40 => own_id(),
        45 => peer(0).id,
        41.. => Id::new([0; Id::LEN]),
        _ => peer(index % ADDRESSES).id,
    }
}

/// Who answers at an address.
pub(crate) fn host_at(addr: SocketAddr) -> Option<Contact> {
    (0..PEERS).map(peer).find(|peer| peer.addr == addr)
}

/// An address as the node writes it: an IPv4-mapped one counts as IPv4.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Whether datagrams from this address are read, and queries answered.
pub(crate) fn can_write(addr: SocketAddr) -> bool {
    let addr = canonical(addr);
    addr.port() != 0 && addr.is_ipv4() && !addr.ip().is_multicast()
}

/// One of a few keys.
pub(crate) fn key(index: u8) -> Id {
    Id::hash_of(&[b'k', index % 6])
}

/// One of many values, from tiny ones to the longest that there can be.
pub(crate) fn value(index: u8) -> Value {
    let len = [1, 20, 300, Value::MAX_LEN][usize::from(index % 4)];
    Value::new(vec![index; len]).expect("short enough")
}

/// So many seconds.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
