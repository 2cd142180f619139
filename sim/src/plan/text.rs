//! Plans as text: one line for each setting and each step.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{FreshAskers, HostSet, Plan, PrivateAsPublic, Start, ValuesFirst, Workload};
use crate::duration;
use crate::text::{BadText, probability};

/// What the first word of a line can be, with what it sets. In the text of a plan, settings that are
/// as in the default are left out.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "seed",
        read: |plan, text| put(&mut plan.seed, number(text)),
        write: |plan| plan.seed.to_string(),
    },
    Setting {
        name: "hosts",
        read: |plan, text| put(&mut plan.hosts, text.parse()),
        write: |plan| plan.hosts.to_string(),
    },
    Setting {
        name: "start",
        read: |plan, text| put(&mut plan.start, text.parse()),
        write: |plan| plan.start.to_string(),
    },
    Setting {
        name: "preset",
        read: |plan, text| put(&mut plan.node_config.preset, text.parse()),
        write: |plan| plan.node_config.preset.to_string(),
    },
    Setting {
        name: "k",
        read: |plan, text| put(&mut plan.node_config.k, number(text).map(Some)),
        write: |plan| some(plan.node_config.k),
    },
    Setting {
        name: "alpha",
        read: |plan, text| put(&mut plan.node_config.alpha, number(text).map(Some)),
        write: |plan| some(plan.node_config.alpha),
    },
    Setting {
        name: "redundancy",
        read: |plan, text| put(&mut plan.node_config.redundancy, number(text).map(Some)),
        write: |plan| some(plan.node_config.redundancy),
    },
    Setting {
        name: "fresh",
        read: |plan, text| put(&mut plan.node_config.fresh, span(text).map(Some)),
        write: |plan| some(plan.node_config.fresh.map(duration::format)),
    },
    Setting {
        name: "staleness",
        read: |plan, text| put(&mut plan.node_config.staleness, span(text).map(Some)),
        write: |plan| some(plan.node_config.staleness.map(duration::format)),
    },
    Setting {
        name: "expiry",
        read: |plan, text| put(&mut plan.node_config.expiry, span(text).map(Some)),
        write: |plan| some(plan.node_config.expiry.map(duration::format)),
    },
    Setting {
        name: "checkpoint",
        read: |plan, text| put(&mut plan.node_config.checkpoint, span(text).map(Some)),
        write: |plan| some(plan.node_config.checkpoint.map(duration::format)),
    },
    Setting {
        name: "private-as-public",
        read: |plan, text| put(&mut plan.node_config.private_as_public, text.parse()),
        write: |plan| plan.node_config.private_as_public.to_string(),
    },
    Setting {
        name: "dead",
        read: |plan, text| put(&mut plan.shares.dead, probability(text)),
        write: |plan| plan.shares.dead.to_string(),
    },
    Setting {
        name: "nat",
        read: |plan, text| put(&mut plan.shares.nat, probability(text)),
        write: |plan| plan.shares.nat.to_string(),
    },
    Setting {
        name: "early",
        read: |plan, text| put(&mut plan.shares.early, probability(text)),
        write: |plan| plan.shares.early.to_string(),
    },
    Setting {
        name: "late",
        read: |plan, text| put(&mut plan.shares.late, probability(text)),
        write: |plan| plan.shares.late.to_string(),
    },
    Setting {
        name: "read-only",
        read: |plan, text| put(&mut plan.shares.read_only, probability(text)),
        write: |plan| plan.shares.read_only.to_string(),
    },
    Setting {
        name: "slow",
        read: |plan, text| put(&mut plan.shares.slow, probability(text)),
        write: |plan| plan.shares.slow.to_string(),
    },
    Setting {
        name: "translator",
        read: |plan, text| put(&mut plan.nat, text.parse()),
        write: |plan| plan.nat.to_string(),
    },
    Setting {
        name: "disk",
        read: |plan, text| put(&mut plan.disk, span(text).map(Some)),
        write: |plan| some(plan.disk.map(duration::format)),
    },
    Setting {
        name: "latency",
        read: |plan, text| put(&mut plan.network.latency, text.parse()),
        write: |plan| plan.network.latency.to_string(),
    },
    Setting {
        name: "jitter",
        read: |plan, text| put(&mut plan.network.jitter, text.parse()),
        write: |plan| plan.network.jitter.to_string(),
    },
    Setting {
        name: "loss",
        read: |plan, text| put(&mut plan.network.loss, text.parse()),
        write: |plan| plan.network.loss.to_string(),
    },
    Setting {
        name: "duplicate",
        read: |plan, text| put(&mut plan.network.duplicate, probability(text)),
        write: |plan| plan.network.duplicate.to_string(),
    },
    Setting {
        name: "reorder",
        read: |plan, text| put(&mut plan.network.reorder, text.parse()),
        write: |plan| plan.network.reorder.to_string(),
    },
    Setting {
        name: "line",
        read: |plan, text| put(&mut plan.network.access, text.parse().map(Some)),
        write: |plan| some(plan.network.access),
    },
    Setting {
        name: "mtu",
        read: |plan, text| put(&mut plan.network.mtu, number(text)),
        write: |plan| plan.network.mtu.to_string(),
    },
    Setting {
        name: "floor",
        read: |plan, text| put(&mut plan.network.floor, span(text)),
        write: |plan| duration::format(plan.network.floor).to_string(),
    },
    Setting {
        name: "churn",
        read: |plan, text| put(&mut plan.churn, text.parse().map(Some)),
        write: |plan| some(plan.churn),
    },
    Setting {
        name: "lookups",
        read: |plan, text| put(&mut plan.workload.lookups, number(text)),
        write: |plan| plan.workload.lookups.to_string(),
    },
    Setting {
        name: "values",
        read: |plan, text| put(&mut plan.workload.values, number(text)),
        write: |plan| plan.workload.values.to_string(),
    },
    Setting {
        name: "values-first",
        read: |plan, text| put(&mut plan.workload.values_first, text.parse()),
        write: |plan| plan.workload.values_first.to_string(),
    },
    Setting {
        name: "fresh-askers",
        read: |plan, text| put(&mut plan.workload.fresh_askers, text.parse()),
        write: |plan| plan.workload.fresh_askers.to_string(),
    },
    Setting {
        name: "kept",
        read: |plan, text| put(&mut plan.keeping.values, number(text)),
        write: |plan| plan.keeping.values.to_string(),
    },
    Setting {
        name: "publishers",
        read: |plan, text| put(&mut plan.keeping.publishers, number(text).map(Some)),
        write: |plan| some(plan.keeping.publishers),
    },
    Setting {
        name: "reads",
        read: |plan, text| put(&mut plan.keeping.reads, number(text)),
        write: |plan| plan.keeping.reads.to_string(),
    },
    Setting {
        name: "duration",
        read: |plan, text| put(&mut plan.workload.duration, span(text)),
        write: |plan| duration::format(plan.workload.duration).to_string(),
    },
    Setting {
        name: "whole",
        read: |plan, text| put(&mut plan.whole, span(text).map(Some)),
        write: |plan| some(plan.whole.map(duration::format)),
    },
    Setting {
        name: "healed",
        read: |plan, text| put(&mut plan.healed, span(text).map(Some)),
        write: |plan| some(plan.healed.map(duration::format)),
    },
];

