//! Joining a network: greet the bootstrap contacts, walk to our own neighbourhood, then look
//! around in the other buckets. Two networks that were cut apart are joined in the same way.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::refresh::BucketRefresh;
use super::{
    Action, Answer, Ask, Joined, Known, Outcome, Question, Reach, Report, Step, Trouble, Walk,
};
use crate::address::AddressRules;
use crate::contact::{Contact, Peer};
use crate::estimate::Vouched;
use crate::id::Id;
use crate::time::Instant;
use crate::wire::{InvalidReply, Method, Reply};

/// The branch of the greetings.
const GREETING: u16 = 0;
/// The branch of the self-lookup that starts at the nodes which answered the greetings.
const SELF_LOOKUP: u16 = 1;
/// The branch of the self-lookup that starts at the contacts of our own table; later ones are the
/// refresh's.
const TABLE_LOOKUP: u16 = 2;

/// One round of joining.
pub(crate) struct Join {
    own: Id,
    phase: Phase,
    todo: VecDeque<Peer>,
    /// The addresses that are greeted and have not answered.
    pending: Vec<Greeted>,
    answered: Vec<Contact>,
    seen_as: Vec<Report>,
    table: TableLookup,
    /// Those closest to us of our table, and of what the self-lookup from it has heard of; at most
    /// [`Join::NEIGHBOURS`] of the latter.
    neighbours: Vec<Contact>,
    surroundings: Surroundings,
    refreshed: usize,
    reach: Reach,
}

/// Which buckets are looked up once our own neighbourhood is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surroundings {
    /// All but the one around ourselves, for a node that is new in its network.
    Far,
    /// Those with room, for a node that has met the network which it knows from its table. Contacts
    /// that have not answered since then are asked on their own: a node that was away may have moved,
    /// and so may they.
    Familiar { since: Instant },
    /// Those with room, for a node that may have met another part of its network, and only if it
    /// has.
    IfChanged,
}

/// The self-lookup from the contacts that our table has, beside the greetings: a node that knows
/// live contacts need not wait for a bootstrap host that is down.
///
/// It is a walk of its own, because one walk asks only the closest that it knows: bootstrap
/// contacts of another part of the network are far away, and would never be asked.
enum TableLookup {
    Wanted,
    Requested,
    Walking(Box<Walk>),
    /// It is over and was answered.
    Answered,
    /// No contact of the table answered, or the table was empty.
    Unanswered,
}

/// Where a self-lookup that starts at other contacts than ours has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It may still find neighbours that we do not know.
    Strangers,
    /// Nearly all that an answer named are neighbours that we know: this is our own network, and the
    /// others have come to it lately.
    Home,
}

struct Greeted {
    addr: SocketAddr,
    state: Patience,
}

/// Whether a join that has other answers still waits for a greeting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waiting,
    Silent,
}

enum Phase {
    Fresh,
    /// No greeting is answered yet.
    Greeting {
        since: Instant,
    },
    /// The self-lookup was asked for.
    LookupRequested {
        since: Instant,
    },
    SelfLookup {
        walk: Box<Walk>,
        found: Found,
        since: Instant,
    },
    /// The self-lookup is over; the targets of the refresh are to be asked for.
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
    /// Neighbours of which the self-lookup from our own table is remembered to have heard.
    const NEIGHBOURS: usize = 32;

    /// `peers` are greeted all at once; beside that the contacts of our own table, if there are any,
    /// are asked for our neighbourhood. `neighbours` are those of them that are closest to us.
    pub(crate) fn new(own: Id, peers: Vec<Peer>, neighbours: Vec<Contact>) -> Self {
        Self {
            own,
            phase: Phase::Fresh,
            todo: peers.into(),
            pending: Vec::new(),
            answered: Vec::new(),
            seen_as: Vec::new(),
            table: if neighbours.is_empty() {
                TableLookup::Unanswered
            } else {
                TableLookup::Wanted
            },
            neighbours,
            surroundings: Surroundings::Far,
            refreshed: 0,
            reach: Reach::default(),
        }
    }

    /// Joins the part of the network that this contact is in, which answered a moment ago.
    pub(crate) fn through(own: Id, contact: Contact, neighbours: Vec<Contact>) -> Self {
        Self {
            answered: vec![contact],
            table: TableLookup::Unanswered,
            surroundings: Surroundings::IfChanged,
            ..Self::new(own, Vec::new(), neighbours)
        }
    }

