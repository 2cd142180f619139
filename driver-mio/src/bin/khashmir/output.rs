//! Lines on standard output and standard error, also when nobody reads them.

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// Writes a line to standard output, where it appears at once.
pub(crate) fn line(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut bytes = text.as_ref().to_vec();
    bytes.push(b'\n');
    raw(&bytes)
}

/// Writes bytes to standard output as they are.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                Failure::NobodyReads
            } else {
                Failure::failed(format_args!("cannot write to standard output: {error}"))
            }
        })
}

/// Writes what went wrong to standard error, as one line that says who speaks.
pub(crate) fn complain(what: &str) {
    note(&format!("khashmir: {what}"));
}

/// Writes a line to standard error.
pub(crate) fn note(text: &str) {
    let line = format!("{}\n", one_line(text));
    // There is no better place to say that nobody listens here.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Arguments and answers of others may contain anything, line ends included.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
