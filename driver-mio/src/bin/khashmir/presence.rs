//! What is worth telling the operator of a node about its standing in the network.

use std::collections::BTreeMap;

use khashmir::{Event, Outcome};
use khashmir_mio::{Notice, Resolved};

use crate::settings::Settings;

/// Whether a node is in a network, as far as its operator was told.
pub(crate) struct Presence {
    state: State,
    /// The hosts to join through.
    hosts: Vec<String>,
    /// Why those of them that stand for no address do not.
    unresolved: BTreeMap<String, String>,
    loneliness: Loneliness,
}

/// Whether being alone is as it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loneliness {
    Expected,
    Unwanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Our first join is under way.
    Joining,
    /// No contact is there, and that has been said if it was worth it.
    Alone,
    Online,
}

/// What to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Joined(usize),
    Complaint(String),
}

impl Presence {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut presence = Self {
            state: if settings.bootstrap.is_empty() {
                State::Alone
            } else {
                State::Joining
            },
            hosts: Vec::new(),
            unresolved: BTreeMap::new(),
            loneliness: Loneliness::Unwanted,
        };
        presence.expect(settings);
        presence
    }

    /// Takes in what the settings expect of it.
    pub(crate) fn expect(&mut self, settings: &Settings) {
        self.hosts = settings.bootstrap.iter().map(ToString::to_string).collect();
        self.loneliness = if settings.alone {
            Loneliness::Expected
        } else {
            Loneliness::Unwanted
        };
    }

    pub(crate) fn hear(&mut self, notice: &Notice) -> Option<Say> {
        match notice {
            Notice::Resolved(resolved) => {
                self.note(resolved);
                None
            }
            Notice::Event(Event::Ended {
                outcome: Outcome::Join(joined),
                ..
            }) => match (self.state, joined.contacts) {
                (State::Joining | State::Alone, 0) => self.alone("no node could be reached"),
                (State::Joining | State::Alone, contacts) => self.online(contacts),
                (State::Online, _) => None,
            },
            // The end of the join says it all.
            Notice::Event(_) if self.state == State::Joining => None,
            Notice::Event(Event::Online { contacts }) => self.online(*contacts),
            Notice::Event(Event::Alone) => self.alone("all contacts are lost"),
            Notice::Event(_) | Notice::Disk(_) => None,
            _ => None,
        }
    }

    fn online(&mut self, contacts: usize) -> Option<Say> {
        let news = self.state != State::Online;
        self.state = State::Online;
        news.then_some(Say::Joined(contacts))
    }

    fn alone(&mut self, what: &str) -> Option<Say> {
        let news = self.state != State::Alone && self.loneliness == Loneliness::Unwanted;
        self.state = State::Alone;
        news.then(|| {
            let mut hosts = self.hosts.clone();
            for host in &mut hosts {
                if let Some(why) = self.unresolved.get(host) {
                    *host += &format!(" ({why})");
                }
            }
            let hosts = if hosts.is_empty() {
                "the contacts of before".to_owned()
            } else {
                hosts.join(", ")
            };
            Say::Complaint(format!("{what}; trying {hosts} until one answers"))
        })
    }

    fn note(&mut self, resolved: &Resolved) {
        let name = resolved.name.to_string();
        match &resolved.addresses {
            Ok(_) => self.unresolved.remove(&name),
            Err(why) => self.unresolved.insert(name, why.to_string()),
        };
    }
}

#[cfg(test)]
mod tests {
    use khashmir::{Joined, OpId, QueryStats};

    use super::*;

    fn presence(command: &[&str]) -> Presence {
        let command = ["khashmir", "node"].iter().chain(command);
        let read = crate::args::read(command.map(Into::into)).expect("sound arguments");
        let crate::args::Asked::Work(cli) = read else {
            panic!("no help was asked for");
        };
        let crate::args::Command::Node(args) = cli.command else {
            panic!("a node was asked for");
        };
        Presence::new(&Settings::of(&args).expect("no file is read"))
    }

    fn join_ends(contacts: usize) -> Notice {
        let outcome = Outcome::Join(Joined {
            contacts,
            ..Joined::default()
        });
        Notice::Event(Event::Ended {
            op: OpId::from_number(1),
            outcome,
            query_stats: QueryStats::default(),
        })
    }

    const ALONE: Notice = Notice::Event(Event::Alone);

    fn online(contacts: usize) -> Notice {
        Notice::Event(Event::Online { contacts })
    }

    #[test]
    fn a_join_is_told_of_once_and_at_its_end() {
        let mut presence = presence(&["--bootstrap", "192.0.2.1:9"]);
        assert_eq!(presence.hear(&online(1)), None);
        assert_eq!(presence.hear(&join_ends(7)), Some(Say::Joined(7)));
        assert_eq!(presence.hear(&online(7)), None);
    }

    #[test]
    fn being_alone_is_complained_of_once_until_somebody_answers() {
        let mut presence = presence(&["--bootstrap", "192.0.2.1:9"]);
        assert_eq!(presence.hear(&ALONE), None);
        let complaint = presence.hear(&join_ends(0));
        assert_eq!(
            complaint,
            Some(Say::Complaint(
                "no node could be reached; trying 192.0.2.1:9 until one answers".to_owned()
            ))
        );
        assert_eq!(presence.hear(&ALONE), None);
        assert_eq!(presence.hear(&online(1)), Some(Say::Joined(1)));
        assert!(matches!(presence.hear(&ALONE), Some(Say::Complaint(_))));
        assert_eq!(presence.hear(&ALONE), None);
    }

    #[test]
    fn a_first_node_does_not_mind_being_alone() {
        let mut presence = presence(&["--alone"]);
        assert_eq!(presence.hear(&ALONE), None);
        assert_eq!(presence.hear(&online(1)), Some(Say::Joined(1)));
        assert_eq!(presence.hear(&ALONE), None);
    }
}
