//! Requests: commands that know the type of what they come to.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::net::SocketAddr;

use super::event::Progress;
use super::{Buckets, Command, Event, Keep, Node, OpId, OwnStore, Refused};
use crate::config::Retrieve;
use crate::contact::Place;
use crate::id::Id;
use crate::operation::{Abort, CallError, Holder, Joined, Outcome, Pong};
use crate::time::Instant;
use crate::value::Value;

/// A command together with the type of its result.
///
/// [`Command`] and [`Outcome`] are what the node itself works with, one enum each; a request is for
/// programs that want the result of a `get` to be values and that of a `join` to be a [`Joined`].
/// [`Node::request`] starts one, and an [`Op`] picks its result out of the events.
pub trait Request {
    /// What it comes to, if it is not ended before its time.
    type Output;

    /// The command that it starts.
    fn into_command(self) -> Command;

    /// Its result, from the outcome of its command and the values that came before. `None` when that
    /// is the outcome of a command of another kind.
    fn output(outcome: Outcome, values: Vec<Value>) -> Option<Self::Output>;
}

/// [`Command::AddContact`] as a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddContact {
    /// The address.
    pub addr: SocketAddr,
}

/// [`Command::FindClose`] as a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindClose;

/// [`Command::FindNode`] as a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindNode {
    /// The target.
    pub target: Id,
}

/// [`Command::FindValue`] as a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindValue {
    /// The key.
    pub key: Id,
}

/// [`Command::Get`] as a [`Request`]: comes to all distinct values that were found. Whether there are
/// likely to be more is in the [`Outcome::Got`] of the event that ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Get {
    /// The key.
    pub key: Id,
    /// Which holders to ask; as configured when `None`.
    pub retrieve: Option<Retrieve>,
    /// Whether what our own node stores counts.
    pub own_store: OwnStore,
}

/// [`Command::Join`] as a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Addresses of nodes in the network.
    pub bootstrap: Vec<SocketAddr>,
}

/// [`Command::Ping`] as a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The address.
    pub addr: SocketAddr,
}

/// [`Command::Put`] as a [`Request`]: comes to the places where the value is stored now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The key.
    pub key: Id,
    /// The value.
    pub value: Value,
    /// Whether it is stored again before it expires.
    pub keep: Keep,
}

/// [`Command::Refresh`] as a [`Request`]: comes to the number of buckets that were looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Which buckets.
    pub buckets: Buckets,
}

/// Implements [`Request`] for a type: its command, and how its output is taken out of an outcome.
macro_rules! request {
    (
        $name:ident, $output:ty, $self:ident => $command:expr,
        $values:ident, $($pattern:pat => $found:expr),+
    ) => {
        impl Request for $name {
            type Output = $output;

            fn into_command($self) -> Command {
                $command
            }

            #[allow(clippy::wildcard_enum_match_arm)] // All other outcomes are those of others.
            fn output(outcome: Outcome, $values: Vec<Value>) -> Option<Self::Output> {
                match outcome {
                    $($pattern => Some($found),)+
                    _ => None,
                }
            }
        }
    };
}

request!(AddContact, Result<Pong, CallError>, self => Command::AddContact { addr: self.addr }, _values,
    Outcome::Ping(pong) => pong);
request!(FindClose, Vec<Place>, self => Command::FindClose, _values,
    Outcome::Found(places) => places);
request!(FindNode, Vec<Place>, self => Command::FindNode { target: self.target }, _values,
    Outcome::Found(places) => places);
request!(FindValue, Vec<Holder>, self => Command::FindValue { key: self.key }, _values,
    Outcome::Holders(holders) => holders);
request!(Get, Vec<Value>, self => Command::Get {
        key: self.key,
        retrieve: self.retrieve,
        own_store: self.own_store,
    }, values, Outcome::Got { .. } => values);
request!(Join, Joined, self => Command::Join { bootstrap: self.bootstrap }, _values,
    Outcome::Join(joined) => joined);
request!(Ping, Result<Pong, CallError>, self => Command::Ping { addr: self.addr }, _values,
    Outcome::Ping(pong) => pong);
request!(Put, Vec<Place>, self => Command::Put {
        key: self.key,
        value: self.value,
        keep: self.keep,
    }, _values, Outcome::Stored(places) => places);
request!(Refresh, usize, self => Command::Refresh { buckets: self.buckets }, _values,
    Outcome::Refreshed { buckets } => buckets);

impl Get {
    /// As configured, our own store included.
    #[must_use]
    pub const fn new(key: Id) -> Self {
        Self {
            key,
            retrieve: None,
            own_store: OwnStore::Include,
        }
    }
}

/// A request under way. The caller hands it each event of the node until it gives the result.
pub struct Op<R> {
    id: OpId,
    values: Vec<Value>,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Op<R> {
    /// The command behind it, to tell it apart or to [cancel](Node::cancel) it.
    #[must_use]
    pub const fn id(&self) -> OpId {
        self.id
    }

    /// Takes in an event of the node. Gives the result when this event concludes the request, and
    /// `None` for every other event.
    ///
    /// # Errors
    /// [`Abort`] when the request was ended before its time.
    pub fn handle_event(&mut self, event: &Event) -> Option<Result<R::Output, Abort>> {
        match event.progress_of(self.id) {
            Progress::None => None,
            Progress::Values(values) => {
                self.values.extend_from_slice(values);
                None
            }
            Progress::Ended(Err(why)) => Some(Err(why)),
            Progress::Ended(Ok(outcome)) => {
                R::output(outcome.clone(), core::mem::take(&mut self.values)).map(Ok)
            }
        }
    }
}

impl<R> fmt::Debug for Op<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Op").field(&self.id).finish()
    }
}

impl Node {
    /// Starts a request: a command whose result has a type of its own.
    ///
    /// ```
    /// use khashmir::{Config, Id, Instant, Keep, Node, Seed, Value, request::{Get, Put}};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let now = Instant::ORIGIN;
    /// let mut node = Node::new(Config::default(), Seed::from_number(1), now)?;
    /// let (key, value) = (Id::hash_of(b"greeting"), Value::new(*b"hello")?);
    /// node.request(now, Put { key, value: value.clone(), keep: Keep::Once })?;
    /// let mut get = node.request(now, Get::new(key))?;
    /// let found = loop {
    ///     let event = node.poll_event().expect("a node that is alone has all it needs");
    ///     if let Some(found) = get.handle_event(&event) {
    ///         break found?;
    ///     }
    /// };
    /// assert_eq!(found, [value]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn request<R: Request>(&mut self, now: Instant, request: R) -> Result<Op<R>, Refused> {
        let id = self.start(now, request.into_command())?;
        Ok(Op {
            id,
            values: Vec::new(),
            request: PhantomData,
        })
    }
}
