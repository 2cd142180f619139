//! `khashmir node`: runs a node until it is told to stop.

use std::io;
use std::net::UdpSocket;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use khashmir::Event;
use khashmir_mio::{DiskState, Driver, Gone, Handle, NewNode, Notice};
use tracing::{info, warn};

use crate::args::NodeArgs;
use crate::data_dir;
use crate::failure::Failure;
use crate::life;
use crate::log::{Log, LogFormat, LogLevel};
use crate::output;
use crate::presence::{Presence, Say};
use crate::seed;
use crate::settings::Settings;
use crate::signals::{Said, hear_signals};
use crate::systemd;
use crate::trace::Verbosity;

/// What the main thread waits for.
enum Happening {
    /// Something about the node.
    Notice(Notice),
    /// The loop is over.
    Over(io::Result<()>),
    /// A signal says this.
    Signal(Said),
}

pub(crate) fn run(args: &NodeArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let handed_over = systemd::handed_over()?;
    let settings = Settings::of(args)?;
    let (log, verbosity) = begin_log(&settings, verbosity)?;
    let (driver, node, disk) = make(&settings, handed_over, verbosity)?;
    let (tell, told) = mpsc::channel();
    // Before any process can know that we run, and ask us to stop. Without a main thread there is no
    // process.
    let tell_signal = tell.clone();
    hear_signals(move |said| drop(tell_signal.send(Happening::Signal(said))))?;
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
        let hosts = settings.bootstrap.clone();
        node.bootstrap(hosts).map_err(Failure::failed)?;
    }
    systemd::ready();
    let mut attended = Attended {
        args,
        settings,
        node,
        log,
        telling,
    };
    attended.attend(&told).map_err(Failure::failed)
}

/// A node that runs, and what it takes to look after it.
struct Attended<'a> {
    args: &'a NodeArgs,
    settings: Settings,
    node: Handle,
    log: Log,
    telling: Telling,
}

impl Attended<'_> {
    /// Looks after the node until its loop is over.
    fn attend(&mut self, told: &Receiver<Happening>) -> io::Result<()> {
        let mut pulse = Pulse::begin();
        loop {
            if pulse.is_due() {
                self.log.tell_left_out();
                // Only a loop that takes notice of us is alive.
                if self.node.status().is_ok() {
                    systemd::alive();
                }
            }
            match told.recv_timeout(pulse.patience()) {
                Ok(Happening::Notice(notice)) => self.telling.tell_of(&notice, &self.node),
                // A node that is over does not do what a signal says; that is told next.
                Ok(Happening::Signal(said)) => drop(self.obey(said)),
                Ok(Happening::Over(ended)) => {
                    self.log.tell_left_out();
                    return ended;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn obey(&mut self, said: Said) -> Result<(), Gone> {
        match said {
            Said::Reload => {
                let settings = &mut self.settings;
                let reloaded = life::reload(self.args, settings, &self.node, &self.log);
                self.telling.presence.expect(settings);
                reloaded
            }
            Said::Show => life::show(&self.settings, &self.node),
            Said::Stop => {
                info!(target: "node", "a signal says that it is to stop");
                systemd::stopping();
                self.node.leave()?;
                self.node.shutdown()
            }
        }
    }
}

/// When it is time for what nothing sets off.
struct Pulse {
    every: Duration,
    next: Instant,
}

impl Pulse {
    fn begin() -> Self {
        // Twice at least in the time that systemd waits.
        let every = systemd::watchdog().map_or(TICK, |limit| TICK.min(limit / 3));
        let every = every.max(Duration::from_millis(1));
        let next = Instant::now() + every;
        Self { every, next }
    }

    fn patience(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Whether it is time, which it is again later.
    fn is_due(&mut self) -> bool {
        let due = self.patience().is_zero();
        if due {
            self.next = Instant::now() + self.every;
        }
        due
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
fn make(
    settings: &Settings,
    handed_over: Option<UdpSocket>,
    verbosity: Verbosity,
) -> Result<(Driver, Handle, Disk), Failure> {
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::failed(format_args!(
            "cannot listen at {}: {error}",
            settings.listen
        ))
    };
    let mut driver = Driver::new().map_err(|error| cannot(&error))?;
    let socket = match handed_over {
        Some(socket) => socket,
        None => UdpSocket::bind(settings.listen).map_err(|error| cannot(&error))?,
    };
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
                systemd::status(&format!("joined {contacts} contacts"));
            }
            Some(Say::Complaint(what)) => {
                warn!(target: "node", "{what}");
                systemd::status(&what);
            }
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
    use super::*;

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
}
