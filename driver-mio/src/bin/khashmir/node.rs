//! `khashmir node`: runs a node until it is told to stop.

use std::collections::BTreeMap;
use std::io;
use std::net::UdpSocket;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use khashmir::{Event, Outcome};
use khashmir_mio::{DiskState, Driver, Gone, Handle, NewNode, Notice, Resolved};
use tracing::{info, warn};

use crate::args::NodeArgs;
use crate::data_dir;
use crate::failure::Failure;
use crate::log::{Log, LogFormat, LogLevel};
use crate::output;
use crate::seed;
use crate::settings::Settings;
use crate::signals::stop_on_signals;
use crate::trace::Verbosity;

/// What the main thread waits for.
enum Happening {
    /// Something about the node.
    Notice(Notice),
    /// The loop is over.
    Over(io::Result<()>),
    /// A signal says that it is to stop.
    Stop,
}

pub(crate) fn run(args: &NodeArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let settings = Settings::of(args)?;
    let (log, verbosity) = begin_log(&settings, verbosity)?;
    let (driver, node, disk) = make(&settings, verbosity)?;
    let (tell, told) = mpsc::channel();
    // Before any process can know that we run, and ask us to stop. Without a main thread there is no
    // process.
    let tell_stop = tell.clone();
    stop_on_signals(move || drop(tell_stop.send(Happening::Stop)))?;
    let tell_over = tell.clone();
    let run = move || {
        let ended = run_to_end(|| driver.run());
        let _ = tell_over.send(Happening::Over(ended));
    };
    thread::Builder::new()
        .name("khashmir".into())
        .spawn(run)
        .map_err(Failure::failed)?;
    let tell_notice = move |notice| {
        let _ = tell.send(Happening::Notice(notice));
    };
    node.subscribe(tell_notice).map_err(Failure::failed)?;
    output::say(&format!("listening {} id {}", node.local_addr(), node.id()));
    let version = env!("CARGO_PKG_VERSION");
    info!(target: "node", "version {version} listens at {} and is {}", node.local_addr(), node.id());
    let mut telling = Telling {
        presence: Presence::new(&settings),
        losses: Losses::default(),
        disk,
    };
    telling.tell_of_the_start(&node).map_err(Failure::failed)?;
    if !settings.bootstrap.is_empty() {
        node.bootstrap(settings.bootstrap)
            .map_err(Failure::failed)?;
    }
    loop {
        match told.recv_timeout(TICK) {
            Ok(Happening::Notice(notice)) => telling.tell_of(&notice, &node),
            Ok(Happening::Stop) => {
                info!(target: "node", "a signal says that it is to stop");
                // It may be over already; that is told next.
                let _ = node.leave().and_then(|()| node.shutdown());
            }
            Ok(Happening::Over(ended)) => {
                log.tell_left_out();
                return ended.map_err(Failure::failed);
            }
            Err(RecvTimeoutError::Timeout) => log.tell_left_out(),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// How often it is time for what nothing sets off.
const TICK: Duration = Duration::from_secs(10);

/// Begins to log. Lines of `-v` are no JSON: with that, it means the level that has as much.
fn begin_log(settings: &Settings, verbosity: Verbosity) -> Result<(Log, Verbosity), Failure> {
    let (format, level) = (settings.log_format, settings.log_level);
    let (level, shown) = match (format, verbosity) {
        (LogFormat::Json, Verbosity::Operations) => (LogLevel::Debug, Verbosity::Quiet),
        (LogFormat::Json, Verbosity::Datagrams) => (LogLevel::Trace, Verbosity::Quiet),
        (LogFormat::Json, Verbosity::Quiet) | (LogFormat::Plain | LogFormat::Full, _) => {
            (level, verbosity)
        }
    };
    Ok((Log::begin(level, format)?, shown))
}

/// Makes the node, and the loop that is to run it.
fn make(settings: &Settings, verbosity: Verbosity) -> Result<(Driver, Handle, Disk), Failure> {
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::failed(format_args!(
            "cannot listen at {}: {error}",
            settings.listen
        ))
    };
    let mut driver = Driver::new().map_err(|error| cannot(&error))?;
    let socket = UdpSocket::bind(settings.listen).map_err(|error| cannot(&error))?;
    let mut new = NewNode::new(settings.config.clone(), seed::drawn()?)
        .observed_by(verbosity.observer(""))
        .receive_buffer(settings.receive_buffer);
    let mut disk = Disk::default();
    if let Some((dir, opened)) = data_dir::open(settings)? {
        disk.dir = dir;
        new = new.stored_in(opened);
    }
    let node = driver.add_at(socket, new).map_err(|error| cannot(&error))?;
    Ok((driver, node, disk))
}

/// What the operator is told, and what that depends on.
struct Telling {
    presence: Presence,
    losses: Losses,
    disk: Disk,
}

impl Telling {
    /// Tells what may have happened before anybody listened.
    fn tell_of_the_start(&mut self, node: &Handle) -> Result<(), Gone> {
        if let Some(stats) = node.disk_stats()?
            && let DiskState::Failing(_) = &stats.state
        {
            warn!(target: "disk", "{}", self.disk.say(&stats.state));
        }
        let contacts = node.status()?.contacts;
        if contacts > 0 {
            self.tell_of(&Notice::Event(Event::Online { contacts }), node);
        }
        Ok(())
    }

    fn tell_of(&mut self, notice: &Notice, node: &Handle) {
        match self.presence.hear(notice) {
            Some(Say::Joined(contacts)) => {
                output::say(&format!("joined {contacts} contacts"));
                info!(target: "node", "joined {contacts} contacts");
            }
            Some(Say::Complaint(what)) => warn!(target: "node", "{what}"),
            None => {}
        }
        if let Notice::Disk(state) = notice {
            warn!(target: "disk", "{}", self.disk.say(state));
        }
        if let Notice::Event(Event::Checkpoint) = notice
            && let Ok(stats) = node.socket_stats()
            && let Some(what) = self.losses.hear(stats.dropped_by_system)
        {
            warn!(target: "socket", "{what}");
        }
    }
}

/// What is worth telling the operator of a node about its standing in the network.
struct Presence {
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
enum Say {
    Joined(usize),
    Complaint(String),
}

impl Presence {
    fn new(settings: &Settings) -> Self {
        Self {
            state: if settings.bootstrap.is_empty() {
                State::Alone
            } else {
                State::Joining
            },
            hosts: settings.bootstrap.iter().map(ToString::to_string).collect(),
            unresolved: BTreeMap::new(),
            loneliness: if settings.alone {
                Loneliness::Expected
            } else {
                Loneliness::Unwanted
            },
        }
    }

    fn hear(&mut self, notice: &Notice) -> Option<Say> {
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

/// Where the node keeps what must survive it.
#[derive(Default)]
struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// What to say when it fails, or works again.
    fn say(&self, state: &DiskState) -> String {
        let dir = self.dir.display();
        match state {
            DiskState::Writing => format!("{dir} can be written again; stores are accepted"),
            DiskState::Failing(why) => {
                format!("cannot write to {dir}: {why}; stores are refused until that works again")
            }
            _ => format!("{dir}: {state:?}"),
        }
    }
}

/// Datagrams that the system dropped because the node did not read them in time.
#[derive(Default)]
struct Losses {
    told: u64,
}

impl Losses {
    /// What to say when there are more than were told of.
    fn hear(&mut self, dropped: Option<u64>) -> Option<String> {
        let more = dropped?.saturating_sub(self.told);
        self.told += more;
        (more > 0).then(|| {
            format!("the system dropped {more} datagrams, because the receive buffer was full")
        })
    }
}

/// Runs the loop, whose end is an error when it panics: otherwise the process would stay for ever
/// without a node.
fn run_to_end(run: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // What it leaves behind is dropped with it.
    let ended = panic::catch_unwind(AssertUnwindSafe(run));
    ended.unwrap_or_else(|_| Err(io::Error::other("the loop has panicked")))
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

    #[test]
    fn datagrams_that_the_system_dropped_are_told_of_once() {
        let mut losses = Losses::default();
        assert_eq!(losses.hear(None), None);
        assert_eq!(losses.hear(Some(0)), None);
        let told = losses.hear(Some(7)).expect("it is worth telling");
        assert!(told.contains(" 7 datagrams"), "{told}");
        assert_eq!(losses.hear(Some(7)), None);
        let told = losses.hear(Some(9)).expect("it is worth telling");
        assert!(told.contains(" 2 datagrams"), "{told}");
    }

    #[test]
    fn a_loop_that_panics_has_ended() {
        let ended = run_to_end(|| panic!("on purpose"));
        assert!(ended.is_err_and(|error| error.to_string().contains("panicked")));
        assert!(run_to_end(|| Ok(())).is_ok());
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
