//! A retrieval: which holders of a key are asked for its values, and which are asked again, until there
//! are as many values as they count.
//!
//! A holder counts by what it brought, never by what it claims: one that comes empty-handed is passed
//! over. A holder that counts more values than fit into one answer is asked again for a random choice
//! of them. How many of its values are still unseen is estimated as animals are counted by marking them:
//! what it sends is a sample of what it holds, so if others brought all of the sample, they brought
//! nearly all of the rest, too.

mod holder;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use holder::{Extent, Holder, State};

use crate::config::{Limits, Retrieve};
use crate::contact::Contact;
use crate::id::Id;
use crate::value::Value;

/// The values of a key found so far, and the holders that are asked for them.
pub(crate) struct Retrieval {
    key: Id,
    retrieve: Retrieve,
    bounds: Bounds,
    /// In the order in which they were found: at most [`Limits::GET_HOLDERS`] times K.
    holders: Vec<Holder>,
    /// Every value once, with a bit for each holder that brought it, and one for our own node.
    found: BTreeMap<Value, u128>,
    /// How many count already without being asked: our own node, if it does.
    own: usize,
    /// Those that nobody was told of yet.
    untold: Vec<Value>,
    /// How many answers of holders that were asked again they came with.
    held_back: usize,
}

/// How much a retrieval asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) k: usize,
    /// Calls in flight.
    pub(crate) alpha: usize,
    /// How often holders may be asked again, all together.
    pub(crate) repeats: usize,
}

/// A holder to ask, and for how many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) contact: Contact,
    /// As `get_value` has it: 0 for all.
    pub(crate) num: i64,
}

impl Retrieval {
    /// A retrieval with the values that our own node has.
    pub(crate) fn new(key: Id, retrieve: Retrieve, bounds: Bounds, own: Vec<Value>) -> Self {
        let mut retrieval = Self {
            key,
            retrieve,
            bounds,
            holders: Vec::new(),
            found: BTreeMap::new(),
            own: 0,
            untold: Vec::new(),
            held_back: 0,
        };
        for value in own {
            retrieval.find(value, OWN);
        }
        retrieval.held_back = Limits::GET_BATCH;
        retrieval
    }

    /// Takes in that a node says how many values it holds. While the walk goes on, only the first K of
    /// those are taken that are among the closest.
    pub(crate) fn heard_of(&mut self, contact: Contact, count: u64) {
        // The values of holders that are far away must not use up a number that is asked for.
        let waits = matches!(self.retrieve, Retrieve::AtMost(_));
        if !waits && self.holders.len() < self.bounds.k {
            self.add(contact, count);
        }
    }

    /// Takes in which nodes are the closest, and how many values they count. Others no longer matter.
    pub(crate) fn settle(&mut self, closest: &[(Contact, u64)]) {
        for holder in &mut self.holders {
            if !closest
                .iter()
                .any(|(contact, _)| contact.id == holder.contact.id)
            {
                holder.state = State::Far;
            }
        }
        for (contact, count) in closest.iter().take(self.bounds.k) {
            self.add(*contact, *count);
        }
        self.estimate_unseen();
    }

    /// Takes in that our own node is one of the closest.
    pub(crate) fn settle_here(&mut self) {
        self.own = usize::from(self.found.values().any(|by| by & OWN != 0));
    }

    /// The holder to ask while the walk goes on, if there is one.
    pub(crate) fn next_early(&mut self, is_close: impl Fn(&Id) -> bool) -> Option<Wanted> {
        if self.in_flight() >= self.bounds.alpha.min(self.bounds.k) || self.expects_enough() {
            return None;
        }
        self.ask_first(is_close)
    }

    /// The holder to ask once the closest are known, if there is one: the closest not yet asked, or
    /// one again that has more, of those the one that was asked least.
    pub(crate) fn next(&mut self) -> Option<Wanted> {
        if self.in_flight() >= self.bounds.alpha {
            return None;
        }
        if !self.expects_enough()
            && let Some(first) = self.ask_first(|_| true)
        {
            return Some(first);
        }
        self.ask_again()
    }

    /// How many holders are being asked that may well answer.
    pub(crate) fn in_flight(&self) -> usize {
        let waiting = |holder: &&Holder| holder.state == State::Waiting;
        self.holders.iter().filter(waiting).count()
    }

