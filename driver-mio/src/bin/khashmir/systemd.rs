//! What a node and systemd tell each other: when it is ready, that it is alive, and which socket it is to
//! take. Without systemd nothing is told.

#[cfg(unix)]
pub(crate) use with::{alive, handed_over, ready, reloading, status, stopping, watchdog};
#[cfg(not(unix))]
pub(crate) use without::{alive, handed_over, ready, reloading, status, stopping, watchdog};

#[cfg(unix)]
mod with {
    use std::net::UdpSocket;
    use std::time::Duration;

    use listenfd::ListenFd;
    use sd_notify::{NotifyState, notify};

    use crate::failure::Failure;

    /// Tells that the node listens, and has taken over its settings.
    pub(crate) fn ready() {
        tell(&[NotifyState::Ready]);
    }

    /// Tells that it reads its settings again.
    pub(crate) fn reloading() {
        // Without the time at which it began, `Type=notify-reload` takes no notice.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// Tells that it ends.
    pub(crate) fn stopping() {
        tell(&[NotifyState::Stopping]);
    }

    /// Tells how it stands, in words for `systemctl status`.
    pub(crate) fn status(words: &str) {
        // A line end would begin another message.
        tell(&[NotifyState::Status(&words.replace(char::is_control, "?"))]);
    }

    /// Tells that it is alive.
    pub(crate) fn alive() {
        tell(&[NotifyState::Watchdog]);
    }

    /// The time within which systemd wants to hear that it is alive, if it does.
    pub(crate) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    /// The socket that systemd hands over, if it does. To be called before there are other threads, since
    /// it takes what it has read out of the environment.
    pub(crate) fn handed_over() -> Result<Option<UdpSocket>, Failure> {
        let mut handed = ListenFd::from_env();
        if handed.len() > 1 {
            let why = format!(
                "{} sockets are handed over, and a node takes one",
                handed.len()
            );
            return Err(Failure::Usage(why));
        }
        if handed.len() == 0 {
            return Ok(None);
        }
        handed.take_udp_socket(0).map_err(|error| {
            Failure::Usage(format!(
                "the socket that is handed over is no good: {error}"
            ))
        })
    }

    fn tell(states: &[NotifyState<'_>]) {
        // That the other end is gone is no reason to end as well.
        let _ = notify(states);
    }
}

/// Elsewhere there is no systemd.
#[cfg(not(unix))]
mod without {
    use std::net::UdpSocket;
    use std::time::Duration;

    use crate::failure::Failure;

    pub(crate) fn ready() {}

    pub(crate) fn reloading() {}

    pub(crate) fn stopping() {}

    pub(crate) fn status(_words: &str) {}

    pub(crate) fn alive() {}

    pub(crate) fn watchdog() -> Option<Duration> {
        None
    }

    pub(crate) fn handed_over() -> Result<Option<UdpSocket>, Failure> {
        Ok(None)
    }
}
