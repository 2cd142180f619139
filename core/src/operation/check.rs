//! Checking on a kept value: ask its holders whether they still hold it, and store it at the next
//! closest nodes where copies are missing.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Answer, Ask, Outcome, Question, Step, Trouble};
use crate::address::AddressRules;
use crate::contact::{Contact, Peer, Place};
use crate::estimate::Vouched;
use crate::id::{Distance, Id};
use crate::time::Instant;
use crate::value::Value;
use crate::wire::{InvalidReply, Reply};

/// A copy of a kept value at another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replica {
    /// The node that holds it.
    pub(crate) contact: Contact,
    /// When it was stored there last: its life there begins at that time.
    pub(crate) stored: Instant,
    /// When the holder last said that it has it.
    pub(crate) seen: Instant,
    /// How many values the holder named when it was last known to have this one; `None` as long
    /// as it was only stored there.
    pub(crate) count: Option<u64>,
}

impl Replica {
    /// A copy that was stored just now.
    pub(crate) const fn new(contact: Contact, now: Instant) -> Self {
        Self {
            contact,
            stored: now,
            seen: now,
            count: None,
        }
    }
}

/// What a check is about.
pub(crate) struct Checked {
    pub(crate) key: Id,
    pub(crate) value: Value,
    /// Our own identifier: we are no holder to ask.
    pub(crate) own: Id,
    /// How many copies there shall be.
    pub(crate) copies: usize,
    /// Among how many of the closest nodes they shall be.
    pub(crate) closest: usize,
    /// Nodes that are not to be asked, because they did not answer lately.
    pub(crate) avoided: Vec<Id>,
}

/// What a check has found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The copies that there are now, closest first.
    pub(crate) replicas: Vec<Replica>,
    /// Nodes close to the key that were not asked, closest first.
    pub(crate) named: Vec<Contact>,
    /// Nodes that did not answer, or would not store.
    pub(crate) failed: Vec<Id>,
    /// For how long copies were there since they were last seen, in sum.
    pub(crate) survived: Duration,
    /// How many copies are gone.
    pub(crate) lost: u32,
}

/// The holders of a value, those that are due being asked, and the nodes that they name.
pub(crate) struct Check {
    about: Checked,
    began: Instant,
    /// Closest first: the copies, and with what was named at most [`Check::MEMBERS`] times
    /// as many as are considered.
    members: Vec<Member>,
    /// How many nodes may still be asked to become holders.
    tries: usize,
    /// The holder that is asked before its time, for the nodes that it knows.
    early: Option<Id>,
    survived: Duration,
    lost: u32,
}

struct Member {
    distance: Distance,
    contact: Contact,
    replica: Option<Replica>,
    state: State,
}

enum State {
    /// It was named by another, and not asked.
    Named,
    /// It holds a copy, as it said a while ago.
    Trusted,
    /// It holds a copy, as it said now.
    Holds,
    /// It is to be asked this.
    Due(Request),
    /// It was asked this, and has not answered.
    Asked(Request),
    /// It did not answer, or would not store.
    Failed,
}

/// What a member is asked.
#[derive(Clone, PartialEq, Eq)]
enum Request {
    /// How many values it holds.
    Count,
    /// Which values it holds, of so many.
    Values(u64),
    /// For a token, to store the value there with it.
    Token,
    /// To store the value.
    Store(Box<[u8]>),
}

impl Check {
    /// Members kept in mind, in multiples of the closest nodes that count: of those that are named
    /// the farthest are forgotten.
    const MEMBERS: usize = 3;
    /// Nodes asked to become holders in one check, in multiples of the copies: so much a holder that
    /// names nodes that are not there can cost.
    const TRIES: usize = 2;

    /// A check that has asked no holder yet.
    pub(crate) const fn new(about: Checked, now: Instant) -> Self {
        Self {
            tries: about.copies * Self::TRIES,
            early: None,
            about,
            began: now,
            members: Vec::new(),
            survived: Duration::ZERO,
            lost: 0,
        }
    }

    /// Adds a copy that needs not be asked for.
    pub(crate) fn trust(&mut self, replica: Replica) {
        self.insert(replica.contact, Some(replica), State::Trusted);
    }

    /// Adds a copy whose holder is asked whether it is still there.
    pub(crate) fn ask_for(&mut self, replica: Replica) {
        let due = State::Due(Request::Count);
        self.insert(replica.contact, Some(replica), due);
    }

