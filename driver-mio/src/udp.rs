//! The UDP socket of the operating system: its options, batches, and which of our addresses a
//! datagram is for.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{Transmit, UdpSocketState};

use crate::inbox::Inbox;
use crate::socket::{Datagrams, Rest};
use crate::system_drops::SystemDrops;

/// A socket that tells at which of our addresses a datagram arrived, and sends from the one that is
/// wanted.
pub(crate) struct Udp {
    socket: UdpSocket,
    state: UdpSocketState,
    local_addr: SocketAddr,
    drops: Option<SystemDrops>,
}

impl Udp {
    /// Takes a bound socket. The system is asked for a receive buffer of so many bytes, and gives
    /// what it allows.
    pub(crate) fn new(bound: std::net::UdpSocket, receive_buffer: usize) -> io::Result<Self> {
        let local_addr = bound.local_addr()?;
        if local_addr.is_ipv6() {
            let why = "an IPv4 socket is needed: this network is IPv4 only";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        let drops = SystemDrops::of(&bound);
        let state = UdpSocketState::new((&bound).into())?;
        allow_fragments(&bound);
        ignore_traffic_class(&bound);
        enlarge(&bound, &state, receive_buffer);
        Ok(Self {
            // The state above has made it non-blocking.
            socket: UdpSocket::from_std(bound),
            state,
            local_addr,
            drops,
        })
    }

    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What the system has granted as receive buffer, in bytes.
    pub(crate) fn receive_buffer(&self) -> io::Result<usize> {
        self.state.recv_buffer_size((&self.socket).into())
    }

    /// Where the system counts what it dropped, if it does.
    pub(crate) const fn drops(&self) -> Option<SystemDrops> {
        self.drops
    }

    /// What the poll registers.
    pub(crate) const fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    fn try_send(&self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) -> io::Result<()> {
        // A socket with one address sends from that. To name it costs a tenth of the throughput over
        // loopback.
        if from.is_none() || !self.local_addr.ip().is_unspecified() {
            return self.socket.send_to(datagram, to).map(drop);
        }
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: datagram,
            segment_size: None,
            src_ip: from,
        };
        let socket = &self.socket;
        socket.try_io(|| self.state.try_send(socket.into(), &transmit))
    }
}

impl Datagrams for Udp {
    fn receive(&self, inbox: &mut Inbox) -> io::Result<Rest> {
        let socket = &self.socket;
        inbox
            .fill(|slots, metas| socket.try_io(|| self.state.recv(socket.into(), slots, metas)))?;
        // Linux ends a batch early when nothing is left. Elsewhere the poll waits for a read that
        // finds nothing before it tells again.
        if cfg!(any(target_os = "linux", target_os = "android")) && !inbox.is_full() {
            return Ok(Rest::None);
        }
        Ok(Rest::Possible)
    }

    fn send(&self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) -> io::Result<()> {
        match self.try_send(to, from, datagram) {
            // That address is no longer ours, or was a broadcast address: any of ours is better than
            // no answer.
            Err(error) if from.is_some() && may_be_the_source(&error) => {
                self.try_send(to, None, datagram)
            }
            sent => sent,
        }
    }
}

/// Whether the system may have refused because of the address that it was told to send from. Linux
/// has several words for that.
fn may_be_the_source(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::NetworkUnreachable
    )
}

/// The library that makes the socket forbids that routers cut datagrams into pieces, for protocols
/// that search for the largest datagram that needs none. Ours may send 1472 bytes through a tunnel
/// that takes less, so that they have to be cut.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn allow_fragments(socket: &std::net::UdpSocket) {
    use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
    // Without it only the longest datagrams fail, and only on some ways.
    let _ = set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn allow_fragments(_socket: &std::net::UdpSocket) {}

/// The library asks the system for each datagram's traffic class, for protocols that react to
/// congestion marks. Ours does not, and need not have it copied.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn ignore_traffic_class(socket: &std::net::UdpSocket) {
    // Without it a datagram costs a little more.
    let _ = rustix::net::sockopt::set_ip_recvtos(socket, false);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn ignore_traffic_class(_socket: &std::net::UdpSocket) {}

/// Asks for a receive buffer of that size: with the privilege to exceed the system's bound if the
/// process has it, and otherwise as far as that bound allows.
fn enlarge(socket: &std::net::UdpSocket, state: &UdpSocketState, bytes: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(socket, bytes).is_ok() {
        return;
    }
    // Some systems cut what is too much, others refuse it: then half of it may do.
    let mut bytes = bytes;
    while bytes > 0 && state.set_recv_buffer_size(socket.into(), bytes).is_err() {
        bytes /= 2;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn loopback(receive_buffer: usize) -> Udp {
        let bound = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Udp::new(bound, receive_buffer).expect("a sound socket")
    }

    #[test]
    fn the_receive_buffer_is_as_large_as_was_asked_for_or_as_the_system_allows() {
        let small = loopback(1 << 16).receive_buffer().expect("it is known");
        let large = loopback(4 << 20).receive_buffer().expect("it is known");
        assert!(small >= 1 << 16 && large > small, "{small} and {large}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn datagrams_may_be_cut_on_their_way() {
        use rustix::net::sockopt::{Ipv4PathMtuDiscovery, ip_mtu_discover};
        let udp = loopback(1 << 16);
        let discover = ip_mtu_discover(&udp.socket).expect("it is known");
        assert_eq!(discover, Ipv4PathMtuDiscovery::DONT);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_datagram_says_where_it_arrived_and_an_answer_leaves_from_there() {
        // All of 127.0.0.0/8 is this machine's.
        let bound = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
        let udp = Udp::new(bound, 1 << 16).expect("a sound socket");
        let asker = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        asker
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .expect("a timeout");
        let asked = Ipv4Addr::new(127, 0, 0, 77);
        let sent = asker.send_to(b"question", (asked, udp.local_addr().port()));
        assert_eq!(sent.expect("loopback takes it"), 8);
        let mut inbox = Inbox::new();
        while udp.receive(&mut inbox).is_err() {
            std::thread::yield_now();
        }
        let arrival = inbox.arrivals().next().expect("it arrived");
        assert_eq!(arrival.local, Some(asked.into()));
        udp.send(arrival.from, arrival.local, b"answer")
            .expect("loopback takes it");
        let mut buffer = [0; 16];
        let (_, from) = asker.recv_from(&mut buffer).expect("an answer");
        assert_eq!(from.ip(), asked);
        // 192.0.2.1 is for documentation: no machine has it.
        udp.send(arrival.from, Some([192, 0, 2, 1].into()), b"answer")
            .expect("it leaves from some address of ours");
        let (_, from) = asker.recv_from(&mut buffer).expect("an answer");
        assert!(from.ip().is_loopback());
    }
}
