//! The `khashmir` command as other programs see it: arguments, output, exit code.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Far longer than anything at loopback takes, and short enough to see a test fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The command with these arguments.
pub(crate) fn khashmir(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_khashmir"));
    command.args(args).stdin(Stdio::null());
    command
}

/// What a run of the command came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = khashmir(args).output().expect("the command was built");
    Ran {
        code: status.code().expect("it was not killed"),
        stdout: String::from_utf8(stdout).expect("text"),
        stderr: String::from_utf8(stderr).expect("text"),
    }
}

impl Ran {
    /// The output of a run that has to go well.
    pub(crate) fn good(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (0, ""),
            "{}",
            self.stdout
        );
        self.stdout
    }

    /// The complaint of a run that has to fail with this code, and with a single line.
    pub(crate) fn bad(self, code: i32) -> String {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!((self.code, stdout.as_str()), (code, ""), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("khashmir: "), "{stderr}");
        self.stderr
    }
}

/// A node that runs in a process of its own. It is killed when this is dropped.
pub(crate) struct Node {
    child: Child,
    lines: Receiver<String>,
    complaints: Receiver<String>,
    pub(crate) addr: String,
    pub(crate) id: String,
}

impl Node {
    /// Starts a node at any free port of loopback, and waits until it listens. It runs from memory.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", &[&["--memory"], args].concat())
    }

    /// Starts a node there, and waits until it listens.
    pub(crate) fn start_at(listen: &str, args: &[&str]) -> Self {
        Self::start_with(&[&["--listen", listen], args].concat())
    }

    /// Starts a node with these options, and waits until it listens.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::spawn(&mut khashmir(&[&["node"], args].concat()))
    }

    /// Starts a node by this command, and waits until it listens.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command was built");
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let complaints = lines_of(child.stderr.take().expect("it is piped"));
        let first = lines.recv_timeout(PATIENCE).expect("it says a first line");
        let words: Vec<&str> = first.split(' ').collect();
        let ["listening", addr, "id", id] = words[..] else {
            panic!("an unexpected first line: {first}");
        };
        let (addr, id) = (addr.to_owned(), id.to_owned());
        Self {
            child,
            lines,
            complaints,
            addr,
            id,
        }
    }

    /// Starts a node that joins another, and waits until it has.
    pub(crate) fn join(other: &Self) -> Self {
        let node = Self::start(&["--bootstrap", &other.addr]);
        let line = node.line();
        assert!(line.starts_with("joined "), "{line}");
        node
    }

    /// The next line on its standard output.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// The next line on its standard error.
    pub(crate) fn complaint(&self) -> String {
        self.complaints.recv_timeout(PATIENCE).expect("a complaint")
    }

    /// Whether it has anything more to say on standard error, after it has ended.
    pub(crate) fn complained_again(&self) -> bool {
        self.complaints.iter().next().is_some()
    }

    /// All that it still says on standard error, until it has ended.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.iter().collect()
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let killed = Command::new("sh").args(["-c", &kill]).status();
        assert!(killed.expect("there is a shell").success());
    }

    /// Sends it a signal, and waits for its end.
    pub(crate) fn end_by(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "it does not heed {signal}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    told
}
