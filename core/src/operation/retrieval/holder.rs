//! A holder of values: what it counts, what it brought, and how likely it is to have more.

use super::Wanted;
use crate::contact::Contact;
use crate::id::Distance;

/// A node that says it holds values.
pub(super) struct Holder {
    pub(super) contact: Contact,
    pub(super) distance: Distance,
    /// How many values it counts: what it said, unless it comes empty-handed.
    pub(super) count: u64,
    pub(super) state: State,
    pub(super) extent: Extent,
    pub(super) asked: usize,
    /// How many distinct values it brought.
    pub(super) brought: u64,
    /// The most that came in one answer.
    at_once: u64,
    /// The chance that its answers since the last new value brought none, if its count is true.
    plausible: f64,
    /// How many more it is likely to have that were not found.
    pub(super) unseen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not asked yet.
    Fresh,
    /// Asked.
    Waiting,
    /// Asked, and given up; its answer would still count.
    Silent,
    Answered,
    /// Refused to send all that it has: the original does so where one value alone is too long for an
    /// answer. It may still send some.
    Refused,
    /// Sent the same again and again, though it counts more: it is asked no more.
    Exhausted,
    /// Did not answer, or not as it should.
    Failed,
    /// Not one of the closest, after all.
    Far,
}

/// Whether a holder's values fit into one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    InParts,
}

impl Holder {
    /// Below this chance, a holder has no more to send, whatever it counts: one of 60 values, 13 to an
    /// answer, comes below it after 57 answers in a row without the last.
    const IMPLAUSIBLE: f64 = 1e-6;

    pub(super) const fn new(contact: Contact, distance: Distance, count: u64) -> Self {
        Self {
            contact,
            distance,
            count,
            state: State::Fresh,
            extent: Extent::Whole,
            asked: 0,
            brought: 0,
            at_once: 0,
            plausible: 1.0,
            unseen: 0,
        }
    }

    /// Asks it for so many values.
    pub(super) fn ask(&mut self, num: u64) -> Wanted {
        self.state = State::Waiting;
        self.asked += 1;
        Wanted {
            contact: self.contact,
            num: i64::try_from(num).unwrap_or(i64::MAX),
        }
    }

    /// Asks it for some of those that it has: fewer than it counts, so that it chooses at random. Half,
    /// as some may have expired since it counted them, but more than fit into an answer.
    pub(super) fn ask_again(&mut self) -> Wanted {
        let num = (self.count / 2).max(self.at_once.saturating_mul(2));
        self.ask(num.min(self.count.saturating_sub(1)))
    }

    /// Whether it may send some of its values when it refused to send all.
    pub(super) fn may_send_fewer(&self) -> bool {
        self.state == State::Waiting && self.asked == 1 && self.count > 1
    }

    /// Takes in that it sent so many values, of which so many are the first time that it brought them.
    pub(super) fn answered(&mut self, sent: u64, new: u64) {
        self.state = State::Answered;
        self.at_once = self.at_once.max(sent);
        self.brought += new;
        self.count = if sent == 0 {
            self.brought
        } else {
            self.count.max(self.brought)
        };
        if self.brought < self.count {
            self.extent = Extent::InParts;
        }
        self.plausible = if new > 0 {
            1.0
        } else {
            self.plausible * chance_of_no_news(self.count, self.brought, sent)
        };
        if self.plausible < Self::IMPLAUSIBLE {
            self.state = State::Exhausted;
        }
    }

    /// Estimates how many more it has that were not found. Of those that it brought, so many came from
    /// it alone; and so many did holders like it bring together.
    pub(super) fn estimate_unseen(&mut self, alone: u64, crowd: u64) {
        let left = self.count - self.brought;
        self.unseen = if left == 0 || self.brought == 0 || self.state == State::Far {
            0
        } else {
            share_of(left, alone, self.brought).max(self.count.saturating_sub(crowd))
        };
    }
}

/// How likely so many values, chosen at random among all that a holder counts, are all among those that
/// it brought before.
fn chance_of_no_news(count: u64, brought: u64, sent: u64) -> f64 {
    let each = (0..sent.min(brought)).map(|nth| (brought - nth) as f64 / (count - nth) as f64);
    each.product()
}

/// So many of those that are left, if as large a share of them is only here as of those that came:
/// rounded up, but 0 if that is less than a half.
fn share_of(left: u64, alone: u64, brought: u64) -> u64 {
    let all = u128::from(left) * u128::from(alone);
    let brought = u128::from(brought);
    if all * 2 < brought {
        0
    } else {
        u64::try_from(all.div_ceil(brought)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_of_no_news_is_that_of_a_draw_without_replacement() {
        for (count, brought, sent, chance) in [
            (60, 59, 13, 47.0 / 60.0),
            (2, 1, 1, 0.5),
            (4, 2, 2, 1.0 / 6.0),
        ] {
            assert!((chance_of_no_news(count, brought, sent) - chance).abs() < 1e-9);
        }
        assert!(chance_of_no_news(u64::MAX, 1, 1) < Holder::IMPLAUSIBLE);
    }

    #[test]
    fn what_is_left_is_as_likely_elsewhere_as_what_came() {
        assert_eq!(share_of(30, 15, 30), 15);
        assert_eq!(share_of(10, 1, 21), 0);
        assert_eq!(share_of(10, 1, 19), 1);
        assert_eq!(share_of(u64::MAX, 2, 1), u64::MAX);
    }
}
