//! Nodes that stand as if they had lived in the network for long: their tables filled from global
//! knowledge, through the same door through which a node comes back from a restart.

use std::time::Duration;

use khashmir::{Config, Contact, Id, Snapshot};

use crate::host::HostId;
use crate::random::{Draw, topic};
use crate::truth::Truth;

/// The snapshot of a node that knows what a node with this identifier would know.
///
/// Each bucket holds K nodes of its part of the network, chosen at random, or all if there are no
/// more; each answered at some time within the span in which an answer vouches for a contact, and
/// each bucket was looked up at some time within the span after which it is stale.
#[must_use]
pub fn snapshot(seed: u64, host: HostId, id: Id, truth: &Truth, config: &Config) -> Snapshot {
    let mut draw = Draw::new(seed, &[topic("warm"), u64::from(host.number())]);
    let mut snapshot = Snapshot::new(id);
    let mut depth = 0;
    // A table splits the bucket around itself only while that holds more than K others.
    while truth.from_depth(&id, depth).len() > config.k + 1 && depth + 1 < Id::BITS {
        add_bucket(&mut snapshot, truth.at_depth(&id, depth), config, &mut draw);
        depth += 1;
    }
    let rest: Vec<_> = truth
        .from_depth(&id, depth)
        .iter()
        .filter(|(other, _)| *other != id)
        .copied()
        .collect();
    add_bucket(&mut snapshot, &rest, config, &mut draw);
    snapshot
}

fn add_bucket(snapshot: &mut Snapshot, part: &[(Id, HostId)], config: &Config, draw: &mut Draw) {
    let chosen = choose(part, config.k, draw);
    let mut ages: Vec<Duration> = chosen
        .iter()
        .map(|_| draw.between(Duration::ZERO, config.fresh))
        .collect();
    // Least recently seen first, as in a table.
    ages.sort_unstable_by(|a, b| b.cmp(a));
    for ((id, host), age) in chosen.into_iter().zip(ages) {
        snapshot.add_contact(Contact::new(id, host.addr()), age);
    }
    snapshot.add_bucket_age(draw.between(Duration::ZERO, config.staleness));
}

/// So many different ones of a part, in random order.
fn choose(part: &[(Id, HostId)], count: usize, draw: &mut Draw) -> Vec<(Id, HostId)> {
    if part.len() <= count * 4 {
        let mut all = part.to_vec();
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count && !all.is_empty() {
            let at = usize::try_from(draw.below(all.len() as u64)).unwrap_or(0);
            chosen.push(all.swap_remove(at));
        }
        return chosen;
    }
    let mut chosen: Vec<(Id, HostId)> = Vec::with_capacity(count);
    while chosen.len() < count {
        let at = usize::try_from(draw.below(part.len() as u64)).unwrap_or(0);
        if !chosen.contains(&part[at]) {
            chosen.push(part[at]);
        }
    }
    chosen
}
