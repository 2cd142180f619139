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

    /// Takes in an answer of `by` about `point`, whose farthest contact shares `shared` bits with the
    /// point.
    pub(super) fn shown(&mut self, target: &Id, point: &Id, by: &Id, shared: usize) {
        // A contact on the other side of the tree may know some of a part, but hardly all.
        if point.common_prefix(by) < shared {
            return;
        }
        let bits = u32::try_from(shared + 1).unwrap_or(u128::BITS);
        if bits < u128::BITS {
            let first = target.distance(point).leading_128() & !(u128::MAX >> bits);
            self.parts.push(Part { first, bits });
        }
    }

    /// The point nearest to the target that neither the answers so far have shown nor those to questions
    /// about these points are likely to show.
    pub(super) fn gap(&self, target: &Id, asked: impl Iterator<Item = Id>) -> Option<Id> {
        let mut all = self.clone();
        if let Some(bits) = self.typical_bits() {
            for point in asked {
                let first = target.distance(&point).leading_128() & !(u128::MAX >> bits);
                all.parts.push(Part { first, bits });
            }
        }
        let gap = all.gap_from(0)?;
        Some(target.at(&Distance::from_leading(gap)))
    }

    /// How small a part an answer shows: as the last one did.
    fn typical_bits(&self) -> Option<u32> {
        self.parts.last().map(|part| part.bits)
    }

    fn gap_from(&self, mut from: u128) -> Option<u128> {
        loop {
            let covering = |part: &&Part| from & !(u128::MAX >> part.bits) == part.first;
            let Some(part) = self.parts.iter().filter(covering).min_by_key(|part| part.bits) else {
                return Some(from);
            };
            from = (part.first | (u128::MAX >> part.bits)).checked_add(1)?;
        }
    }
}
