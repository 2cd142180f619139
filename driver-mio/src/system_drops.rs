//! How many datagrams the system dropped because a socket's receive buffer was full.

/// The place of one socket in the system's socket statistics.
///
/// Linux counts for each socket, and lists all of them in a table in text form that is the same for
/// every machine (`proc(5)`). Other systems count for all sockets together at best.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemDrops {
    inode: u64,
}

impl SystemDrops {
    /// Finds the socket. `None` where the system counts for no single socket.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn of(socket: &std::net::UdpSocket) -> Option<Self> {
        use std::os::fd::AsRawFd;
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        let inode = inode.parse().ok()?;
        Some(Self { inode })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn of(_socket: &std::net::UdpSocket) -> Option<Self> {
        None
    }

    /// What has been dropped since the socket was made, if the system says so.
    pub(crate) fn count(&self) -> Option<u64> {
        let table = std::fs::read_to_string("/proc/self/net/udp").ok()?;
        self.count_in(&table)
    }

    fn count_in(&self, table: &str) -> Option<u64> {
        let mut sockets = table.lines().skip(1).filter_map(columns);
        let (_, drops) = sockets.find(|(inode, _)| *inode == self.inode)?;
        Some(drops)
    }
}

/// The columns `inode` and `drops` of a line of that table.
fn columns(line: &str) -> Option<(u64, u64)> {
    let mut columns = line.split_whitespace();
    let inode = columns.nth(9)?.parse().ok()?;
    Some((inode, columns.nth(2)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drops_of_one_socket_are_found_among_all() {
        let table = "   \
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  311: 0100007F:0277 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 20210 2 0000000000000000 0
 1021: 00000000:26F9 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 20345 2 0000000000000000 4711
 1022: broken
";
        let drops = |inode| SystemDrops { inode }.count_in(table);
        assert_eq!(
            (drops(20210), drops(20345), drops(1)),
            (Some(0), Some(4711), None)
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_no_longer_fits_is_counted() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let drops = SystemDrops::of(&socket).expect("Linux counts");
        assert_eq!(drops.count(), Some(0));
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("small");
        let addr = socket.local_addr().expect("it is bound");
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let flood = 200;
        for _ in 0..flood {
            sender.send_to(&[0; 1000], addr).expect("loopback takes it");
        }
        socket.set_nonblocking(true).expect("an option");
        let mut received = 0;
        while socket.recv(&mut [0; 1000]).is_ok() {
            received += 1;
        }
        assert!(received < flood, "the buffer is small");
        assert_eq!(drops.count(), Some(flood - received));
    }
}
