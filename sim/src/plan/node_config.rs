//! The settings of nodes, as plans name them: a preset, and what differs from it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use khashmir::{Config, Journal, Role, SharedAddresses};

use crate::text::BadText;

/// A set of settings that has a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Timeouts that follow the network's round trips.
    #[default]
    Adaptive,
    /// Those of the original's earlier generation.
    Early,
    /// Those of the original's later generation.
    Late,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Adaptive, Self::Early, Self::Late];

    /// Its settings.
    #[must_use]
    pub fn config(self) -> Config {
        match self {
            Self::Adaptive => Config::adaptive(),
            Self::Early => Config::early(),
            Self::Late => Config::late(),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Early => "early",
            Self::Late => "late",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let preset = Self::ALL.into_iter().find(|preset| preset.name() == text);
        preset.ok_or_else(|| BadText::new(text, "preset", "adaptive, early or late"))
    }
}

/// Whether private addresses count as public ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateAsPublic {
    /// They do: ports of one address are one host, and hosts of one /24 are of one network.
    Yes,
    /// Many nodes may share one.
    #[default]
    No,
}

/// What the nodes of a plan are like: a preset, and what differs from it for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeConfig {
    /// Where the settings come from that are not named here.
    pub preset: Preset,
    /// Contacts in a bucket and in a result.
    pub k: Option<usize>,
    /// Queries that a lookup keeps in flight.
    pub alpha: Option<usize>,
    /// At how many nodes a value is stored.
    pub redundancy: Option<usize>,
    /// How long a contact that answered counts as alive.
    pub fresh: Option<Duration>,
    /// How long a bucket may go unused.
    pub staleness: Option<Duration>,
    /// How long a value lives.
    pub expiry: Option<Duration>,
    /// Time between two checkpoints.
    pub checkpoint: Option<Duration>,
    /// What private addresses count as: all hosts of a plan have private ones.
    pub private_as_public: PrivateAsPublic,
}

impl NodeConfig {
    /// The settings of a node of this preset, with what differs.
    #[must_use]
    pub fn config(&self, preset: Preset, role: Role, journal: Journal) -> Config {
        let base = preset.config();
        Config {
            k: self.k.unwrap_or(base.k),
            alpha: self.alpha.unwrap_or(base.alpha),
            redundancy: self.redundancy.unwrap_or(base.redundancy),
            fresh: self.fresh.unwrap_or(base.fresh),
            staleness: self.staleness.unwrap_or(base.staleness),
            expiry: self.expiry.unwrap_or(base.expiry),
            checkpoint: self.checkpoint.unwrap_or(base.checkpoint),
            shared_addresses: match self.private_as_public {
                PrivateAsPublic::Yes => SharedAddresses::None,
                PrivateAsPublic::No => base.shared_addresses,
            },
            role,
            journal,
            ..base
        }
    }
}
