//! Cuts: which hosts can reach which at the moment.
//!
//! Cuts change between two windows of virtual time, when no host is at work. A datagram is judged
//! when it is sent; one under way when a cut comes still arrives.

use crate::host::HostId;

/// Says for each host to which group it belongs, which is group 0 unless it was put elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(Vec<u16>);

impl Groups {
    /// All hosts, those to come included, in group 0.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Puts a host into a group.
    pub fn put(&mut self, host: HostId, group: u16) {
        let at = host.number() as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] = group;
    }

    /// The group of a host.
    #[must_use]
    pub fn of(&self, host: HostId) -> u16 {
        self.0
            .get(host.number() as usize)
            .copied()
            .unwrap_or_default()
    }
}

impl FromIterator<(HostId, u16)> for Groups {
    fn from_iter<I: IntoIterator<Item = (HostId, u16)>>(hosts: I) -> Self {
        let mut groups = Self::new();
        for (host, group) in hosts {
            groups.put(host, group);
        }
        groups
    }
}

/// A rule that keeps datagrams from passing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Only hosts of the same group reach each other.
    Partition(Groups),
    /// Hosts of one group do not reach those of another, but are reached by them.
    OneWay {
        /// The group of each host.
        groups: Groups,
        /// The group whose datagrams do not arrive.
        from: u16,
        /// The group at which they do not arrive.
        to: u16,
    },
}

impl Cut {
    fn passes(&self, sender: HostId, receiver: HostId) -> bool {
        match self {
            Self::Partition(groups) => groups.of(sender) == groups.of(receiver),
            Self::OneWay { groups, from, to } => {
                groups.of(sender) != *from || groups.of(receiver) != *to
            }
        }
    }
}

/// Names a cut, to heal it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutId(u32);

/// The cuts of the moment. A datagram passes when all of them let it.
#[derive(Clone, Debug, Default)]
pub struct Cuts {
    next: u32,
    cuts: Vec<(CutId, Cut)>,
}

impl Cuts {
    /// No cuts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: 0,
            cuts: Vec::new(),
        }
    }

    /// Cuts, until it is healed.
    pub fn add(&mut self, cut: Cut) -> CutId {
        let id = CutId(self.next);
        self.next += 1;
        self.cuts.push((id, cut));
        id
    }

    /// Heals one cut; `false` when it was healed before.
    pub fn heal(&mut self, id: CutId) -> bool {
        let before = self.cuts.len();
        self.cuts.retain(|(cut, _)| *cut != id);
        self.cuts.len() < before
    }

    /// Heals all cuts.
    pub fn heal_all(&mut self) {
        self.cuts.clear();
    }

    /// Whether a datagram gets from one host to another.
    #[must_use]
    pub fn passes(&self, from: HostId, to: HostId) -> bool {
        self.cuts.iter().all(|(_, cut)| cut.passes(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(of: &[u8]) -> Groups {
        let hosts = (0..).map(HostId::new);
        hosts
            .zip(of.iter().map(|group| u16::from(group % 3)))
            .collect()
    }

    fn pairs() -> impl Iterator<Item = (HostId, HostId)> {
        (0..20).flat_map(|a| (0..20).map(move |b| (HostId::new(a), HostId::new(b))))
    }

    #[test]
    fn a_partition_blocks_exactly_what_crosses_it() {
        fn holds(of: Vec<u8>) -> bool {
            let groups = groups(&of);
            let mut cuts = Cuts::new();
            cuts.add(Cut::Partition(groups.clone()));
            pairs().all(|(a, b)| cuts.passes(a, b) == (groups.of(a) == groups.of(b)))
        }
        quickcheck::quickcheck(holds as fn(Vec<u8>) -> bool);
    }

    #[test]
    fn a_one_way_cut_blocks_exactly_one_direction() {
        fn holds(of: Vec<u8>) -> bool {
            let groups = groups(&of);
            let mut cuts = Cuts::new();
            let cut = Cut::OneWay {
                groups: groups.clone(),
                from: 1,
                to: 2,
            };
            cuts.add(cut);
            pairs().all(|(a, b)| cuts.passes(a, b) != (groups.of(a) == 1 && groups.of(b) == 2))
        }
        quickcheck::quickcheck(holds as fn(Vec<u8>) -> bool);
    }

    #[test]
    fn cuts_add_up_and_heal_one_by_one() {
        let [a, b, c] = [0, 1, 2].map(HostId::new);
        let mut cuts = Cuts::new();
        let apart = cuts.add(Cut::Partition(groups(&[0, 1, 1])));
        let deaf = cuts.add(Cut::OneWay {
            groups: groups(&[0, 1, 2]),
            from: 1,
            to: 2,
        });
        assert!(!cuts.passes(a, b) && !cuts.passes(b, c) && cuts.passes(c, b));
        assert!(cuts.heal(apart));
        assert!(cuts.passes(a, b) && !cuts.passes(b, c));
        assert!(!cuts.heal(apart), "it is healed already");
        cuts.heal_all();
        assert!(pairs().all(|(a, b)| cuts.passes(a, b)));
        assert!(!cuts.heal(deaf));
        assert_ne!(
            cuts.add(Cut::Partition(Groups::new())),
            deaf,
            "names are not used again"
        );
    }

    #[test]
    fn hosts_that_come_later_are_in_group_0() {
        let groups: Groups = [(HostId::new(3), 7)].into_iter().collect();
        assert_eq!(groups.of(HostId::new(3)), 7);
        assert_eq!(
            (groups.of(HostId::new(0)), groups.of(HostId::new(9))),
            (0, 0)
        );
    }
}
