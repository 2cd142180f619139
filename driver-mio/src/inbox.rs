//! Room for the datagrams that one look at a socket may bring.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta};

/// Room for a batch of datagrams, used again for each batch.
///
/// The system may join several datagrams of one sender into one slot (generic receive offload). They
/// come out one by one.
pub(crate) struct Inbox {
    slots: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
    /// How many slots the last batch has filled.
    filled: usize,
}

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival<'i> {
    /// Who sent it.
    pub(crate) from: SocketAddr,
    /// Which of our addresses it was sent to, where the system says so.
    pub(crate) local: Option<IpAddr>,
    pub(crate) bytes: &'i [u8],
}

impl Inbox {
    /// No UDP datagram is longer: what is too long for the protocol is seen to be so. Joined
    /// datagrams are no longer together.
    const SLOT: usize = 65_535;

    pub(crate) fn new() -> Self {
        Self {
            slots: vec![0; Self::SLOT * BATCH_SIZE].into(),
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
        }
    }

    /// Lets `receive` fill slots, and keep what it says of them; it tells how many it has filled.
    /// What was there before is gone.
    pub(crate) fn fill(
        &mut self,
        receive: impl FnOnce(&mut [IoSliceMut<'_>], &mut [RecvMeta]) -> io::Result<usize>,
    ) -> io::Result<()> {
        self.filled = 0;
        let mut slots = self.slots.chunks_exact_mut(Self::SLOT);
        let mut slots: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(slots.next().unwrap_or_default()));
        self.filled = receive(&mut slots, &mut self.metas)?.min(BATCH_SIZE);
        Ok(())
    }

    /// Whether the last batch has filled every slot.
    pub(crate) const fn is_full(&self) -> bool {
        self.filled == BATCH_SIZE
    }

    /// The datagrams of the last batch, in the order of their arrival.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = Arrival<'_>> {
        let slots = self.slots.chunks_exact(Self::SLOT);
        let filled = slots.zip(&self.metas).take(self.filled);
        filled.flat_map(|(slot, meta)| {
            let joined = slot.get(..meta.len).unwrap_or(slot);
            split(joined, meta.stride).map(|bytes| Arrival {
                from: meta.addr,
                local: meta.dst_ip,
                bytes,
            })
        })
    }
}

/// The datagrams that a slot holds: all but the last are of one length. An empty datagram is one as
/// well.
fn split(joined: &[u8], stride: usize) -> impl Iterator<Item = &[u8]> {
    let empty = joined.is_empty().then_some(joined);
    empty.into_iter().chain(joined.chunks(stride.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 9977).into()
    }

    #[test]
    fn joined_datagrams_come_out_one_by_one() {
        let mut inbox = Inbox::new();
        let local: IpAddr = [198, 51, 100, 1].into();
        let receive = |slots: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]| {
            slots[0][..8].copy_from_slice(b"aaabbbcc");
            (metas[0].len, metas[0].stride) = (8, 3);
            (metas[0].addr, metas[0].dst_ip) = (from(1), Some(local));
            (metas[1].len, metas[1].stride, metas[1].addr) = (0, 0, from(2));
            Ok(2)
        };
        inbox.fill(receive).expect("it is filled");
        let arrivals: Vec<Arrival<'_>> = inbox.arrivals().collect();
        let arrival = |from, local, bytes| Arrival { from, local, bytes };
        assert_eq!(
            arrivals,
            [
                arrival(from(1), Some(local), &b"aaa"[..]),
                arrival(from(1), Some(local), b"bbb"),
                arrival(from(1), Some(local), b"cc"),
                arrival(from(2), None, b""),
            ]
        );
    }

    #[test]
    fn a_batch_that_fails_leaves_nothing_of_the_one_before() {
        let mut inbox = Inbox::new();
        inbox.fill(|_, _| Ok(1)).expect("it is filled");
        assert_eq!(inbox.arrivals().count(), 1);
        inbox
            .fill(|_, _| Err(io::ErrorKind::WouldBlock.into()))
            .expect_err("it fails");
        assert_eq!(inbox.arrivals().count(), 0);
    }
}
