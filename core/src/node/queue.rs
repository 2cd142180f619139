//! Datagrams that wait to be sent, one behind the other in one piece of memory.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Transmit;

/// A queue of datagrams, with a draft behind the last of them.
///
/// What was sent leaves room for what comes, so that a node that answers one query after another
/// needs no memory but this.
#[derive(Default)]
pub(super) struct Queue {
    /// From `start` to `end` the datagrams that wait, from there on the draft.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    waiting: VecDeque<Datagram>,
}

/// Whether a queue had room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queued {
    Whole,
    /// The oldest datagram was dropped for it.
    DroppedOldest,
}

/// A datagram in the queue: its ends, and how many bytes it has.
struct Datagram {
    transmit: Transmit,
    len: usize,
}

impl Queue {
    /// What an empty queue keeps of its memory: enough for an answer that names 8 contacts.
    const KEPT_BYTES: usize = 384;
    /// And of its places.
    const KEPT_PLACES: usize = 2;

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// An empty draft: a datagram is to be added at its end. Nothing else in it may be changed.
    pub(super) fn draft(&mut self) -> &mut Vec<u8> {
        self.bytes.truncate(self.end);
        &mut self.bytes
    }

    /// The draft, as far as it was written.
    pub(super) fn drafted(&self) -> &[u8] {
        self.bytes.get(self.end..).unwrap_or_default()
    }

    /// Makes the draft the last datagram of the queue.
    pub(super) fn push_draft(&mut self, transmit: Transmit) {
        let len = self.drafted().len();
        self.waiting.push_back(Datagram { transmit, len });
        self.end = self.bytes.len();
    }

    /// Takes out the first datagram, after `take` has seen it. There is no draft from then on.
    pub(super) fn pop(&mut self, take: impl FnOnce(&[u8])) -> Option<Transmit> {
        let Datagram { transmit, len } = self.waiting.pop_front()?;
        let next = self.start + len;
        take(self.bytes.get(self.start..next).unwrap_or_default());
        self.start = next;
        if self.waiting.is_empty() {
            self.clear();
        } else if self.start > self.end / 2 {
            // No more is moved than was sent since the last time.
            self.bytes.truncate(self.end);
            self.bytes.drain(..self.start);
            self.end -= self.start;
            self.start = 0;
        }
        Some(transmit)
    }

    /// Gives all its memory back, if nothing waits.
    pub(super) fn shrink_to_fit(&mut self) {
        if self.waiting.is_empty() {
            *self = Self::default();
        }
    }

    /// A queue that was long gives its memory back; a short one keeps it for what comes next.
    fn clear(&mut self) {
        self.bytes.clear();
        (self.start, self.end) = (0, 0);
        if self.bytes.capacity() > Self::KEPT_BYTES {
            self.bytes.shrink_to(Self::KEPT_BYTES);
        }
        if self.waiting.capacity() > Self::KEPT_PLACES {
            self.waiting.shrink_to(Self::KEPT_PLACES);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use quickcheck::quickcheck;

    use super::*;

    fn to(port: u16) -> Transmit {
        Transmit {
            to: ([10, 0, 0, 1], port).into(),
            from: None,
        }
    }

    fn popped(queue: &mut Queue) -> Option<(Transmit, Vec<u8>)> {
        let mut bytes = vec![];
        let to = queue.pop(|datagram| bytes.extend_from_slice(datagram))?;
        Some((to, bytes))
    }

    #[test]
    fn a_draft_that_is_not_sent_leaves_no_trace() {
        let mut queue = Queue::default();
        queue.draft().extend_from_slice(b"first");
        queue.push_draft(to(1));
        queue.draft().extend_from_slice(b"never");
        queue.draft().extend_from_slice(b"second");
        assert_eq!(queue.drafted(), b"second");
        queue.push_draft(to(2));
        queue.draft().extend_from_slice(b"never");
        assert_eq!(popped(&mut queue), Some((to(1), b"first".to_vec())));
        assert_eq!(popped(&mut queue), Some((to(2), b"second".to_vec())));
        assert_eq!(popped(&mut queue), None);
    }

    #[test]
    fn an_empty_queue_holds_little_and_a_queue_at_rest_nothing() {
        let mut queue = Queue::default();
        for port in 0..100 {
            queue.draft().extend_from_slice(&[0; 1000]);
            queue.push_draft(to(port));
        }
        while popped(&mut queue).is_some() {}
        assert!(queue.bytes.capacity() <= Queue::KEPT_BYTES);
        assert!(queue.waiting.capacity() <= 2 * Queue::KEPT_PLACES);
        queue.shrink_to_fit();
        assert_eq!((queue.bytes.capacity(), queue.waiting.capacity()), (0, 0));
    }

    quickcheck! {
        fn it_is_a_queue(steps: Vec<Option<u8>>) -> bool {
            let mut queue = Queue::default();
            let mut model = VecDeque::new();
            for (number, step) in steps.into_iter().enumerate() {
                let addr = to(u16::try_from(number).expect("few"));
                match step {
                    Some(len) => {
                        let bytes = vec![len; usize::from(len)];
                        queue.draft().extend_from_slice(&bytes);
                        queue.push_draft(addr);
                        model.push_back((addr, bytes));
                    }
                    None => assert_eq!(popped(&mut queue), model.pop_front()),
                }
                let waiting: usize = model.iter().map(|(_, bytes)| bytes.len()).sum();
                assert!(queue.bytes.len() <= 2 * waiting.max(Queue::KEPT_BYTES));
                assert_eq!(queue.len(), model.len());
            }
            model.into_iter().all(|datagram| popped(&mut queue) == Some(datagram))
        }
    }
}
