//! The ground truth: the identifiers of all nodes that run, in order, to tell which K nodes are
//! really the closest to a target, and which nodes belong into which bucket of a table.

use std::collections::BTreeMap;

use khashmir::Id;

use crate::host::HostId;

/// A node that runs.
type Known = (Id, HostId);

/// Nodes by identifier.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    nodes: Vec<(Id, HostId)>,
}

impl Truth {
    /// All these nodes.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = (Id, HostId)>) -> Self {
        let mut nodes: Vec<(Id, HostId)> = nodes.into_iter().collect();
        nodes.sort_unstable();
        Self { nodes }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Adds a node.
    pub fn insert(&mut self, id: Id, host: HostId) {
        let at = self.nodes.partition_point(|known| *known < (id, host));
        self.nodes.insert(at, (id, host));
    }

    /// Removes a node.
    pub fn remove(&mut self, id: Id, host: HostId) {
        if let Ok(at) = self.nodes.binary_search(&(id, host)) {
            self.nodes.remove(at);
        }
    }

    /// Whether the node runs.
    #[must_use]
    pub fn contains(&self, id: Id, host: HostId) -> bool {
        self.nodes.binary_search(&(id, host)).is_ok()
    }

    /// Exactly the `count` closest to a target, closest first.
    #[must_use]
    pub fn closest(&self, target: &Id, count: usize) -> Vec<(Id, HostId)> {
        let mut found = Vec::with_capacity(count);
        gather(&self.nodes, target, 0, count, &mut found);
        found
    }

    /// The `count` closest to a target, of which so many at most are of one /24 while others can take the
    /// places, as in a lookup of a node that has that [setting](khashmir::Config::most_of_prefix).
    /// Closest first.
    #[must_use]
    pub fn closest_of_prefixes(
        &self,
        target: &Id,
        count: usize,
        most: usize,
        counts: impl Fn(HostId) -> bool,
    ) -> Vec<(Id, HostId)> {
        let mut asked = count;
        loop {
            let closest = self.closest(target, asked);
            let exhausted = closest.len() < asked;
            let closest = closest
                .into_iter()
                .filter(|(_, host)| counts(*host))
                .collect();
            let chosen = choose(closest, count, most);
            match chosen {
                Chosen::All(chosen) => return chosen,
                Chosen::WithTheRest(chosen) if exhausted => return chosen,
                Chosen::WithTheRest(_) => asked *= 2,
            }
        }
    }

    /// The nodes that share exactly `bits` leading bits with an identifier.
    #[must_use]
    pub fn at_depth(&self, id: &Id, bits: usize) -> &[(Id, HostId)] {
        let (mut part, mut depth) = (self.nodes.as_slice(), 0);
        while depth < bits {
            let (zeros, ones) = split(part, depth);
            part = if bit(id, depth) { ones } else { zeros };
            depth += 1;
        }
        let (zeros, ones) = split(part, depth);
        if bit(id, depth) { zeros } else { ones }
    }

    /// The nodes that share at least `bits` leading bits with an identifier, itself included.
    #[must_use]
    pub fn from_depth(&self, id: &Id, bits: usize) -> &[(Id, HostId)] {
        (0..bits).fold(self.nodes.as_slice(), |part, depth| {
            let (zeros, ones) = split(part, depth);
            if bit(id, depth) { ones } else { zeros }
        })
    }
}

/// Those chosen of the closest.
enum Chosen {
    /// There were enough of different prefixes.
    All(Vec<Known>),
    /// There were not, so that others of the same prefixes took the places, if there were any.
    WithTheRest(Vec<Known>),
}

/// Chooses `count` of these, which are sorted, and of one /24 `most` unless there are too few others.
fn choose(closest: Vec<Known>, count: usize, most: usize) -> Chosen {
    let mut of_prefix: BTreeMap<[u8; 3], usize> = BTreeMap::new();
    let (mut chosen, mut rest) = (Vec::new(), Vec::new());
    for (place, known) in closest.into_iter().enumerate() {
        let [a, b, c, _] = known.1.ip().octets();
        let so_far = of_prefix.entry([a, b, c]).or_default();
        if *so_far < most {
            *so_far += 1;
            chosen.push((place, known));
        } else {
            rest.push((place, known));
        }
    }
    let enough = chosen.len() >= count;
    chosen.truncate(count);
    chosen.extend(rest.into_iter().take(count - chosen.len()));
    chosen.sort_unstable_by_key(|(place, _)| *place);
    let chosen = chosen.into_iter().map(|(_, known)| known).collect();
    if enough {
        Chosen::All(chosen)
    } else {
        Chosen::WithTheRest(chosen)
    }
}

