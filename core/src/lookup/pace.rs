//! How a walk deals with those who do not answer: it waits for each, or judges by all of them how
//! many of those it knows are there at all.

/// The pace of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It follows what is heard of those who were asked.
    Adaptive {
        /// How many of a thousand calls were answered lately.
        answering: u32,
        /// How many have to be late before they are given up.
        many_late: u32,
    },
    /// Alpha at a time, and every one of them is waited for, as in the original.
    Steady,
}

/// How many of those who are listed seem to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turnout {
    /// Nearly all.
    High,
    /// So few that it is no time to be sparing.
    Low,
}

/// What came of those whom a walk asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) answered: u32,
    /// Slow, but not late.
    pub(super) slow: u32,
    /// Late, silent or failed.
    pub(super) late: u32,
}

impl Pace {
    /// All of a thousand.
    pub(super) const ALL: u32 = 1000;
    /// How many of those asked before a walk weighs what was learnt from earlier ones.
    const EARLIER: u32 = 3;
    /// Where fewer than that many of a thousand are likely to be there, all who may belong to the
    /// result are asked at once: waiting for answers that do not come is what takes longest then.
    const THIN: u32 = 830;
    /// So many have to be late before they are given up: fewer may just be far away.
    pub(crate) const MANY_LATE: u32 = 5;
    /// And so many where everybody has answered so far. With one less in either case, one lookup
    /// in some ten thousands misses someone in the simulator's worlds without losses.
    pub(crate) const MANY_LATE_WHERE_ALL_ANSWER: u32 = 6;
    /// And fewer than that many of a thousand must have answered: datagrams do get lost.
    const GIVES_UP: u32 = 850;
    /// Fewer than that where [nearly all](Self::NEARLY_ALL) calls were answered lately: once all who
    /// are left are asked at once, some who live are late together.
    const GIVES_UP_WHERE_NEARLY_ALL_ANSWER: u32 = 700;
    /// So many of a thousand. Where one in five is dead, it is hardly ever reached.
    const NEARLY_ALL: u32 = 950;

    /// How many of a thousand who are listed are likely to be there. Those who are slow count as
    /// if they were not, until they answer.
    pub(super) fn likely(self, tally: Tally) -> u32 {
        let Tally {
            answered,
            slow,
            late,
        } = tally;
        self.share(answered, slow + late)
    }

    /// Whether those who are late are waited for no longer.
    pub(super) fn gives_up_late(self, tally: Tally) -> bool {
        let Tally { answered, late, .. } = tally;
        match self {
            Self::Adaptive {
                answering,
                many_late,
            } => {
                let earlier = self.missed_earlier() / Self::ALL;
                let gives_up = if answering >= Self::NEARLY_ALL {
                    Self::GIVES_UP_WHERE_NEARLY_ALL_ANSWER
                } else {
                    Self::GIVES_UP
                };
                late + earlier >= many_late && self.share(answered, late) < gives_up
            }
            Self::Steady => false,
        }
    }

    /// How many seem to be there, by this walk's own count or by what earlier calls were like.
    pub(super) fn turnout(self, likely: u32) -> Turnout {
        match self {
            Self::Adaptive { answering, .. } if likely.min(answering) < Self::THIN => Turnout::Low,
            Self::Adaptive { .. } | Self::Steady => Turnout::High,
        }
    }

    fn share(self, answered: u32, missed: u32) -> u32 {
        let asked = answered + missed + Self::EARLIER;
        let missed = missed * Self::ALL + self.missed_earlier();
        match self {
            Self::Adaptive { .. } => Self::ALL - missed / asked,
            Self::Steady => Self::ALL,
        }
    }

    /// In thousandths, how many of the earlier calls went unanswered.
    const fn missed_earlier(self) -> u32 {
        match self {
            Self::Adaptive { answering, .. } => Self::EARLIER * Self::ALL.saturating_sub(answering),
            Self::Steady => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTING: Pace = wary(1000);

    const fn wary(answering: u32) -> Pace {
        Pace::Adaptive {
            answering,
            many_late: 5,
        }
    }

    fn tally(answered: u32, slow: u32, late: u32) -> Tally {
        Tally {
            answered,
            slow,
            late,
        }
    }

    #[test]
    fn whoever_does_not_answer_makes_the_others_less_likely_to_be_there() {
        assert_eq!(TRUSTING.likely(tally(0, 0, 0)), 1000);
        assert_eq!(TRUSTING.likely(tally(9, 0, 0)), 1000);
        assert_eq!(TRUSTING.likely(tally(2, 4, 1)), 500);
        assert_eq!(Pace::Steady.likely(tally(2, 4, 1)), 1000);
        let wary = wary(500);
        assert_eq!(wary.likely(tally(0, 0, 0)), 500);
        assert!(wary.likely(tally(20, 0, 0)) > 900);
    }

    #[test]
    fn turnout_is_low_by_the_count_of_a_walk_or_by_earlier_calls() {
        assert_eq!(TRUSTING.turnout(Pace::ALL), Turnout::High);
        assert_eq!(TRUSTING.turnout(Pace::THIN - 1), Turnout::Low);
        assert_eq!(wary(500).turnout(Pace::ALL), Turnout::Low);
        assert_eq!(Pace::Steady.turnout(0), Turnout::High);
    }

    #[test]
    fn a_few_who_are_late_are_waited_for_and_so_are_many_among_more_who_answer() {
        assert!(!TRUSTING.gives_up_late(tally(2, 9, 4)));
        assert!(TRUSTING.gives_up_late(tally(2, 0, 5)));
        assert!(!TRUSTING.gives_up_late(tally(30, 0, 5)));
        assert!(!Pace::Steady.gives_up_late(tally(0, 0, 9)));
        let wary = wary(500);
        assert!(wary.gives_up_late(tally(2, 0, 4)));
    }

    #[test]
    fn where_nearly_all_have_answered_lately_more_have_to_be_late() {
        let few_late = tally(11, 0, 5);
        assert!(wary(900).gives_up_late(few_late));
        assert!(!wary(980).gives_up_late(few_late));
        assert!(wary(980).gives_up_late(tally(11, 0, 7)));
    }
}
