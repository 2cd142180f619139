//! Which contact to ask next: a walk towards a target, and a spread over a fixed list. Neither knows the
//! wire nor the clock; both are told what happened and say what follows.

mod closest_nodes;
mod pace;
mod spread;

pub(crate) use closest_nodes::{Asked, ClosestNodes};
pub(crate) use pace::{Pace, Turnout};
pub(crate) use spread::Spread;

/// The state of a contact of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not asked yet.
    Fresh,
    /// Asked, and within its time.
    Waiting,
    /// Asked, and slower than most: it no longer keeps others from being asked.
    Slow,
    /// Asked, and slower than nearly all: nobody waits for it where many others are as late.
    Late,
    /// Asked, and so late that nobody waits for it; its answer would still count.
    Silent,
    /// Answered.
    Answered,
    /// Did not answer, or not as it should.
    Failed,
}

impl State {
    /// Whether an answer may still come.
    const fn is_pending(self) -> bool {
        matches!(self, Self::Waiting | Self::Slow | Self::Late | Self::Silent)
    }
}

/// What is learnt about a contact that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The time in which most answer is over.
    Slow,
    /// The time in which nearly all answer is over.
    Late,
    /// It is no use waiting for it any longer.
    Silent,
    /// It failed.
    Failed,
}

impl News {
    /// The state that follows; nothing changes for a contact that is not asked, or already worse.
    const fn apply(self, state: State) -> State {
        match (self, state) {
            (Self::Slow, State::Waiting) => State::Slow,
            (Self::Late, State::Waiting | State::Slow) => State::Late,
            (Self::Silent, State::Waiting | State::Slow | State::Late) => State::Silent,
            (Self::Failed, pending) if pending.is_pending() => State::Failed,
            (Self::Slow | Self::Late | Self::Silent | Self::Failed, unchanged) => unchanged,
        }
    }
}
