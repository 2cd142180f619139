//! What a node logs on standard error: how much, and in which form.

use clap::ValueEnum;
use serde::Deserialize;

/// How much is logged: this and what is more urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    /// What ends the node.
    Error,
    /// What an operator may want to do something about
    #[default]
    Warn,
    /// What changes in the life of the node
    Info,
    /// Each operation
    Debug,
    /// Each datagram
    Trace,
}

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// Lines for terminals, and for a journal that knows the time
    #[default]
    Plain,
    /// Lines with time and level
    Full,
    /// A JSON object a line
    Json,
}
