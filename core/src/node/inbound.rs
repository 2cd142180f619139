//! What arrives: queries are served, answers go to the operation or probe that asked, and the table
//! hears of both.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::journal::{Safe, UnsavedStore};
use super::queue::Queued;
use super::sender::CallQuestion;
use super::{DropCause, Life, Node, Owner, Probe, Reachable, Record, Taken, Transmit};
use crate::address::BadAddress;
use crate::contact::Contact;
use crate::id::Id;
use crate::operation::{Answer, CallError, Trouble};
use crate::routing::{Failed, Heard, Seen};
use crate::rpc::Closed;
use crate::server::{self, Served, Server, Stored, Storing, Verdict};
use crate::value::Value;
use crate::wire::{Fault, InvalidReply, Malformed, Message, Method, Reply};

impl Node {
    pub(super) fn receive(
        &mut self,
        from: SocketAddr,
        local: Option<IpAddr>,
        datagram: &[u8],
    ) -> Taken {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += datagram.len() as u64;
        if self.life != Life::Running {
            self.stats.drop(DropCause::Off);
            return Taken::NotOurs;
        }
        let from = match BadAddress::check(from) {
            Ok(from) => from,
            Err(why) => {
                self.stats.drop(DropCause::Source(why));
                return Taken::NotOurs;
            }
        };
        let message = match self.config.dialect.decode(datagram) {
            Ok(message) => message,
            Err(malformed) => {
                self.stats.drop(DropCause::Malformed(malformed));
                return Taken::NotOurs;
            }
        };
        if !self.config.transaction_ids.accept(message.tid()) {
            self.stats.drop(DropCause::Malformed(Malformed::Tid));
            return Taken::NotOurs;
        }
        match &message {
            Message::Query { .. }
            | Message::WrongArguments { .. }
            | Message::UnknownMethod { .. } => {
                self.serve(
                    Transmit {
                        to: from,
                        from: local,
                    },
                    &message,
                );
            }
            Message::Reply { tid, reply } => self.answered(from, tid, datagram.len(), Ok(reply)),
            Message::Error { tid, code, .. } => {
                self.answered(from, tid, datagram.len(), Err(CallError::Refused(*code)));
            }
            Message::Broken { tid, invalid } => {
                self.answered(from, tid, datagram.len(), Err(CallError::Broken(*invalid)));
            }
        }
        Taken::Ours
    }

    /// Sends the datagram that was drafted once that is safe, and counts the one that had to give
    /// way to it, if one had to.
    pub(super) fn send(&mut self, safe: Safe, transmit: Transmit) {
        if self.outbox.send(safe, transmit) == Queued::DroppedOldest {
            self.stats.drop(DropCause::Outgoing);
        }
    }

    /// Stores a value in our own store, for ourselves; says when that is safe.
    pub(super) fn store_own(&mut self, key: Id, value: Value) -> Option<Safe> {
        if value.as_bytes().len() > self.config.store.max_value_len
            || !self.outbox.has_room_for_records()
        {
            return None;
        }
        let now = self.now;
        let (mut server, _) = self.server();
        let stored = server.store_own(now, key, value)?;
        Some(self.note(stored))
    }

    /// Tells the table of a contact, and acts on what it says. `local` is our address that the contact
    /// asked, if it did ask and the driver names it.
    pub(super) fn hear_of(&mut self, contact: Contact, heard: Heard, local: Option<IpAddr>) {
        let Ok(addr) = self.rules().admit(contact.addr) else {
            return;
        };
        let contact = Contact::new(contact.id, addr);
        let seen = self.table.see(self.now, contact, heard);
        self.stats.identity_conflicts += u64::from(matches!(seen, Seen::IdentityConflict(_)));
        self.stats.questionable_contacts += u64::from(matches!(seen, Seen::Questionable(_)));
        if let (Some(local), Heard::Asked) = (local, heard)
            && seen.is_of_newcomer()
        {
            let most = self.config.limits.max_probes;
            let arrivals = self.upkeep.arrivals.get_or_insert_default();
            arrivals.note(addr, local, most);
        }
        match seen {
            Seen::IdentityConflict(holder) => self.identity_claimed(holder, contact, heard),
            Seen::Questionable(oldest) => {
                self.probe(oldest, Probe::Questionable);
            }
            Seen::Room => {
                self.probe(contact, Probe::Newcomer);
            }
            Seen::Known if heard != Heard::Asked => self.holder_answered(&contact),
            Seen::Entered | Seen::Full | Seen::Known | Seen::Unwanted => {}
        }
    }

