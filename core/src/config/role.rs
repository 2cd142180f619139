//! What a node does for others: which queries it answers, and which commands it may be given.

use crate::wire::Method;

/// What a node does for others: the original's three classes, and one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Role {
    /// Answers `ping`, `join` and `find_node`; handles no values.
    Base,
    /// Answers `find_value` and `get_value` too, and looks values up.
    Read,
    /// Stores values too: a full node.
    ReadWrite,
    /// Asks and never answers, so that others do not take it into their tables: for nodes that
    /// will be gone in a moment.
    ///
    /// Its queries bear the identifier of the node that is asked, and as long as that is unknown,
    /// none: nodes of the original take in neither. Its own identifier it gives only to one that
    /// answers no query without: the early generation. It joins through at most one of these, so
    /// that it is left in one table; as soon as it has contacts, others that refuse to answer are
    /// reported as refusing.
    Client,
}

impl Role {
    /// Whether a query of this method is answered.
    #[must_use]
    pub const fn serves(self, method: Method) -> bool {
        match self {
            Self::Client => false,
            Self::Base | Self::Read | Self::ReadWrite => self.knows(method),
        }
    }

    /// Whether this node's own commands may use the method: the original's classes have no more
    /// commands than answers.
    #[must_use]
    pub const fn knows(self, method: Method) -> bool {
        match method {
            Method::Ping | Method::Join | Method::FindNode => true,
            Method::FindValue | Method::GetValue => !matches!(self, Self::Base),
            Method::StoreValue => matches!(self, Self::ReadWrite | Self::Client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_nest_and_a_client_only_asks() {
        assert!(!Role::Base.serves(Method::FindValue) && Role::Base.serves(Method::Join));
        assert!(!Role::Read.serves(Method::StoreValue) && Role::Read.serves(Method::GetValue));
        assert!(Role::ReadWrite.serves(Method::StoreValue));
        assert!(!Role::Client.serves(Method::Ping) && Role::Client.knows(Method::StoreValue));
    }
}