    /// Adds a copy that is stored again, since its life is nearly over.
    pub(crate) fn renew(&mut self, replica: Replica) {
        let due = State::Due(Request::Token);
        self.insert(replica.contact, Some(replica), due);
    }

    /// Adds a node that may become a holder.
    pub(crate) fn name(&mut self, contact: Contact) {
        if self.about.avoided.contains(&contact.id) {
            return;
        }
        self.insert(contact, None, State::Named);
        if self.members.len() > self.about.closest * Self::MEMBERS
            && let Some(farthest) = self.members.iter().rposition(Member::is_named)
        {
            self.members.remove(farthest);
        }
    }

    pub(super) fn step(&mut self) -> Step {
        self.recruit();
        let due = |member: &&mut Member| matches!(member.state, State::Due(_));
        let Some(member) = self.members.iter_mut().find(due) else {
            let asked = |member: &Member| matches!(member.state, State::Asked(_));
            return if self.members.iter().any(asked) {
                Step::Wait
            } else {
                Step::Done(self.outcome())
            };
        };
        let peer = member.contact.into();
        let State::Due(request) = core::mem::replace(&mut member.state, State::Failed) else {
            return Step::Wait;
        };
        let key = self.about.key;
        let question = |ask| Question {
            peer,
            ask,
            branch: 0,
            vouched: Vouched::Well,
        };
        let step = match &request {
            Request::Count => Step::AskOnce(question(Ask::FindValue { key })),
            Request::Values(_) => Step::Ask(question(Ask::GetValue { key, num: 0 })),
            Request::Token => Step::AskOnce(question(Ask::FindNode { target: key })),
            Request::Store(token) => Step::Ask(question(Ask::StoreValue {
                key,
                token: token.clone(),
                value: self.about.value.clone(),
            })),
        };
        member.state = State::Asked(request);
        step
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        let reply = answer.reply;
        let Some(at) = self.position(&reply.id) else {
            return Ok(());
        };
        let State::Asked(request) = &self.members[at].state else {
            return Ok(());
        };
        let next = match request {
            Request::Count => {
                let count = reply.num.ok_or(InvalidReply::Missing)?;
                reply.nodes.ok_or(InvalidReply::Missing)?;
                self.counted(at, count)
            }
            Request::Values(count) => {
                let values = reply.values.ok_or(InvalidReply::Missing)?;
                let ours = self.about.value.as_bytes();
                if values.iter().any(|value| value == ours) {
                    Next::Holds(Some(*count))
                } else {
                    Next::Lacks
                }
            }
            Request::Token => {
                reply.nodes.ok_or(InvalidReply::Missing)?;
                let token = reply.token.ok_or(InvalidReply::Missing)?;
                Next::Request(Request::Store(token.into()))
            }
            Request::Store(_) => Next::Stored,
        };
        self.go_on(at, next);
        self.take_names(reply, rules);
        Ok(())
    }

    /// Only a call that failed, or was not made, says that a copy is gone: there is no hurry, and a slow holder holds.
    pub(super) fn troubled(&mut self, peer: &Peer, trouble: Trouble) {
        let is_over = match trouble {
            Trouble::Failed(_) | Trouble::NotMade | Trouble::NotMadeYet(_) => true,
            Trouble::AskedAgain(_) | Trouble::Silent => false,
        };
        let Some(id) = peer.id.filter(|_| is_over) else {
            return;
        };
        let Some(at) = self.position(&id) else {
            return;
        };
        if matches!(self.members[at].state, State::Asked(_)) {
            self.members[at].state = State::Failed;
            self.lose(at);
            if self.early == Some(id) {
                self.early = None;
            }
        }
    }

    /// Where the value is stored, closest first.
    pub(super) fn outcome(&self) -> Outcome {
        let replicas = self.members.iter().filter(|member| member.has_copy());
        let places = replicas.map(|member| Place::There(member.contact));
        Outcome::Stored(places.collect())
    }

    /// What it has found. A holder that has not answered yet is as it was.
    pub(crate) fn into_findings(self) -> Findings {
        let mut findings = Findings {
            survived: self.survived,
            lost: self.lost,
            ..Findings::default()
        };
        for member in self.members {
            match (member.state, member.replica) {
                (State::Failed, _) => findings.failed.push(member.contact.id),
                (_, Some(replica)) => findings.replicas.push(replica),
                (_, None) => findings.named.push(member.contact),
            }
        }
        findings
    }

