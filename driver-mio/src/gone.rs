//! What is said of a node that no longer runs.

use std::fmt;

/// The node was shut down, or its loop is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node is no longer running")
    }
}

impl std::error::Error for Gone {}
