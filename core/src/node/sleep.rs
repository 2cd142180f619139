//! Waking up: what a node does when the machine was asleep, so that no contact is blamed for it and
//! nothing of before is taken for news.

use core::time::Duration;

use super::Node;
use crate::time::Instant;

impl Node {
    /// Takes in that the machine slept for `slept` and woke up at `now`. Call it before any other
    /// input after waking.
    ///
    /// No contact is blamed for a call that was open meanwhile: its query is sent again, and what is
    /// left of its waits begins anew. The time for operations is longer by the
    /// sleep. After a sleep that is longer than an answer vouches for a contact
    /// ([`Config::fresh`](crate::Config::fresh)), contacts are named to others only when they have
    /// answered again, which all of them are asked to do at once, and kept values are stored again
    /// at once.
    pub fn handle_sleep(&mut self, now: Instant, slept: Duration) {
        let passed = now.since(self.now);
        self.advance_clock(now);
        self.transactions.resume(self.now);
        // A clock that stands still while the machine sleeps has put off the deadlines by itself.
        self.operations.postpone(slept.min(passed));
        if slept >= self.config.fresh {
            self.table.distrust(self.now);
            let contacts = self.table.contacts(self.now);
            self.upkeep
                .unverified
                .begin(contacts.map(|(contact, _)| contact));
            self.upkeep.kept.all_due_at(self.now);
        }
        self.settle();
    }
}