    /// What follows from how many values a holder says it has. It does not say which: one is taken
    /// for ours, which was stored there; whenever there are others, or it is another number than
    /// before, it is asked for them.
    fn counted(&self, at: usize, count: u64) -> Next {
        let replica = self.members[at].replica.as_ref();
        let known = replica.and_then(|replica| replica.count).unwrap_or(1);
        match count {
            0 => Next::Lacks,
            _ if count == known => Next::Holds(Some(count)),
            _ => Next::Request(Request::Values(count)),
        }
    }

    fn go_on(&mut self, at: usize, next: Next) {
        let began = self.began;
        match next {
            Next::Request(request) => self.members[at].state = State::Due(request),
            Next::Holds(count) => {
                let member = &mut self.members[at];
                member.state = State::Holds;
                if let Some(replica) = &mut member.replica {
                    self.survived += began.since(replica.seen);
                    replica.seen = began;
                    replica.count = count;
                }
            }
            Next::Lacks => {
                self.lose(at);
                self.members[at].state = State::Due(Request::Token);
            }
            Next::Stored => {
                let member = &mut self.members[at];
                if let Some(replica) = &member.replica {
                    self.survived += began.since(replica.seen);
                }
                member.state = State::Holds;
                member.replica = Some(Replica::new(member.contact, began));
            }
        }
    }

    /// A copy is gone, at some time since it was last seen.
    fn lose(&mut self, at: usize) {
        if let Some(replica) = self.members[at].replica.take() {
            self.survived += self.began.since(replica.seen) / 2;
            self.lost += 1;
        }
    }

    /// Has the closest of those that were named become holders, until there are copies enough
    /// among the closest nodes. When no node is left to turn to, one more holder is asked.
    fn recruit(&mut self) {
        loop {
            let there = |member: &&Member| !matches!(member.state, State::Failed);
            let closest = self.members.iter().filter(there).take(self.about.closest);
            let copies = closest.filter(|member| !member.is_named()).count();
            if copies >= self.about.copies || self.tries == 0 {
                return;
            }
            let Some(member) = self.members.iter_mut().find(|member| member.is_named()) else {
                return self.ask_early();
            };
            member.state = State::Due(Request::Token);
            self.tries -= 1;
        }
    }

    /// Asks the holder that was not asked for longest, for the nodes that it names; one after the
    /// other until one answers, and only when the holders that are due have said what they know.
    fn ask_early(&mut self) {
        let mut members = self.members.iter();
        let open = |member: &Member| matches!(member.state, State::Asked(_) | State::Due(_));
        if self.early.is_some() || members.any(open) {
            return;
        }
        let trusted = |member: &&mut Member| matches!(member.state, State::Trusted);
        let trusted = self.members.iter_mut().filter(trusted);
        let seen = |member: &&mut Member| member.replica.as_ref().map(|replica| replica.seen);
        if let Some(member) = trusted.min_by_key(seen) {
            member.state = State::Due(Request::Count);
            self.early = Some(member.contact.id);
        }
    }

    fn take_names(&mut self, reply: &Reply<'_>, rules: &AddressRules) {
        for contact in reply.nodes.iter().flat_map(crate::wire::Nodes::iter) {
            let somebody = contact.id != self.about.own && !contact.id.is_null();
            if let Some(addr) = rules.admit(contact.addr).ok().filter(|_| somebody) {
                self.name(Contact::new(contact.id, addr));
            }
        }
    }

    fn position(&self, id: &Id) -> Option<usize> {
        let distance = self.about.key.distance(id);
        self.members
            .binary_search_by(|member| member.distance.cmp(&distance))
            .ok()
    }

    fn insert(&mut self, contact: Contact, replica: Option<Replica>, state: State) {
        let distance = self.about.key.distance(&contact.id);
        let Err(at) = self
            .members
            .binary_search_by(|member| member.distance.cmp(&distance))
        else {
            return;
        };
        let member = Member {
            distance,
            contact,
            replica,
            state,
        };
        self.members.insert(at, member);
    }
}

/// What follows from an answer.
enum Next {
    /// The member is asked this as well.
    Request(Request),
    /// It holds the value, and named so many in all.
    Holds(Option<u64>),
    /// It holds the value no longer.
    Lacks,
    /// It has stored the value.
    Stored,
}

impl Member {
    const fn is_named(&self) -> bool {
        matches!(self.state, State::Named)
    }

    const fn has_copy(&self) -> bool {
        self.replica.is_some() && !matches!(self.state, State::Failed)
    }
}
