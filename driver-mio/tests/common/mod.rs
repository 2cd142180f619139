//! What several tests need: nodes at loopback in a loop of their own, and the patience to wait.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use khashmir::{Command, Config, Id, Keep, Outcome, OwnStore, Place, Seed, Value};
use khashmir_mio::{Driver, Handle, Over};

/// Far longer than anything at loopback takes, and short enough to see a test fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Any free port at loopback.
pub(crate) const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// Nodes that run.
pub(crate) struct Nodes {
    pub(crate) handles: Vec<Handle>,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl Nodes {
    /// Starts as many nodes as there are configurations, on one loop.
    pub(crate) fn start(configs: impl IntoIterator<Item = Config>) -> Self {
        let mut driver = Driver::new().expect("a loop");
        let mut add = |(number, config)| {
            let seed = Seed::from_number(number);
            driver.add(LOOPBACK, config, seed).expect("a free port")
        };
        let handles = (1..).zip(configs).map(&mut add).collect();
        let running = Some(driver.spawn().expect("a thread"));
        Self { handles, running }
    }

    /// Shuts them down, and waits until the loop is over.
    pub(crate) fn stop(mut self) {
        for handle in &self.handles {
            handle.shutdown().expect("it was running");
        }
        let running = self.running.take().expect("it was started");
        let ended = running.join().expect("the loop does not panic");
        ended.expect("the loop does not fail");
    }
}

/// Runs a command to its end.
pub(crate) fn run(node: &Handle, command: Command) -> Over {
    let operation = node.start(command).expect("the command is accepted");
    operation.wait_within(PATIENCE).expect("the command ends")
}

/// Stores a value, and says where it is now.
pub(crate) fn put(node: &Handle, key: Id, value: &Value) -> Vec<Place> {
    let put = Command::Put {
        key,
        value: value.clone(),
        keep: Keep::Once,
    };
    let over = run(node, put);
    let Outcome::Stored(places) = over.outcome else {
        panic!("a put came to {over:?}");
    };
    places
}

/// Retrieves the values of a key.
pub(crate) fn get(node: &Handle, key: Id, own_store: OwnStore) -> Vec<Value> {
    let get = Command::Get {
        key,
        retrieve: None,
        own_store,
    };
    run(node, get).values
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "it never came to be: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
