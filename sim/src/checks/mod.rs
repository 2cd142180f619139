//! Checks: what must hold at every step of every run, whatever the network does.
//!
//! [`Checks`] observes a world and holds each host against the laws of the core, the rules of the
//! wire and its own promises. What has to hold once all faults have ended is checked by
//! the [experiment](crate::experiment) itself, since it takes knowledge of the whole network.

mod law;
mod promise;
mod table;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use khashmir::Instant;

use crate::host::HostId;
use crate::world::{Fact, Machine, Observer, When};
use law::Laws;
use promise::Promises;
use wire::Wire;

/// A violation of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When it was found, in the time of the world.
    pub at: Instant,
    /// The host at fault, if it is one alone.
    pub host: Option<HostId>,
    /// What was violated.
    pub check: Check,
    /// What was found.
    pub what: String,
}

/// What can be violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Law 1: what is told to the user comes once.
    Events,
    /// Law 2: after its timer a node wants to be called later, if at all.
    Timer,
    /// Law 3: time never runs back.
    Time,
    /// Law 4: every command ends in time.
    Ending,
    /// Law 5: equal inputs give equal outputs.
    Determinism,
    /// Law 6: nothing makes a node panic.
    Panic,
    /// Law 6: nothing makes a node grow beyond its limits.
    Limits,
    /// Law 7: what is acknowledged is durable first.
    Durability,
    /// Buckets partition the identifiers, hold at most K, and each contact is where it belongs.
    Table,
    /// Datagrams decode, and are no longer than a packet.
    Datagram,
    /// Datagrams go to addresses that the node had reason to know.
    Address,
    /// Contacts in answers and results are such as the node has heard of.
    Contact,
    /// Stores need a token that was issued to the same address.
    Token,
    /// What was acknowledged outlives a crash.
    Value,
    /// What was cut apart is one again by itself: every node that runs finds every other.
    Whole,
    /// After healing: a lookup finds the K closest.
    Lookup,
    /// A get of the plan finds what it has to, and after healing, a value with a holder among the
    /// closest is found.
    Found,
    /// After healing: no table holds a contact that has long been dead.
    Dead,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "law 1, events come once",
            Self::Timer => "law 2, timers are over when they are over",
            Self::Time => "law 3, time never runs back",
            Self::Ending => "law 4, every command ends in time",
            Self::Determinism => "law 5, equal inputs give equal outputs",
            Self::Panic => "law 6, nothing makes a node panic",
            Self::Limits => "law 6, nothing makes a node grow beyond its limits",
            Self::Durability => "law 7, what is acknowledged is durable first",
            Self::Table => "contacts are in the bucket where they belong",
            Self::Datagram => "datagrams decode and fit",
            Self::Address => "datagrams go to known addresses",
            Self::Contact => "contacts were heard of",
            Self::Token => "stores need a token",
            Self::Value => "acknowledged values outlive a crash",
            Self::Whole => "nodes find each other again by themselves",
            Self::Lookup => "lookups find the K closest after healing",
            Self::Found => "values are found",
            Self::Dead => "the dead are forgotten",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}s ", self.at.as_nanos() as f64 / 1e9)?;
        if let Some(host) = self.host {
            write!(f, "{host} ")?;
        }
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// An observer that notes violations of all checks.
#[derive(Default)]
pub struct Checks {
    hosts: BTreeMap<HostId, HostChecks>,
    violations: Vec<Violation>,
}

#[derive(Default)]
struct HostChecks {
    laws: Laws,
    wire: Wire,
    promises: Promises,
}

/// What a check found.
type Finding = Result<(), (Check, String)>;

impl Checks {
    /// More than that are not noted: one is enough to fail, and they tend to repeat.
    const MOST: usize = 100;

    /// What was found so far, in the order in which it was seen.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn note(&mut self, when: When, host: HostId, finding: Finding) {
        if let Err((check, what)) = finding
            && self.violations.len() < Self::MOST
        {
            self.violations.push(Violation {
                at: when.at,
                host: Some(host),
                check,
                what,
            });
        }
    }
}

impl Observer for Checks {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        let checks = self.hosts.entry(host).or_default();
        let findings = [
            checks.laws.see(when, fact),
            checks.wire.see(fact),
            checks.promises.see(when, fact),
        ];
        for finding in findings {
            self.note(when, host, finding);
        }
    }

    fn rest(&mut self, when: When, host: HostId, machine: &dyn Machine) {
        let checks = self.hosts.entry(host).or_default();
        let findings = [
            checks.laws.rest(when, machine),
            table::check(machine.node()),
        ];
        for finding in findings {
            self.note(when, host, finding);
        }
    }
}
