//! Joining a network: greet the bootstrap contacts, walk to our own neighbourhood, then look
//! around in every bucket that is far away.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::refresh::BucketRefresh;
use super::{Action, Answer, Ask, Joined, Outcome, Question, Reach, Report, Step, Trouble, Walk};
use crate::address::AddressRules;
use crate::contact::{Contact, Peer};
use crate::id::Id;
use crate::lookup::Turnout;
use crate::time::Instant;
use crate::wire::{InvalidReply, Method};

/// The branch of the greetings.
const GREETING: u16 = 0;
/// The branch of the walk home; later ones are the refresh's.
const SELF_LOOKUP: u16 = 1;

/// One round of joining.
pub(crate) struct Join {
    own: Id,
    phase: Phase,
    todo: VecDeque<Peer>,
    /// Who is greeted and has not answered.
    pending: Vec<Greeted>,
    answered: Vec<Contact>,
    seen_as: Vec<Report>,
    refreshed: usize,
    reach: Reach,
}

struct Greeted {
    addr: SocketAddr,
    state: Patience,
}

/// Whether a greeting is still waited for by those who have other answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waiting,
    Silent,
}

enum Phase {
    Fresh,
    /// Nobody has answered yet.
    Greeting {
        since: Instant,
    },
    /// A walk home was asked for.
    LookupRequested {
        since: Instant,
    },
    SelfLookup {
        walk: Box<Walk>,
        since: Instant,
    },
    /// The walk home is over; the targets of the refresh were asked for.
    RefreshRequested {
        since: Instant,
    },
    BucketRefresh {
        refresh: BucketRefresh,
        since: Instant,
    },
    Over,
}

impl Join {
    /// `peers` are greeted all at once.
    pub(crate) fn new(own: Id, peers: Vec<Peer>) -> Self {
        Self {
            own,
            phase: Phase::Fresh,
            todo: peers.into(),
            pending: Vec::new(),
            answered: Vec::new(),
            seen_as: Vec::new(),
            refreshed: 0,
            reach: Reach::default(),
        }
    }

    /// Gives it the targets of its refresh.
    pub(super) fn refresh_targets(&mut self, targets: Vec<Id>) {
        if let Phase::RefreshRequested { since } = self.phase {
            self.phase = Phase::BucketRefresh {
                refresh: BucketRefresh::new(targets, SELF_LOOKUP + 1),
                since,
            };
        }
    }

    pub(super) fn step(&mut self, now: Instant) -> Step {
        if let Phase::Fresh = self.phase {
            self.phase = Phase::Greeting { since: now };
            return Step::Started(Method::Join);
        }
        if let Some(peer) = self.todo.pop_front() {
            self.pending.push(Greeted {
                addr: peer.addr,
                state: Patience::Waiting,
            });
            return Step::Ask(Question {
                peer,
                ask: Ask::Join,
                branch: GREETING,
                turnout: Turnout::High,
            });
        }
        match &mut self.phase {
            Phase::Greeting { since } => {
                if self.answered.is_empty() && !self.pending.is_empty() {
                    return Step::Wait;
                }
                self.phase = Phase::LookupRequested { since: *since };
                Step::Open(self.own.neighbour())
            }
            Phase::SelfLookup { walk, since } => {
                if let Some(question) = walk.next(SELF_LOOKUP) {
                    return Step::Ask(question);
                }
                if !walk.is_done() {
                    return Step::Wait;
                }
                self.reach = walk.reach();
                let home = Phase::RefreshRequested { since: *since };
                match core::mem::replace(&mut self.phase, home) {
                    Phase::SelfLookup { walk, .. } => Step::Finished(Action::Walk(walk)),
                    Phase::Fresh
                    | Phase::Greeting { .. }
                    | Phase::LookupRequested { .. }
                    | Phase::RefreshRequested { .. }
                    | Phase::BucketRefresh { .. }
                    | Phase::Over => Step::Wait,
                }
            }
            Phase::BucketRefresh { refresh, since } => {
                if let Some(step) = refresh.step() {
                    return step;
                }
                if !refresh.is_over() || !self.pending.iter().all(Greeted::is_given_up) {
                    return Step::Wait;
                }
                let took = now.since(*since);
                self.refreshed = refresh.walked();
                self.phase = Phase::Over;
                Step::Finished(Action::Plain {
                    method: Method::Join,
                    took,
                })
            }
            Phase::RefreshRequested { .. } => Step::RefreshTargets,
            Phase::Over => Step::Done(self.outcome()),
            Phase::Fresh | Phase::LookupRequested { .. } => Step::Wait,
        }
    }

