//! How many datagrams were lost, by place and cause.

use super::fate::{LossCause, LossPlace};

/// How many datagrams were lost, by place and cause. Of a datagram that the network doubles, each
/// copy counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossCounts([[u64; LossCause::ALL.len()]; LossPlace::ALL.len()]);

impl LossCounts {
    /// Counts a datagram.
    pub const fn count(&mut self, place: LossPlace, cause: LossCause) {
        self.add(place, cause, 1);
    }

    /// How many were lost at that place for that cause.
    #[must_use]
    pub const fn get(&self, place: LossPlace, cause: LossCause) -> u64 {
        self.0[place as usize][cause as usize]
    }

    /// How many were lost in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// Every place with every cause that it can have, and how many were lost so.
    pub fn iter(&self) -> impl Iterator<Item = (LossPlace, LossCause, u64)> + '_ {
        LossPlace::ALL.into_iter().flat_map(move |place| {
            let causes = place.causes().iter();
            causes.map(move |cause| (place, *cause, self.get(place, *cause)))
        })
    }

    const fn add(&mut self, place: LossPlace, cause: LossCause, count: u64) {
        self.0[place as usize][cause as usize] += count;
    }
}

impl std::ops::AddAssign for LossCounts {
    fn add_assign(&mut self, other: Self) {
        for (place, cause, count) in other.iter() {
            self.add(place, cause, count);
        }
    }
}

/// The order in which they are counted.
const _: () = {
    let mut at = 0;
    while at < LossCause::ALL.len() {
        assert!(LossCause::ALL[at] as usize == at);
        at += 1;
    }
    let mut at = 0;
    while at < LossPlace::ALL.len() {
        assert!(LossPlace::ALL[at] as usize == at);
        at += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_by_place_and_cause() {
        let mut counts = LossCounts::default();
        counts.count(LossPlace::Sender, LossCause::Queue);
        counts.count(LossPlace::Receiver, LossCause::Queue);
        counts.count(LossPlace::Receiver, LossCause::Queue);
        let mut twice = counts;
        twice += counts;
        assert_eq!(twice.get(LossPlace::Sender, LossCause::Queue), 2);
        assert_eq!(twice.get(LossPlace::Receiver, LossCause::Queue), 4);
        assert_eq!(twice.get(LossPlace::Receiver, LossCause::Off), 0);
        assert_eq!(twice.total(), 6);
        let told: u64 = twice.iter().map(|(_, _, count)| count).sum();
        assert_eq!(told, twice.total());
    }

    #[test]
    fn every_cause_belongs_to_a_place() {
        for cause in LossCause::ALL {
            let is_there = |place: &LossPlace| place.causes().contains(&cause);
            assert!(LossPlace::ALL.iter().any(is_there), "{cause}");
        }
    }
}
