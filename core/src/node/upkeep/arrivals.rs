//! At which of our addresses newcomers asked us, so that a ping to one leaves from there.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// The local addresses at which the latest newcomers asked us.
///
/// A newcomer knows us by the address that it asked. Pinged from another address of a multihomed host,
/// it would see one identifier at two addresses. Nothing is kept where the driver names no local
/// addresses.
#[derive(Default)]
pub(in crate::node) struct Arrivals {
    /// Each newcomer and our address, the latest at the end.
    latest: Vec<(SocketAddr, IpAddr)>,
}

impl Arrivals {
    /// Takes in where a query of a newcomer arrived. Of more than `max`, the newcomer that asked the
    /// longest ago is forgotten.
    pub(in crate::node) fn note(&mut self, newcomer: SocketAddr, local: IpAddr, max: usize) {
        self.latest.retain(|(addr, _)| *addr != newcomer);
        if self.latest.len() >= max {
            self.latest.remove(0);
        }
        self.latest.push((newcomer, local));
    }

    /// Our address that a newcomer asked last, if it is remembered.
    pub(super) fn of(&self, newcomer: SocketAddr) -> Option<IpAddr> {
        let mut latest = self.latest.iter();
        let (_, local) = latest.find(|(addr, _)| *addr == newcomer)?;
        Some(*local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newcomer(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    fn local(last: u8) -> IpAddr {
        [10, 9, 0, last].into()
    }

    #[test]
    fn the_latest_newcomers_are_remembered_and_each_once() {
        let mut arrivals = Arrivals::default();
        arrivals.note(newcomer(1), local(1), 2);
        arrivals.note(newcomer(2), local(2), 2);
        arrivals.note(newcomer(1), local(3), 2);
        assert_eq!(arrivals.of(newcomer(1)), Some(local(3)));
        arrivals.note(newcomer(3), local(4), 2);
        assert_eq!(arrivals.of(newcomer(2)), None);
        assert_eq!(arrivals.of(newcomer(1)), Some(local(3)));
        assert_eq!(arrivals.of(newcomer(3)), Some(local(4)));
        assert_eq!(arrivals.latest.len(), 2);
    }
}
