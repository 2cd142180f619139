//! What becomes of a datagram that comes to its receiver, and of what reaches a host that stands
//! still.

use std::time::Duration;

use khashmir::Instant;

use super::Shard;
use crate::host::HostId;
use crate::network::{LossCause, LossPlace};
use crate::world::host::{Host, Power};
use crate::world::host_event::{Datagram, EventKind};
use crate::world::keyed::Way;
use crate::world::observer::{Fact, Observer, When};
use crate::world::report::{News, Report};

/// What becomes of a datagram at the line of its receiver.
pub(super) enum Arrived {
    Lost(LossCause),
    Now,
    After(Duration),
}

pub(super) fn arrive(host: &mut Host, at: Instant, datagram: &Datagram) -> Arrived {
    let (from, to) = (datagram.from.into(), datagram.to.into());
    let slowness = host.rare.as_ref().map(|rare| rare.slowness);
    let wait = match host.attachment.receive(at, from, to, datagram.bytes.len()) {
        Ok(wait) => wait + slowness.unwrap_or_default(),
        Err(cause) => return Arrived::Lost(cause),
    };
    if wait.is_zero() {
        Arrived::Now
    } else {
        Arrived::After(wait)
    }
}

impl<W: Observer> Shard<W> {
    /// Gives a datagram to the machine of a host; says whether it has it now.
    pub(super) fn deliver(&mut self, id: HostId, when: When, datagram: Box<Datagram>) -> bool {
        let place = self.place(id);
        let host = &mut self.hosts[place];
        if host.backlog().is_some() {
            self.hold_back(id, when.at, EventKind::Delivery(datagram));
            return false;
        }
        let Power::On(machine) = &mut host.power else {
            self.losses.count(LossPlace::Receiver, LossCause::Off);
            return false;
        };
        let (from, bytes) = (datagram.from.into(), &*datagram.bytes);
        if let Some(keyed) = &mut self.keyed {
            keyed.pass(when.at, id, from, Way::In, bytes);
        }
        self.observer.see(when, id, Fact::Heard { from, bytes });
        machine.handle_datagram(when.reading, from, bytes);
        true
    }

    /// Keeps what reaches a host that stands still until the host goes on, if there is room for it.
    pub(super) fn hold_back(&mut self, id: HostId, at: Instant, what: EventKind) {
        let backlog = self.host_mut(id).backlog();
        if let Some(Err(what)) = backlog.map(|backlog| backlog.push(what)) {
            self.drop_held(id, at, what, LossCause::Backlog);
        }
    }

    /// Notes that something will never reach the machine of a host.
    pub(super) fn drop_held(&mut self, id: HostId, at: Instant, what: EventKind, cause: LossCause) {
        match what {
            EventKind::Arrival(_) | EventKind::Delivery(_) => {
                self.losses.count(LossPlace::Receiver, cause);
            }
            EventKind::Order(order) => self.reports.push(Report {
                at,
                host: id,
                order: Some(order.name),
                news: News::Unheard,
            }),
            EventKind::Written { .. } | EventKind::Timer => {}
        }
    }
}
