//! Simulated datagrams as a capture file, as if captured on all lines at once.
//!
//! The file is a classic capture with nanoseconds, of raw IPv4 packets (`LINKTYPE_IPV4`, 228, of the
//! [registry of link types](https://www.tcpdump.org/linktypes.html)). Its times are virtual: the
//! origin of the world is the start of 1970.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::time::Duration;

use etherparse::{IpNumber, Ipv4Header, UdpHeader};
use khashmir::Instant;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

/// A capture file that is being written.
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddrV4};
/// use khashmir_sim::pcap::{Capture, Room};
///
/// # fn main() -> std::io::Result<()> {
/// let [a, b] = [1, 2].map(|host| SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, host), 9977));
/// let mut capture = Capture::new(Vec::new(), 1)?;
/// assert_eq!(capture.packet(khashmir::Instant::ORIGIN, a, b, b"de")?, Room::Taken);
/// assert_eq!(capture.packet(khashmir::Instant::ORIGIN, b, a, b"de")?, Room::Full);
/// let file = capture.finish()?;
/// # assert_eq!(file.len(), 24 + 16 + 20 + 8 + 2);
/// # Ok(())
/// # }
/// ```
pub struct Capture<W: Write> {
    file: PcapWriter<W>,
    /// How many more packets it takes.
    room: u64,
    /// The packet at hand, kept for its memory.
    packet: Vec<u8>,
}

/// Whether a capture took a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Room {
    /// It did.
    Taken,
    /// It did not, nor will it take others: it holds as many as it was meant to.
    Full,
}

impl<W: Write> Capture<W> {
    /// Hops that a packet has left, as every host sends it; the default of common systems.
    const TIME_TO_LIVE: u8 = 64;

    /// Begins a capture of at most so many packets. It is written in small pieces: a file belongs
    /// into a [`BufWriter`](io::BufWriter).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(writer: W, max_packets: u64) -> io::Result<Self> {
        let header = PcapHeader {
            snaplen: u16::MAX.into(),
            datalink: DataLink::IPV4,
            ts_resolution: TsResolution::NanoSecond,
            // The same bytes on every machine.
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        Ok(Self {
            file: PcapWriter::with_header(writer, header).map_err(into_io)?,
            room: max_packets,
            packet: Vec::new(),
        })
    }

    /// Writes down a datagram, unless the capture is full. Readers expect them in the order of time.
    ///
    /// # Errors
    /// Those of the writer; [`InvalidInput`](io::ErrorKind::InvalidInput) for more bytes than a
    /// datagram can have, 65,507, and for times later than a capture can name, 136 years.
    pub fn packet(
        &mut self,
        at: Instant,
        from: SocketAddrV4,
        to: SocketAddrV4,
        bytes: &[u8],
    ) -> io::Result<Room> {
        let Some(room) = self.room.checked_sub(1) else {
            return Ok(Room::Full);
        };
        let length = self.wrap(from, to, bytes)?;
        let at = Duration::from_nanos(at.as_nanos());
        let packet = PcapPacket::new(at, length, &self.packet);
        self.file.write_packet(&packet).map_err(into_io)?;
        self.room = room;
        Ok(Room::Taken)
    }

    /// Ends the capture; gives the writer, flushed.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(self) -> io::Result<W> {
        let mut writer = self.file.into_writer();
        writer.flush()?;
        Ok(writer)
    }

    /// Puts a datagram behind its headers; gives the length of the whole.
    fn wrap(&mut self, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) -> io::Result<u32> {
        let (source, destination) = (from.ip().octets(), to.ip().octets());
        let datagram = UdpHeader::LEN
            .checked_add(bytes.len())
            .and_then(|length| u16::try_from(length).ok());
        let ip = datagram.and_then(|length| {
            Ipv4Header::new(
                length,
                Self::TIME_TO_LIVE,
                IpNumber::UDP,
                source,
                destination,
            )
            .ok()
        });
        let mut ip = ip.ok_or_else(|| bad(TooLong))?;
        ip.header_checksum = ip.calc_header_checksum();
        let udp = UdpHeader::with_ipv4_checksum(from.port(), to.port(), &ip, bytes).map_err(bad)?;
        self.packet.clear();
        ip.write_raw(&mut self.packet)?;
        udp.write(&mut self.packet)?;
        self.packet.extend_from_slice(bytes);
        u32::try_from(self.packet.len()).map_err(bad)
    }
}

impl<W: Write> fmt::Debug for Capture<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// A datagram with more bytes than its headers can say.
#[derive(Clone, Copy, Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no datagram is as long as that")
    }
}

