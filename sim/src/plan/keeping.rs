//! Values that are kept while hosts come and go, and read at random times.

use super::{HostSet, Plan};

/// Which values are kept stored, and how often they are read.
///
/// Their publishers are the last hosts of the plan. They put each value once, to be kept until
/// cancelled, and stay for the whole run: neither churn nor the deaths concern them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// How many values are kept, each under a key of its own. The publishers take turns.
    pub values: u32,
    /// How many hosts publish them. Without it one for ten values: few enough that the hosts that
    /// stay hardly steady a network of a thousand.
    pub publishers: Option<u32>,
    /// How many reads there are, at random times of the workload's duration, each of a random value
    /// by a random host that lives then and did not publish it.
    pub reads: u32,
}

impl Keeping {
    /// Values for each publisher, unless the plan says how many publishers there are.
    const VALUES_EACH: u32 = 10;
}

impl Plan {
    /// The hosts that publish what is kept, none if nothing is.
    #[must_use]
    pub fn publishers(&self) -> HostSet {
        let Keeping {
            values, publishers, ..
        } = self.keeping;
        if values == 0 {
            return HostSet::default();
        }
        let count = publishers.unwrap_or_else(|| values.div_ceil(Keeping::VALUES_EACH));
        let others = self.hosts.len().saturating_sub(count.into());
        let others = usize::try_from(others).unwrap_or(usize::MAX);
        self.hosts.iter().skip(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hosts_publish() {
        let publishers = |text: &str| {
            let plan: Plan = text.parse().expect(text);
            plan.publishers().to_string()
        };
        assert_eq!(publishers("nodes 9\nkept 11"), "n07..n08");
        assert_eq!(
            publishers("hosts n01,n05,n09\nkept 3\npublishers 2"),
            "n05,n09"
        );
        assert_eq!(publishers("nodes 3\nkept 100\npublishers 50"), "n00..n02");
        assert_eq!(publishers("nodes 3\nreads 5"), "");
    }
}
