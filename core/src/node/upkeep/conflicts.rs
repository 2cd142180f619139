//! Identity conflicts: contacts whose identifier others claim from another address, as a node does
//! that has moved, and as a liar may.
//!
//! The one at the known address, the holder, is asked whether it is still there. Only if it does not
//! answer are the claimants asked, and the first that answers under the identifier has its place.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::probes::Probed;
use crate::contact::Contact;
use crate::id::Id;
use crate::memory::FreeWhenEmpty;
use crate::node::{Node, Probe};
use crate::routing::{Failed, Heard};
use crate::time::Instant;
use crate::wire::{Nodes, Reply};

/// The conflicts that are open or were so lately, by the identifier that is in question.
pub(in crate::node) struct IdentityConflicts {
    open: BTreeMap<Id, Conflict>,
    /// Conflicts at once; claims of further identifiers are not looked into.
    max: usize,
}

struct Conflict {
    /// Where the contact is known.
    holder: SocketAddr,
    state: HolderState,
    /// Until when the holder is not asked again, however many claim its identifier.
    asked_again_at: Instant,
    /// The claimants to ask if the holder does not answer, at most [`IdentityConflicts::CLAIMANTS`].
    claimants: Vec<SocketAddr>,
}

/// What is known of a holder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HolderState {
    /// Only third parties have said that it is elsewhere: that is remembered until the next
    /// checkpoint, in case it does not answer a call by then.
    Unchallenged,
    /// It has not failed to answer since the conflict began.
    Trusted,
    /// It did not answer: until then its place goes to a claimant that does.
    Silent { until: Instant },
}

/// What a claim leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// The holder is to be asked.
    AskHolder,
    /// The holder is silent: the claimant is to be asked, and if it has just answered it has won.
    AskClaimant,
    /// Nothing now. The claimant is remembered, if there was room for it.
    Noted,
}

impl IdentityConflicts {
    /// Claimants remembered of one identifier. The first that claim it are: a flood of claims does
    /// not drive out the one that has moved, and when the holder is silent all claimants are asked.
    const CLAIMANTS: usize = 4;
    /// How long a holder that did not answer may lose its place: long enough for a claimant whose
    /// first ping was lost to be asked again, and no longer, because the holder is not asked
    /// meanwhile and may be back.
    const SILENT_FOR: Duration = Duration::from_secs(30);

    pub(super) const fn new(max: usize) -> Self {
        Self {
            open: BTreeMap::new(),
            max,
        }
    }

    pub(super) fn stop(&mut self) {
        self.open = BTreeMap::new();
    }

    /// Takes in that the identifier of a contact is claimed from another address.
    fn claim(&mut self, now: Instant, holder: &Contact, claimant: SocketAddr) -> Claim {
        if self.is_full_for(holder) {
            return Claim::Noted;
        }
        let conflict = self.note(now, holder, claimant);
        match conflict.state {
            HolderState::Silent { until } if now < until => Claim::AskClaimant,
            HolderState::Silent { .. } | HolderState::Trusted | HolderState::Unchallenged => {
                conflict.state = HolderState::Trusted;
                if now < conflict.asked_again_at {
                    Claim::Noted
                } else {
                    Claim::AskHolder
                }
            }
        }
    }

    /// Takes in that a third party says that a contact is at another address.
    fn named(&mut self, now: Instant, holder: &Contact, elsewhere: SocketAddr) {
        if !self.is_full_for(holder) {
            self.note(now, holder, elsewhere);
        }
    }

    /// Notes that a holder is being asked, and when it may be asked again.
    fn asked(&mut self, holder: &Contact, again_at: Instant) {
        if let Some(conflict) = self.open.get_mut(&holder.id) {
            conflict.asked_again_at = again_at;
        }
    }

    /// Takes in that a contact answered: if it is a holder, the claimants of its identifier so far
    /// were wrong.
    fn answered(&mut self, contact: &Contact) {
        if let Some(conflict) = self.of_holder(contact) {
            conflict.state = HolderState::Trusted;
            conflict.claimants = Vec::new();
        }
    }

