//! Contacts: an identifier together with the address where it was found.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use crate::id::Id;

/// A node and where to reach it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Contact {
    /// Its identifier.
    pub id: Id,
    /// Its UDP address.
    pub addr: SocketAddr,
}

impl Contact {
    /// Bytes of the compact form: id, IPv4 address, port (specification, section 1.3).
    pub const COMPACT_LEN: usize = Id::LEN + 6;

    /// What fills room for contacts that are still to be found.
    pub(crate) const FILLER: Self = Self::new(
        Id::new([0; Id::LEN]),
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    );

    /// A contact with that identifier at that address.
    #[must_use]
    pub const fn new(id: Id, addr: SocketAddr) -> Self {
        Self { id, addr }
    }

    /// Reads the compact form: 20 bytes of id, 4 of address, 2 of port, most significant first.
    #[must_use]
    pub fn from_compact(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::COMPACT_LEN] = bytes.try_into().ok()?;
        let id = Id::from_slice(&bytes[..Id::LEN])?;
        let [a, b, c, d, high, low] = *bytes.last_chunk()?;
        let addr = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]));
        Some(Self {
            id,
            addr: addr.into(),
        })
    }

    /// The compact form; `None` for an IPv6 address, which it cannot hold.
    #[must_use]
    pub fn to_compact(&self) -> Option<[u8; Self::COMPACT_LEN]> {
        let SocketAddr::V4(addr) = self.addr else {
            return None;
        };
        let mut bytes = [0; Self::COMPACT_LEN];
        bytes[..Id::LEN].copy_from_slice(self.id.as_bytes());
        bytes[Id::LEN..Id::LEN + 4].copy_from_slice(&addr.ip().octets());
        bytes[Id::LEN + 4..].copy_from_slice(&addr.port().to_be_bytes());
        Some(bytes)
    }
}

/// The identifier, an `@` and the address.
impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.addr)
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A node in a result: our own, or one that we reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Place {
    /// Our own node, which has this identifier.
    Here(Id),
    /// Another node.
    There(Contact),
}

impl Place {
    /// The identifier of the node.
    #[must_use]
    pub const fn id(&self) -> &Id {
        match self {
            Self::Here(id) => id,
            Self::There(contact) => &contact.id,
        }
    }

    /// The other node, if it is one.
    #[must_use]
    pub const fn contact(&self) -> Option<Contact> {
        match self {
            Self::Here(_) => None,
            Self::There(contact) => Some(*contact),
        }
    }
}

/// Our own node is its identifier and the word "here".
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(id) => write!(f, "{id} here"),
            Self::There(contact) => contact.fmt(f),
        }
    }
}

/// An address to ask, and the identifier if one is expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: Option<Id>,
    pub(crate) addr: SocketAddr,
}

impl Peer {
    /// Any node at that address.
    pub(crate) const fn at(addr: SocketAddr) -> Self {
        Self { id: None, addr }
    }

    /// The contact that is meant, if its identifier is known.
    pub(crate) fn contact(&self) -> Option<Contact> {
        self.id.map(|id| Contact::new(id, self.addr))
    }
}

impl From<Contact> for Peer {
    fn from(contact: Contact) -> Self {
        Self {
            id: Some(contact.id),
            addr: contact.addr,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn contacts_and_places_are_one_word_or_two() {
        let (id, zeros) = (Id::new([0; 20]), "0".repeat(40));
        let contact = Contact::new(id, ([10, 1, 2, 3], 9977).into());
        assert_eq!(contact.to_string(), format!("{zeros}@10.1.2.3:9977"));
        assert_eq!(Place::There(contact).to_string(), contact.to_string());
        assert_eq!(Place::Here(id).to_string(), format!("{zeros} here"));
        assert_eq!(id.distance(&id).to_string(), zeros);
    }

    #[test]
    fn the_compact_form_goes_there_and_back() {
        let contact = Contact::new(Id::hash_of(b"x"), ([10, 1, 2, 3], 9977).into());
        let compact = contact.to_compact().expect("IPv4");
        assert_eq!(compact[20..], [10, 1, 2, 3, 0x26, 0xf9]);
        assert_eq!(Contact::from_compact(&compact), Some(contact));
        assert_eq!(Contact::from_compact(&compact[1..]), None);
        assert_eq!(
            Contact::new(contact.id, ([0u16; 8], 1).into()).to_compact(),
            None
        );
    }
}
