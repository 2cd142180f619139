//! A spread over a fixed list: ask those on it, in order, until a quota is met.
//!
//! Each one on the list is expected to contribute some share of the quota. No more are asked at a
//! time than could meet it together; a failure brings in the next.

use alloc::vec::Vec;

use crate::contact::Contact;
use crate::id::Id;

/// The state of a contact on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not asked yet.
    Fresh,
    /// Asked.
    Waiting,
    /// Asked, and given up; its answer would still count.
    Silent,
    Answered,
    /// Did not answer, or not as it should.
    Failed,
}

struct Member {
    contact: Contact,
    state: State,
    /// What it is expected to contribute.
    share: u64,
}

/// A list of contacts being asked until enough has come in.
pub(crate) struct Spread {
    members: Vec<Member>,
    alpha: usize,
    quota: u64,
    credit: u64,
}

impl Spread {
    /// A spread that is over when contributions add up to `quota`, asking `alpha` at a time.
    pub(crate) const fn new(quota: u64, alpha: usize) -> Self {
        Self {
            members: Vec::new(),
            alpha,
            quota,
            credit: 0,
        }
    }

    /// Puts a contact at the end of the list.
    pub(crate) fn push(&mut self, contact: Contact, share: u64) {
        self.members.push(Member {
            contact,
            state: State::Fresh,
            share,
        });
    }

    /// The contact to ask now, if there is one.
    pub(crate) fn next(&mut self) -> Option<Contact> {
        let mut in_flight = 0;
        let mut expected = self.credit;
        for member in &self.members {
            if member.state == State::Waiting {
                expected = expected.saturating_add(member.share);
                in_flight += 1;
            }
        }
        if expected >= self.quota || in_flight >= self.alpha {
            return None;
        }
        let next = self
            .members
            .iter_mut()
            .find(|member| member.state == State::Fresh)?;
        next.state = State::Waiting;
        Some(next.contact)
    }

    /// Reports that a contact answered. False for one that was not being asked.
    pub(crate) fn answered(&mut self, id: &Id) -> bool {
        match self.find(id) {
            Some(member) if matches!(member.state, State::Waiting | State::Silent) => {
                member.state = State::Answered;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Adds a contribution.
    pub(crate) const fn credit(&mut self, contribution: u64) {
        self.credit = self.credit.saturating_add(contribution);
    }

    /// Takes back a contribution that came to nothing.
    pub(crate) const fn debit(&mut self, contribution: u64) {
        self.credit = self.credit.saturating_sub(contribution);
    }

    /// Reports that a contact that is asked is given up, though it may still answer.
    pub(crate) fn silent(&mut self, id: &Id) {
        if let Some(member) = self.find(id)
            && member.state == State::Waiting
        {
            member.state = State::Silent;
        }
    }

    /// Reports that a contact that is asked failed.
    pub(crate) fn failed(&mut self, id: &Id) {
        if let Some(member) = self.find(id)
            && matches!(member.state, State::Waiting | State::Silent)
        {
            member.state = State::Failed;
        }
    }

    /// Whether the quota is met, or no contact is left to meet it. As long as none has answered, the
    /// spread waits for those that are silent: a result that may come late is better than none.
    pub(crate) fn is_done(&self) -> bool {
        let answered = self
            .members
            .iter()
            .any(|member| member.state == State::Answered);
        let open = |member: &Member| match member.state {
            State::Fresh | State::Waiting => true,
            State::Silent => !answered,
            State::Answered | State::Failed => false,
        };
        self.credit >= self.quota || !self.members.iter().any(open)
    }

    fn find(&mut self, id: &Id) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.contact.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(first: u8) -> Contact {
        Contact::new(Id::new([first; 20]), ([10, 0, 0, first], 1).into())
    }

    fn spread(quota: u64, alpha: usize, members: &[u8]) -> Spread {
        let mut spread = Spread::new(quota, alpha);
        for first in members {
            spread.push(contact(*first), 1);
        }
        spread
    }

    fn asked(spread: &mut Spread) -> Vec<u8> {
        core::iter::from_fn(|| spread.next())
            .map(|c| c.id.as_bytes()[0])
            .collect()
    }

    fn accepts(spread: &mut Spread, first: u8) {
        assert!(spread.answered(&contact(first).id));
        spread.credit(1);
    }

    #[test]
    fn a_failure_brings_in_the_next_until_the_quota_is_met() {
        let mut spread = spread(2, 8, &[1, 2, 3, 4]);
        assert_eq!(asked(&mut spread), [1, 2]);
        spread.failed(&contact(1).id);
        assert_eq!(asked(&mut spread), [3]);
        accepts(&mut spread, 2);
        assert_eq!(asked(&mut spread), [0_u8; 0]);
        accepts(&mut spread, 3);
        assert!(spread.is_done());
    }

    #[test]
    fn a_silent_one_brings_in_the_next_and_still_counts_when_it_answers() {
        let mut spread = spread(1, 8, &[1, 2]);
        assert_eq!(asked(&mut spread), [1]);
        spread.silent(&contact(1).id);
        assert_eq!(asked(&mut spread), [2]);
        accepts(&mut spread, 1);
        assert!(spread.is_done());
    }

    #[test]
    fn when_nobody_has_answered_those_who_are_silent_are_waited_for() {
        let mut spread = spread(2, 8, &[1, 2]);
        assert_eq!(asked(&mut spread), [1, 2]);
        spread.silent(&contact(1).id);
        spread.silent(&contact(2).id);
        assert!(!spread.is_done());
        accepts(&mut spread, 2);
        assert!(spread.is_done());
    }

    #[test]
    fn it_ends_when_nobody_is_left() {
        let mut spread = spread(5, 1, &[1, 2]);
        assert_eq!(asked(&mut spread), [1]);
        spread.silent(&contact(1).id);
        assert_eq!(asked(&mut spread), [2]);
        spread.failed(&contact(2).id);
        assert!(!spread.is_done());
        spread.failed(&contact(1).id);
        assert!(spread.is_done());
        assert_eq!(spread.credit, 0);
    }
}