    /// Takes in that a contact did not answer: if it is a holder, gives the claimants of its identifier.
    fn silent(&mut self, now: Instant, contact: &Contact) -> Option<Vec<SocketAddr>> {
        let conflict = self.of_holder(contact)?;
        conflict.state = HolderState::Silent {
            until: now + Self::SILENT_FOR,
        };
        Some(core::mem::take(&mut conflict.claimants))
    }

    fn forget(&mut self, id: &Id) {
        self.open.remove(id);
    }

    /// Forgets the conflicts that are over, and gives the holders that may be asked again
    /// because their identifiers are claimed still.
    fn due(&mut self, now: Instant) -> Vec<Contact> {
        self.open
            .retain(|_, conflict| now < conflict.asked_again_at || conflict.is_claimed());
        self.open.free_when_empty();
        let due = self.open.iter();
        due.filter(|(_, conflict)| conflict.asked_again_at <= now)
            .map(|(id, conflict)| Contact::new(*id, conflict.holder))
            .collect()
    }

    fn is_full_for(&self, holder: &Contact) -> bool {
        self.open.len() >= self.max && !self.open.contains_key(&holder.id)
    }

    fn note(&mut self, now: Instant, holder: &Contact, claimant: SocketAddr) -> &mut Conflict {
        let conflict = self.open.entry(holder.id);
        let conflict = conflict.or_insert(Conflict::new(now, holder.addr));
        if conflict.holder != holder.addr {
            *conflict = Conflict::new(now, holder.addr);
        }
        let known = conflict.claimants.contains(&claimant);
        if !known && conflict.claimants.len() < Self::CLAIMANTS {
            conflict.claimants.push(claimant);
        }
        conflict
    }

    fn of_holder(&mut self, contact: &Contact) -> Option<&mut Conflict> {
        let conflict = self.open.get_mut(&contact.id);
        conflict.filter(|conflict| conflict.holder == contact.addr)
    }
}

impl Conflict {
    const fn new(now: Instant, holder: SocketAddr) -> Self {
        Self {
            holder,
            state: HolderState::Unchallenged,
            asked_again_at: now,
            claimants: Vec::new(),
        }
    }

    fn is_claimed(&self) -> bool {
        self.state != HolderState::Unchallenged && !self.claimants.is_empty()
    }
}

impl Node {
    /// Looks into a claim of a contact's identifier from another address.
    pub(in crate::node) fn identity_claimed(
        &mut self,
        holder: Contact,
        claimant: Contact,
        heard: Heard,
    ) {
        let claim = self
            .upkeep
            .conflicts
            .claim(self.now, &holder, claimant.addr);
        match (claim, heard) {
            (Claim::AskHolder, _) => self.ask_holder(holder),
            (Claim::AskClaimant, Heard::Asked) => {
                self.probe(claimant, Probe::Claimant);
            }
            (Claim::AskClaimant, Heard::Answered(_)) => self.claimant_answered(&holder),
            (Claim::Noted, _) => {}
        }
    }

    /// Remembers contacts that an answer names at another address than we know them at: no more than
    /// that, because anyone can name anyone anywhere.
    pub(in crate::node) fn note_elsewhere(&mut self, reply: &Reply<'_>) {
        let rules = self.rules();
        for named in reply.nodes.iter().flat_map(Nodes::iter) {
            if let Some(holder) = self.table.known_elsewhere(&named)
                && let Ok(elsewhere) = rules.admit(named.addr)
            {
                self.upkeep.conflicts.named(self.now, &holder, elsewhere);
            }
        }
    }

    /// Takes in that a contact answered at its known address.
    pub(in crate::node) fn holder_answered(&mut self, contact: &Contact) {
        self.upkeep.conflicts.answered(contact);
    }

    /// Asks the claimants of the identifier of a contact that did not answer.
    pub(in crate::node) fn holder_silent(&mut self, contact: &Contact) {
        let Some(claimants) = self.upkeep.conflicts.silent(self.now, contact) else {
            return;
        };
        for claimant in claimants {
            self.probe(Contact::new(contact.id, claimant), Probe::Claimant);
        }
        if !self.table.holds(contact) {
            self.upkeep.conflicts.forget(&contact.id);
        }
    }

    /// Asks the holders again whose identifiers are still claimed from elsewhere.
    pub(super) fn ask_holders_again(&mut self) {
        for holder in self.upkeep.conflicts.due(self.now) {
            if self.table.holds(&holder) {
                self.ask_holder(holder);
            } else {
                self.upkeep.conflicts.forget(&holder.id);
            }
        }
    }

