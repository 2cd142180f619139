//! A sniffer at all links: keeps the first datagrams that are sent, for a [capture](crate::pcap).

use std::io;
use std::net::{SocketAddr, SocketAddrV4};

use khashmir::Instant;

use crate::host::HostId;
use crate::network::Fate;
use crate::pcap::{Capture, Room};
use crate::world::{Fact, Observer, When};

/// Keeps the first so many datagrams that the hosts of one thread send, lost ones included.
#[derive(Debug)]
pub struct Sniffer {
    room: usize,
    heard: Vec<Heard>,
}

#[derive(Clone, Debug)]
struct Heard {
    at: Instant,
    host: HostId,
    from: SocketAddrV4,
    to: SocketAddrV4,
    bytes: Box<[u8]>,
}

impl Sniffer {
    /// Keeps so many.
    #[must_use]
    pub const fn new(room: usize) -> Self {
        Self {
            room,
            heard: Vec::new(),
        }
    }

    /// Writes what several sniffers of one world have kept, in the order of time and hosts. With as much
    /// room in the capture as each of them had, it is the same for any number of threads.
    ///
    /// # Errors
    /// Those of the capture.
    pub fn write<'t, W: io::Write>(
        sniffers: impl Iterator<Item = &'t Self>,
        capture: &mut Capture<W>,
    ) -> io::Result<()> {
        let mut all: Vec<&Heard> = sniffers.flat_map(|sniffer| &sniffer.heard).collect();
        all.sort_by_key(|heard| (heard.at, heard.host));
        for heard in all {
            match capture.packet(heard.at, heard.from, heard.to, &heard.bytes)? {
                Room::Taken => {}
                Room::Full => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self, at: Instant, host: HostId, to: SocketAddr, fate: &Fate, bytes: &[u8]) {
        if self.heard.len() == self.room {
            return;
        }
        // What was lost on its way shows the address that its host has.
        let from = match fate {
            Fate::Arrives { from, .. } => *from,
            Fate::Lost(_) => host.addr(),
        };
        if let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) {
            let bytes = bytes.into();
            self.heard.push(Heard {
                at,
                host,
                from,
                to,
                bytes,
            });
        }
    }
}

impl Observer for Sniffer {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        if let Fact::Sent { to, fate, bytes } | Fact::Forged { to, fate, bytes } = fact {
            self.hear(when.at, host, to, fate, bytes);
        }
    }
}