    /// Takes in what a holder sent. Answers that were not asked for, or of holders that no longer
    /// matter, say nothing.
    pub(crate) fn answered(&mut self, id: &Id, values: Vec<Value>) {
        let Some(at) = self.position(id) else {
            return;
        };
        if !matches!(self.holders[at].state, State::Waiting | State::Silent) {
            return;
        }
        let (mut sent, mut new) = (0_u64, 0);
        for value in values {
            let before = self.found.get(&value).copied();
            sent += 1;
            new += u64::from(before.unwrap_or(0) & bit(at) == 0);
            self.find(value, bit(at));
        }
        let holder = &mut self.holders[at];
        holder.answered(sent, new);
        self.held_back = match holder.asked {
            1 => Limits::GET_BATCH,
            _ => self.held_back + 1,
        };
        self.estimate_unseen();
    }

    /// Reports that a holder that is asked is given up, though it may still answer.
    pub(crate) fn silent(&mut self, id: &Id) {
        if let Some(at) = self.position(id)
            && self.holders[at].state == State::Waiting
        {
            self.holders[at].state = State::Silent;
        }
    }

    /// Reports that a holder that is asked answered with an error.
    pub(crate) fn refused(&mut self, id: &Id) {
        let at = self.position(id);
        match at.map(|at| &mut self.holders[at]) {
            Some(holder) if holder.may_send_fewer() => {
                holder.state = State::Refused;
            }
            Some(_) | None => self.failed(id),
        }
    }

    /// Reports that a holder that is asked failed.
    pub(crate) fn failed(&mut self, id: &Id) {
        if let Some(at) = self.position(id)
            && matches!(self.holders[at].state, State::Waiting | State::Silent)
        {
            self.holders[at].state = State::Failed;
        }
    }

    /// Whether there is enough, or no holder is left that has more. As long as none has brought
    /// anything, those that are silent are waited for: a value that may come late is better than none.
    pub(crate) fn is_done(&self) -> bool {
        if let Retrieve::AtMost(values) = self.retrieve
            && self.found.len() >= values
        {
            return true;
        }
        let enough = self.has_enough();
        let found_any = self.counting().next().is_some();
        let may_repeat = self.bounds.repeats > 0;
        let is_open = |holder: &Holder| match holder.state {
            State::Fresh => !enough,
            State::Waiting => !enough || holder.unseen > 0,
            State::Silent => !found_any,
            State::Answered => may_repeat && holder.unseen > 0,
            State::Refused => may_repeat && !enough,
            State::Exhausted | State::Failed | State::Far => false,
        };
        !self.holders.iter().any(is_open)
    }

    /// How many values the holders count beyond those that were found.
    pub(crate) fn missing(&self) -> u64 {
        let unseen = self.holders.iter().map(|holder| holder.unseen).max();
        let found = self.found.len() as u64;
        let unreached = self.holders.iter().map(|holder| match holder.state {
            State::Answered | State::Exhausted | State::Far => 0,
            State::Fresh | State::Waiting | State::Silent | State::Refused | State::Failed => {
                holder.count
            }
        });
        let missing = if self.counting().next().is_none() {
            unreached.max().unwrap_or(0).saturating_sub(found)
        } else {
            unseen.unwrap_or(0)
        };
        match self.retrieve {
            Retrieve::AtMost(values) => missing.min(values as u64 - found),
            Retrieve::All | Retrieve::Closest(_) => missing,
        }
    }

    /// The values to tell of now: at once what holders bring when they are asked first, a few answers
    /// together what they bring when they are asked again, and everything when it is over.
    pub(crate) fn take_untold(&mut self, now: Told) -> Option<Vec<Value>> {
        let due = now == Told::Everything || self.held_back >= Limits::GET_BATCH;
        if self.untold.is_empty() || !due {
            return None;
        }
        self.held_back = 0;
        Some(core::mem::take(&mut self.untold))
    }

    /// The values that were told of.
    pub(crate) fn told(&self) -> Vec<Value> {
        let told = |value: &&Value| !self.untold.contains(value);
        self.found.keys().filter(told).cloned().collect()
    }

    /// How many were.
    pub(crate) fn told_count(&self) -> usize {
        self.found.len() - self.untold.len()
    }

    fn add(&mut self, contact: Contact, count: u64) {
        let known = self.position(&contact.id).is_some();
        if count == 0 || known || self.holders.len() >= self.bounds.k * Limits::GET_HOLDERS {
            return;
        }
        let distance = self.key.distance(&contact.id);
        self.holders.push(Holder::new(contact, distance, count));
    }

