//! Runs [Khashmir nodes](khashmir) over UDP: sockets, a clock, threads and names for the core.
//!
//! A [`Driver`] is one loop on one thread. It owns any number of nodes, each with a socket of its
//! own, and gives every node what the core asks of a driver: datagrams, the time, and a place to
//! send to. Other threads talk to a node through its [`Handle`]: they start commands, wait for what
//! these come to, and look at the node's state.
//!
//! ```
//! use khashmir::{Command, Config, Id, Keep, Outcome, OwnStore, Value};
//! use khashmir_mio::{Driver, system_seed};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let loopback = "127.0.0.1:0".parse()?;
//! let mut driver = Driver::new()?;
//! let anna = driver.add(loopback, Config::default(), system_seed()?)?;
//! let bert = driver.add(loopback, Config::default(), system_seed()?)?;
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
//! being broken, such as a full buffer or the report that a port is not open, it survives.
//!
//! An answer leaves from the address that was asked, also where the machine has several and the node
//! listens at all of them. When the machine was asleep, the loop tells its nodes within half a minute
//! of waking. [`Handle::socket_stats`] says what the system refused to send, and what it dropped of
//! what arrived.
//!
//! A node runs from memory, where what a journal would make durable counts as durable at once, unless it is
//! given a [disk](NewNode::durable): then a thread writes what must survive a crash, many changes at once,
//! and a store is acknowledged when it is written. With the feature `sqlite`, `Database` is such a disk.

mod bootstrap;
mod clock;
#[cfg(feature = "sqlite")]
mod database;
mod describe;
mod disk;
mod driver;
mod event_loop;
mod gone;
mod handle;
mod host;
mod inbox;
mod name;
mod new_node;
mod observer;
mod operation;
mod post;
mod resolve;
mod seed;
mod socket;
mod socket_stats;
mod subscription;
mod system_drops;
mod udp;

pub use clock::Clock;
#[cfg(feature = "sqlite")]
pub use database::{Database, ImportError, Imported, OpenError, Opened, SetAside};
pub use describe::{Described, describe};
pub use disk::{Change, DiskState, DiskStats, DurableStore, Moment, NotWritten, Tidied};
pub use driver::Driver;
pub use gone::Gone;
pub use handle::{Handle, NotStarted};
pub use name::{BadName, HostPort};
pub use new_node::{NewNode, NotAdded};
pub use observer::{Observer, Unobserved};
pub use operation::{Operation, Over, Waited};
pub use resolve::{Resolved, Unresolved, resolve};
pub use seed::{NoEntropy, system_seed};
pub use socket_stats::SocketStats;
pub use subscription::{Notice, Subscription};