    /// Does what follows from a call that brought nothing.
    pub(super) fn call_failed(&mut self, closed: &Closed<Owner, CallQuestion>, error: CallError) {
        self.note_failure(closed, error);
        if let Owner::Operation { op, .. } = closed.owner {
            self.advance(op);
        }
    }

    /// The same, but for letting its operation go on.
    pub(super) fn note_failure(&mut self, closed: &Closed<Owner, CallQuestion>, error: CallError) {
        self.stats.of(closed.method).failure(closed.elapsed);
        self.introduction_over(closed);
        self.count_against(closed, error);
        match closed.owner {
            Owner::Operation { op, branch } => {
                self.operations.failed(op, closed.peer.addr, error);
                self.with(op, |operation| {
                    operation.troubled(&closed.peer, branch, Trouble::Failed(error));
                });
            }
            Owner::Probe(why) => {
                self.stats.of(closed.method).complete(Duration::ZERO);
                self.upkeep.probes.failed(self.now, closed.peer.addr);
                if let (Probe::Newcomer, Some(id)) = (why, &closed.peer.id)
                    && let Some(next) = self.table.next_candidate(self.now, id)
                {
                    self.ask_candidates(next);
                }
            }
            Owner::Recovery => self.recovery_failed(closed.peer.addr),
        }
    }

    /// Answers a query, or drops it.
    fn serve(&mut self, answer: Transmit, message: &Message<'_>) {
        let from = answer.to;
        let method = server::method_of(message);
        match method {
            Some(method) => self.stats.of(method).received += 1,
            None => self.stats.unknown_methods += 1,
        }
        let now = self.now;
        let (mut server, draft) = self.server();
        let safe = match server.serve(now, from, message, draft) {
            Served::Answered(verdict) => {
                if let (Verdict::Error, Some(method)) = (verdict, method) {
                    self.stats.of(method).errors += 1;
                }
                Safe::Now
            }
            Served::Stored(stored) => self.note(stored),
            Served::Silence => return self.stats.drop(DropCause::Client),
        };
        self.send(safe, answer);
        self.reachable = Reachable::Yes;
        if let Message::Query { sender, .. } = message {
            self.hear_of(Contact::new(*sender, from), Heard::Asked, answer.from);
        }
    }

    fn answered(
        &mut self,
        from: SocketAddr,
        tid: &[u8],
        len: usize,
        answer: Result<&Reply<'_>, CallError>,
    ) {
        let Some(closed) = self.transactions.close(self.now, tid, from) else {
            return self.stats.drop(DropCause::NotAsked);
        };
        self.count_datagram(closed.owner, len);
        self.address_answered(from);
        if let Owner::Operation { op, .. } = closed.owner {
            self.operations.call_over(op);
        }
        self.introduction_over(&closed);
        match answer.and_then(|reply| self.replied(&closed, reply)) {
            Ok(()) => {}
            Err(CallError::Refused(_)) if self.may_introduce_itself(&closed) => {
                self.introduce_itself(closed);
            }
            Err(error) => self.call_failed(&closed, error),
        }
    }

