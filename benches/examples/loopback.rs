//! Measures lookups among real processes at loopback, some of which were killed.
//!
//! `cargo run --release -p khashmir-benches --example loopback`
//!
//! For each share of the killed it starts that many nodes, each a process with a socket of its own, has
//! them join, kills some of them with SIGKILL, and then lets nodes that are left, and clients that have
//! just been started, look up random targets, by turns and one at a time. Each process takes its
//! commands from its standard input, and ends when that is closed.

use std::env;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, ChildStdin, ChildStdout, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use khashmir::{Command, Config, Id, Outcome, Role};
use khashmir_mio::{Driver, Handle, NewNode, system_seed};
use khashmir_sim::random::{Draw, topic};

/// Measures lookups among real processes at loopback, some of which were killed
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Processes of each network
    #[arg(long, default_value_t = 60)]
    nodes: usize,
    /// Shares that are killed, in percent, ascending, with commas between
    #[arg(long, value_delimiter = ',', default_value = "0,10,20,50")]
    killed: Vec<u32>,
    /// Lookups of nodes and of clients for each share, as far as there is time
    #[arg(long, default_value_t = 100)]
    lookups: usize,
    /// The most seconds that the lookups of a share may take
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Which are killed, who looks up, and what
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Exit code 1 if a median is above 60 ms, nine of ten are above 150 ms, or either is above that of
    /// a larger share by more than 15 % and 5 ms
    #[arg(long)]
    check: bool,
}

/// What a process of a network is: this program starts itself.
#[derive(Subcommand, Clone, Copy)]
enum Part {
    /// A node that others ask
    #[command(hide = true)]
    Node,
    /// A client that only asks
    #[command(hide = true)]
    Client,
}

/// Half of the lookups take no longer, at most.
const P50: Duration = Duration::from_millis(60);

/// Nine of ten take no longer, at most.
const P90: Duration = Duration::from_millis(150);

/// What a time may be above that of a larger share: that much of it, in percent, and as much again.
const ABOVE: (u32, Duration) = (15, Duration::from_millis(5));

/// Longer than any command takes that comes to an end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes through which one joins.
const BOOTSTRAP: usize = 3;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.part {
        Some(part) => serve(part).map(|()| ExitCode::SUCCESS),
        None => options.measure(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("loopback: {error}");
        ExitCode::FAILURE
    })
}

impl Options {
    fn measure(&self) -> io::Result<ExitCode> {
        if self.nodes < 2 || self.killed.iter().any(|percent| *percent > 90) {
            eprintln!("loopback: there must be at least 2 nodes, of which at most 90 % are killed");
            return Ok(ExitCode::from(2));
        }
        let mut rows = Vec::new();
        for killed in &self.killed {
            rows.extend(self.share(*killed)?);
        }
        let mut text = format!(
            "{:>8} {:<8} {:>8} {:>9} {:>9} {:>9}\n",
            "killed %", "who", "lookups", "p50 ms", "p90 ms", "max ms"
        );
        for row in &rows {
            text += &format!("{row}\n");
        }
        io::stdout().write_all(text.as_bytes())?;
        let broken = broken(&rows);
        for what in &broken {
            eprintln!("loopback: {what}");
        }
        if self.check && !broken.is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A network of which that share is killed.
    fn share(&self, killed: u32) -> io::Result<[Row; 2]> {
        let mut draw = Draw::new(self.seed, &[topic("loopback"), killed.into()]);
        let mut nodes = Vec::new();
        for _ in 0..self.nodes {
            let mut node = Process::start(Part::Node)?;
            let through = some(&nodes, BOOTSTRAP, &mut draw);
            if !through.is_empty() {
                node.ask(&format!("join{through}"))?;
            }
            nodes.push(node);
        }
        // The first have met few others yet, and now know whom to ask.
        for node in &mut nodes {
            let target = target(&mut draw);
            node.ask(&format!("find {target}"))?;
        }
        for _ in 0..self.nodes * killed as usize / 100 {
            let at = below(nodes.len(), &mut draw);
            nodes.swap_remove(at).kill()?;
        }
        let (mut residents, mut clients) = (Vec::new(), Vec::new());
        let end = Instant::now() + Duration::from_secs(self.seconds);
        while residents.len() < self.lookups && Instant::now() < end {
            let at = below(nodes.len(), &mut draw);
            residents.push(nodes[at].find(&target(&mut draw))?);
            let mut client = Process::start(Part::Client)?;
            let through = some(&nodes, 1, &mut draw);
            client.ask(&format!("meet{through}"))?;
            clients.push(client.find(&target(&mut draw))?);
        }
        Ok([("nodes", residents), ("clients", clients)]
            .map(|(who, took)| Row::new(killed, who, took)))
    }
}

/// Lookups of one kind of process.
struct Row {
    killed: u32,
    who: &'static str,
    /// Ascending.
    took: Vec<Duration>,
}

impl Row {
    fn new(killed: u32, who: &'static str, mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        Self { killed, who, took }
    }

