//! What nodes send while lookups and gets arrive, and how much of it is upkeep.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::Traffic;

/// What a node sends a second, as a mean over all nodes that run and the time in which lookups, gets
/// and reads arrive and end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SendingRates {
    /// Datagrams.
    pub datagrams: f64,
    /// Their bytes, without headers: those of UDP and IPv4 are 28 more for each datagram.
    pub bytes: f64,
    /// The bytes of them that no lookup, get or read of the workload sent or received before it ended:
    /// pings, refreshes, joins of hosts that come back, keeping values, and answers that are late.
    pub upkeep_bytes: f64,
}

/// What was sent before lookups and gets arrived, and while they did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub(super) before: Traffic,
    pub(super) rates: Option<SendingRates>,
}

impl Asking {
    /// They arrive from now on.
    pub(super) const fn begin(before: Traffic) -> Self {
        Self {
            before,
            rates: None,
        }
    }

    /// The last has ended, after nodes ran for so long, summed over them; that many bytes were sent or
    /// received for requests.
    pub(super) fn end(&mut self, now: Traffic, node_time: Duration, requests: u64) {
        self.rates = SendingRates::new(now - self.before, node_time, requests);
    }
}

impl SendingRates {
    /// Nothing if no node ran for any time.
    fn new(sent: Traffic, node_time: Duration, requests: u64) -> Option<Self> {
        let seconds = node_time.as_secs_f64();
        let rate = |count: u64| count as f64 / seconds;
        (seconds > 0.0).then(|| Self {
            datagrams: rate(sent.sent),
            bytes: rate(sent.bytes),
            upkeep_bytes: rate(sent.bytes.saturating_sub(requests)),
        })
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "datagrams": self.datagrams,
            "bytes": self.bytes,
            "upkeep_bytes": self.upkeep_bytes,
        })
    }
}