impl Error for TooLong {}

fn bad(error: impl Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

fn into_io(error: PcapError) -> io::Error {
    if let PcapError::IoError(error) = error {
        error
    } else {
        bad(error)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    use pcap_file::pcap::PcapReader;

    use super::*;

    const A: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 9977);
    const B: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 40_001);

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn what_was_sent_is_read_back() {
        let sent = [
            (at(0), A, B, b"d1:q4:pinge".to_vec()),
            (at(1_000_000_007), B, A, Vec::new()),
            (at(4_000_000_000_000_000_123), A, B, vec![0xFF; 1401]),
        ];
        let mut capture = Capture::new(Vec::new(), 3).expect("memory takes it");
        for (at, from, to, bytes) in &sent {
            let took = capture.packet(*at, *from, *to, bytes);
            assert_eq!(took.expect("memory takes it"), Room::Taken);
        }
        let file = capture.finish().expect("memory takes it");

        let mut reader = PcapReader::new(&file[..]).expect("a header");
        assert_eq!(reader.header().datalink, DataLink::IPV4);
        for (at, from, to, bytes) in &sent {
            let packet = reader.next_packet().expect("a packet").expect("whole");
            assert_eq!(packet.timestamp, Duration::from_nanos(at.as_nanos()));
            assert_eq!(packet.orig_len as usize, 20 + 8 + bytes.len());
            let sliced = SlicedPacket::from_ip(&packet.data).expect("IP");
            let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) =
                (sliced.net, sliced.transport)
            else {
                panic!("not UDP over IPv4")
            };
            let (ip, udp_header) = (ip.header().to_header(), udp.to_header());
            assert_eq!(ip.header_checksum, ip.calc_header_checksum());
            let sum = udp_header.calc_checksum_ipv4(&ip, bytes);
            assert_eq!(Ok(udp_header.checksum), sum);
            assert_ne!(udp_header.checksum, 0, "zero says that there is none");
            let seen = [
                SocketAddrV4::new(ip.source.into(), udp_header.source_port),
                SocketAddrV4::new(ip.destination.into(), udp_header.destination_port),
            ];
            assert_eq!(seen, [*from, *to]);
            assert_eq!(udp.payload(), &bytes[..]);
        }
        assert!(reader.next_packet().is_none());
    }

    #[test]
    fn equal_packets_make_equal_files_on_any_machine() {
        let mut capture = Capture::new(Vec::new(), 1).expect("memory takes it");
        let took = capture.packet(at(0x0102_0304 * 1_000_000_000 + 5), A, B, b"de");
        assert_eq!(took.expect("memory takes it"), Room::Taken);
        let file = capture.finish().expect("memory takes it");
        assert_eq!(file[..4], [0x4D, 0x3C, 0xB2, 0xA1], "nanoseconds");
        assert_eq!(file[20..24], [228, 0, 0, 0]);
        assert_eq!(file[24..32], [4, 3, 2, 1, 5, 0, 0, 0]);
    }

    #[test]
    fn a_full_capture_takes_no_more() {
        let mut capture = Capture::new(Vec::new(), 1).expect("memory takes it");
        let mut take = || capture.packet(at(0), A, B, b"de").expect("memory takes it");
        assert_eq!(
            [take(), take(), take()],
            [Room::Taken, Room::Full, Room::Full]
        );
        let file = capture.finish().expect("memory takes it");
        assert_eq!(file.len(), 24 + 16 + 20 + 8 + 2);

        let mut none = Capture::new(Vec::new(), 0).expect("memory takes it");
        let took = none.packet(at(0), A, B, b"de");
        assert_eq!(took.expect("memory takes it"), Room::Full);
    }

    #[test]
    fn what_is_no_datagram_is_refused_and_leaves_no_trace() {
        let mut capture = Capture::new(Vec::new(), 9).expect("memory takes it");
        let longest = vec![0; 65_507];
        let longer = vec![0; 65_508];
        let refused = [
            capture.packet(at(0), A, B, &longer),
            capture.packet(Instant::MAX, A, B, b"de"),
        ];
        for error in refused {
            let kind = error.expect_err("it cannot be written").kind();
            assert_eq!(kind, io::ErrorKind::InvalidInput);
        }
        let took = capture.packet(at(0), A, B, &longest);
        assert_eq!(took.expect("memory takes it"), Room::Taken);
        let file = capture.finish().expect("memory takes it");
        let mut reader = PcapReader::new(&file[..]).expect("a header");
        assert!(reader.next_packet().is_some_and(|packet| packet.is_ok()));
        assert!(reader.next_packet().is_none());
    }
}
