//! What signals do to a node: SIGINT and SIGTERM end it, whatever hangs; SIGHUP lets it read its settings
//! again, and SIGUSR1 say how it stands.

use crate::failure::Failure;

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code))]
pub(crate) enum Said {
    /// SIGHUP: read the settings again. The terminal that a node was started from may have been closed.
    Reload,
    /// SIGUSR1: say how the node stands.
    Show,
    /// SIGINT or SIGTERM, the first of them.
    Stop,
}

/// Calls `hear` at each signal from now on, until one says that the node is to stop. When the process is
/// still there [`LONGEST_END`] after that, or at a second such signal, it ends at once, with the exit code
/// that shells give a process which a signal has ended.
#[cfg(unix)]
pub(crate) fn hear_signals(hear: impl Fn(Said) + Send + 'static) -> Result<(), Failure> {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
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
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGUSR1]).map_err(cannot)?;
    let listen = move || {
        for signal in signals.forever() {
            match signal {
                SIGHUP => hear(Said::Reload),
                SIGUSR1 => hear(Said::Show),
                _ => {
                    hear(Said::Stop);
                    thread::sleep(LONGEST_END);
                    // Without what else is done at the end of a process, since something of that hangs.
                    low_level::exit(ended_by(signal));
                }
            }
        }
    };
    let named = thread::Builder::new().name("signals".into());
    named.spawn(listen).map_err(cannot)?;
    Ok(())
}

/// Elsewhere the system ends the process, and the network finds out.
#[cfg(not(unix))]
pub(crate) fn hear_signals(_hear: impl Fn(Said) + Send + 'static) -> Result<(), Failure> {
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
