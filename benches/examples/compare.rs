//! Compares servers over loopback: `find_node` answers in a second of their processor, each beside
//! an echo of the same datagrams under the same load. `benches/compare` installs what it needs.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use khashmir_benches::load::{Load, median};
use khashmir_benches::servers::{Echo, Ours, question};
use khashmir_benches::{bep5, key};
use mainline::Dht;

/// How often each is measured, in turns with its echo.
const TURNS: usize = 3;
/// For how long.
const SPAN: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [serve, ports @ ..] if serve == "serve-mainline" => serve_mainline(ports),
        [contacts] => contacts.parse().map_err(Into::into).and_then(compare),
        _ => Err("usage: compare CONTACTS".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(contacts: usize) -> Result<(), Box<dyn Error>> {
    println!(
        "\n{:<22}{:>9}{:>10}{:>10}{:>13}{:>13}{:>8}",
        "find_node", "contacts", "bytes in", "bytes out", "answers/CPU s", "echo's", "ratio"
    );
    let ours = Ours::start(contacts)?;
    row("khashmir", contacts, ours.addr(), &question(), || {
        ours.cpu()
    })?;
    drop(ours);
    let population = bep5::populate(contacts)?;
    let ports: Vec<String> = population.iter().map(|a| a.port().to_string()).collect();
    let mut mainline = Command::new(std::env::current_exe()?);
    mainline.arg("serve-mainline").args(&ports);
    let mut libtorrent = Command::new("/usr/bin/python3");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/serve_libtorrent.py");
    libtorrent.arg(script).args(&ports);
    for (name, command) in [("mainline", mainline), ("libtorrent", libtorrent)] {
        let server = Served::start(command)?;
        let cpu = || cpu_of(server.child.id());
        row(name, server.contacts, server.addr, &bep5::question(), cpu)?;
    }
    Ok(())
}

/// Measures a server and an echo of its datagrams.
fn row(
    name: &str,
    contacts: usize,
    addr: SocketAddr,
    question: &[u8],
    cpu: impl Fn() -> io::Result<Duration>,
) -> Result<(), Box<dyn Error>> {
    let mut load = Load::new(addr, question)?;
    let answer = load.ask().map_err(|error| format!("{name}: {error}"))?;
    let echo = Echo::start(answer.clone())?;
    let mut echo_load = Load::new(echo.addr(), question)?;
    let mut rates = Vec::new();
    for _ in 0..TURNS {
        let echoed = echo_load.run(SPAN, || echo.cpu())?.per_cpu_second();
        rates.push((echoed, load.run(SPAN, &cpu)?.per_cpu_second()));
    }
    println!(
        "{name:<22}{contacts:>9}{:>10}{:>10}{:>13.0}{:>13.0}{:>8.2}",
        question.len(),
        answer.len(),
        median(rates.iter().map(|(_, answered)| *answered)),
        median(rates.iter().map(|(echoed, _)| *echoed)),
        median(rates.iter().map(|(echoed, answered)| answered / echoed)),
    );
    Ok(())
}

/// A server in a process of its own, which ends when it is let go of.
struct Served {
    child: Child,
    addr: SocketAddr,
    contacts: usize,
}

impl Served {
    /// Starts it, and waits until it says at which port it listens and how many it knows.
    fn start(mut command: Command) -> Result<Self, Box<dyn Error>> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let (port, contacts) = line.trim().split_once(' ').ok_or("it does not start")?;
        Ok(Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?)),
            contacts: contacts.parse()?,
            child,
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time that a process has had, as Linux tells: fields 14 and 15, in hundredths of a second.
fn cpu_of(process: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name in parentheses, and may hold anything.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let fields = rest.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 10))
}

/// Serves with the `mainline` crate until nobody listens any more.
#[expect(deprecated, reason = "its other interface needs an executor")]
fn serve_mainline(ports: &[String]) -> Result<(), Box<dyn Error>> {
    let bootstrap: Vec<String> = ports.iter().map(|p| format!("127.0.0.1:{p}")).collect();
    let dht = Dht::builder()
        .bootstrap(&bootstrap)
        .server_mode()
        .bind_address(Ipv4Addr::LOCALHOST)
        .port(0)
        .build()?;
    dht.bootstrapped();
    // It learns of others by looking around.
    for number in 0..32_u8 {
        let target = khashmir::Id::hash_of(&[number]);
        let target = mainline::Id::from_bytes(target.as_bytes())?;
        dht.find_node(target);
    }
    let target = mainline::Id::from_bytes(key().as_bytes())?;
    dht.find_node(target);
    let (port, known) = (dht.info().local_addr().port(), dht.to_bootstrap().len());
    println!("{port} {known}");
    // Until the other end is closed.
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
