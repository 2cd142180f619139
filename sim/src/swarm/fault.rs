//! Kinds of fault, and which of them a plan has.

use std::collections::BTreeSet;
use std::fmt;

use crate::network::Loss;
use crate::network::Reorder;
use crate::plan::{Action, Jump, Plan};
use crate::span::Span;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Datagrams are lost one by one.
    Loss,
    /// Datagrams are lost in bursts.
    Bursts,
    /// Datagrams arrive twice.
    Duplicates,
    /// Datagrams overtake each other.
    Reordering,
    /// Delays vary.
    Jitter,
    /// Lines are narrow.
    Lines,
    /// The network falls apart.
    Partition,
    /// Some do not reach others, but are reached by them.
    Cut,
    /// Hosts lose their power.
    Crash,
    /// All hosts start again at once.
    MassRestart,
    /// Hosts come and go.
    Churn,
    /// Hosts stand still.
    Pause,
    /// Clocks jump forward.
    JumpForward,
    /// Clocks jump back.
    JumpBack,
    /// Clocks drift.
    Drift,
    /// Datagrams that no node has sent.
    Garbage,
    /// Nodes leave.
    Leave,
    /// Dead hosts in all tables.
    Dead,
    /// Translators.
    Nat,
    /// Nodes that never answer.
    ReadOnly,
    /// Hosts that are slow.
    Slow,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Loss,
        Self::Bursts,
        Self::Duplicates,
        Self::Reordering,
        Self::Jitter,
        Self::Lines,
        Self::Partition,
        Self::Cut,
        Self::Crash,
        Self::MassRestart,
        Self::Churn,
        Self::Pause,
        Self::JumpForward,
        Self::JumpBack,
        Self::Drift,
        Self::Garbage,
        Self::Leave,
        Self::Dead,
        Self::Nat,
        Self::ReadOnly,
        Self::Slow,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Loss => "loss",
            Self::Bursts => "bursts of loss",
            Self::Duplicates => "duplicates",
            Self::Reordering => "reordering",
            Self::Jitter => "jitter",
            Self::Lines => "narrow lines",
            Self::Partition => "partitions",
            Self::Cut => "one-way cuts",
            Self::Crash => "crashes",
            Self::MassRestart => "mass restarts",
            Self::Churn => "churn",
            Self::Pause => "pauses",
            Self::JumpForward => "clocks jump forward",
            Self::JumpBack => "clocks jump back",
            Self::Drift => "clocks drift",
            Self::Garbage => "garbage",
            Self::Leave => "leaves",
            Self::Dead => "dead contacts",
            Self::Nat => "translators",
            Self::ReadOnly => "read-only nodes",
            Self::Slow => "slow hosts",
        })
    }
}

/// The kinds of fault that a plan has.
#[must_use]
pub fn faults(plan: &Plan) -> BTreeSet<Fault> {
    let network = &plan.network;
    let loss = |loss: &Loss| match loss {
        Loss::None => None,
        Loss::Independent(_) => Some(Fault::Loss),
        Loss::Bursty { .. } => Some(Fault::Bursts),
    };
    let shares = [
        (plan.shares.dead, Fault::Dead),
        (plan.shares.nat, Fault::Nat),
        (plan.shares.read_only, Fault::ReadOnly),
        (plan.shares.slow, Fault::Slow),
        (network.duplicate, Fault::Duplicates),
    ];
    let mut all: BTreeSet<Fault> = shares
        .into_iter()
        .filter_map(|(share, fault)| (share > 0.0).then_some(fault))
        .collect();
    all.extend(loss(&network.loss));
    all.extend((network.jitter != Span::NONE).then_some(Fault::Jitter));
    all.extend((network.reorder != Reorder::NONE).then_some(Fault::Reordering));
    all.extend(network.access.map(|_| Fault::Lines));
    all.extend(plan.churn.map(|_| Fault::Churn));
    all.extend(plan.steps.iter().filter_map(|step| match &step.action {
        Action::Ask(..) | Action::Heal | Action::Churn(None) => None,
        Action::Leave(_) => Some(Fault::Leave),
        Action::Crash(_) => Some(Fault::Crash),
        Action::Restart(hosts) if hosts.is_all() => Some(Fault::MassRestart),
        Action::Restart(_) => Some(Fault::Crash),
        Action::Pause(..) => Some(Fault::Pause),
        Action::Jump(_, Jump::Forward(_)) => Some(Fault::JumpForward),
        Action::Jump(_, Jump::Back(_)) => Some(Fault::JumpBack),
        Action::Drift(..) => Some(Fault::Drift),
        Action::Garbage { .. } => Some(Fault::Garbage),
        Action::Partition(_) => Some(Fault::Partition),
        Action::Cut { .. } => Some(Fault::Cut),
        Action::Loss(model) => loss(model),
        Action::Duplicate(_) => Some(Fault::Duplicates),
        Action::Reorder(_) => Some(Fault::Reordering),
        Action::Jitter(_) => Some(Fault::Jitter),
        Action::Churn(Some(_)) => Some(Fault::Churn),
    }));
    all
}
