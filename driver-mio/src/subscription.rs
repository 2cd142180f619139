//! Who wants to hear of what belongs to no command.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use khashmir::Event;

use crate::disk::DiskState;
use crate::resolve::Resolved;

/// Something about a node that belongs to no [operation](crate::Operation).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// An event that no operation waits for: the node's own, and the end of the
    /// join that [`Handle::bootstrap`](crate::Handle::bootstrap) began.
    Event(Event),
    /// What the node is given can no longer be made safe, or can be again: told when that changes.
    Disk(DiskState),
    /// A bootstrap name was resolved, or could not be.
    Resolved(Resolved),
}

/// Told of every notice.
pub(crate) type TellNotice = Box<dyn FnMut(Notice) + Send>;

/// The name of a subscription, by which it can be [ended](crate::Handle::unsubscribe).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscription(u64);

impl Subscription {
    /// One that no other in this process is equal to, so that it never ends another node's.
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// The subscriptions of one node, the oldest first.
#[derive(Default)]
pub(crate) struct Subscriptions {
    told: BTreeMap<Subscription, TellNotice>,
}

impl Subscriptions {
    pub(crate) fn add(&mut self, tell: TellNotice) -> Subscription {
        let subscription = Subscription::next();
        self.told.insert(subscription, tell);
        subscription
    }

    /// False when there is none of that name.
    pub(crate) fn end(&mut self, subscription: Subscription) -> bool {
        self.told.remove(&subscription).is_some()
    }

    pub(crate) fn tell(&mut self, notice: &Notice) {
        for tell in self.told.values_mut() {
            tell(notice.clone());
        }
    }
}
