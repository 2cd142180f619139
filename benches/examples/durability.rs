//! What it takes to be durable, on the disk of a directory: how soon a node with many values starts, and how
//! soon stores are acknowledged, while others ask it things.
//!
//!     cargo run --release -p khashmir-benches --example durability -- [--check] [DIR]

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use khashmir::wire::{Dialect, Message, Query};
use khashmir::{Config, Id, Record, Seed, Value};
use khashmir_mio::{Change, Database, Driver, DurableStore, Moment, NewNode};

/// How durability is paid for: the start of a node with many values, and stores at a given rate
#[derive(Debug, Parser)]
struct Args {
    /// Where to write, some 100 MB; it is removed at the end
    #[arg(default_value = "target/durability")]
    dir: PathBuf,

    /// Values that the node has at its start
    #[arg(long, default_value_t = 100_000)]
    values: u32,

    /// Stores a second
    #[arg(long, default_value_t = 1000)]
    rate: u32,

    /// Seconds for which others store
    #[arg(long, default_value_t = 10)]
    seconds: u32,

    /// End with exit code 1 when a bound is broken
    #[arg(long)]
    check: bool,
}

/// What has to hold with --check. No turn of the loop takes longer than a ping does; that one in a thousand may take
/// longer is for the machine, which may have other things to do.
const START: Duration = Duration::from_secs(1);
const MEDIAN: Duration = Duration::from_millis(10);
const P99: Duration = Duration::from_millis(50);
const PING_P999: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    // What an earlier run left.
    let _ = std::fs::remove_dir_all(&args.dir);
    fill(&args.dir, args.values)?;
    let begun = Instant::now();
    let mut driver = Driver::new()?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let new = NewNode::new(Config::default(), Seed::from_number(1));
    let node = driver.add_at(socket, new.stored_in(Database::open(&args.dir)?))?;
    let running = driver.spawn()?;
    let mut pinger = Asker::new(node.local_addr())?;
    pinger.ping()?;
    let started = begun.elapsed();
    let held = node.status()?.values;
    let done = AtomicBool::new(false);
    let (acknowledged, pings) = thread::scope(|scope| {
        let pings = scope.spawn(|| pinger.ping_until(&done));
        let acknowledged = store(node.local_addr(), args.rate, args.seconds);
        done.store(true, Ordering::Relaxed);
        (acknowledged, pings.join())
    });
    let (mut acknowledged, sent) = acknowledged?;
    let mut pings = pings.map_err(|_| io::Error::other("the pinging thread has panicked"))??;
    let stats = node.disk_stats()?.ok_or("it has no disk")?;
    node.shutdown()?;
    running.join().map_err(|_| "the loop has panicked")??;
    let size = std::fs::metadata(args.dir.join("khashmir.db"))?.len();
    std::fs::remove_dir_all(&args.dir)?;

    println!("start with {held} values                 {started:>10.1?}");
    println!(
        "stores acknowledged                    {:>10} of {sent}",
        acknowledged.len()
    );
    let (p50, p99) = (
        per_mille(&mut acknowledged, 500),
        per_mille(&mut acknowledged, 990),
    );
    println!(
        "  p50 {p50:.1?}, p99 {p99:.1?}, in {} commits, the longest {:.1?}",
        stats.commits, stats.longest_commit
    );
    let (ping, p999) = (per_mille(&mut pings, 500), per_mille(&mut pings, 999));
    let worst = per_mille(&mut pings, 1000);
    println!(
        "pings meanwhile                        {:>10}, p50 {ping:.1?}, p99.9 {p999:.1?}, longest {worst:.1?}",
        pings.len()
    );
    println!(
        "file at the end                        {:>10} KiB",
        size / 1024
    );
    let good = started < START && p50 <= MEDIAN && p99 <= P99 && p999 <= PING_P999;
    let all = acknowledged.len() == sent;
    if args.check && !(good && all) {
        return Err("a bound is broken".into());
    }
    Ok(())
}

/// Makes a database with so many values of 100 bytes.
fn fill(dir: &Path, values: u32) -> Result<(), Box<dyn Error>> {
    let mut database = Database::open(dir)?.database;
    let at = khashmir::Instant::ORIGIN;
    database.begin(at);
    let lifetime = Config::default().expiry;
    let id = Id::hash_of(b"node");
    let identity = std::iter::once(Ok(Change::Record(Record::Identity { id })));
    let stored = (0..values).map(|number| {
        let key = Id::hash_of(&number.to_be_bytes());
        let value = Value::new([&number.to_be_bytes()[..], &[7; 96]].concat())?;
        let evicted = Vec::new();
        Ok(Change::Record(Record::Stored {
            at,
            key,
            value,
            lifetime,
            evicted,
        }))
    });
    let changes: Result<Vec<Change>, khashmir::ValueTooLong> = identity.chain(stored).collect();
    database.write(Moment::at(at), &changes?)?;
    Ok(())
}

