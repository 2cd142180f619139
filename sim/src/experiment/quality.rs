//! How good the result of a lookup is, held against the truth.

/// How good the result of a lookup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Exactly the K closest.
    Exact,
    /// The closest node, but not exactly the K closest.
    Success,
    /// Not even the closest node.
    Failure,
}
