//! Lines for a stream that perhaps no process reads: a thread of its own writes them, and when too many
//! wait the oldest are lost and counted.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A bounded queue of lines, and the thread that writes them. Adding to it never blocks.
pub(crate) struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<String>,
    /// Of those that wait.
    bytes: usize,
    /// Lines that were lost since the thread last wrote.
    lost: u64,
    writing: Writing,
}

#[derive(Default, PartialEq, Eq)]
enum Writing {
    #[default]
    Idle,
    Busy,
}

impl Lines {
    /// Bytes that may wait.
    const MOST_BYTES: usize = 1 << 20;

    /// Starts the thread, which has everything written by `write`. What that fails at is lost.
    pub(crate) fn start(write: impl FnMut(&[u8]) + Send + 'static) -> io::Result<Arc<Self>> {
        let lines = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&lines);
        let named = thread::Builder::new().name("output".into());
        named.spawn(move || own.write_on(write))?;
        Ok(lines)
    }

    /// Adds a line, which ends with a line end.
    pub(crate) fn add(&self, line: String) {
        let mut state = self.lock();
        state.bytes += line.len();
        state.waiting.push_back(line);
        while state.bytes > Self::MOST_BYTES
            && let Some(oldest) = state.waiting.pop_front()
        {
            state.bytes -= oldest.len();
            state.lost += 1;
        }
        self.changed.notify_all();
    }

    /// Waits until everything is written, but not longer than that.
    pub(crate) fn flush(&self, patience: Duration) {
        let is_behind =
            |state: &mut State| !state.waiting.is_empty() || state.writing == Writing::Busy;
        // A thread that has waited in vain goes on all the same.
        let _ = self
            .changed
            .wait_timeout_while(self.lock(), patience, is_behind);
    }

    fn write_on(&self, mut write: impl FnMut(&[u8])) {
        loop {
            let batch = self.next_batch();
            write(batch.as_bytes());
            self.lock().writing = Writing::Idle;
            self.changed.notify_all();
        }
    }

    /// All lines that wait, once there are some.
    fn next_batch(&self) -> String {
        let is_idle = |state: &mut State| state.waiting.is_empty();
        let waited = self.changed.wait_while(self.lock(), is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let mut batch = String::new();
        if state.lost > 0 {
            batch = format!(
                "khashmir: {} lines are missing here, because nobody read them in time\n",
                state.lost
            );
        }
        batch.extend(state.waiting.drain(..));
        (state.bytes, state.lost) = (0, 0);
        state.writing = Writing::Busy;
        batch
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn lines_that_nobody_reads_are_lost_and_counted_and_the_latest_are_kept() {
        let (tell, written) = mpsc::channel();
        let (release, hold) = mpsc::channel::<()>();
        let write = move |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).expect("text");
            tell.send(text).expect("the test listens");
            // Until a process reads.
            let _ = hold.recv();
        };
        let lines = Lines::start(write).expect("a thread");
        lines.add("first\n".to_owned());
        assert_eq!(written.recv().expect("it is written"), "first\n");
        let line = format!("{}\n", "x".repeat(1023));
        let fit = Lines::MOST_BYTES / line.len();
        for _ in 0..fit + 3 {
            lines.add(line.clone());
        }
        lines.add("last\n".to_owned());
        lines.flush(Duration::from_millis(10));
        drop(release);
        let rest = written.recv().expect("it is written");
        let (notice, rest) = rest.split_once('\n').expect("a line");
        assert!(notice.contains(" 4 lines are missing"), "{notice}");
        assert_eq!(rest.lines().count(), fit);
        assert!(rest.ends_with("x\nlast\n"));
        lines.flush(Duration::from_secs(20));
        assert!(lines.lock().waiting.is_empty());
    }
}
