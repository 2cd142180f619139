//! What a host may send: datagrams that decode and fit, to addresses that it had reason to know,
//! with contacts of which it has heard.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use khashmir::wire::{Dialect, MAX_DATAGRAM, Message, Nodes};
use khashmir::{Command, Event, Id, Outcome, Place};

use super::{Check, Finding};
use crate::world::{Fact, Machine};

/// What a host has heard of.
#[derive(Default)]
pub(super) struct Wire {
    addresses: BTreeSet<SocketAddr>,
    /// Addresses that a datagram named, or came from.
    contacts: BTreeMap<Id, BTreeSet<SocketAddr>>,
}

impl Wire {
    pub(super) fn see(&mut self, fact: Fact<'_>) -> Finding {
        match fact {
            Fact::On(machine) => self.know_table(machine),
            Fact::Heard { from, bytes } => self.hear(from, bytes),
            Fact::Ordered { command, .. } => self.know_of(command),
            Fact::Sent { to, bytes, .. } => return self.check(to, bytes),
            Fact::Told(Event::Ended {
                outcome: Outcome::Found(places),
                ..
            }) => return self.check_result(places),
            Fact::Off(_)
            | Fact::Clock
            | Fact::Paused
            | Fact::Resumed
            | Fact::Forged { .. }
            | Fact::Woken
            | Fact::Left
            | Fact::Recorded { .. }
            | Fact::Durable { .. }
            | Fact::Told(_) => {}
        }
        Ok(())
    }

    fn know_table(&mut self, machine: &dyn Machine) {
        for contact in machine.node().contacts() {
            self.know(contact.id, contact.addr);
        }
    }

    fn hear(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.addresses.insert(from);
        match Dialect::Khashmir.decode(bytes) {
            Ok(Message::Query { sender, .. }) => self.know(sender, from),
            Ok(Message::Reply { reply, .. }) => {
                self.know(reply.id, from);
                for contact in reply.nodes.iter().flat_map(Nodes::iter) {
                    self.know(contact.id, contact.addr);
                }
            }
            Ok(_) | Err(_) => {}
        }
    }

    fn know_of(&mut self, command: &Command) {
        match command {
            Command::AddContact { addr } | Command::Ping { addr } => {
                self.addresses.insert(*addr);
            }
            Command::Join { bootstrap } => self.addresses.extend(bootstrap),
            Command::FindClose
            | Command::FindNode { .. }
            | Command::FindValue { .. }
            | Command::Get { .. }
            | Command::Put { .. }
            | Command::Refresh { .. } => {}
            _ => {}
        }
    }

    fn know(&mut self, id: Id, addr: SocketAddr) {
        self.addresses.insert(addr);
        self.contacts.entry(id).or_default().insert(addr);
    }

    fn check(&self, to: SocketAddr, bytes: &[u8]) -> Finding {
        if bytes.len() > MAX_DATAGRAM {
            return Err((Check::Datagram, format!("{} bytes to {to}", bytes.len())));
        }
        if !self.addresses.contains(&to) {
            return Err((Check::Address, format!("sends to {to}")));
        }
        match Dialect::Khashmir.decode(bytes) {
            Ok(Message::Reply { reply, .. }) => {
                let unknown = |contact: &khashmir::Contact| !self.knows(contact.id, contact.addr);
                match reply.nodes.iter().flat_map(Nodes::iter).find(unknown) {
                    Some(contact) => Err((
                        Check::Contact,
                        format!("names {} at {} to {to}", contact.id, contact.addr),
                    )),
                    None => Ok(()),
                }
            }
            Ok(Message::Query { .. } | Message::Error { .. }) => Ok(()),
            Ok(
                Message::Broken { .. }
                | Message::WrongArguments { .. }
                | Message::UnknownMethod { .. },
            ) => Err((Check::Datagram, format!("against the rules, to {to}"))),
            Err(malformed) => Err((Check::Datagram, format!("{malformed}, to {to}"))),
        }
    }

    fn check_result(&self, places: &[Place]) -> Finding {
        for place in places {
            if let Place::There(contact) = place
                && !self.knows(contact.id, contact.addr)
            {
                let (id, addr) = (contact.id, contact.addr);
                return Err((Check::Contact, format!("found {id} at {addr}")));
            }
        }
        Ok(())
    }

    fn knows(&self, id: Id, addr: SocketAddr) -> bool {
        self.contacts
            .get(&id)
            .is_some_and(|addresses| addresses.contains(&addr))
    }
}
