//! Whether a network that was cut apart is one again by itself: no node is told to join, and every
//! node that runs has to find every other.

use khashmir::{Command, Id, Outcome, Place};

use super::population::Member;
use super::run::Run;
use crate::checks::{Check, Violation};
use crate::host::HostId;
use crate::random::{Draw, topic};
use crate::world::Observer;

impl<W: Observer> Run<'_, W> {
    /// Others that one node looks up, at most: in larger networks a draw of them.
    const SOUGHT: usize = 32;

    /// Lets every node look up every other, all at the same moment, so that no lookup profits from
    /// another.
    pub(super) fn look_whether_whole(&mut self) -> Vec<Violation> {
        let sought = self.sought();
        let commands = sought
            .iter()
            .map(|(seeker, _, id)| (*seeker, Command::FindNode { target: *id }));
        let outcomes = self.outcomes(commands.collect());
        let found = sought.iter().zip(outcomes);
        let missed: Vec<(HostId, HostId)> = found
            .filter(|((_, host, id), outcome)| !is_found(outcome.as_ref(), *host, id))
            .map(|((seeker, host, _), _)| (*seeker, *host))
            .collect();
        let by_seeker = missed.chunk_by(|one, other| one.0 == other.0);
        let report = |missed: &[(HostId, HostId)]| {
            let (seeker, first) = missed.first()?;
            let all = sought.iter().filter(|(other, ..)| other == seeker).count();
            let what = format!(
                "misses {} of {all} others, {first} among them",
                missed.len()
            );
            Some(self.violation(*seeker, Check::Whole, what))
        };
        by_seeker.filter_map(report).collect()
    }

    /// Which node looks for which, in the order of the nodes that look.
    fn sought(&self) -> Vec<(HostId, HostId, Id)> {
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/whole")]);
        let living = self.population.living();
        let findable = |host: &HostId| {
            let member = self.population.member(*host);
            let member = member.filter(|member| Member::is_findable(member))?;
            Some((*host, member.id))
        };
        let findable: Vec<(HostId, Id)> = living.iter().filter_map(findable).collect();
        let mut sought = Vec::new();
        for seeker in living {
            let mut others = findable.clone();
            others.retain(|(host, _)| host != seeker);
            while others.len() > Self::SOUGHT {
                let at = usize::try_from(draw.below(others.len() as u64)).unwrap_or(0);
                others.swap_remove(at);
            }
            let others = others.into_iter();
            sought.extend(others.map(|(host, id)| (*seeker, host, id)));
        }
        sought
    }
}

/// Whether the closest node that a lookup found is the one that was looked for, where it is.
fn is_found(outcome: Option<&Outcome>, host: HostId, id: &Id) -> bool {
    let Some(Outcome::Found(places)) = outcome else {
        return false;
    };
    places.first().is_some_and(|place| match place {
        Place::There(contact) => contact.id == *id && contact.addr.ip() == host.ip(),
        Place::Here(_) => false,
    })
}
