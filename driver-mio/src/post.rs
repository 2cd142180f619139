//! How other threads reach the loop: a queue, and a way to wake it.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use khashmir::Instant;
use mio::Waker;

use crate::handle::Gone;
use crate::host::Host;

/// Something to be done with a node.
pub(crate) type Errand = Box<dyn FnOnce(&mut Host, Instant) + Send>;

/// What the loop is to do.
pub(crate) enum Input {
    /// Something with one of its nodes. Dropped unread when that node is no more.
    With(usize, Errand),
    /// Shut everything down: there is no handle left through which anybody could.
    Abandoned,
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

/// Tells the loop when the last of those who share it is gone.
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
