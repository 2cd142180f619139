//! Which surroundings of a target the answers have shown whole, and where the nearest gap is.

use alloc::vec::Vec;

use crate::id::{Distance, Id};

/// The parts of the identifier space, by their distance from a target, of which some answer named every
/// contact that it knew.
///
/// An answer names the K contacts closest to the point asked about, the dead among them. So it shows
/// whole only the part around that point which is closer than the farthest that it names: where many
/// are dead, that is less than a lookup has to know.
#[derive(Clone, Debug)]
pub(super) struct Coverage {
    parts: Vec<Part>,
}

/// All distances that share their leading bits with one of them: a subtree.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: u128,
    bits: u32,
}

impl Coverage {
    pub(super) const NONE: Self = Self { parts: Vec::new() };
    /// So many gaps are looked at for one that a contact knows well.
    const NEXT_GAPS: usize = 3;

    /// Takes in an answer of `by` about `point`, whose farthest contact shares `shared` bits with the
    /// point.
    pub(super) fn shown(&mut self, target: &Id, point: &Id, by: &Id, shared: usize) {
        // A contact on the other side of the tree may know some of a part, but hardly all.
        if point.common_prefix(by) < shared {
            return;
        }
        self.parts.extend(Part::around(target, point, shared + 1));
    }

    /// The point to ask a contact about, of which answers show parts with about so many leading bits:
    /// the nearest gap, or one of the next where this contact knows its own side of the tree.
    pub(super) fn point_for(&self, target: &Id, contact: &Id, bits: usize) -> Option<Id> {
        let shown = self.parts.last().map_or(bits, |part| part.bits as usize);
        let nearest = self.gap(target)?;
        let mut all = self.clone();
        for _ in 0..Self::NEXT_GAPS {
            let Some(gap) = all.gap(target) else {
                break;
            };
            if gap.common_prefix(contact) + 1 >= bits {
                return Some(gap);
            }
            all.parts.push(Part::around(target, &gap, shown)?);
        }
        Some(nearest)
    }

    /// The point nearest to the target that no answer has shown.
    pub(super) fn gap(&self, target: &Id) -> Option<Id> {
        let gap = self.gap_from(0)?;
        Some(target.at(&Distance::from_leading(gap)))
    }

    fn gap_from(&self, mut from: u128) -> Option<u128> {
        loop {
            let covering = |part: &&Part| from & !(u128::MAX >> part.bits) == part.first;
            let Some(part) = self
                .parts
                .iter()
                .filter(covering)
                .min_by_key(|part| part.bits)
            else {
                return Some(from);
            };
            from = (part.first | (u128::MAX >> part.bits)).checked_add(1)?;
        }
    }
}

impl Part {
    /// That around a point with so many leading bits, if it is not beyond what is told apart.
    fn around(target: &Id, point: &Id, bits: usize) -> Option<Self> {
        let bits = u32::try_from(bits).ok().filter(|bits| *bits < u128::BITS)?;
        let first = target.distance(point).leading_128() & !(u128::MAX >> bits);
        Some(Self { first, bits })
    }
}