struct Setting {
    name: &'static str,
    read: fn(&mut Plan, &str) -> Result<(), BadText>,
    write: fn(&Plan) -> String,
}

impl FromStr for Plan {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let mut plan = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let bad = |error| BadPlan {
                    line: number + 1,
                    error,
                };
                plan.read_line(line).map_err(bad)?;
            }
        }
        Ok(plan)
    }
}

impl Plan {
    fn read_line(&mut self, line: &str) -> Result<(), BadText> {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match name {
            "at" => self.steps.push(rest.parse()?),
            // A short way of naming many hosts.
            "nodes" => self.hosts = HostSet::first(number(rest)?),
            _ => {
                let setting = SETTINGS.iter().find(|setting| setting.name == name);
                let unknown = || BadText::new(name, "setting", "one that sim/README.md lists");
                (setting.ok_or_else(unknown)?.read)(self, rest)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        for Setting { name, write, .. } in SETTINGS {
            let text = write(self);
            let always = matches!(*name, "seed" | "hosts");
            if always || text != write(&default) {
                writeln!(f, "{name} {text}")?;
            }
        }
        self.steps
            .iter()
            .try_for_each(|step| writeln!(f, "at {step}"))
    }
}

impl FromStr for Start {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match text {
            "join" => Ok(Self::Join),
            "warm" => Ok(Self::Warm),
            _ => Err(BadText::new(text, "start", "join or warm")),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Join => "join",
            Self::Warm => "warm",
        })
    }
}

