//! Lines on standard output and standard error, also when no process reads them.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::failure::Failure;
use crate::lines::Lines;

/// Writes a line to standard output, where it appears at once.
pub(crate) fn line(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut bytes = text.as_ref().to_vec();
    bytes.push(b'\n');
    raw(&bytes)
}

/// Writes bytes to standard output as they are.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    write_out(bytes).map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            Failure::NobodyReads
        } else {
            Failure::failed(format_args!("cannot write to standard output: {error}"))
        }
    })
}

/// Writes a line to standard output without waiting for a reader: for a node, which goes
/// on whatever becomes of its output.
pub(crate) fn say(text: &str) {
    later(&OUT, format!("{text}\n"), write_out);
}

/// Writes what went wrong to standard error, as one line that says who speaks.
pub(crate) fn complain(what: &str) {
    match COMPLAIN.get() {
        Some(complain) => complain(what),
        None => note(&format!("khashmir: {what}")),
    }
}

/// Lets this write what goes wrong from now on, in a form of its own.
pub(crate) fn complain_by(complain: fn(&str)) {
    // There is one such form in a process.
    let _ = COMPLAIN.set(complain);
}

/// Writes a line to standard error, without waiting for a reader.
pub(crate) fn note(text: &str) {
    later(&ERR, format!("{}\n", one_line(text)), write_err);
}

/// Waits until all lines are written, or no process seems to read them.
pub(crate) fn finish() {
    for stream in [&OUT, &ERR] {
        if let Some(Some(lines)) = stream.get() {
            lines.flush(LAST_WORDS);
        }
    }
}

/// Lets a panic say what happened like everything else, so that it does not wait for readers either.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name").to_owned();
        let what = panic.to_string().replace('\n', " ");
        complain(&format!("this is a bug: the thread {name} {what}"));
        finish();
    }));
}

/// How long to wait for readers at the end, for each stream.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A stream that is written by a thread; nothing in it when the system has no thread left.
type Stream = OnceLock<Option<Arc<Lines>>>;

static COMPLAIN: OnceLock<fn(&str)> = OnceLock::new();

static OUT: Stream = OnceLock::new();
static ERR: Stream = OnceLock::new();

fn later(stream: &Stream, line: String, write: fn(&[u8]) -> io::Result<()>) {
    // There is no better place to say that standard error is closed.
    let write = move |bytes: &[u8]| drop(write(bytes));
    match stream.get_or_init(|| Lines::start(write).ok()) {
        Some(lines) => lines.add(line),
        None => write(line.as_bytes()),
    }
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn write_err(bytes: &[u8]) -> io::Result<()> {
    io::stderr().lock().write_all(bytes)
}

/// Arguments and answers of others may contain anything, line ends included.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
