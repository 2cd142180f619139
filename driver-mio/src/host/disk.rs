//! The disk of a node in the loop: records go to it, and what became of them goes back to the node.

use khashmir::Instant;

use super::Host;
use crate::disk::{DiskLink, DiskStats, Fate, Report, Wanted, poll_records};
use crate::socket::Datagrams;
use crate::subscription::Notice;

impl<S: Datagrams> Host<S> {
    /// Gives the node a disk. Without one it runs from memory.
    pub(crate) fn with_disk(mut self, disk: DiskLink) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Takes in what the disk's writer says.
    pub(crate) fn hear_of_disk(&mut self, now: Instant, report: Report) {
        let Some(disk) = &mut self.disk else {
            return;
        };
        let heard = disk.hear(report);
        match heard.settled {
            Some((up_to, Fate::Safe)) => self.node.handle_durable(now, up_to),
            Some((up_to, Fate::Lost)) => self.node.handle_not_durable(now, up_to),
            None => {}
        }
        if heard.wanted == Wanted::AllButValues {
            self.save_all_but_values(now);
        }
        if let Some(state) = heard.news {
            self.subscriptions.tell(&Notice::Disk(state));
        }
    }

    /// How the writing goes, if there is a disk.
    pub(crate) fn disk_stats(&self) -> Option<DiskStats> {
        self.disk.as_ref().map(|disk| disk.stats().clone())
    }

    /// Passes on what the node has recorded.
    pub(super) fn pass_on_records(&mut self, now: Instant) {
        let (changes, last) = poll_records(&mut self.node);
        let Some(last) = last else {
            return;
        };
        match &mut self.disk {
            // Memory is all the store there is, and what is in it is as safe as it will ever be.
            None => self.node.handle_durable(now, last),
            Some(disk) => {
                if !disk.records(now, changes, last) {
                    self.node.handle_not_durable(now, last);
                }
            }
        }
    }

    pub(super) fn save_contacts(&mut self, now: Instant) {
        if let Some(disk) = &mut self.disk {
            disk.contacts(now, self.node.contacts_snapshot(now));
        }
    }

    /// Lets the disk know of a checkpoint, after which it writes what changes slowly.
    pub(super) fn save_at_checkpoint(&mut self, now: Instant) {
        self.save_contacts(now);
        if let Some(disk) = &self.disk {
            disk.tidy(now);
        }
    }

    /// Whether nothing waits to be written.
    pub(super) fn is_saved(&self) -> bool {
        self.disk.as_ref().is_none_or(DiskLink::is_idle)
    }

    fn save_all_but_values(&mut self, now: Instant) {
        let mut snapshot = self.node.contacts_snapshot(now);
        self.node.snapshot_kept(&mut snapshot);
        if let Some(disk) = &mut self.disk {
            disk.all_but_values(now, snapshot);
        }
    }
}