/// A choice that is written as yes or no.
macro_rules! yes_or_no {
    ($choice:ty) => {
        impl FromStr for $choice {
            type Err = BadText;

            fn from_str(text: &str) -> Result<Self, BadText> {
                match text {
                    "yes" => Ok(Self::Yes),
                    "no" => Ok(Self::No),
                    _ => Err(BadText::new(text, "choice", "yes or no")),
                }
            }
        }

        impl fmt::Display for $choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    Self::Yes => "yes",
                    Self::No => "no",
                })
            }
        }
    };
}

yes_or_no!(ValuesFirst);
yes_or_no!(FreshAskers);
yes_or_no!(PrivateAsPublic);

impl Default for Workload {
    fn default() -> Self {
        Self::NONE
    }
}

fn put<T>(field: &mut T, value: Result<T, BadText>) -> Result<(), BadText> {
    value.map(|value| *field = value)
}

fn some(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn span(text: &str) -> Result<Duration, BadText> {
    duration::parse(text)
}

fn number<T: FromStr>(text: &str) -> Result<T, BadText> {
    text.parse()
        .map_err(|_| BadText::new(text, "whole number", "one in digits"))
}

/// A text that is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPlan {
    /// The line at fault, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub error: BadText,
}

impl fmt::Display for BadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.error)
    }
}

impl Error for BadPlan {}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "\
seed 7
hosts n00..n19,n30
start join
preset late
k 4
alpha 3
redundancy 2
fresh 1m
staleness 5m
expiry 30m
checkpoint 1m
private-as-public yes
dead 0.1
nat 0.2
early 0.3
late 0.1
read-only 0.05
slow 0.05
translator independent/address,hairpin,expiry=2m,bindings=1024
disk 5ms
latency geo
jitter exponential:5ms
loss independent:0.01
duplicate 0.01
reorder 0.05,exponential:30ms
line 10Mbit/50Mbit,64kB
mtu 1280
floor 20ms
churn exponential:20m/exponential:5m/same
lookups 100
values 10
values-first yes
fresh-askers yes
kept 20
publishers 2
reads 100
duration 5m
whole 9m
healed 10m
at 1s n03 crash
at 5s all restart
";

    #[test]
    fn the_text_of_a_plan_reads_the_same() {
        let plan: Plan = FULL.parse().expect("a plan");
        assert_eq!(plan.to_string(), FULL);
        assert_eq!(plan.check(), Ok(()));
        let default = Plan::default();
        assert_eq!(default.to_string(), "seed 1\nhosts n00..n999\n");
        assert_eq!(default.to_string().parse(), Ok(default));
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let plan: Plan = "# a plan\n\n  nodes 5  # few\n\tseed 3\n"
            .parse()
            .expect("a plan");
        assert_eq!((plan.seed, plan.hosts.len()), (3, 5));
    }

    #[test]
    fn the_line_at_fault_is_named() {
        for (text, error) in [
            ("seed 1\nseed x", "line 2: \"x\" is not a whole number"),
            ("colour red", "line 1: \"colour\" is not a setting"),
            ("\n\nat 1s n1 fly", "line 3: \"n1 fly\" is not a step"),
            ("dead 2", "line 1: \"2\" is not a probability"),
            ("seed", "line 1: \"\" is not a whole number"),
        ] {
            let found = text.parse::<Plan>().expect_err(text).to_string();
            assert!(found.starts_with(error), "{found}");
        }
    }

    #[test]
    fn settings_without_sense_are_named() {
        for (text, start) in [
            ("hosts n0..n16777215", "\"n16777215\""),
            ("k 0", "k must be"),
            ("mtu 20", "network: `mtu`"),
            ("nodes 0", "there must be"),
            ("kept 1\npublishers 0", "publishers must be"),
            ("whole 3m\nhealed 2m", "whole must not"),
            ("nodes 9\nlookups 10\nfresh-askers yes", "fresh-askers: 10"),
            ("nodes 9\nvalues 5\nfresh-askers yes", "fresh-askers: 10"),
            ("dead 1\nlookups 1\nfresh-askers yes", "fresh-askers: 1"),
        ] {
            let error = match text.parse::<Plan>() {
                Ok(plan) => plan.check().expect_err(text).to_string(),
                Err(bad) => bad.error.to_string(),
            };
            assert!(error.starts_with(start), "{error}");
        }
    }
}