    /// Gives it the targets of its refresh.
    pub(super) fn refresh_targets(&mut self, targets: Vec<Id>) {
        if let Phase::RefreshRequested { since } = self.phase {
            self.phase = Phase::BucketRefresh {
                refresh: BucketRefresh::new(targets, TABLE_LOOKUP + 1),
                since,
            };
        }
    }

    pub(super) fn step(&mut self, known: &Known<'_>) -> Step {
        let now = known.now;
        if let Phase::Fresh = self.phase {
            self.phase = Phase::Greeting { since: now };
            return Step::Started(Method::Join);
        }
        if let Some(step) = self.greet().or_else(|| self.table_step(known)) {
            return step;
        }
        let table_is_over = self.table_is_over();
        match &mut self.phase {
            Phase::Greeting { since } => {
                let since = *since;
                self.greeting_step(since)
            }
            Phase::SelfLookup { walk, found, since } => {
                if *found == Found::Strangers {
                    if let Some(question) = walk.next(SELF_LOOKUP, known) {
                        return Step::Ask(question);
                    }
                    if !walk.is_done() {
                        return Step::Wait;
                    }
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
                if let Some(step) = refresh.step(known) {
                    return step;
                }
                let since = *since;
                let refreshed = refresh.is_over().then(|| refresh.walked());
                match refreshed {
                    Some(walked) if table_is_over && self.greetings_are_over() => {
                        self.refreshed = walked;
                        self.phase = Phase::Over;
                        Step::Finished(Action::Plain {
                            method: Method::Join,
                            took: now.since(since),
                        })
                    }
                    Some(_) | None => Step::Wait,
                }
            }
            Phase::RefreshRequested { .. } => Step::RefreshTargets(self.surroundings),
            Phase::Over => Step::Done(self.outcome()),
            Phase::Fresh | Phase::LookupRequested { .. } => Step::Wait,
        }
    }

    pub(super) fn next_review(&self, known: &Known<'_>) -> Option<Instant> {
        let of_table = match &self.table {
            TableLookup::Walking(walk) => walk.next_review(known),
            TableLookup::Wanted
            | TableLookup::Requested
            | TableLookup::Answered
            | TableLookup::Unanswered => None,
        };
        let of_phase = match &self.phase {
            Phase::SelfLookup { walk, .. } => walk.next_review(known),
            Phase::BucketRefresh { refresh, .. } => refresh.next_review(known),
            Phase::Fresh
            | Phase::Greeting { .. }
            | Phase::LookupRequested { .. }
            | Phase::RefreshRequested { .. }
            | Phase::Over => None,
        };
        of_table.into_iter().chain(of_phase).min()
    }

    pub(super) fn open(&mut self, mut walk: Walk) {
        if let TableLookup::Requested = self.table {
            self.table = TableLookup::Walking(Box::new(walk));
            return;
        }
        match &mut self.phase {
            Phase::LookupRequested { since } => {
                for contact in &self.answered {
                    walk.seed(*contact);
                }
                self.phase = Phase::SelfLookup {
                    walk: Box::new(walk),
                    found: Found::Strangers,
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
        if answer.branch == TABLE_LOOKUP {
            return match &mut self.table {
                TableLookup::Walking(walk) => {
                    walk.answered(answer.reply, rules)?;
                    self.hear_of_neighbours(answer.reply);
                    Ok(())
                }
                TableLookup::Wanted
                | TableLookup::Requested
                | TableLookup::Answered
                | TableLookup::Unanswered => Ok(()),
            };
        }
        match &mut self.phase {
            Phase::SelfLookup { walk, found, since } if answer.branch == SELF_LOOKUP => {
                walk.answered(answer.reply, rules)?;
                if names_neighbours(answer.reply, &self.own, &self.neighbours) {
                    *found = Found::Home;
                    if self.surroundings == Surroundings::Far {
                        self.surroundings = Surroundings::Familiar { since: *since };
                    }
                }
                Ok(())
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

    pub(super) fn walk_mut(&mut self, branch: u16) -> Option<&mut Walk> {
        match (&mut self.phase, &mut self.table) {
            (_, TableLookup::Walking(walk)) if branch == TABLE_LOOKUP => Some(walk),
            (Phase::SelfLookup { walk, .. }, _) if branch == SELF_LOOKUP => Some(walk),
            (Phase::BucketRefresh { refresh, .. }, _) => refresh.walk_mut(branch),
            _ => None,
        }
    }

    pub(super) fn troubled(&mut self, peer: &Peer, branch: u16, trouble: Trouble) {
        if branch != GREETING {
            if let (Some(walk), Some(id)) = (self.walk_mut(branch), &peer.id) {
                walk.troubled(id, trouble);
            }
            return;
        }
        match trouble {
            Trouble::Failed(_) | Trouble::NotMade | Trouble::NotMadeYet(_) => {
                self.pending.retain(|greeted| greeted.addr != peer.addr);
            }
            Trouble::Silent => {
                for greeted in self.pending.iter_mut().filter(|g| g.addr == peer.addr) {
                    greeted.state = Patience::Silent;
                }
            }
            Trouble::AskedAgain(_) => {}
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

    /// Whether an answer to this branch leads the self-lookup to where it came from.
    pub(super) const fn follows(&self, branch: u16) -> bool {
        branch == GREETING
            && matches!(
                self.phase,
                Phase::Greeting { .. } | Phase::LookupRequested { .. } | Phase::SelfLookup { .. }
            )
    }

    /// Greets the next bootstrap contact.
    fn greet(&mut self) -> Option<Step> {
        let peer = self.todo.pop_front()?;
        self.pending.push(Greeted {
            addr: peer.addr,
            state: Patience::Waiting,
        });
        Some(Step::Ask(Question {
            peer,
            ask: Ask::Join,
            branch: GREETING,
            vouched: Vouched::Well,
        }))
    }

    /// What is to be done while no greeting has led to a self-lookup.
    fn greeting_step(&mut self, since: Instant) -> Step {
        if !self.answered.is_empty() || (self.pending.is_empty() && self.table_is_over()) {
            self.phase = Phase::LookupRequested { since };
            return Step::OpenUnseeded(self.own.neighbour());
        }
        if let TableLookup::Answered = self.table {
            self.phase = Phase::RefreshRequested { since };
            return Step::RefreshTargets(self.surroundings);
        }
        Step::Wait
    }

    /// What is to be done about the self-lookup from our own table, if anything is.
    fn table_step(&mut self, known: &Known<'_>) -> Option<Step> {
        match &mut self.table {
            TableLookup::Wanted => {
                self.table = TableLookup::Requested;
                Some(Step::Open(self.own.neighbour()))
            }
            TableLookup::Walking(walk) => {
                if let Some(question) = walk.next(TABLE_LOOKUP, known) {
                    return Some(Step::Ask(question));
                }
                if !walk.is_done() {
                    return None;
                }
                self.reach = walk.reach();
                let over = if walk.found_anyone() {
                    TableLookup::Answered
                } else {
                    TableLookup::Unanswered
                };
                match core::mem::replace(&mut self.table, over) {
                    TableLookup::Walking(walk) => Some(Step::Finished(Action::Walk(walk))),
                    TableLookup::Wanted
                    | TableLookup::Requested
                    | TableLookup::Answered
                    | TableLookup::Unanswered => None,
                }
            }
            TableLookup::Requested | TableLookup::Answered | TableLookup::Unanswered => None,
        }
    }

    const fn table_is_over(&self) -> bool {
        matches!(self.table, TableLookup::Answered | TableLookup::Unanswered)
    }

    /// Takes in neighbours that the self-lookup from our own table hears of, and may ask itself.
    fn hear_of_neighbours(&mut self, reply: &Reply<'_>) {
        let Some(named) = reply.nodes else {
            return;
        };
        for contact in named.iter() {
            if !self.neighbours.contains(&contact) {
                self.neighbours.push(contact);
            }
        }
        self.neighbours
            .sort_unstable_by_key(|contact| self.own.distance(&contact.id));
        self.neighbours.truncate(Self::NEIGHBOURS);
    }

    /// Whether no greeting is waited for any longer. Live contacts of our own make it unnecessary to
    /// wait for a bootstrap host that is down: upkeep tries that again.
    fn greetings_are_over(&self) -> bool {
        matches!(self.table, TableLookup::Answered) || self.pending.iter().all(Greeted::is_given_up)
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

/// Whether at least three quarters of those that an answer names are we and our neighbours, at the
/// addresses where we know them. What a cut has parted for long names none of the other part; in one
/// network a few are always new.
fn names_neighbours(reply: &Reply<'_>, own: &Id, neighbours: &[Contact]) -> bool {
    let is_known = |named: &Contact| named.id == *own || neighbours.contains(named);
    reply.nodes.is_some_and(|nodes| {
        let known = nodes.iter().filter(is_known).count();
        known > 0 && known * 4 >= nodes.iter().count() * 3
    })
}

impl Greeted {
    fn is_given_up(&self) -> bool {
        self.state == Patience::Silent
    }
}
