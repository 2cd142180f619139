//! Ctrl-C: a run ends within a second, says what was done, and leaves no half-written file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use khashmir_sim::stop::Stop;

use super::output::complain;

/// What the program knows of its interruption, and what has to be done then. All clones are one.
#[derive(Clone, Default)]
pub(super) struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Ends the run.
    stop: Stop,
    /// The signal that came first; 0 before any.
    signal: AtomicU8,
    /// How far the run has come.
    done: Mutex<String>,
    /// Whether the interruption was told to the user.
    is_told: AtomicBool,
    /// Temporary files.
    files: Mutex<Vec<PathBuf>>,
}

impl Interrupt {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// Those of the system when it cannot be listened.
    pub(super) fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        listen(interrupt.clone())?;
        Ok(interrupt)
    }

    /// What ends the run when a signal comes.
    pub(super) fn stop(&self) -> Stop {
        self.0.stop.clone()
    }

    /// Notes how far the run has come, for the case that it cannot say so itself in time.
    pub(super) fn note(&self, done: String) {
        *lock(&self.0.done) = done;
    }

    /// Says that the run was interrupted, and how far it had come; gives the exit code. Nothing if no
    /// signal came.
    pub(super) fn end(&self) -> Option<ExitCode> {
        let signal = self.0.signal.load(Ordering::Acquire);
        (signal != 0).then(|| {
            self.tell();
            ExitCode::from(exit_code(signal))
        })
    }

    /// Ends the program after an interruption, whatever its other threads do.
    pub(super) fn exit(&self) -> ! {
        self.remove_files();
        process::exit(exit_code(self.0.signal.load(Ordering::Acquire)).into())
    }

    /// A temporary file that must not outlive the program.
    pub(super) fn remove_at_end(&self, file: &Path) {
        lock(&self.0.files).push(file.to_owned());
    }

    /// Removes a temporary file, if it is still there.
    pub(super) fn remove_now(&self, file: &Path) {
        lock(&self.0.files).retain(|other| other != file);
        // It fails when the file has its final name already.
        let _ = fs::remove_file(file);
    }

    fn remove_files(&self) {
        for file in lock(&self.0.files).iter() {
            let _ = fs::remove_file(file);
        }
    }

    fn tell(&self) {
        if self.0.is_told.swap(true, Ordering::AcqRel) {
            return;
        }
        let done = lock(&self.0.done).clone();
        if done.is_empty() {
            complain("interrupted before anything was done");
        } else {
            complain(&format!("interrupted: {done}"));
        }
    }
}

/// By custom, what a shell says of a program that a signal has ended.
const fn exit_code(signal: u8) -> u8 {
    128_u8.saturating_add(signal)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn listen(interrupt: Interrupt) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let named = std::thread::Builder::new().name("signals".into());
    named.spawn(move || {
        for signal in signals.forever() {
            let signal = u8::try_from(signal).unwrap_or(u8::MAX);
            interrupt.signal(signal);
        }
    })?;
    Ok(())
}

/// Elsewhere the system ends the program.
#[cfg(not(unix))]
fn listen(_interrupt: Interrupt) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
impl Interrupt {
    /// How long a run may take to end by itself after a signal.
    const GRACE: std::time::Duration = std::time::Duration::from_millis(700);
    /// How long standard error may take to accept a line.
    const LAST_WORD: std::time::Duration = std::time::Duration::from_millis(100);

    /// The first signal asks the run to end, and ends the program if that takes too long. The second
    /// ends the program at once.
    fn signal(&self, signal: u8) {
        let first = self
            .0
            .signal
            .compare_exchange(0, signal, Ordering::AcqRel, Ordering::Acquire);
        if first.is_err() {
            self.give_up(signal);
        }
        self.0.stop.request();
        let interrupt = self.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Self::GRACE);
            interrupt.give_up(signal);
        });
    }

    /// Ends the program, whatever its other threads do: they may never come back.
    fn give_up(&self, signal: u8) -> ! {
        self.remove_files();
        // Standard error may be a full pipe that nothing reads.
        let interrupt = self.clone();
        let said = std::thread::spawn(move || interrupt.tell());
        let begun = std::time::Instant::now();
        while !said.is_finished() && begun.elapsed() < Self::LAST_WORD {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        signal_hook::low_level::exit(exit_code(signal).into())
    }
}
