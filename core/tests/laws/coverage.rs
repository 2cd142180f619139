//! How often each kind of thing happened over all scripts: laws that nothing tests hold easily.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Counts of what happened, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub(crate) fn reach(&mut self, what: impl Into<String>) {
        self.reach_times(what, 1);
    }

    pub(crate) fn reach_times(&mut self, what: impl Into<String>, times: u64) {
        if times > 0 {
            *self.0.entry(what.into()).or_default() += times;
        }
    }

    pub(crate) fn times(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (what, times) in other.0 {
            self.reach_times(what, times);
        }
    }

    /// Panics with the whole list unless each of these was reached as often as it says.
    pub(crate) fn assert_at_least(&self, wanted: &[(&str, u64)]) {
        let missed: Vec<String> = wanted
            .iter()
            .filter(|(what, least)| self.times(what) < *least)
            .map(|(what, least)| format!("{what}: {} of {least}", self.times(what)))
            .collect();
        assert!(
            missed.is_empty(),
            "not reached often enough: {missed:#?}\nreached:\n{self}"
        );
    }
}

impl Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.0 {
            writeln!(f, "{times:8} {what}")?;
        }
        Ok(())
    }
}

/// What the scripts have to reach, and how often at least: a quarter of what they do, or less
/// where that is seldom.
pub(crate) const REACHABLE: &[(&str, u64)] = &[
    ("a client asks under the identifier of another", 3000),
    ("a client gives its identifier", 1),
    ("accepted AddContact", 100),
    ("accepted FindClose", 200),
    ("accepted FindNode", 300),
    ("accepted FindValue", 200),
    ("accepted Get", 400),
    ("accepted Join", 100),
    ("accepted Ping", 100),
    ("accepted Put", 100),
    ("accepted Refresh", 100),
    ("acknowledgement held back", 4000),
    ("answered find_node", 3000),
    ("answered find_value", 1000),
    ("answered get_value", 80),
    ("answered join", 700),
    ("answered ping", 500),
    ("answered store_value", 90),
    ("bucket split", 400),
    ("buckets merged", 200),
    ("cancelled", 90),
    ("candidate promoted", 30),
    ("contact questionable", 50),
    ("dropped: Client", 300),
    ("dropped: Malformed(Bencode)", 300),
    ("dropped: Malformed(Error)", 2),
    ("dropped: Malformed(Kind)", 30),
    ("dropped: Malformed(Query)", 10),
    ("dropped: Malformed(Reply)", 10),
    ("dropped: Malformed(Tid)", 40),
    ("dropped: Malformed(TooLong)", 30),
    ("dropped: NotAsked", 2000),
    ("dropped: Off", 1000),
    ("dropped: Outgoing", 1000),
    ("dropped: Source(Multicast)", 8),
    ("dropped: Source(NotIpv4)", 1),
    ("dropped: Source(PortZero)", 2),
    ("ended AddContact: Cancelled", 7),
    ("ended AddContact: Left", 10),
    ("ended AddContact: ShutDown", 7),
    ("ended AddContact: a pong", 100),
    ("ended AddContact: no pong", 50),
    ("ended FindClose: Cancelled", 7),
    ("ended FindClose: Left", 20),
    ("ended FindClose: ShutDown", 10),
    ("ended FindClose: hardly a node", 80),
    ("ended FindClose: some nodes", 80),
    ("ended FindNode: Cancelled", 20),
    ("ended FindNode: Left", 40),
    ("ended FindNode: ShutDown", 10),
    ("ended FindNode: hardly a node", 100),
    ("ended FindNode: some nodes", 100),
    ("ended FindValue: Cancelled", 10),
    ("ended FindValue: Left", 20),
    ("ended FindValue: ShutDown", 10),
    ("ended FindValue: holders", 90),
    ("ended FindValue: no holders", 70),
    ("ended Get: Cancelled", 10),
    ("ended Get: Left", 60),
    ("ended Get: ShutDown", 20),
    ("ended Get: no values", 200),
    ("ended Get: values", 100),
    ("ended Join: Cancelled", 9),
    ("ended Join: Left", 30),
    ("ended Join: ShutDown", 9),
    ("ended Join: nobody", 10),
    ("ended Join: somebody", 70),
    ("ended Ping: Cancelled", 7),
    ("ended Ping: Left", 10),
    ("ended Ping: ShutDown", 1),
    ("ended Ping: a pong", 60),
    ("ended Ping: no pong", 30),
    ("ended Put: Cancelled", 7),
    ("ended Put: Left", 20),
    ("ended Put: ShutDown", 8),
    ("ended Put: stored", 50),
    ("ended Put: stored nowhere", 60),
    ("ended Refresh: Cancelled", 2),
    ("ended Refresh: Left", 10),
    ("ended Refresh: ShutDown", 1),
    ("ended Refresh: refreshed", 100),
    ("error 201 store is full", 60),
    ("error 201 too busy", 1),
    ("error 201 value too long", 70),
    ("error 203", 400),
    ("error 204", 70),
    ("error 205", 40),
    ("error 206", 20),
    ("event Alone", 30),
    ("event Checkpoint", 300),
    ("event Online", 100),
    ("event Values", 100),
    ("failed find_node", 2000),
    ("failed find_value", 600),
    ("failed get_value", 100),
    ("failed join", 700),
    ("failed ping", 300),
    ("failed store_value", 50),
    ("identity conflict", 15),
    ("joined again by itself", 50),
    ("journal compared with kept values", 1),
    ("journal compared with several values stored", 1000),
    ("key evicted", 9),
    ("left", 70),
    ("journal compared with the secrets of tokens", 1),
    ("nothing to cancel", 100),
    ("received find_node", 800),
    ("received find_value", 100),
    ("received get_value", 100),
    ("received join", 100),
    ("received ping", 100),
    ("received store_value", 1000),
    ("record with evicted keys", 2),
    ("refused: AlreadyKept", 1),
    ("refused: AlreadyPutting", 10),
    ("refused: BadAddress", 30),
    ("records lost", 10),
    ("refused: Busy", 1000),
    ("refused: JoinInProgress", 90),
    ("refused: NotJoined", 400),
    ("refused: NotMyRole", 300),
    ("refused: ShutDown", 100),
    ("refused: TooManyAddresses", 10),
    ("sent again", 4000),
    ("shut down", 100),
    ("slept", 100),
    ("store acknowledged", 300),
    ("store acknowledged once its record was safe", 200),
    ("stored again what is kept", 9),
    ("told an earlier time", 1000),
    ("told the end of time", 600),
    ("waited for a free call", 2000),
    ("wrong answer: Address", 60),
    ("wrong answer: Bare", 70),
    ("wrong answer: Code", 70),
    ("wrong answer: Facts", 70),
    ("wrong answer: Id", 70),
    ("wrong answer: NullId", 70),
    ("wrong answer: OwnId", 70),
    ("wrong answer: Tid", 70),
];
