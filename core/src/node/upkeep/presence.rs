//! Whether a node is online, and how it joins again when it is not.

use super::recovery::Recovery;
use crate::node::active_operations::MaintenanceTask;
use crate::node::{Event, Life, Node};
use crate::operation::{Join, Operation};

/// Whether any contact is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::node) enum Presence {
    /// None is, as far as is known: the table is empty, or its contacts did not answer a join.
    #[default]
    Alone,
    /// A contact has answered. That is told once no join is under way.
    Answered,
    /// A contact has answered, and that was told.
    Online,
}

impl Presence {
    /// Takes in that a contact answered.
    pub(super) fn answered(&mut self) {
        if *self == Self::Alone {
            *self = Self::Answered;
        }
    }

    pub(super) const fn is_alone(self) -> bool {
        matches!(self, Self::Alone)
    }
}

/// Whether the closest nodes are of as many prefixes as they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::node) enum Variety {
    #[default]
    Enough,
    /// They are not, and that was told.
    FewPrefixes,
}

impl Node {
    /// Takes in that a lookup found too many nodes of one prefix, and no others.
    pub(in crate::node) fn note_few_prefixes(&mut self) {
        if self.upkeep.variety == Variety::Enough {
            self.upkeep.variety = Variety::FewPrefixes;
            self.outbox.event(Event::FewPrefixes);
        }
    }

    /// What restoring has made of us: contacts that answered lately vouch for the network.
    pub(in crate::node) fn presence_after_restore(&mut self) {
        if !self.table.is_empty() {
            self.upkeep.presence.answered();
        }
        self.settle();
    }

    /// The operation that joins and greets all known addresses. Whatever was planned is off.
    pub(in crate::node) fn joining(&mut self) -> Operation {
        let greetings = self.upkeep.recovery.greetings();
        Operation::Join(Join::new(self.own, greetings, self.neighbours()))
    }

    pub(super) fn rejoin(&mut self) {
        let joining = self.joining();
        if self.operations.joining().is_none() {
            self.begin_maintenance(MaintenanceTask::Rejoin, joining);
        }
    }

    /// A join had no answer: says so, and plans another, later each time.
    pub(super) fn still_alone(&mut self) {
        self.upkeep.presence = Presence::Alone;
        if self.can_rejoin() {
            self.upkeep.recovery.plan(self.now, &mut self.rng);
        }
        self.outbox.event(Event::Alone);
    }

    /// Notices when a contact is there, once a join under way is over, and when the last is lost.
    pub(super) fn update_presence(&mut self) {
        let contacts = self.table.len();
        if self.upkeep.presence == Presence::Online && contacts > 0 {
            return;
        }
        let joining = self.operations.joining().is_some();
        match self.upkeep.presence {
            Presence::Answered if contacts == 0 => self.upkeep.presence = Presence::Alone,
            Presence::Answered if !joining => {
                self.upkeep.presence = Presence::Online;
                self.outbox.event(Event::Online { contacts });
                self.check_all_kept();
            }
            Presence::Online if contacts == 0 => {
                self.upkeep.recovery.restart_waits();
                self.still_alone();
            }
            Presence::Alone | Presence::Answered | Presence::Online => {}
        }
        // Also after a join that was cancelled.
        let recovery: &Recovery = &self.upkeep.recovery;
        if self.upkeep.presence.is_alone()
            && !joining
            && !recovery.is_planned()
            && self.can_rejoin()
        {
            self.upkeep.recovery.plan(self.now, &mut self.rng);
        }
    }

    fn can_rejoin(&self) -> bool {
        let knows = !self.upkeep.recovery.remembered.is_empty() || !self.table.is_empty();
        knows && self.life == Life::Running
    }
}
