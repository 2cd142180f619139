//! What commands took, in words and figures for people.

use std::time::Duration;

use khashmir::QueryStats;

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
