//! What came of a run beyond its figures: what plots are made of.

use std::time::Duration;

use super::keeping::{KeepingFigures, KeepingPoint};
use super::quality::Quality;
use super::request_log::RequestLog;
use crate::host::HostId;
use crate::world::{Observer, World};

/// What came of a run beyond its [`Summary`](super::Summary).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Where all chance started.
    pub seed: u64,
    /// How long each lookup took, in virtual time.
    pub latencies: Vec<Duration>,
    /// The depth at which each lookup found the closest node; the asker's own table is depth 1.
    pub hops: Vec<u32>,
    /// When lookups ended, and how well. In any order.
    pub endings: Vec<Ending>,
    /// How values were kept, over time.
    pub keeping: Vec<KeepingPoint>,
    /// The least that any keeper would need, in datagrams a value and hour.
    pub keeping_floor: Option<f64>,
    /// Bytes that each node sent during the whole run.
    pub bytes_sent_per_node: Vec<u64>,
    /// Contacts in a bucket, as a mean over the nodes: the first is that of the bucket for the far
    /// half of all identifiers, the next that for half of the rest.
    pub contacts_by_depth: Vec<f64>,
    /// Contacts in the table of each node.
    pub contacts_per_node: Vec<u32>,
}

/// The end of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When, since the world began.
    pub at: Duration,
    /// How good its result is.
    pub quality: Quality,
}

impl Details {
    pub(super) fn new<W: Observer>(
        seed: u64,
        request_log: &RequestLog,
        keeping: Option<&KeepingFigures>,
        world: &World<W>,
    ) -> Self {
        let lookups = request_log.lookups();
        let mut details = Self {
            seed,
            latencies: lookups
                .iter()
                .map(|lookup| lookup.query_stats.took)
                .collect(),
            hops: lookups
                .iter()
                .map(|lookup| lookup.query_stats.hops)
                .collect(),
            endings: lookups
                .iter()
                .map(|lookup| Ending {
                    at: Duration::from_nanos(lookup.ended.as_nanos()),
                    quality: lookup.found,
                })
                .collect(),
            keeping: keeping.map_or_else(Vec::new, |keeping| keeping.curve.clone()),
            keeping_floor: keeping.and_then(|keeping| keeping.floor_per_value_hour),
            ..Self::default()
        };
        let mut sums: Vec<u64> = Vec::new();
        let hosts = (0..world.len()).filter_map(|number| u32::try_from(number).ok());
        for host in hosts.map(HostId::new) {
            let Some(node) = world.node(host) else {
                continue;
            };
            details
                .bytes_sent_per_node
                .push(world.traffic_of(host).bytes);
            let mut contacts = 0;
            for (depth, bucket) in node.buckets().enumerate() {
                if sums.len() <= depth {
                    sums.push(0);
                }
                sums[depth] += bucket.len() as u64;
                contacts += u32::try_from(bucket.len()).unwrap_or(u32::MAX);
            }
            details.contacts_per_node.push(contacts);
        }
        let nodes = details.contacts_per_node.len() as f64;
        details.contacts_by_depth = sums.iter().map(|sum| *sum as f64 / nodes).collect();
        details
    }
}
