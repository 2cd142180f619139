//! The outputs of a node under a script: polled, written down, and held to the laws.

use core::net::SocketAddr;
use std::collections::BTreeSet;

use khashmir::wire::Method;
use khashmir::{Contact, DropCause, Id, Instant, Record, Stats, Status};

use crate::rig::{Life, Rig, Said};
use crate::script::Output;

impl Rig {
    pub(crate) fn poll(&mut self, output: Output, times: u8) {
        for _ in 0..times {
            match output {
                Output::Datagram => self.poll_transmit(),
                Output::Event => self.poll_event(),
                Output::Record => self.poll_record(),
            };
        }
    }

    /// Polls everything until there is no more, and checks the books.
    pub(crate) fn drain(&mut self) {
        let limits = self.config.limits.clone();
        let polled = |poll: &mut dyn FnMut() -> bool| (0..).take_while(|_| poll()).count();
        let records = polled(&mut || self.poll_record());
        assert!(records <= limits.max_records, "{records} records");
        let datagrams = polled(&mut || self.poll_transmit());
        assert!(datagrams <= limits.max_datagrams, "{datagrams} datagrams");
        let before = self.said.len();
        while self.poll_event() {}
        let events = self.said[before..].len();
        let theirs = self.said[before..]
            .iter()
            .filter(|said| said.is_of_a_command())
            .count();
        assert!(theirs <= limits.max_events, "{theirs} events of commands");
        let copies = self.said[before..].iter();
        let copies = copies.filter(|said| said.is_of_a_kept_value()).count();
        assert!(
            copies <= limits.max_kept,
            "{copies} events of kept values, which merge"
        );
        assert!(events - theirs - copies <= 4, "the node's own events merge");

        let running = self.node.status(self.latest).operations;
        assert_eq!(running, self.commands.open_count(), "commands under way");
        let longest = self.config.longest_operation();
        self.commands.assert_none_overdue(self.told, longest);
        let (timeouts, stats) = (core::mem::take(&mut self.timeouts), self.node.stats());
        let (books, coverage) = (&mut self.datagrams, &mut self.coverage);
        let journal = &self.journal;
        books.drained(
            timeouts,
            stats,
            &self.config,
            |stored| journal.not_safe(stored),
            coverage,
        );
        journal.assert_is_the_state(&self.node, self.latest, coverage);
    }

    /// Checks what holds at any time, and notes when the node wants to be told the time.
    pub(crate) fn look(&mut self) {
        let (limits, store) = (&self.config.limits, &self.config.store);
        let status = self.node.status(self.latest);
        assert!(status.calls <= limits.max_calls, "{status:?}");
        assert!(status.operations <= limits.max_operations, "{status:?}");
        assert!(status.kept <= limits.max_kept, "{status:?}");
        assert!(status.contacts <= self.config.k * Id::BITS, "{status:?}");
        assert!(status.candidates <= self.config.k * Id::BITS, "{status:?}");
        assert!(status.keys <= store.max_keys, "{status:?}");
        assert!(status.values <= store.max_keys.saturating_mul(store.max_values_per_key));
        assert!(
            self.node
                .buckets()
                .all(|bucket| bucket.len() <= self.config.k)
        );
        let asked = Method::ALL.map(|method| self.node.stats().method(method).sent);
        let asked = asked.iter().sum();
        match self.life {
            Life::Running => self.asked_while_running = asked,
            Life::Left | Life::ShutDown => assert_eq!(asked, self.asked_while_running),
        }
        self.look_at_table(None);
        let deadline = self.node.poll_timeout();
        assert!(self.life != Life::ShutDown || deadline.is_none());
        self.said.push(Said::Deadline(deadline));
    }

    /// Notes what has become of the table since it was last looked at, by an input that came `from`
    /// there. Who is in it now and has not just answered was a candidate before.
    pub(crate) fn look_at_table(&mut self, from: Option<SocketAddr>) {
        let buckets = self.node.buckets().count();
        let contacts: BTreeSet<Contact> = self.node.contacts().collect();
        let new = contacts.difference(&self.contacts);
        let promoted = new.filter(|contact| Some(contact.addr) != from).count();
        let times = |count: usize| u64::try_from(count).expect("few");
        let split = times(buckets.saturating_sub(self.buckets));
        let merged = times(self.buckets.saturating_sub(buckets));
        self.coverage.reach_times("bucket split", split);
        self.coverage.reach_times("buckets merged", merged);
        let promoted = times(promoted);
        self.coverage.reach_times("candidate promoted", promoted);
        (self.buckets, self.contacts) = (buckets, contacts);
    }

    pub(crate) fn poll_transmit(&mut self) -> bool {
        let mut datagram = Vec::new();
        let Some(khashmir::Transmit { to, .. }) = self.node.poll_transmit(&mut datagram) else {
            return false;
        };
        let role = self.config.role;
        let stored = self
            .datagrams
            .taken(to, &datagram, role, &mut self.coverage);
        if let Some(stored) = stored {
            self.journal.acknowledged(stored, &mut self.coverage);
        }
        self.said.push(Said::Datagram(to, datagram));
        true
    }

    pub(crate) fn poll_event(&mut self) -> bool {
        let Some(event) = self.node.poll_event() else {
            return false;
        };
        self.commands.told(&event, self.latest, &mut self.coverage);
        self.said.push(Said::Event(event));
        true
    }

    pub(crate) fn poll_record(&mut self) -> bool {
        let Some((number, record)) = self.node.poll_record() else {
            return false;
        };
        self.journal.polled(number, &record, &self.node);
        if let Record::Stored { evicted, .. } = &record
            && !evicted.is_empty()
        {
            self.coverage.reach("record with evicted keys");
        }
        self.said.push(Said::Record(number, record));
        true
    }

    pub(crate) fn standing(&self) -> (Stats, Status, Option<Instant>) {
        let (stats, status) = (self.node.stats().clone(), self.node.status(self.latest));
        (stats, status, self.node.poll_timeout())
    }

    pub(crate) fn dropped(&self, cause: DropCause) -> u64 {
        self.node.stats().drops.get(&cause).copied().unwrap_or(0)
    }

    /// How many things became of datagrams: dropped, taken as a query, or as the end of a call.
    pub(crate) fn fates(&self) -> u64 {
        let stats = self.node.stats();
        let of_method = |method| {
            let counts = stats.method(method);
            counts.received + counts.successful + counts.failed
        };
        let methods: u64 = Method::ALL.map(of_method).iter().sum();
        stats.dropped() - self.dropped(DropCause::Outgoing) + stats.unknown_methods + methods
    }
}
