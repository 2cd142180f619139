//! Commands and what they came to, in words for people.

use std::time::Duration;

use khashmir::{Abort, Buckets, Command, Outcome, QueryStats};

/// A command in a few words.
pub(crate) fn command(command: &Command) -> String {
    match command {
        Command::AddContact { addr } => format!("add contact {addr}"),
        Command::FindClose => "find close nodes".to_owned(),
        Command::FindNode { target } => format!("find node {target}"),
        Command::FindValue { key } => format!("find value {key}"),
        Command::Get { key, .. } => format!("get {key}"),
        Command::Join { bootstrap } => format!("join through {} addresses", bootstrap.len()),
        Command::Ping { addr } => format!("ping {addr}"),
        Command::Put { key, value, .. } => {
            format!("put {key}, {} bytes", value.as_bytes().len())
        }
        Command::Refresh { buckets } => match buckets {
            Buckets::All => "refresh all buckets".to_owned(),
            Buckets::Stale => "refresh stale buckets".to_owned(),
        },
    }
}

/// What a command came to, in a few words.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Aborted(Abort::Cancelled) => "cancelled".to_owned(),
        Outcome::Aborted(Abort::Left) => "ended by leaving".to_owned(),
        Outcome::Aborted(Abort::ShutDown) => "ended by shutting down".to_owned(),
        Outcome::Ping(Ok(pong)) => format!("{} answered", pong.id),
        Outcome::Ping(Err(error)) => error.to_string(),
        Outcome::Join(joined) if joined.contacts == 0 => "nobody answered".to_owned(),
        Outcome::Join(joined) => format!(
            "joined, {} contacts, {} buckets refreshed",
            joined.contacts, joined.refreshed
        ),
        Outcome::Found(places) => format!("{} nodes found", places.len()),
        Outcome::Holders(holders) => format!("{} holders found", holders.len()),
        Outcome::Got { values } => format!("{values} values"),
        Outcome::Stored(places) => format!("stored at {} nodes", places.len()),
        Outcome::Refreshed { buckets } => format!("{buckets} buckets refreshed"),
    }
}

/// What a command took, in a few words.
pub(crate) fn query_stats(query_stats: &QueryStats) -> String {
    let mut words = format!(
        "{} asked, {} answered",
        query_stats.asked, query_stats.answered
    );
    for (count, what) in [
        (query_stats.unanswered, "unanswered"),
        (query_stats.broken, "broken"),
        (query_stats.refused, "refused"),
    ] {
        if count > 0 {
            words += &format!(", {count} {what}");
        }
    }
    words
}

/// A span in milliseconds, to the microsecond.
pub(crate) fn millis(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64() * 1000.0)
}

/// A span in milliseconds, to the microsecond, as a number.
pub(crate) fn millis_number(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1000.0
}
