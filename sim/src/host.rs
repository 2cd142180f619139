//! Hosts by their numbers, and the addresses that belong to them.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Names a host: they are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(u32);

impl HostId {
    /// The last of all names; no host has it.
    pub const MAX: Self = Self(u32::MAX);

    /// How many hosts have an address.
    pub const ADDRESSES: u32 = (1 << 24) - 2;

    /// The port at which a node listens.
    pub const PORT: u16 = 9977;

    /// The host of that number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The address at which others reach it from outside: `10.x.y.z`, counted from 10.0.0.1.
    #[must_use]
    pub fn ip(self) -> Ipv4Addr {
        let [_, x, y, z] = self.0.wrapping_add(1).to_be_bytes();
        Ipv4Addr::new(10, x, y, z)
    }

    /// Its address with the port at which its node listens.
    #[must_use]
    pub fn addr(self) -> SocketAddr {
        SocketAddrV4::new(self.ip(), Self::PORT).into()
    }

    /// The host to which an address belongs, whatever the port.
    #[must_use]
    pub fn at(addr: SocketAddr) -> Option<Self> {
        let SocketAddr::V4(addr) = addr else {
            return None;
        };
        let [ten, x, y, z] = addr.ip().octets();
        let number = u32::from_be_bytes([0, x, y, z]).checked_sub(1)?;
        (ten == 10 && number < Self::ADDRESSES).then_some(Self(number))
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{:02}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_at_its_address() {
        for number in [0, 1, 255, 65_536, HostId::ADDRESSES - 1] {
            let host = HostId::new(number);
            assert_eq!(HostId::at(host.addr()), Some(host));
        }
        for addr in [
            "10.0.0.0:1",
            "10.255.255.255:1",
            "11.0.0.1:9977",
            "[::1]:9977",
        ] {
            assert_eq!(
                HostId::at(addr.parse().expect("an address")),
                None,
                "{addr}"
            );
        }
    }
}
