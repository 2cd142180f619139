//! How much of the heap is live, as the allocator counts it.

/// Bytes that the program holds at the moment, as the allocator rounds them up. Some that were just
/// given back count too: those that a thread keeps at hand, a few megabytes at most.
///
/// `None` where the allocator does not count.
#[cfg(not(target_env = "msvc"))]
#[must_use]
pub(crate) fn live_bytes() -> Option<u64> {
    use tikv_jemalloc_ctl::{epoch, stats};

    // The figures are those of the latest epoch.
    epoch::advance().ok()?;
    u64::try_from(stats::allocated::read().ok()?).ok()
}

#[cfg(target_env = "msvc")]
#[must_use]
pub(crate) const fn live_bytes() -> Option<u64> {
    None
}

/// The mean for one of so many nodes, of what came to live between two readings.
#[must_use]
pub(crate) fn bytes_per_node(before: Option<u64>, after: Option<u64>, nodes: u64) -> Option<f64> {
    let bytes = after?.saturating_sub(before?);
    (nodes > 0).then(|| bytes as f64 / nodes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(target_env = "msvc"))]
    #[test]
    fn what_is_held_counts_until_it_is_given_back() {
        /// More than the other tests of the program hold meanwhile, or a thread keeps at hand.
        const SLACK: u64 = 8 << 20;
        const HELD: u64 = 64 << 20;

        let before = live_bytes().expect("it counts");
        let held: Vec<Box<[u8; 1024]>> = (0..HELD / 1024).map(|_| Box::new([7; 1024])).collect();
        let with = live_bytes().expect("it counts");
        drop(held);
        let after = live_bytes().expect("it counts");
        let more = with.abs_diff(before);
        assert!((HELD..HELD + SLACK).contains(&more), "{before} {with}");
        assert!(after.abs_diff(before) < SLACK, "{before} {after}");
    }

    #[test]
    fn a_share_needs_readings_and_nodes() {
        assert_eq!(bytes_per_node(Some(100), Some(500), 4), Some(100.0));
        assert_eq!(bytes_per_node(Some(500), Some(100), 4), Some(0.0));
        assert_eq!(bytes_per_node(Some(100), Some(500), 0), None);
        assert_eq!(bytes_per_node(None, Some(500), 4), None);
        assert_eq!(bytes_per_node(Some(100), None, 4), None);
    }
}