    fn ask_holder(&mut self, holder: Contact) {
        if self.probe(holder, Probe::Holder) == Probed::Asked {
            let again_at = self.now + self.config.fresh;
            self.upkeep.conflicts.asked(&holder, again_at);
        }
    }

    /// Gives the place of a holder that did not answer to the claimant that just did: for the table
    /// that one is the best candidate.
    fn claimant_answered(&mut self, holder: &Contact) {
        let removed = self.table.remove(self.now, holder);
        self.upkeep.conflicts.forget(&holder.id);
        self.contact_removed(removed, holder);
    }

    /// Remembers where a contact was that has left the table, and asks the candidate for its place.
    pub(in crate::node) fn contact_removed(&mut self, failed: Failed, contact: &Contact) {
        match failed {
            Failed::Removed => self.contact_lost(contact.addr),
            Failed::RemovedFor(candidate) => {
                self.contact_lost(contact.addr);
                self.ask_candidates(candidate);
            }
            Failed::Kept | Failed::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::since_origin(Duration::from_secs(seconds))
    }

    fn addr(port: u16) -> SocketAddr {
        ([10, 9, 9, 9], port).into()
    }

    fn holder(first: u8) -> Contact {
        Contact::new(Id::new([first; 20]), ([10, 0, 0, first], 1).into())
    }

    #[test]
    fn conflicts_and_claimants_are_bounded() {
        let mut conflicts = IdentityConflicts::new(2);
        for first in 1..=2 {
            assert_eq!(
                conflicts.claim(at(0), &holder(first), addr(1)),
                Claim::AskHolder
            );
        }
        assert_eq!(conflicts.claim(at(0), &holder(3), addr(1)), Claim::Noted);
        conflicts.named(at(0), &holder(3), addr(1));
        assert_eq!(conflicts.open.len(), 2);
        for port in 2..=9 {
            conflicts.claim(at(0), &holder(1), addr(port));
        }
        let asked = conflicts.silent(at(1), &holder(1));
        assert_eq!(asked, Some((1..=4).map(addr).collect()));
        assert_eq!(
            conflicts.silent(at(1), &Contact::new(holder(1).id, addr(1))),
            None
        );
    }

    #[test]
    fn a_holder_is_asked_again_only_after_its_time_and_if_claims_go_on() {
        let mut conflicts = IdentityConflicts::new(9);
        conflicts.claim(at(0), &holder(1), addr(1));
        conflicts.asked(&holder(1), at(900));
        conflicts.answered(&holder(1));
        assert_eq!(conflicts.claim(at(899), &holder(1), addr(2)), Claim::Noted);
        assert_eq!(conflicts.due(at(899)), []);
        assert_eq!(conflicts.due(at(900)), [holder(1)]);
        conflicts.answered(&holder(1));
        assert_eq!(conflicts.due(at(900)), []);
        assert!(conflicts.open.is_empty());
    }

    #[test]
    fn what_others_say_is_remembered_until_the_next_checkpoint() {
        let mut conflicts = IdentityConflicts::new(9);
        conflicts.named(at(0), &holder(1), addr(1));
        assert_eq!(
            conflicts.silent(at(1), &holder(1)),
            Some(alloc::vec![addr(1)])
        );
        conflicts.named(at(0), &holder(2), addr(1));
        assert_eq!(conflicts.due(at(300)), []);
        assert!(conflicts.open.is_empty());
    }

    #[test]
    fn a_silent_holder_loses_its_place_only_for_a_while() {
        let mut conflicts = IdentityConflicts::new(9);
        conflicts.claim(at(0), &holder(1), addr(1));
        conflicts.asked(&holder(1), at(900));
        conflicts.silent(at(9), &holder(1));
        assert_eq!(
            conflicts.claim(at(38), &holder(1), addr(2)),
            Claim::AskClaimant
        );
        assert_eq!(conflicts.claim(at(39), &holder(1), addr(2)), Claim::Noted);
        assert_eq!(
            conflicts.claim(at(900), &holder(1), addr(2)),
            Claim::AskHolder
        );
    }
}
