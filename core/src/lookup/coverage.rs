//! Which surroundings of a target the answers have shown whole, and where the nearest gap is.

use alloc::vec::Vec;

use crate::id::{Distance, Id};

/// The parts of the identifier space, by their distance from a target, of which some answer named every
/// contact.
///
/// An answer names the K contacts closest to the point that was asked about, the dead among them. So it
/// shows whole only the part around that point which is closer than the farthest that it names. Where
/// many are dead, that is less than a lookup has to know: those who live and belong to the result are
/// crowded out. So the next contact is asked about the nearest point that no part holds, the gap.
#[derive(Clone, Debug)]
pub(super) struct Coverage {
    parts: Vec<Part>,
}

/// All distances that share these leading bits: a subtree.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: u128,
    bits: u32,
}

impl Coverage {
    /// No answer yet.
    pub(super) const NONE: Self = Self { parts: Vec::new() };
    /// So many gaps are looked at for one that a contact knows well.
    const NEXT_GAPS: usize = 3;

    /// Takes in an answer of `by` about `point`, whose farthest contact shares `shared` bits with the
    /// point.
    pub(super) fn shown(&mut self, target: &Id, point: &Id, by: &Id, shared: usize) {
        // A contact on the other side of the tree may know some of a part, but hardly all.
        if point.common_prefix(by) >= shared {
            self.parts.extend(Part::around(target, point, shared + 1));
        }
    }

    /// The point to ask a contact about; `None` when every point was shown.
    ///
    /// It is the nearest gap, or one of the next, if the contact knows only that one well: it shares all
    /// but one of `bits` leading bits with it, or more. A gap that is passed over is taken to be as large
    /// as the part that was shown last, or before the first answer as a part of `bits` bits.
    pub(super) fn point_for(&self, target: &Id, contact: &Id, bits: usize) -> Option<Id> {
        let nearest = self.gap(target)?;
        let shown = self.parts.last().map_or(bits, |part| part.bits as usize);
        let mut passed = self.clone();
        for _ in 0..Self::NEXT_GAPS {
            let Some(gap) = passed.gap(target) else {
                break;
            };
            if gap.common_prefix(contact) + 1 >= bits {
                return Some(gap);
            }
            passed.parts.push(Part::around(target, &gap, shown)?);
        }
        Some(nearest)
    }

    /// The point nearest to the target that no answer has shown.
    fn gap(&self, target: &Id) -> Option<Id> {
        let mut from = 0;
        while let Some(part) = self.largest_around(from) {
            from = part.last().checked_add(1)?;
        }
        Some(target.at(&Distance::from_leading(from)))
    }

    /// The largest part that holds a distance.
    fn largest_around(&self, distance: u128) -> Option<&Part> {
        let holding = self.parts.iter().filter(|part| part.holds(distance));
        holding.min_by_key(|part| part.bits)
    }
}

impl Part {
    /// That around a point with so many leading bits, if it is not beyond what is told apart.
    fn around(target: &Id, point: &Id, bits: usize) -> Option<Self> {
        let bits = u32::try_from(bits).ok().filter(|bits| *bits < u128::BITS)?;
        let first = target.distance(point).leading_128() & !(u128::MAX >> bits);
        Some(Self { first, bits })
    }

    const fn holds(&self, distance: u128) -> bool {
        self.first <= distance && distance <= self.last()
    }

