//! What the errors of a UDP socket mean: which of them are weather, and which ask for a pause.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use crate::inbox::Inbox;

/// What the loop needs of a socket.
pub(crate) trait Datagrams {
    /// Fills the inbox with what has arrived: a datagram at least, or an error.
    fn receive(&self, inbox: &mut Inbox) -> io::Result<Rest>;
    /// Sends a datagram, from one of our addresses if that is given.
    fn send(&self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) -> io::Result<()>;
}

/// Whether a socket may hold more than the batch that it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It has to be asked again.
    Possible,
    /// It was empty, and says when it is readable again.
    None,
}

/// What became of a datagram that was to be sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It is on its way.
    Away,
    /// The socket's buffer is full: it can go when the socket says that it is writable.
    Blocked,
    /// The system has no memory for it now, and will not say when it has.
    NoBuffers(io::Error),
    /// It cannot be sent. The network loses datagrams anyway.
    Lost(io::Error),
}

/// Sends a datagram.
pub(crate) fn send(
    socket: &impl Datagrams,
    to: SocketAddr,
    from: Option<IpAddr>,
    datagram: &[u8],
) -> Sent {
    let mut earlier = EarlierTrouble::Possible;
    loop {
        let Err(error) = socket.send(to, from, datagram) else {
            return Sent::Away;
        };
        let kind = error.kind();
        if kind == ErrorKind::WouldBlock {
            return Sent::Blocked;
        }
        // An ICMP report about an earlier datagram: this one was not even tried.
        let unheard = is_report(kind) && earlier == EarlierTrouble::Possible;
        if unheard {
            earlier = EarlierTrouble::Heard;
        } else if is_out_of_buffers(&error) {
            return Sent::NoBuffers(error);
        } else if kind != ErrorKind::Interrupted {
            return Sent::Lost(error);
        }
    }
}

#[derive(PartialEq, Eq)]
enum EarlierTrouble {
    Possible,
    Heard,
}

/// What a socket had when it was asked.
#[derive(Debug)]
pub(crate) enum Received {
    /// The inbox has been filled.
    Batch(Rest),
    /// Nothing more for now: it says when it is readable again.
    Nothing,
    /// A report about a datagram that we sent earlier; there may be more to read.
    Report(io::Error),
    /// Something that may go on failing.
    Trouble(io::Error),
}

/// Asks for datagrams.
pub(crate) fn receive(socket: &impl Datagrams, inbox: &mut Inbox) -> Received {
    loop {
        let error = match socket.receive(inbox) {
            Ok(rest) => return Received::Batch(rest),
            Err(error) => error,
        };
        let kind = error.kind();
        if kind == ErrorKind::WouldBlock {
            return Received::Nothing;
        } else if is_report(kind) {
            return Received::Report(error);
        } else if kind != ErrorKind::Interrupted {
            return Received::Trouble(error);
        }
    }
}

/// Whether an error reports that an earlier datagram did not arrive (RFC 1122, section 4.1.3.3).
const fn is_report(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    )
}

fn is_out_of_buffers(error: &io::Error) -> bool {
    error.kind() == ErrorKind::OutOfMemory || error.raw_os_error() == Some(ENOBUFS)
}

/// "No buffer space available": the standard library has no kind for it.
const ENOBUFS: i32 = if cfg!(windows) {
    10_055
} else if cfg!(any(target_os = "linux", target_os = "android")) {
    105
} else {
    // The BSDs and macOS.
    55
};

#[cfg(test)]
pub(crate) mod fake {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// A datagram and its source, or what the system says instead.
    type Incoming = io::Result<(Vec<u8>, SocketAddr)>;

    /// A socket that does as it is told, and takes everything when it is not told.
    #[derive(Default)]
    pub(crate) struct Script {
        pub(crate) incoming: RefCell<VecDeque<Incoming>>,
        pub(crate) send_errors: RefCell<VecDeque<io::Error>>,
        pub(crate) sent: RefCell<Vec<(SocketAddr, Vec<u8>)>>,
    }

    impl Datagrams for Script {
        /// One datagram a batch.
        fn receive(&self, inbox: &mut Inbox) -> io::Result<Rest> {
            let next = self.incoming.borrow_mut().pop_front();
            let (bytes, from) = next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))?;
            inbox.fill(|slots, metas| {
                slots[0][..bytes.len()].copy_from_slice(&bytes);
                metas[0].addr = from;
                (metas[0].len, metas[0].stride) = (bytes.len(), bytes.len());
                Ok(1)
            })?;
            Ok(Rest::Possible)
        }

        fn send(&self, to: SocketAddr, _: Option<IpAddr>, datagram: &[u8]) -> io::Result<()> {
            if let Some(error) = self.send_errors.borrow_mut().pop_front() {
                return Err(error);
            }
            self.sent.borrow_mut().push((to, datagram.to_vec()));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::Script;
    use super::*;

    fn to() -> SocketAddr {
        ([192, 0, 2, 1], 9977).into()
    }

    fn sending(errors: impl IntoIterator<Item = io::Error>) -> (Sent, usize) {
        let socket = Script::default();
        socket.send_errors.borrow_mut().extend(errors);
        let sent = send(&socket, to(), None, b"datagram");
        (sent, socket.sent.take().len())
    }

    #[test]
    fn a_report_about_an_earlier_datagram_does_not_cost_the_next_one() {
        for kind in [ErrorKind::ConnectionRefused, ErrorKind::HostUnreachable] {
            assert!(matches!(sending([kind.into()]), (Sent::Away, 1)));
            let twice = [kind.into(), kind.into()];
            assert!(matches!(sending(twice), (Sent::Lost(_), 0)));
        }
    }

    #[test]
    fn full_buffers_are_told_from_datagrams_that_are_lost() {
        let enobufs = || io::Error::from_raw_os_error(ENOBUFS);
        assert!(matches!(
            sending([ErrorKind::WouldBlock.into()]),
            (Sent::Blocked, 0)
        ));
        assert!(matches!(sending([enobufs()]), (Sent::NoBuffers(_), 0)));
        assert!(matches!(
            sending([ErrorKind::PermissionDenied.into()]),
            (Sent::Lost(_), 0)
        ));
        assert!(matches!(
            sending([ErrorKind::Interrupted.into()]),
            (Sent::Away, 1)
        ));
    }

    #[test]
    fn what_is_received_is_told_from_what_is_reported() {
        let socket = Script::default();
        socket.incoming.borrow_mut().extend([
            Err(ErrorKind::Interrupted.into()),
            Ok((b"datagram".to_vec(), to())),
            Err(ErrorKind::ConnectionReset.into()),
            Err(ErrorKind::Other.into()),
        ]);
        let mut inbox = Inbox::new();
        let received = receive(&socket, &mut inbox);
        assert!(matches!(received, Received::Batch(Rest::Possible)));
        let arrival = inbox.arrivals().next().expect("a datagram");
        assert_eq!((arrival.from, arrival.bytes), (to(), &b"datagram"[..]));
        assert!(matches!(receive(&socket, &mut inbox), Received::Report(_)));
        assert!(matches!(receive(&socket, &mut inbox), Received::Trouble(_)));
        assert!(matches!(receive(&socket, &mut inbox), Received::Nothing));
    }
}
