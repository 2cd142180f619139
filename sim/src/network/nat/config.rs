//! How a translator behaves, as a user says it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::text::BadText;

/// How a translator behaves.
///
/// It is written as `MAPPING/FILTERING` and then, as far as it differs from the default, `hairpin`,
/// `expiry=` and `bindings=`, for instance `independent/address,hairpin,expiry=5m`. The dependences
/// are `independent`, `address` and `address-port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatConfig {
    /// For which receivers a mapping is used again.
    pub mapping: Dependence,
    /// From which senders datagrams are let in.
    pub filtering: Dependence,
    /// Whether the host reaches itself through its outer address.
    pub hairpinning: Hairpinning,
    /// How long a mapping lasts after the last datagram from the host. RFC 4787 asks for at least
    /// two minutes.
    pub expiry: Duration,
    /// How many mappings there can be at once; for one more, that which was not used for longest
    /// goes. As many receivers are remembered for the filtering. At most [`Self::MOST_BINDINGS`].
    pub bindings: u16,
}

/// On what a mapping, or a filter, depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// On nothing outside: one mapping for all receivers; or all senders are let in.
    EndpointIndependent,
    /// On the address: a mapping for each; or only remote addresses to which the host
    /// sent.
    AddressDependent,
    /// On address and port: a mapping for each; or only remote endpoints to which the host
    /// sent.
    AddressAndPortDependent,
}

/// Whether a host reaches itself through its outer address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hairpinning {
    /// It does, and sees its outer address as the sender.
    On,
    /// Such datagrams are lost.
    Off,
}

impl NatConfig {
    /// The most mappings: so many that a free port is found quickly.
    pub const MOST_BINDINGS: u16 = 16_384;

    /// What is wrong with the parameters, if anything.
    pub(in crate::network) fn problem(&self) -> Option<&'static str> {
        if self.expiry.is_zero() {
            return Some("must have an expiry above 0");
        }
        let sense = (1..=Self::MOST_BINDINGS).contains(&self.bindings);
        (!sense).then_some("must have between 1 and 16384 bindings")
    }
}

/// A common home router: one mapping for all remotes, and only remotes are let in to which the
/// host sent.
impl Default for NatConfig {
    fn default() -> Self {
        Self {
            mapping: Dependence::EndpointIndependent,
            filtering: Dependence::AddressAndPortDependent,
            hairpinning: Hairpinning::Off,
            expiry: Duration::from_secs(120),
            bindings: 1024,
        }
    }
}

/// As much of an address as a dependence looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Remote {
    Any,
    Address(IpAddr),
    Endpoint(SocketAddr),
}

impl Dependence {
    /// What of an address it looks at.
    pub(super) const fn remote(self, addr: SocketAddr) -> Remote {
        match self {
            Self::EndpointIndependent => Remote::Any,
            Self::AddressDependent => Remote::Address(addr.ip()),
            Self::AddressAndPortDependent => Remote::Endpoint(addr),
        }
    }
}

impl FromStr for Dependence {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match text {
            "independent" => Ok(Self::EndpointIndependent),
            "address" => Ok(Self::AddressDependent),
            "address-port" => Ok(Self::AddressAndPortDependent),
            _ => {
                let expected = "independent, address or address-port";
                Err(BadText::new(text, "dependence", expected))
            }
        }
    }
}

impl fmt::Display for Dependence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndpointIndependent => "independent",
            Self::AddressDependent => "address",
            Self::AddressAndPortDependent => "address-port",
        })
    }
}

impl FromStr for NatConfig {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = || BadText::new(text, "translator", FORM);
        let mut parts = text.split(',');
        let dependences = parts.next().unwrap_or_default();
        let (mapping, filtering) = dependences.split_once('/').ok_or_else(bad)?;
        let mut config = Self {
            mapping: mapping.parse()?,
            filtering: filtering.parse()?,
            ..Self::default()
        };
        for part in parts {
            match part.split_once('=') {
                None if part == "hairpin" => config.hairpinning = Hairpinning::On,
                Some(("expiry", expiry)) => config.expiry = duration::parse(expiry)?,
                Some(("bindings", bindings)) => {
                    config.bindings = bindings.parse().map_err(|_| bad())?;
                }
                None | Some(_) => return Err(bad()),
            }
        }
        config.problem().map_or(Ok(config), |_| Err(bad()))
    }
}

const FORM: &str = "one such as independent/address,hairpin,expiry=2m,bindings=1024";

impl fmt::Display for NatConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mapping, self.filtering)?;
        if self.hairpinning == Hairpinning::On {
            f.write_str(",hairpin")?;
        }
        write!(
            f,
            ",expiry={},bindings={}",
            duration::format(self.expiry),
            self.bindings
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_translator_reads_the_same() {
        for text in [
            "independent/address,hairpin,expiry=2m,bindings=1024",
            "address/independent,expiry=90s,bindings=1",
            "address-port/address-port,expiry=5m,bindings=16384",
        ] {
            let config: NatConfig = text.parse().expect(text);
            assert_eq!(config.to_string(), text);
        }
        let short: NatConfig = "independent/address-port".parse().expect("right");
        assert_eq!(short, NatConfig::default());
    }

    #[test]
    fn bad_translators_are_named() {
        let bad = [
            ("symmetric", "\"symmetric\" is not a translator"),
            ("independent/none", "\"none\" is not a dependence"),
            ("independent/address,expiry=2", "\"2\" is not a duration"),
            (
                "address/address,expiry=0s",
                "\"address/address,expiry=0s\" is not a translator",
            ),
            (
                "address/address,bindings=0",
                "\"address/address,bindings=0\" is not a translator",
            ),
            (
                "address/address,bindings=x",
                "\"address/address,bindings=x\" is not a translator",
            ),
            (
                "address/address,pin",
                "\"address/address,pin\" is not a translator",
            ),
        ];
        for (text, start) in bad {
            let error = text.parse::<NatConfig>().expect_err(text).to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
