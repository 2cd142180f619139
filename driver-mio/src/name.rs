//! Where a node is said to be: a host, by name or IPv4 address, and a port.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

use khashmir::BadAddress;

/// A host and a port, as people write them: `router.example.net:9977` or `192.0.2.1:9977`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    Address(Ipv4Addr),
    Name(String),
}

impl HostPort {
    /// The address itself, when none has to be looked up.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Address(ip) => Some(SocketAddr::V4(SocketAddrV4::new(ip, self.port))),
            Host::Name(_) => None,
        }
    }

    /// The host as it was written, without the port.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Address(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl From<SocketAddrV4> for HostPort {
    fn from(addr: SocketAddrV4) -> Self {
        Self {
            host: Host::Address(*addr.ip()),
            port: addr.port(),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(ip) => write!(f, "{ip}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for HostPort {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        if is_ipv6(text) {
            return Err(BadName::Ipv6);
        }
        let (host, port) = text.rsplit_once(':').ok_or(BadName::NoPort)?;
        let port = match port.parse() {
            Ok(0) => return Err(BadName::PortZero),
            // The standard parser would take a sign.
            Ok(port) if !text.contains('+') => port,
            Ok(_) | Err(_) => return Err(BadName::BadPort),
        };
        let host = match host.parse::<Ipv4Addr>() {
            Ok(ip) => match BadAddress::check(SocketAddr::new(ip.into(), port)) {
                Ok(_) => Host::Address(ip),
                Err(why) => return Err(BadName::Useless(why)),
            },
            Err(_) => Host::Name(check_name(host)?.to_owned()),
        };
        Ok(Self { host, port })
    }
}

/// Why a text is not a host and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadName {
    /// What follows the last colon is not a port.
    BadPort,
    /// The host can be neither a name nor an IPv4 address.
    BadHost,
    /// It is an IPv6 address.
    Ipv6,
    /// The port is missing.
    NoPort,
    /// The port is 0.
    PortZero,
    /// No node can be at that address.
    Useless(BadAddress),
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Useless(why) => return why.fmt(f),
            Self::BadHost => "the host is neither a name nor an IPv4 address",
            Self::BadPort => "the port is not a number from 1 to 65535",
            Self::Ipv6 => "IPv6 addresses cannot be used in this network",
            Self::NoPort => "a port is missing: HOST:PORT is expected",
            Self::PortZero => "the port is 0",
        };
        f.write_str(text)
    }
}

impl std::error::Error for BadName {}

/// An IPv6 address, in brackets or not, with a port or not.
fn is_ipv6(text: &str) -> bool {
    let host = text.rsplit_once(':').map_or("", |(host, _)| host);
    text.starts_with('[') || [text, host].iter().any(|it| it.parse::<Ipv6Addr>().is_ok())
}

/// The syntax of host names (RFC 1123, section 2.1; RFC 1034, section 3.1), with the underscore
/// that many networks use. A name of which the last label is a number would be an address
/// (RFC 3696, section 2).
fn check_name(name: &str) -> Result<&str, BadName> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let sound = bare.len() <= 253 && bare.split('.').all(is_label);
    let last = bare.rsplit('.').next().unwrap_or_default();
    if sound && !last.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(name)
    } else {
        Err(BadName::BadHost)
    }
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_addresses_are_told_apart_and_come_back_as_written() {
        let name: HostPort = "router.example_net.:9977".parse().expect("a name");
        assert_eq!((name.address(), name.port()), (None, 9977));
        assert_eq!(name.to_string(), "router.example_net.:9977");
        let address: HostPort = "192.0.2.1:80".parse().expect("an address");
        assert_eq!(address.address(), Some(([192, 0, 2, 1], 80).into()));
        assert_eq!(address.to_string(), "192.0.2.1:80");
    }

    #[test]
    fn what_cannot_be_a_host_and_a_port_is_refused_with_the_reason() {
        use BadName::*;
        let long = format!("{}:1", "a".repeat(64));
        for (text, why) in [
            ("", NoPort),
            ("example.net", NoPort),
            ("example.net:", BadPort),
            ("example.net:http", BadPort),
            ("example.net:65536", BadPort),
            ("example.net:+80", BadPort),
            ("example.net:0", PortZero),
            ("192.0.2.1:0", PortZero),
            (":80", BadHost),
            ("two words:80", BadHost),
            ("a..b:80", BadHost),
            ("-a.net:80", BadHost),
            ("300.1.2.3:80", BadHost),
            ("1.2.3:80", BadHost),
            ("192.0.2.1:80,192.0.2.2:80", BadHost),
            (long.as_str(), BadHost),
            ("[::1]:80", Ipv6),
            ("::1", Ipv6),
            ("2001:db8::1:80", Ipv6),
            ("0.0.0.0:80", Useless(BadAddress::Unspecified)),
            ("224.0.0.1:80", Useless(BadAddress::Multicast)),
            ("255.255.255.255:80", Useless(BadAddress::Broadcast)),
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(why), "{text:?}");
        }
    }
}