/// Gathers the closest of a part whose members agree in their first `depth` bits: those on the
/// target's side of the next bit are all closer than those on the other.
fn gather(
    part: &[(Id, HostId)],
    target: &Id,
    depth: usize,
    count: usize,
    found: &mut Vec<(Id, HostId)>,
) {
    let room = count - found.len();
    if part.len() <= 8 || depth == Id::BITS {
        let mut all = part.to_vec();
        all.sort_unstable_by_key(|(id, _)| target.distance(id));
        found.extend(all.into_iter().take(room));
        return;
    }
    let (zeros, ones) = split(part, depth);
    let (near, far) = if bit(target, depth) {
        (ones, zeros)
    } else {
        (zeros, ones)
    };
    gather(near, target, depth + 1, count, found);
    if found.len() < count {
        gather(far, target, depth + 1, count, found);
    }
}

/// The nodes whose next bit is 0, and those whose next bit is 1.
fn split(part: &[Known], depth: usize) -> (&[Known], &[Known]) {
    part.split_at(part.partition_point(|(id, _)| !bit(id, depth)))
}

const fn bit(id: &Id, at: usize) -> bool {
    id.as_bytes()[at / 8] & (0x80 >> (at % 8)) != 0
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::*;

    fn truth(numbers: &[u16]) -> Truth {
        Truth::new(
            numbers
                .iter()
                .map(|n| (Id::hash_of(&n.to_be_bytes()), HostId::new(u32::from(*n)))),
        )
    }

    quickcheck! {
        fn the_closest_are_the_closest(numbers: std::collections::BTreeSet<u16>, target: u16, count: u8) -> bool {
            let numbers: Vec<u16> = numbers.into_iter().collect();
            let (truth, count) = (truth(&numbers), usize::from(count % 12));
            let target = Id::hash_of(&[1, target.to_be_bytes()[0], target.to_be_bytes()[1]]);
            let mut all = truth.nodes.clone();
            all.sort_by_key(|(id, _)| target.distance(id));
            all.truncate(count);
            truth.closest(&target, count) == all
        }

        fn of_one_prefix_only_so_many_are_among_the_closest(
            numbers: std::collections::BTreeSet<u16>,
            target: u16,
            count: u8,
            most: u8
        ) -> bool {
            let numbers: Vec<u16> = numbers.into_iter().collect();
            let (truth, count) = (truth(&numbers), usize::from(count % 12));
            let (most, target) = (usize::from(most % 3) + 1, Id::hash_of(&target.to_be_bytes()));
            let prefix = |(_, host): &Known| {
                let [_, _, third, _] = host.ip().octets();
                third
            };
            let all = truth.closest(&target, numbers.len());
            let mut expected: Vec<Known> = Vec::new();
            for known in &all {
                let same = expected.iter().filter(|other| prefix(other) == prefix(known)).count();
                if expected.len() < count && same < most {
                    expected.push(*known);
                }
            }
            let rest: Vec<Known> = all.into_iter().filter(|known| !expected.contains(known)).collect();
            expected.extend(rest.into_iter().take(count - expected.len()));
            expected.sort_by_key(|(id, _)| target.distance(id));
            truth.closest_of_prefixes(&target, count, most, |_| true) == expected
        }

        fn depths_are_shared_bits(numbers: Vec<u16>, own: u16) -> bool {
            let (truth, own) = (truth(&numbers), Id::hash_of(&own.to_le_bytes()));
            (0..20).all(|bits| {
                let exactly = truth.at_depth(&own, bits).iter().all(|(id, _)| own.common_prefix(id) == bits);
                let count = truth.nodes.iter().filter(|(id, _)| own.common_prefix(id) == bits).count();
                let from = truth.nodes.iter().filter(|(id, _)| own.common_prefix(id) >= bits).count();
                exactly && count == truth.at_depth(&own, bits).len() && from == truth.from_depth(&own, bits).len()
            })
        }
    }
}