    fn find(&mut self, value: Value, by: u128) {
        if let Some(bringers) = self.found.get_mut(&value) {
            *bringers |= by;
        } else if self.found.len() < self.most_values() {
            self.untold.push(value.clone());
            self.found.insert(value, by);
        }
    }

    const fn most_values(&self) -> usize {
        match self.retrieve {
            Retrieve::AtMost(values) => values,
            Retrieve::All | Retrieve::Closest(_) => usize::MAX,
        }
    }

    fn ask_first(&mut self, is_close: impl Fn(&Id) -> bool) -> Option<Wanted> {
        let missing = match self.retrieve {
            Retrieve::AtMost(values) => (values - self.found.len()) as u64,
            Retrieve::All | Retrieve::Closest(_) => u64::MAX,
        };
        let may_be_asked =
            |holder: &&mut Holder| holder.state == State::Fresh && is_close(&holder.contact.id);
        let fresh = self.holders.iter_mut().filter(may_be_asked);
        let holder = fresh.min_by_key(|holder| holder.distance)?;
        // All, unless fewer are missing than it holds.
        let num = if missing < holder.count { missing } else { 0 };
        Some(holder.ask(num))
    }

    fn ask_again(&mut self) -> Option<Wanted> {
        let enough = self.expects_enough();
        let left = self.bounds.repeats.checked_sub(1)?;
        if enough && matches!(self.retrieve, Retrieve::AtMost(_)) {
            return None;
        }
        let has_more = |holder: &&mut Holder| match holder.state {
            State::Answered => holder.unseen > 0,
            State::Refused => !enough,
            State::Fresh
            | State::Waiting
            | State::Silent
            | State::Exhausted
            | State::Failed
            | State::Far => false,
        };
        let more = self.holders.iter_mut().filter(has_more);
        let holder = more.min_by_key(|holder| (holder.asked, holder.distance))?;
        self.bounds.repeats = left;
        Some(holder.ask_again())
    }

    /// Whether what was found is enough.
    fn has_enough(&self) -> bool {
        match self.retrieve {
            Retrieve::All => false,
            Retrieve::AtMost(values) => self.found.len() >= values,
            Retrieve::Closest(nodes) => self.own + self.counting().count() >= nodes,
        }
    }

    /// Whether it is, together with what those bring that are being asked.
    fn expects_enough(&self) -> bool {
        let waiting = || self.holders.iter().filter(|h| h.state == State::Waiting);
        match self.retrieve {
            Retrieve::All => false,
            Retrieve::AtMost(values) => {
                let found = self.found.len() as u64;
                let expected = waiting().fold(found, |sum, h| sum.saturating_add(h.count));
                expected >= values as u64
            }
            Retrieve::Closest(nodes) => {
                let first = waiting().filter(|holder| holder.brought == 0).count();
                self.own + self.counting().count() + first >= nodes
            }
        }
    }

    /// The holders that brought values.
    fn counting(&self) -> impl Iterator<Item = &Holder> {
        let counts = |holder: &&Holder| holder.state != State::Far && holder.brought > 0;
        self.holders.iter().filter(counts)
    }

    /// Estimates for each holder that brought some of its values how many more there are that were not
    /// found: at least as many as it counts beyond all that holders like it brought.
    fn estimate_unseen(&mut self) {
        let in_parts = self.bits_of(|holder| holder.extent == Extent::InParts);
        let crowd = self.found.values().filter(|by| *by & in_parts != 0);
        let crowd = crowd.count() as u64;
        for (at, holder) in self.holders.iter_mut().enumerate() {
            let alone = self.found.values().filter(|by| **by == bit(at)).count() as u64;
            holder.estimate_unseen(alone, crowd);
        }
    }

    fn bits_of(&self, is: impl Fn(&Holder) -> bool) -> u128 {
        let all = self.holders.iter().enumerate();
        all.filter(|(_, holder)| is(holder))
            .fold(0, |bits, (at, _)| bits | bit(at))
    }

    fn position(&self, id: &Id) -> Option<usize> {
        self.holders
            .iter()
            .position(|holder| holder.contact.id == *id)
    }
}

/// What is to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// What is due.
    Due,
    /// All that there is.
    Everything,
}

/// The bit of our own node.
const OWN: u128 = 1 << 127;

/// The bit of a holder: there are at most 64, as K is at most 32.
const fn bit(at: usize) -> u128 {
    1 << at
}

#[cfg(test)]
mod tests;
