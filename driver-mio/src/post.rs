//! How other threads reach the loop: a queue, and a way to wake it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

use khashmir::{Id, Instant};
use mio::Waker;

use crate::gone::Gone;
use crate::host::Host;
use crate::new_node::{Made, NotAdded};
use crate::system_drops::SystemDrops;
use crate::udp::Udp;

/// Something to be done with a node.
pub(crate) type Errand = Box<dyn FnOnce(&mut Host, Instant) + Send>;

/// What the loop is to do.
pub(crate) enum Input {
    /// Something with one of its nodes. Dropped unread when that node is no more.
    With(usize, Errand),
    /// Add a node.
    Add(Box<Addition>),
    /// Say what time it is.
    TellTime(SyncSender<Instant>),
    /// Shut everything down: the last handle is gone.
    Abandoned,
}

/// A node to be added, and who waits for it.
pub(crate) struct Addition {
    pub(crate) udp: Udp,
    pub(crate) made: Made,
    pub(crate) answer: SyncSender<Result<Added, NotAdded>>,
}

/// What a handle has to know of a node that was added.
pub(crate) struct Added {
    pub(crate) no: usize,
    pub(crate) id: Id,
    pub(crate) local_addr: SocketAddr,
    pub(crate) drops: Option<SystemDrops>,
}

/// Puts input into the loop's queue.
#[derive(Clone)]
pub(crate) struct Post {
    queue: Sender<Input>,
    waker: Arc<Waker>,
}

impl Post {
    pub(crate) const fn new(queue: Sender<Input>, waker: Arc<Waker>) -> Self {
        Self { queue, waker }
    }

    pub(crate) fn send(&self, input: Input) -> Result<(), Gone> {
        self.queue.send(input).map_err(|_| Gone)?;
        self.waker.wake().map_err(|_| Gone)
    }
}

/// Tells the loop when the last handle that shares it is gone.
pub(crate) struct LastOne {
    post: Post,
}

impl LastOne {
    pub(crate) const fn new(post: Post) -> Self {
        Self { post }
    }
}

impl Drop for LastOne {
    fn drop(&mut self) {
        // A loop that is over needs not be told.
        let _ = self.post.send(Input::Abandoned);
    }
}
