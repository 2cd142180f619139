//! Typed puts and gets, in the shape of the original's programming interface: values of the caller's
//! own type go in and come out.

use alloc::vec::Vec;
use core::fmt;

use super::event::Progress;
use super::{Command, Event, Keep, Node, OpId, Refused};
use crate::id::Id;
use crate::operation::{Abort, Outcome};
use crate::time::Instant;
use crate::typed::{Decoder, EncodeError, FromBencode, ToBencode, encode};

/// A `get` whose values are read as a `T`, one by one. Values that are not a `T` are skipped and
/// counted: anyone may have stored anything under a key.
///
/// The caller hands it each event of the node until it says that the `get` is over.
#[derive(Clone, Debug)]
pub struct TypedGet<T> {
    op: OpId,
    decoder: Decoder<T>,
}

/// What an event means for a [`TypedGet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedEvent<T> {
    /// The event belongs to another command, or to the node.
    Other,
    /// More values were found. None of them may be left when all were skipped.
    Values(Vec<T>),
    /// The `get` is over.
    Ended {
        /// How many values were found that are not a `T`.
        skipped: u64,
        /// How many more values there are likely to be: see [`Outcome::Got`].
        missing: u64,
        /// Why it ended before its time, if it did.
        aborted: Option<Abort>,
    },
}

/// Why a typed put was not accepted. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedPutError {
    /// The value cannot be encoded, or its encoding is too long.
    Encode(EncodeError),
    /// The node refused the command.
    Refused(Refused),
}

impl Node {
    /// Stores a value of any type that bencode can write: the original's `storeValue`. Ends as
    /// [`Command::Put`] does.
    ///
    /// # Errors
    /// [`TypedPutError`] says why nothing was started.
    pub fn put_typed<T: ToBencode>(
        &mut self,
        now: Instant,
        key: Id,
        value: &T,
        keep: Keep,
    ) -> Result<OpId, TypedPutError> {
        let value = encode(value).map_err(TypedPutError::Encode)?;
        let put = Command::Put { key, value, keep };
        self.start(now, put).map_err(TypedPutError::Refused)
    }

    /// Gets the values of a key that are a `T`: the original's `getValue`.
    ///
    /// ```
    /// use khashmir::{Config, Id, Instant, Keep, Node, Seed, TypedEvent};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let now = Instant::ORIGIN;
    /// let mut node = Node::new(Config::default(), Seed::from_number(1), now)?;
    /// let key = Id::hash_of(b"answer");
    /// node.put_typed(now, key, &42_u32, Keep::Once)?;
    /// let mut get = node.get_typed::<u32>(now, key)?;
    /// let mut found = Vec::new();
    /// while let Some(event) = node.poll_event() {
    ///     if let TypedEvent::Values(values) = get.handle_event(&event) {
    ///         found.extend(values);
    ///     }
    /// }
    /// assert_eq!(found, [42]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn get_typed<T: FromBencode>(
        &mut self,
        now: Instant,
        key: Id,
    ) -> Result<TypedGet<T>, Refused> {
        Ok(TypedGet {
            op: self.get(now, key)?,
            decoder: Decoder::new(),
        })
    }
}

impl<T: FromBencode> TypedGet<T> {
    /// The command behind it, to tell it apart or to [cancel](Node::cancel) it.
    #[must_use]
    pub const fn op(&self) -> OpId {
        self.op
    }

    /// Takes in an event of the node, and says what it means for this `get`.
    pub fn handle_event(&mut self, event: &Event) -> TypedEvent<T> {
        match event.progress_of(self.op) {
            Progress::None => TypedEvent::Other,
            Progress::Values(values) => {
                TypedEvent::Values(self.decoder.decode_all(values).collect())
            }
            Progress::Ended(ended) => TypedEvent::Ended {
                skipped: self.decoder.skipped(),
                missing: match ended {
                    Ok(Outcome::Got { missing, .. }) => *missing,
                    Ok(_) | Err(_) => 0,
                },
                aborted: ended.err(),
            },
        }
    }
}

impl fmt::Display for TypedPutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl core::error::Error for TypedPutError {}
