//! Which addresses a node will have anything to do with.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Whether contacts on private networks may enter the table (the original's `LOCAL_OK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PrivateAddresses {
    /// They are as good as any: the network may be private itself.
    Accept,
    /// Loopback, private, link-local, carrier-shared and documentation addresses never enter and are
    /// never asked because another node named them.
    Refuse,
}

/// On which addresses many nodes may live, each at a port of its own.
///
/// Where an address is shared, a node counts addresses with their ports, and knows no prefixes; anywhere
/// else it takes an address for one host, whatever its ports, and a prefix (a /24) for one network: see
/// [`Config::silent_addresses`](crate::Config::silent_addresses) and
/// [`Config::most_of_prefix`](crate::Config::most_of_prefix).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SharedAddresses {
    /// On loopback, private, link-local and carrier-shared ones.
    #[default]
    Private,
    /// On none: private addresses count as public ones, so that what holds on the public Internet can
    /// be tried on one machine.
    None,
}

impl SharedAddresses {
    /// Whether many nodes may share this address.
    pub(crate) fn hold(self, ip: IpAddr) -> bool {
        match (self, ip) {
            (Self::None, _) => false,
            (Self::Private, IpAddr::V4(ip)) => is_private(ip),
            (Self::Private, IpAddr::V6(ip)) => {
                ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        }
    }

    /// The network that an address is in, if it is not shared.
    pub(crate) fn prefix_of(self, ip: IpAddr) -> Option<Prefix> {
        (!self.hold(ip)).then(|| Prefix::of(ip))
    }
}

/// The network that an address is in, as far as strangers can tell: those of one owner lie in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Prefix([u8; 7]);

impl Prefix {
    /// The first 24 bits of an IPv4 address. Of IPv6, which the wire has no form for yet, the first 48:
    /// what a site is given (RFC 6177).
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self([4, a, b, c, 0, 0, 0])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Self([6, a, b, c, d, e, f])
            }
        }
    }
}

/// Why an address is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BadAddress {
    /// It reaches everyone, and no one in particular.
    Broadcast,
    /// It stands in examples only (RFC 5737), and the configuration refuses private networks.
    Documentation,
    /// It reaches a group.
    Multicast,
    /// It is not IPv4, the only family that the wire has a form for.
    NotIpv4,
    /// It is our own.
    Own,
    /// Nothing can be sent to port 0.
    PortZero,
    /// It is on a private network, and the configuration refuses those.
    Private,
    /// It is in 240.0.0.0/4, which is reserved (RFC 1112, section 4).
    Reserved,
    /// It is in 0.0.0.0/8, "this network" (RFC 1122, section 3.2.1.3).
    Unspecified,
}

impl BadAddress {
    /// Judges whether datagrams can come from and go to an address at all, and gives it in the form
    /// in which the core compares addresses: IPv4-mapped IPv6 becomes IPv4.
    ///
    /// # Errors
    /// What is wrong with it. Commands that name such an address are refused.
    pub fn check(addr: SocketAddr) -> Result<SocketAddr, Self> {
        let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
        let SocketAddr::V4(v4) = addr else {
            return Err(Self::NotIpv4);
        };
        let ip = v4.ip();
        if v4.port() == 0 {
            Err(Self::PortZero)
        } else if ip.octets()[0] == 0 {
            Err(Self::Unspecified)
        } else if ip.is_multicast() {
            Err(Self::Multicast)
        } else if ip.is_broadcast() {
            Err(Self::Broadcast)
        } else if ip.octets()[0] >= 240 {
            Err(Self::Reserved)
        } else {
            Ok(addr)
        }
    }
}

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broadcast => "it is the broadcast address",
            Self::Documentation => "it is an address for documentation",
            Self::Multicast => "it is a multicast address",
            Self::NotIpv4 => "it is not an IPv4 address",
            Self::Own => "it is our own address",
            Self::PortZero => "its port is 0",
            Self::Private => "it is on a private network",
            Self::Reserved => "it is a reserved address",
            Self::Unspecified => "it is an unspecified address",
        })
    }
}

impl core::error::Error for BadAddress {}

/// The rules for addresses that others name or write from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressRules {
    pub(crate) private: PrivateAddresses,
    pub(crate) own: Option<SocketAddr>,
}