    /// Takes in an answer that the wire finds no fault with.
    fn replied(
        &mut self,
        closed: &Closed<Owner, CallQuestion>,
        reply: &Reply<'_>,
    ) -> Result<(), CallError> {
        if reply.id.is_null() {
            return Err(CallError::Broken(InvalidReply::Id));
        }
        let from = closed.peer.addr;
        let answer = |branch| Answer {
            from,
            branch,
            took: closed.elapsed,
            reply,
        };
        if reply.id == self.own || closed.peer.id.is_some_and(|id| id != reply.id) {
            // The contact that was meant is gone. A ping finds out who is there now; what comes
            // under another identifier in a lookup is as good as a query of a stranger.
            let heard = match closed.owner {
                Owner::Probe(_) | Owner::Recovery => Heard::Answered(closed.sample),
                Owner::Operation { .. } => Heard::Asked,
            };
            self.hear_of(Contact::new(reply.id, from), heard, None);
            if let (Owner::Operation { op, branch }, Some(meant)) = (closed.owner, closed.peer.id)
                && reply.id != self.own
            {
                let rules = self.rules();
                self.with(op, |operation| {
                    operation.another_answered(&meant, &answer(branch), &rules);
                });
            }
            return Err(CallError::WrongId);
        }
        if let Owner::Probe(_) = closed.owner {
            self.upkeep.probes.answered(from);
        }
        if let Owner::Operation { op, branch } = closed.owner {
            let rules = self.rules();
            self.operations
                .answered(op, &answer(branch), &rules)
                .map_err(CallError::Broken)?;
            self.note_elsewhere(reply);
        }
        self.stats.of(closed.method).success(closed.elapsed);
        self.transactions
            .measured(self.now, closed.sample, closed.lost);
        let contact = Contact::new(reply.id, from);
        self.hear_of(contact, Heard::Answered(closed.sample), None);
        self.reached(closed.owner, contact);
        match closed.owner {
            Owner::Operation { op, .. } => self.advance(op),
            Owner::Probe(_) | Owner::Recovery => {
                self.stats.of(closed.method).complete(closed.elapsed);
            }
        }
        Ok(())
    }

    /// Holds a failed call against the contact: silence, broken answers and errors count, and another
    /// id at its address means that it is gone.
    fn count_against(&mut self, closed: &Closed<Owner, CallQuestion>, error: CallError) {
        let Some(contact) = closed.peer.contact() else {
            return;
        };
        if let CallError::Refused(code) = error
            && self.may_refuse(closed.method, code)
        {
            return;
        }
        let failed = match (closed.owner, error) {
            (_, CallError::WrongId) | (Owner::Probe(Probe::Questionable), _) => {
                self.table.remove(self.now, &contact)
            }
            // Claims of other nodes, which may be liars, do not count against it.
            (Owner::Probe(Probe::Holder), _) => Failed::Kept,
            _ => self.table.fail(self.now, &contact),
        };
        self.contact_removed(failed, &contact);
        self.holder_silent(&contact);
    }

    /// Whether a contact that is well may answer with that error: it may handle no values, or no more
    /// of them, or not under a token that has grown old.
    fn may_refuse(&self, method: Method, code: i64) -> bool {
        let unknown = Fault::UnknownMethod { name: &[] };
        match method {
            Method::Ping | Method::Join | Method::FindNode => false,
            Method::FindValue | Method::GetValue => code == self.config.dialect.code(&unknown),
            Method::StoreValue => true,
        }
    }

    fn note(&mut self, stored: Stored) -> Safe {
        let Stored {
            key,
            value,
            evicted,
            before,
        } = stored;
        self.stats.evicted_keys += evicted.len() as u64;
        let (at, lifetime) = (self.now, self.config.expiry);
        self.outbox.record(|| {
            let store = UnsavedStore {
                key,
                value: value.clone(),
                before,
            };
            let record = Record::Stored {
                at,
                key,
                value,
                lifetime,
                evicted,
            };
            (record, Some(store))
        })
    }

    /// What queries are answered from, and where the answer is written.
    fn server(&mut self) -> (Server<'_>, &mut Vec<u8>) {
        let room = self.outbox.has_room_for_records();
        let server = Server {
            dialect: self.config.dialect,
            role: self.config.role,
            own: self.own,
            k: self.config.k,
            max_value_len: self.config.store.max_value_len,
            expiry: self.config.expiry,
            storing: if room { Storing::Open } else { Storing::Busy },
            durability: self.outbox.durability(),
            table: &self.table,
            store: &mut self.store,
            tokens: &self.tokens,
            rng: &mut self.rng,
        };
        (server, self.outbox.draft())
    }
}
