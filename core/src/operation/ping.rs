//! Asking one address whether a node is there.

use super::{Action, Answer, Ask, CallError, Outcome, Pong, Question, Step, Trouble};
use crate::contact::Peer;
use crate::estimate::Vouched;
use crate::wire::{InvalidReply, Method};
use core::net::SocketAddr;
use core::time::Duration;

/// A ping, or the original's way of adding a contact, which also asks for our own address.
pub(crate) struct Ping {
    addr: SocketAddr,
    method: Method,
    state: State,
}

enum State {
    Fresh,
    Asked,
    Waiting,
    Answered(Result<Pong, CallError>),
    Reported(Result<Pong, CallError>),
}

impl Ping {
    /// Asks with `ping`.
    pub(crate) const fn plain(addr: SocketAddr) -> Self {
        Self {
            addr,
            method: Method::Ping,
            state: State::Fresh,
        }
    }

    /// Asks with `join`.
    pub(crate) const fn greet(addr: SocketAddr) -> Self {
        Self {
            addr,
            method: Method::Join,
            state: State::Fresh,
        }
    }

    pub(super) fn step(&mut self) -> Step {
        match self.state {
            State::Fresh => {
                self.state = State::Asked;
                Step::Started(self.method)
            }
            State::Asked => {
                self.state = State::Waiting;
                let ask = if self.method == Method::Join {
                    Ask::Join
                } else {
                    Ask::Ping
                };
                Step::Ask(Question {
                    peer: Peer::at(self.addr),
                    ask,
                    branch: 0,
                    vouched: Vouched::Well,
                })
            }
            State::Waiting => Step::Wait,
            State::Answered(result) => {
                self.state = State::Reported(result);
                let took = result.map_or(Duration::ZERO, |pong| pong.took);
                Step::Finished(Action::Plain {
                    method: self.method,
                    took,
                })
            }
            State::Reported(_) => Step::Done(self.outcome()),
        }
    }

    pub(super) fn answered(&mut self, answer: &Answer<'_>) -> Result<(), InvalidReply> {
        let Answer { took, reply, .. } = *answer;
        let pong = Pong {
            id: reply.id,
            took,
            seen_as: reply.seen_as,
        };
        self.state = State::Answered(Ok(pong));
        Ok(())
    }

    pub(super) const fn troubled(&mut self, trouble: Trouble) {
        if let Trouble::Failed(error) = trouble {
            self.state = State::Answered(Err(error));
        }
    }

    pub(super) const fn outcome(&self) -> Outcome {
        Outcome::Ping(match self.state {
            State::Fresh | State::Asked | State::Waiting => Err(CallError::Timeout),
            State::Answered(result) | State::Reported(result) => result,
        })
    }
}