    fn rank(&self, percent: usize) -> Duration {
        let rank = (self.took.len() * percent).div_ceil(100).saturating_sub(1);
        self.took.get(rank).copied().unwrap_or_default()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { killed, who, took } = self;
        let [p50, p90, max] = [50, 90, 100].map(|percent| millis(self.rank(percent)));
        let count = took.len();
        write!(
            f,
            "{killed:>8} {who:<8} {count:>8} {p50:>9.1} {p90:>9.1} {max:>9.1}"
        )
    }
}

/// The bounds that are broken, a line each.
fn broken(rows: &[Row]) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, percent, limit) in [("p50", 50, P50), ("p90", 90, P90)] {
        for row in rows {
            let took = row.rank(percent);
            let mut say = |what: String| {
                let (killed, who) = (row.killed, row.who);
                let took = millis(took);
                broken.push(format!(
                    "{killed} % killed, {who}: {name} is {took:.1} ms, {what}"
                ));
            };
            if took > limit {
                say(format!("above {:.0} ms", millis(limit)));
            }
            let larger = rows
                .iter()
                .filter(|it| it.who == row.who && it.killed > row.killed);
            for other in larger {
                let beside = other.rank(percent);
                if took > beside + beside * ABOVE.0 / 100 + ABOVE.1 {
                    let (beside, killed) = (millis(beside), other.killed);
                    say(format!("and {beside:.1} ms with {killed} % killed"));
                }
            }
        }
    }
    broken
}

/// Another process. It is killed when this is dropped.
struct Process {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    addr: String,
}

impl Process {
    /// Starts one, and waits until it listens.
    fn start(part: Part) -> io::Result<Self> {
        let name = match part {
            Part::Node => "node",
            Part::Client => "client",
        };
        let mut child = std::process::Command::new(env::current_exe()?)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("a process has no pipes");
        let orders = child.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let mut process = Self {
            child,
            orders,
            answers,
            addr: String::new(),
        };
        process.addr = process.answer()?;
        Ok(process)
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::Error::other("a process ended before its time"));
        }
        Ok(line.trim_end().to_owned())
    }

    fn ask(&mut self, order: &str) -> io::Result<String> {
        writeln!(self.orders, "{order}")?;
        self.answer()
    }

    /// How long a lookup took.
    fn find(&mut self, target: &Id) -> io::Result<Duration> {
        let took = self.ask(&format!("find {target}"))?;
        let micros = took.parse().map_err(|_| io::Error::other(took))?;
        Ok(Duration::from_micros(micros))
    }

    fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses of some of these, each with a space before it.
fn some(nodes: &[Process], count: usize, draw: &mut Draw) -> String {
    let mut left: Vec<&Process> = nodes.iter().collect();
    let mut text = String::new();
    while !left.is_empty() && text.split_whitespace().count() < count {
        let at = below(left.len(), draw);
        text += &format!(" {}", left.swap_remove(at).addr);
    }
    text
}

fn below(bound: usize, draw: &mut Draw) -> usize {
    usize::try_from(draw.below(bound as u64)).unwrap_or(0)
}

fn target(draw: &mut Draw) -> Id {
    Id::hash_of(&draw.next_u64().to_be_bytes())
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// What the other processes do: take orders from standard input, until it is closed.
fn serve(part: Part) -> io::Result<()> {
    let role = match part {
        Part::Node => Role::ReadWrite,
        Part::Client => Role::Client,
    };
    let config = Config {
        role,
        ..Config::default()
    };
    let mut driver = Driver::new()?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let seed = system_seed().map_err(io::Error::other)?;
    let node = driver
        .add_at(socket, NewNode::new(config, seed))
        .map_err(io::Error::other)?;
    driver.spawn()?;
    say(&node.local_addr().to_string())?;
    for order in io::stdin().lines() {
        say(&obey(&node, &order?)?)?;
    }
    Ok(())
}

/// Does what an order says, and gives the answer to it.
fn obey(node: &Handle, order: &str) -> io::Result<String> {
    let bad = || io::Error::other(format!("{order:?} is no order"));
    let (verb, rest) = order.split_once(' ').ok_or_else(bad)?;
    let addresses = || -> Result<Vec<SocketAddr>, io::Error> {
        let words = rest.split_whitespace();
        words.map(|word| word.parse().map_err(|_| bad())).collect()
    };
    let command = match verb {
        "join" => Command::Join {
            bootstrap: addresses()?,
        },
        "meet" => Command::AddContact {
            addr: addresses()?.first().copied().ok_or_else(bad)?,
        },
        "find" => Command::FindNode {
            target: rest.parse().map_err(|_| bad())?,
        },
        _ => return Err(bad()),
    };
    let started = Instant::now();
    let operation = node.start(command).map_err(io::Error::other)?;
    let over = operation.wait_within(PATIENCE).map_err(io::Error::other)?;
    let took = started.elapsed();
    if let Outcome::Join(joined) = &over.outcome
        && joined.contacts > 0
    {
        Ok("joined".to_owned())
    } else if let Outcome::Ping(Ok(_)) = &over.outcome {
        Ok("met".to_owned())
    } else if let Outcome::Found(places) = &over.outcome
        && !places.is_empty()
    {
        Ok(took.as_micros().to_string())
    } else {
        Err(io::Error::other(format!("{order}: {}", over.outcome)))
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
