//! Runs [Khashmir nodes](khashmir) over UDP: sockets, a clock, threads and names for the core.
//!
//! A [`Driver`] is one loop on one thread. It owns any number of nodes, each with a socket of its
//! own, and gives every node what the core asks of a driver: datagrams, the time, and a place to
//! send to. Other threads talk to a node through its [`Handle`]: they start commands, wait for what
//! these come to, and look at the node's state.
//!
//! ```
//! use khashmir::{Command, Config, Id, Keep, Outcome, OwnStore, Seed, Value};
//! use khashmir_mio::Driver;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let loopback = "127.0.0.1:0".parse()?;
//! let mut driver = Driver::new()?;
//! // A real node draws its seed from the operating system.
//! let anna = driver.add(loopback, Config::default(), Seed::from_number(1))?;
//! let bert = driver.add(loopback, Config::default(), Seed::from_number(2))?;
//! let running = driver.spawn()?;
//!
//! let join = bert.start(Command::Join { bootstrap: vec![anna.local_addr()] })?;
//! assert!(matches!(join.wait()?.outcome, Outcome::Join(joined) if joined.contacts == 1));
//!
//! let key = Id::hash_of(b"greeting");
//! let value = Value::new(*b"hello")?;
//! bert.start(Command::Put { key, value: value.clone(), keep: Keep::Once })?.wait()?;
//! let get = Command::Get { key, retrieve: None, own_store: OwnStore::LeaveOut };
//! assert_eq!(anna.start(get)?.wait()?.values, [value]);
//!
//! anna.shutdown()?;
//! bert.shutdown()?;
//! running.join().expect("the loop does not panic")?;
//! # Ok(())
//! # }
//! ```
//!
//! The loop never blocks on a name: [`Handle::bootstrap`] resolves names on threads of their own,
//! and resolves them again whenever the node finds itself alone. What a socket can suffer without
//! being broken, such as a full buffer or the report that somebody is not there, it survives.
//!
//! Nodes run from memory: what a journal would make durable counts as durable at once.

mod bootstrap;
mod clock;
mod describe;
mod driver;
mod event_loop;
mod handle;
mod host;
mod name;
mod observer;
mod post;
mod resolve;
mod socket;

pub use describe::{Described, describe};
pub use driver::{Driver, NotAdded};
pub use handle::{Gone, Handle, NotStarted, Operation, Over, Waited};
pub use host::Notice;
pub use name::{BadName, HostPort};
pub use observer::{Observer, Unobserved};
pub use resolve::{Resolved, Unresolved, resolve};
