//! Names to addresses, on threads of their own: the operating system's resolver may take its time.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use khashmir::BadAddress;

use crate::name::HostPort;

/// What a name stands for.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The name.
    pub name: HostPort,
    /// All its IPv4 addresses that a node can be at, at least one; or why there is none.
    pub addresses: Result<Vec<SocketAddr>, Unresolved>,
}

/// Why a name stands for no address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Unresolved {
    /// It has addresses, but none that a node can be at: this network is IPv4 only.
    NoUsableAddress,
    /// The operating system could not look it up.
    System(Arc<io::Error>),
}

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoUsableAddress => f.write_str("it has no IPv4 address"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unresolved {}

/// Names looked up at the same time, so that one that the network is silent about does not hold up
/// the others.
const AT_ONCE: usize = 8;

/// Resolves names, and tells of each one as soon as something is known.
///
/// Names that are addresses are told of before this returns; all others on other threads.
pub fn resolve(
    names: impl IntoIterator<Item = HostPort>,
    tell: impl FnMut(Resolved) + Clone + Send + 'static,
) {
    resolve_with(look_up, names, tell);
}

fn resolve_with<L, T>(look_up: L, names: impl IntoIterator<Item = HostPort>, mut tell: T)
where
    L: Fn(&HostPort) -> io::Result<Vec<SocketAddr>> + Clone + Send + 'static,
    T: FnMut(Resolved) + Clone + Send + 'static,
{
    let mut unknown = VecDeque::new();
    for name in names {
        match name.address() {
            Some(addr) => tell(Resolved {
                name,
                addresses: Ok(vec![addr]),
            }),
            None => unknown.push_back(name),
        }
    }
    let workers = unknown.len().min(AT_ONCE);
    let unknown = Arc::new(Mutex::new(unknown));
    let next = |queue: &Mutex<VecDeque<HostPort>>| {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.pop_front()
    };
    for worker in 0..workers {
        let (look_up, mut told, queue) = (look_up.clone(), tell.clone(), Arc::clone(&unknown));
        let work = move || {
            while let Some(name) = next(&queue) {
                let addresses = usable(look_up(&name));
                told(Resolved { name, addresses });
            }
        };
        let spawned = thread::Builder::new().name("resolver".into()).spawn(work);
        // A thread fewer is slower; without a single one no name would ever be resolved.
        if let (Err(error), 0) = (spawned, worker) {
            let error = Arc::new(error);
            while let Some(name) = next(&unknown) {
                let addresses = Err(Unresolved::System(Arc::clone(&error)));
                tell(Resolved { name, addresses });
            }
            return;
        }
    }
}

fn look_up(name: &HostPort) -> io::Result<Vec<SocketAddr>> {
    Ok((name.host(), name.port()).to_socket_addrs()?.collect())
}

fn usable(found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, Unresolved> {
    let mut usable = Vec::new();
    for addr in found.map_err(|error| Unresolved::System(Arc::new(error)))? {
        if let Ok(addr) = BadAddress::check(addr)
            && !usable.contains(&addr)
        {
            usable.push(addr);
        }
    }
    if usable.is_empty() {
        Err(Unresolved::NoUsableAddress)
    } else {
        Ok(usable)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn addr(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 9977).into()
    }

    fn fake(name: &HostPort) -> io::Result<Vec<SocketAddr>> {
        let v6 = ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9977).into();
        match name.host().as_str() {
            "two.example" => Ok(vec![v6, addr(1), addr(2), addr(1)]),
            "six.example" => Ok(vec![v6, ([0, 0, 0, 0], 9977).into()]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn gather(names: &[&str]) -> BTreeMap<String, Result<Vec<SocketAddr>, Unresolved>> {
        let names: Vec<HostPort> = names
            .iter()
            .map(|name| name.parse().expect("a name"))
            .collect();
        let (tell, told) = mpsc::channel();
        resolve_with(fake, names, move |resolved| {
            tell.send(resolved).expect("somebody listens");
        });
        told.iter()
            .map(|told| (told.name.host(), told.addresses))
            .collect()
    }

    #[test]
    fn every_name_is_told_of_with_all_its_ipv4_addresses() {
        let mut told = gather(&[
            "192.0.2.9:9977",
            "two.example:9977",
            "six.example:9977",
            "none.example:9977",
        ]);
        let mut of = |name: &str| told.remove(name).expect("told of");
        assert_eq!(of("192.0.2.9").expect("an address"), [addr(9)]);
        assert_eq!(of("two.example").expect("two"), [addr(1), addr(2)]);
        assert!(matches!(
            of("six.example"),
            Err(Unresolved::NoUsableAddress)
        ));
        assert!(matches!(of("none.example"), Err(Unresolved::System(_))));
    }

    #[test]
    fn more_names_than_threads_are_all_told_of() {
        let names: Vec<String> = (0..30).map(|n| format!("n{n}.example:1")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(gather(&names).len(), 30);
    }

    #[test]
    fn a_name_that_hangs_holds_up_no_other() {
        let (release, hold) = mpsc::channel::<()>();
        let hold = Arc::new(Mutex::new(hold));
        let slow = move |name: &HostPort| {
            if name.host() == "slow.example" {
                let _ = hold.lock().expect("alone").recv();
            }
            Ok(vec![addr(1)])
        };
        let names = ["slow.example:1", "fast.example:1"].map(|n| n.parse().expect("a name"));
        let (tell, told) = mpsc::channel();
        resolve_with(slow, names, move |resolved| {
            tell.send(resolved.name.host()).expect("somebody listens");
        });
        let patience = Duration::from_secs(10);
        assert_eq!(told.recv_timeout(patience), Ok("fast.example".to_owned()));
        drop(release);
        assert_eq!(told.recv_timeout(patience), Ok("slow.example".to_owned()));
    }
}