impl AddressRules {
    /// Judges whether a contact at this address may be asked and may enter the table.
    pub(crate) fn admit(&self, addr: SocketAddr) -> Result<SocketAddr, BadAddress> {
        let addr = BadAddress::check(addr)?;
        if self.own == Some(addr) {
            return Err(BadAddress::Own);
        }
        match (self.private, addr) {
            (PrivateAddresses::Refuse, SocketAddr::V4(v4)) if is_private(*v4.ip()) => {
                Err(BadAddress::Private)
            }
            (PrivateAddresses::Refuse, SocketAddr::V4(v4)) if v4.ip().is_documentation() => {
                Err(BadAddress::Documentation)
            }
            _ => Ok(addr),
        }
    }
}

/// The original's rule names 10/8, 172.16/12, 192.168/16 and 127/8 (specification, section 9);
/// link-local (RFC 3927) and carrier-shared (RFC 6598) addresses are as unreachable from outside.
fn is_private(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str, private: PrivateAddresses) -> Result<SocketAddr, BadAddress> {
        let own = Some(([198, 51, 100, 1], 7).into());
        AddressRules { private, own }.admit(text.parse().expect("an address"))
    }

    #[test]
    fn useless_addresses_are_refused() {
        use BadAddress::*;
        for (text, why) in [
            ("255.255.255.255:1", Broadcast),
            ("224.0.0.1:1", Multicast),
            ("[2001:db8::1]:1", NotIpv4),
            ("198.51.100.1:7", Own),
            ("10.0.0.1:0", PortZero),
            ("0.0.0.0:1", Unspecified),
            ("240.0.0.1:1", Reserved),
            ("255.255.255.254:1", Reserved),
        ] {
            assert_eq!(judge(text, PrivateAddresses::Accept), Err(why), "{text}");
        }
    }

    #[test]
    fn private_addresses_are_a_matter_of_choice() {
        for text in [
            "10.1.1.1:1",
            "172.31.0.1:1",
            "192.168.9.9:1",
            "127.0.0.1:1",
            "169.254.1.1:1",
            "100.64.0.1:1",
        ] {
            assert!(judge(text, PrivateAddresses::Accept).is_ok(), "{text}");
            assert_eq!(
                judge(text, PrivateAddresses::Refuse),
                Err(BadAddress::Private),
                "{text}"
            );
        }
        assert!(judge("172.32.0.1:1", PrivateAddresses::Refuse).is_ok());
    }

    #[test]
    fn addresses_for_documentation_are_refused_where_private_ones_are() {
        for text in ["192.0.2.1:1", "198.51.100.2:1", "203.0.113.255:1"] {
            assert!(judge(text, PrivateAddresses::Accept).is_ok(), "{text}");
            assert_eq!(
                judge(text, PrivateAddresses::Refuse),
                Err(BadAddress::Documentation),
                "{text}"
            );
        }
    }

    #[test]
    fn a_mapped_address_counts_as_ipv4() {
        let mapped = "[::ffff:192.0.2.1]:5".parse().expect("an address");
        assert_eq!(
            BadAddress::check(mapped),
            Ok("192.0.2.1:5".parse().expect("an address"))
        );
    }

    #[test]
    fn private_addresses_are_shared_unless_the_settings_say_otherwise() {
        for (text, private) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("::1", true),
            ("fd00::1", true),
            ("44.1.2.3", false),
            ("2001:db8::1", false),
        ] {
            let ip = text.parse().expect("an address");
            assert_eq!(SharedAddresses::Private.hold(ip), private, "{text}");
            assert!(!SharedAddresses::None.hold(ip), "{text}");
        }
    }

    #[test]
    fn addresses_of_one_network_share_a_prefix() {
        let prefix = |text: &str| {
            let ip = text.parse().expect("an address");
            SharedAddresses::Private.prefix_of(ip)
        };
        assert_eq!(prefix("44.1.2.3"), prefix("44.1.2.255"));
        assert_ne!(prefix("44.1.2.3"), prefix("44.1.3.3"));
        assert_eq!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
        assert_ne!(prefix("2001:db8:1::1"), prefix("2001:db8:2::1"));
        assert_eq!(prefix("10.1.2.3"), None);
    }

    #[test]
    fn shared_addresses_of_providers_are_private_and_their_neighbours_are_not() {
        for (ip, private) in [
            ([100, 64, 0, 1], true),
            ([100, 127, 255, 255], true),
            ([100, 63, 255, 255], false),
            ([100, 128, 0, 0], false),
            ([99, 64, 0, 1], false),
        ] {
            assert_eq!(is_private(ip.into()), private, "{ip:?}");
        }
    }
}