    const fn last(&self) -> u128 {
        self.first | (u128::MAX >> self.bits)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use quickcheck::quickcheck;

    use super::*;

    /// The identifier that begins with this byte, and is zero beyond.
    fn id(first: u8) -> Id {
        short_id(u16::from(first) << 4)
    }

    /// The identifier with these twelve leading bits, and zeros beyond.
    fn short_id(bits: u16) -> Id {
        let mut bytes = [0; Id::LEN];
        bytes[..2].copy_from_slice(&(bits << 4).to_be_bytes());
        Id::new(bytes)
    }

    /// What answers about these points showed, each by a contact that is near, of so many leading bits.
    fn shown(target: &Id, parts: &[(u8, usize)]) -> Coverage {
        let mut coverage = Coverage::NONE;
        for (point, bits) in parts {
            coverage.shown(target, &id(*point), &id(*point), bits - 1);
        }
        coverage
    }

    #[test]
    fn a_gap_moves_outward_as_parts_are_shown() {
        let target = id(0);
        let mut parts = vec![];
        let shown_then_gap = [
            ((0x00, 4), 0x10),
            ((0x10, 4), 0x20),
            ((0x40, 2), 0x20),
            ((0x28, 5), 0x20),
            ((0x20, 3), 0x80),
        ];
        assert_eq!(shown(&target, &parts).gap(&target), Some(target));
        for (part, gap) in shown_then_gap {
            parts.push(part);
            assert_eq!(shown(&target, &parts).gap(&target), Some(id(gap)));
        }
    }

    #[test]
    fn near_is_what_is_near_the_target() {
        let target = id(0xb4);
        let coverage = shown(&target, &[(0xb4, 4), (0xa0, 4)]);
        assert_eq!(coverage.gap(&target), Some(id(0xb4 ^ 0x20)));
    }

    #[test]
    fn once_all_is_shown_there_is_no_gap() {
        let target = id(0x12);
        let coverage = shown(&target, &[(0x00, 1), (0x80, 1)]);
        assert_eq!(coverage.gap(&target), None);
        assert_eq!(coverage.point_for(&target, &id(0x80), 4), None);
    }

    #[test]
    fn what_a_far_contact_says_does_not_count() {
        let target = id(0);
        let mut coverage = Coverage::NONE;
        for far in [0x80, 0x40, 0x20] {
            coverage.shown(&target, &target, &id(far), 3);
            assert_eq!(coverage.gap(&target), Some(target), "{far:x}");
        }
        coverage.shown(&target, &target, &id(0x10), 3);
        assert_eq!(coverage.gap(&target), Some(id(0x10)));
    }

    #[test]
    fn a_contact_is_asked_about_a_gap_that_it_knows_well() {
        let target = id(0);
        let coverage = shown(&target, &[(0x00, 4)]);
        let asked = |contact, bits| coverage.point_for(&target, &id(contact), bits);
        assert_eq!(asked(0x18, 4), Some(id(0x10)), "the nearest is near it");
        assert_eq!(asked(0x28, 4), Some(id(0x20)), "the next but one is");
        assert_eq!(
            asked(0x38, 4),
            Some(id(0x20)),
            "the next but one is beside it"
        );
        assert_eq!(asked(0x48, 4), Some(id(0x10)), "none of the next is");
        assert_eq!(asked(0x48, 2), Some(id(0x10)), "it knows all of them");
    }

    #[test]
    fn before_the_first_answer_every_gap_counts_as_large_as_what_answers_show() {
        let (none, target) = (Coverage::NONE, id(0));
        let asked = |contact, bits| none.point_for(&target, &id(contact), bits);
        assert_eq!(asked(0x08, 4), Some(target));
        assert_eq!(asked(0x28, 4), Some(id(0x20)));
        assert_eq!(asked(0xf8, 4), Some(target));
        assert_eq!(asked(0xf8, 0), Some(target));
    }

    quickcheck! {
        /// The gap is the nearest of all points that no answer of a near contact has shown.
        fn no_point_outside_what_was_shown_is_nearer_than_the_gap(
            target: u16,
            answers: Vec<(u16, u16, u8)>
        ) -> bool {
            const ALL: u16 = 1 << 12;
            let target = target % ALL;
            let mut coverage = Coverage::NONE;
            let mut outside = vec![true; usize::from(ALL)];
            for (point, by, shared) in answers {
                let (point, by, shared) = (point % ALL, by % ALL, shared % 12);
                let [target_id, point_id, by_id] = [target, point, by].map(short_id);
                coverage.shown(&target_id, &point_id, &by_id, usize::from(shared));
                let differs_from = |other: u16| (point ^ other) >> (11 - shared);
                if differs_from(by) <= 1 {
                    for distance in (0..ALL).filter(|other| differs_from(target ^ other) == 0) {
                        outside[usize::from(distance)] = false;
                    }
                }
            }
            let nearest = (0..ALL).find(|distance| outside[usize::from(*distance)]);
            let gap = coverage.gap(&short_id(target));
            gap == nearest.map(|distance| short_id(target ^ distance))
        }
    }
}
