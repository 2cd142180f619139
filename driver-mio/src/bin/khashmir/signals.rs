//! What signals do to a node: SIGINT and SIGTERM end it, whatever hangs, and SIGHUP does not.

use crate::failure::Failure;

/// Calls `stop` at the first SIGINT or SIGTERM from now on. When the process is still there
/// [`LONGEST_END`] later, or at a second such signal, it ends at once, with the exit code that shells give
/// a process which a signal has ended.
///
/// The terminal that a node was started from may be closed: SIGHUP does nothing.
#[cfg(unix)]
pub(crate) fn stop_on_signals(stop: impl Fn() + Send + 'static) -> Result<(), Failure> {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag::{register, register_conditional_shutdown};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;

    let cannot = |error| Failure::failed(format_args!("cannot listen to signals: {error}"));
    let ending = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The handlers of a signal run in this order: the first signal finds the flag unset.
        register_conditional_shutdown(signal, ended_by(signal), Arc::clone(&ending))
            .map_err(cannot)?;
        register(signal, Arc::clone(&ending)).map_err(cannot)?;
    }
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(cannot)?;
    let listen = move || {
        if let Some(signal) = signals.forever().find(|signal| *signal != SIGHUP) {
            stop();
            thread::sleep(LONGEST_END);
            // Without what else is done at the end of a process, since something of that hangs.
            low_level::exit(ended_by(signal));
        }
    };
    let named = thread::Builder::new().name("signals".into());
    named.spawn(listen).map_err(cannot)?;
    Ok(())
}

/// Elsewhere the system ends the process, and the network finds out.
#[cfg(not(unix))]
pub(crate) fn stop_on_signals(_stop: impl Fn() + Send + 'static) -> Result<(), Failure> {
    Ok(())
}

/// How long a node may take for an orderly end.
#[cfg(unix)]
const LONGEST_END: std::time::Duration = std::time::Duration::from_secs(4);

/// The exit code of a process that this signal has ended: by the convention of shells 128 more.
#[cfg(unix)]
const fn ended_by(signal: i32) -> i32 {
    128 + signal
}
