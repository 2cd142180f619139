//! What the command writes: text on its standard streams, which may be closed or full, and files that
//! are whole or not there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::interrupt::Interrupt;

/// Writes text to standard output, where it appears at once. A reader that has closed its end, as
/// `head` does, has read enough.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    forgive(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Turns the complaint that the reader is gone into a success.
pub(super) fn forgive(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// Writes what went wrong to standard error, as one line that begins with the name of the
/// command.
pub(super) fn complain(what: &str) {
    let visible = |c: char| if c.is_control() { '?' } else { c };
    let line: String = what.chars().map(visible).collect();
    note(&format!("khashmir-sim: {line}"));
}

/// Writes lines to standard error.
pub(super) fn note(text: &str) {
    // There is no other stream on which to say that this one is closed.
    let _ = io::stderr()
        .lock()
        .write_all(format!("{text}\n").as_bytes());
}

/// A file to which something will be written at the end of a run.
///
/// It is opened before the run, so that one that cannot be opened is found out then. What is written
/// goes to a temporary file in the same folder, which takes the place of the file once it is whole.
pub(super) struct OutputFile {
    path: PathBuf,
    place: Place,
}

/// Where the bytes go.
enum Place {
    /// Into a new file beside the one that it replaces.
    Beside {
        temporary: PathBuf,
        file: File,
        interrupt: Interrupt,
    },
    /// Into the file itself: a device, a pipe, or a file in a folder where no other can be made.
    Direct(File),
}

impl OutputFile {
    /// Opens a file for writing, but leaves in it what it holds. An interruption of the program removes
    /// the temporary file.
    ///
    /// # Errors
    /// Those of the system; the file cannot be written then.
    pub(super) fn open(path: &Path, interrupt: &Interrupt) -> io::Result<Self> {
        let (path, file) = match fs::metadata(path) {
            Ok(found) => {
                // Whether it can be written is known only then; a folder cannot.
                let file = OpenOptions::new().write(true).open(path)?;
                // Devices and pipes stay what they are, and standard streams have names there.
                if !found.is_file() || path.starts_with("/dev") {
                    let (path, place) = (path.to_owned(), Place::Direct(file));
                    return Ok(Self { path, place });
                }
                // A link stays one.
                (path.canonicalize()?, Some(file))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (path.to_owned(), None),
            Err(error) => return Err(error),
        };
        let place = match (Place::beside(&path, interrupt), file) {
            (Err(_), Some(file)) => Place::Direct(file),
            (place, _) => place?,
        };
        Ok(Self { path, place })
    }

    /// The file, after links to it have been followed.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether both would be written to the same file.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.path == other.path && matches!(self.place, Place::Beside { .. })
    }

    /// Lets `fill` write the file, and puts it in its place.
    ///
    /// # Errors
    /// Those of the system: then the file is what it was before, unless it is written directly.
    pub(super) fn write(
        self,
        fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = match &self.place {
            Place::Beside { file, .. } => file,
            Place::Direct(file) => {
                // What is not a file has no length.
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                file
            }
        };
        let mut writer = BufWriter::new(file);
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        match &self.place {
            Place::Beside { temporary, .. } => fs::rename(temporary, &self.path),
            Place::Direct(_) => Ok(()),
        }
    }
}

impl Place {
    fn beside(path: &Path, interrupt: &Interrupt) -> io::Result<Self> {
        let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
        let create = |number: u32| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{number}.part", process::id()));
            let temporary = path.with_file_name(hidden);
            File::create_new(&temporary).map(|file| (temporary, file))
        };
        // A name may be taken by what a program left behind that was killed.
        let taken = |created: &io::Result<(PathBuf, File)>| matches!(created, Err(error) if error.kind() == ErrorKind::AlreadyExists);
        let mut created = create(0);
        for number in 1..100 {
            if !taken(&created) {
                break;
            }
            created = create(number);
        }
        let (temporary, file) = created?;
        interrupt.remove_at_end(&temporary);
        Ok(Self::Beside {
            temporary,
            file,
            interrupt: interrupt.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Beside {
            temporary,
            interrupt,
            ..
        } = self
        {
            // Nothing is there any more once the file is in its place.
            interrupt.remove_now(temporary);
        }
    }
}
