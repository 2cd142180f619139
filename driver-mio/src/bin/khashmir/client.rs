//! A node that asks something and is gone again: what all one-shot commands do before and after.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use khashmir::{Command, Config, Event, Outcome, Pong, Role, SharedAddresses};
use khashmir_mio::{Driver, Handle, HostPort, NewNode, Operation, Over, Resolved, Waited, resolve};

use crate::args::Common;
use crate::failure::Failure;
use crate::seed;
use crate::trace::Verbosity;

/// A node of the client role with a limited time to live.
pub(crate) struct Client {
    handle: Handle,
    since: Instant,
    timeout: Duration,
}

/// Something that happens while looking for a node that answers.
enum Word {
    Resolved(Resolved),
    Answered(SocketAddr, Result<Pong, String>),
}

/// Why no node was met: what is known of each host or address that was tried.
pub(crate) struct NobodyMet {
    pub(crate) timeout: Option<Duration>,
    pub(crate) troubles: Vec<String>,
    /// Addresses that were asked.
    pub(crate) asked: usize,
    /// Why not one datagram left this machine, if none did.
    pub(crate) refused: Option<String>,
}

impl Client {
    /// Opens a socket on any free port and begins to run.
    pub(crate) fn start(common: &Common, verbosity: Verbosity) -> Result<Self, Failure> {
        let since = Instant::now();
        let config = Config {
            role: Role::Client,
            shared_addresses: common.addresses.shared(SharedAddresses::Private),
            ..Config::default()
        };
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::failed(format_args!("cannot open a socket: {error}"))
        };
        let mut driver = Driver::new().map_err(|error| cannot(&error))?;
        let anywhere = (Ipv4Addr::UNSPECIFIED, 0);
        let socket = UdpSocket::bind(anywhere).map_err(|error| cannot(&error))?;
        let new = NewNode::new(config, seed::drawn()?).observed_by(verbosity.observer(""));
        let handle = driver.add_at(socket, new).map_err(|error| cannot(&error))?;
        driver.spawn().map_err(|error| cannot(&error))?;
        Ok(Self {
            handle,
            since,
            timeout: common.timeout,
        })
    }

    /// Meets the first of these that answers; the others are asked all the same.
    pub(crate) fn meet(&self, hosts: &[HostPort]) -> Result<Pong, NobodyMet> {
        let (tell, told) = mpsc::channel();
        let tell_resolved = tell.clone();
        resolve(hosts.iter().cloned(), move |resolved| {
            // Once a node has been met, no thread listens any more.
            let _ = tell_resolved.send(Word::Resolved(resolved));
        });
        self.greet_all(hosts.len(), &tell, &told)
            .map_err(|nobody| NobodyMet {
                refused: self.refused(),
                ..nobody
            })
    }

    /// Why the system refused every datagram, if it did.
    fn refused(&self) -> Option<String> {
        let stats = self.handle.socket_stats().ok()?;
        let why = stats.refuses_all()?;
        Some(format!("the system refused to send anything: {why}"))
    }

    /// Asks every address that is found, and waits until somebody answers, or there is nobody left
    /// to wait for.
    fn greet_all(
        &self,
        hosts: usize,
        tell: &Sender<Word>,
        told: &Receiver<Word>,
    ) -> Result<Pong, NobodyMet> {
        let mut asked = BTreeSet::new();
        let mut troubles = Vec::new();
        let mut pending = hosts;
        while pending > 0 {
            let Ok(word) = told.recv_timeout(self.time_left()) else {
                return Err(NobodyMet {
                    timeout: Some(self.timeout),
                    troubles,
                    asked: asked.len(),
                    refused: None,
                });
            };
            pending -= 1;
            match word {
                Word::Resolved(Resolved { name, addresses }) => match addresses {
                    Ok(addresses) => {
                        for addr in addresses {
                            if asked.insert(addr) {
                                pending += 1;
                                self.greet(addr, tell);
                            }
                        }
                    }
                    Err(error) => troubles.push(format!("{name}: {error}")),
                },
                Word::Answered(_, Ok(pong)) => return Ok(pong),
                Word::Answered(addr, Err(error)) => troubles.push(format!("{addr}: {error}")),
            }
        }
        Err(NobodyMet {
            timeout: None,
            troubles,
            asked: asked.len(),
            refused: None,
        })
    }

    fn greet(&self, addr: SocketAddr, tell: &Sender<Word>) {
        let tell_end = tell.clone();
        let started = self
            .handle
            .start_with(Command::AddContact { addr }, move |event| {
                if let Event::Ended { outcome, .. } = event {
                    let answer = answer(&outcome);
                    // Once another node has been met, no thread listens any more.
                    let _ = tell_end.send(Word::Answered(addr, answer));
                }
            });
        if let Err(error) = started {
            // The receiver is ours, so it listens.
            let _ = tell.send(Word::Answered(addr, Err(error.to_string())));
        }
    }

    /// Begins to join through these hosts, for a command that needs a network.
    pub(crate) fn connect(&self, hosts: &[HostPort]) -> Result<(), Failure> {
        match self.meet(hosts) {
            Ok(_) => Ok(()),
            Err(nobody) if nobody.asked == 0 && nobody.timeout.is_none() => Err(Failure::failed(
                format_args!("cannot resolve {}", nobody.troubles.join("; ")),
            )),
            Err(NobodyMet {
                refused: Some(why), ..
            }) => Err(Failure::failed(format_args!(
                "no bootstrap contact was asked: {why}"
            ))),
            Err(nobody) => {
                let (within, troubles) = match nobody.timeout {
                    Some(timeout) => {
                        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                        (format!(" within {timeout:?}"), hosts)
                    }
                    None => (String::new(), nobody.troubles),
                };
                Err(Failure::failed(format_args!(
                    "no bootstrap contact answered{within}: {}",
                    troubles.join("; ")
                )))
            }
        }
    }

    /// Starts a command.
    pub(crate) fn begin(&self, command: Command) -> Result<Operation, Failure> {
        self.handle.start(command).map_err(Failure::failed)
    }

    /// Starts a command and waits for its end.
    pub(crate) fn complete(&self, command: Command) -> Result<Over, Failure> {
        let operation = self.begin(command)?;
        operation
            .wait_within(self.time_left())
            .map_err(|waited| self.ran_out(waited))
    }

    /// The next event of a command.
    pub(crate) fn next(&self, operation: &mut Operation) -> Result<Event, Failure> {
        operation
            .next_within(self.time_left())
            .map_err(|waited| self.ran_out(waited))
    }

    fn ran_out(&self, waited: Waited) -> Failure {
        match waited {
            Waited::TooLong => Failure::failed(format_args!("not over within {:?}", self.timeout)),
            Waited::Gone => Failure::failed(waited),
        }
    }

    fn time_left(&self) -> Duration {
        self.timeout.saturating_sub(self.since.elapsed())
    }
}

fn answer(outcome: &Outcome) -> Result<Pong, String> {
    if let Outcome::Ping(answer) = outcome {
        answer.map_err(|error| error.to_string())
    } else {
        Err("it was not asked".to_owned())
    }
}