    pub(super) fn open(&mut self, mut walk: Walk) {
        match &mut self.phase {
            Phase::LookupRequested { since } => {
                for contact in &self.answered {
                    walk.seed(*contact);
                }
                self.phase = Phase::SelfLookup {
                    walk: Box::new(walk),
                    since: *since,
                };
            }
            Phase::BucketRefresh { refresh, .. } => refresh.open(walk),
            Phase::Fresh
            | Phase::Greeting { .. }
            | Phase::SelfLookup { .. }
            | Phase::RefreshRequested { .. }
            | Phase::Over => {}
        }
    }

    pub(super) fn answered(
        &mut self,
        answer: &Answer<'_>,
        rules: &AddressRules,
    ) -> Result<(), InvalidReply> {
        if answer.branch == GREETING {
            self.greeted(answer);
            return Ok(());
        }
        match &mut self.phase {
            Phase::SelfLookup { walk, .. } if answer.branch == SELF_LOOKUP => {
                walk.answered(answer.reply, rules).map(|_| ())
            }
            Phase::BucketRefresh { refresh, .. } => refresh.answered(answer, rules),
            Phase::Fresh
            | Phase::Greeting { .. }
            | Phase::LookupRequested { .. }
            | Phase::SelfLookup { .. }
            | Phase::RefreshRequested { .. }
            | Phase::Over => Ok(()),
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, branch: u16, trouble: Trouble) {
        match (&mut self.phase, branch) {
            (_, GREETING) => match trouble {
                Trouble::Failed(_) => self.pending.retain(|greeted| greeted.addr != peer.addr),
                Trouble::Silent => {
                    for greeted in self.pending.iter_mut().filter(|g| g.addr == peer.addr) {
                        greeted.state = Patience::Silent;
                    }
                }
                Trouble::Slow | Trouble::Late => {}
            },
            (Phase::SelfLookup { walk, .. }, SELF_LOOKUP) => {
                if let Some(id) = &peer.id {
                    walk.report(id, trouble.news());
                }
            }
            (Phase::BucketRefresh { refresh, .. }, _) => refresh.troubled(peer, branch, trouble),
            _ => {}
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Join(Joined {
            // The node fills in what only its table knows.
            contacts: 0,
            seen_as: self.seen_as.clone(),
            refreshed: self.refreshed,
        })
    }

    pub(super) fn reach(&self) -> Reach {
        match &self.phase {
            Phase::SelfLookup { walk, .. } => walk.reach(),
            Phase::Fresh
            | Phase::Greeting { .. }
            | Phase::LookupRequested { .. }
            | Phase::RefreshRequested { .. }
            | Phase::BucketRefresh { .. }
            | Phase::Over => self.reach,
        }
    }

    fn greeted(&mut self, answer: &Answer<'_>) {
        let contact = Contact::new(answer.reply.id, answer.from);
        self.pending.retain(|greeted| greeted.addr != answer.from);
        self.answered.push(contact);
        let seen_as = answer.reply.seen_as;
        self.seen_as.extend(seen_as.map(|seen_as| Report {
            by: answer.from,
            seen_as,
        }));
        if let Phase::SelfLookup { walk, .. } = &mut self.phase {
            walk.seed(contact);
        }
    }
}

impl Greeted {
    fn is_given_up(&self) -> bool {
        self.state == Patience::Silent
    }
}