/// Stores so many values a second, whatever becomes of those before, and gives how long each
/// acknowledgement took, and how many there should be.
fn store(node: SocketAddr, rate: u32, seconds: u32) -> io::Result<(Vec<Duration>, usize)> {
    let mut asker = Asker::new(node)?;
    let token = asker.token()?;
    let all = rate * seconds;
    let mut sent = Vec::new();
    let mut acknowledged = Vec::new();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(u64::from(seconds) + 2);
    while acknowledged.len() < all as usize && Instant::now() < end {
        let due = begun.elapsed().as_secs_f64() * f64::from(rate);
        while sent.len() < all as usize && (sent.len() as f64) < due {
            let number = sent.len() as u32;
            let key = Id::hash_of(&[&b"new"[..], &number.to_be_bytes()].concat());
            let store = Query::StoreValue {
                key,
                token: &token,
                value: &[1; 100],
            };
            sent.push(Instant::now());
            asker.send(u64::from(number), &store)?;
        }
        while let Some((number, true)) = asker.receive()? {
            let since = sent.get(number as usize);
            acknowledged.extend(since.map(Instant::elapsed));
        }
        thread::sleep(Duration::from_micros(200));
    }
    Ok((acknowledged, all as usize))
}

/// Talks to the node.
struct Asker {
    socket: UdpSocket,
    buffer: Vec<u8>,
    /// How long the last answer in it is.
    length: usize,
}

impl Asker {
    fn new(node: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(node)?;
        socket.set_nonblocking(true)?;
        let buffer = vec![0; 2048];
        let length = 0;
        Ok(Self {
            socket,
            buffer,
            length,
        })
    }

    fn send(&self, number: u64, query: &Query<'_>) -> io::Result<()> {
        let mut tid = [0; 20];
        tid[..8].copy_from_slice(&number.to_be_bytes());
        let mut datagram = Vec::new();
        let own = Id::hash_of(b"asker");
        Dialect::Khashmir.encode_query(&tid, &own, query, &mut datagram);
        self.socket.send(&datagram).map(drop)
    }

    /// The next answer that is there: its number, and whether it is a good one.
    fn receive(&mut self) -> io::Result<Option<(u64, bool)>> {
        self.length = match self.socket.recv(&mut self.buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            received => received?,
        };
        let message = Dialect::Khashmir.decode(&self.buffer[..self.length]);
        let (tid, good) = match message {
            Ok(Message::Reply { tid, .. }) => (tid, true),
            Ok(Message::Error { tid, .. }) => (tid, false),
            // The node asks who we are.
            _ => return Ok(Some((u64::MAX, true))),
        };
        let number = tid.first_chunk().map(|number| u64::from_be_bytes(*number));
        Ok(number.map(|number| (number, good)))
    }

    fn token(&mut self) -> io::Result<Vec<u8>> {
        let target = Id::hash_of(b"any");
        self.send(u64::MAX - 1, &Query::FindNode { target })?;
        self.wait_for(u64::MAX - 1)?;
        let message = Dialect::Khashmir.decode(&self.buffer[..self.length]);
        match message {
            Ok(Message::Reply { reply, .. }) => Ok(reply.token.unwrap_or_default().to_vec()),
            _ => Err(io::Error::other("no token")),
        }
    }

    fn ping(&mut self) -> io::Result<Duration> {
        let since = Instant::now();
        self.send(7, &Query::Ping)?;
        self.wait_for(7)?;
        Ok(since.elapsed())
    }

    fn ping_until(&mut self, done: &AtomicBool) -> io::Result<Vec<Duration>> {
        let mut took = Vec::new();
        while !done.load(Ordering::Relaxed) {
            took.push(self.ping()?);
            thread::sleep(Duration::from_millis(1));
        }
        Ok(took)
    }

    fn wait_for(&mut self, wanted: u64) -> io::Result<()> {
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(5) {
            match self.receive()? {
                Some((number, _)) if number == wanted => return Ok(()),
                Some(_) => {}
                None => thread::sleep(Duration::from_micros(20)),
            }
        }
        Err(io::Error::other("the node does not answer"))
    }
}

/// Of that many in a thousand, the longest.
fn per_mille(spans: &mut [Duration], share: usize) -> Duration {
    spans.sort_unstable();
    let at = (spans.len() * share).div_ceil(1000).saturating_sub(1);
    spans.get(at).copied().unwrap_or_default()
}
