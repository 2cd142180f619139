//! How a node stands, on one screen.

use std::fmt::Write as _;

use khashmir::wire::Method;
use khashmir::{Reachable, Stats, Status};
use khashmir_mio::{DiskState, DiskStats, Gone, Handle, SocketStats};
use serde_json::json;

use crate::log::LogFormat;
use crate::words;

/// How a node stands: lines for people, or a JSON object.
pub(crate) fn of(node: &Handle, format: LogFormat) -> Result<String, Gone> {
    let (status, stats) = (node.status()?, node.stats()?);
    if format == LogFormat::Json {
        let id = node.id().to_string();
        let message = "how the node stands";
        let object = json!({ "message": message, "id": id, "status": status, "stats": stats });
        return Ok(object.to_string());
    }
    let mut screen = format!("node {} at {}\n", node.id(), node.local_addr());
    screen += &standing(&status);
    screen += &traffic(&stats, &node.socket_stats()?);
    screen += &methods(&stats);
    if let Some(disk) = node.disk_stats()? {
        screen += &of_disk(&disk);
    }
    Ok(screen)
}

fn standing(status: &Status) -> String {
    let reachable = match status.reachable {
        Reachable::Yes => "reachable",
        Reachable::Unknown => "not asked by any other node yet",
        _ => "reachable or not",
    };
    let seconds = status.uptime.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!(
        "up       {days} d {hours} h {minutes} m {} s, {reachable}\n\
         network  {} contacts, {} candidates, about {} nodes\n\
         values   {} under {} keys; {} puts are kept\n\
         busy     {} operations, {} calls in flight\n",
        seconds % 60,
        status.contacts,
        status.candidates,
        status.estimated_nodes,
        status.values,
        status.keys,
        status.kept,
        status.operations,
        status.calls,
    )
}

fn traffic(stats: &Stats, socket: &SocketStats) -> String {
    let mut lines = format!(
        "in       {} datagrams, {} bytes\nout      {} datagrams, {} bytes, {} refused\n",
        stats.datagrams_in, stats.bytes_in, stats.datagrams_out, stats.bytes_out, socket.refused
    );
    for (cause, count) in &stats.drops {
        let _ = writeln!(lines, "dropped  {count}: {cause}");
    }
    if let Some(count) = socket.dropped_by_system.filter(|count| *count > 0) {
        let _ = writeln!(
            lines,
            "dropped  {count}: by the system, the receive buffer was full"
        );
    }
    lines
}

fn methods(stats: &Stats) -> String {
    let mut lines = format!(
        "{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}\n",
        "method", "sent", "answered", "failed", "received", "errors", "mean ms"
    );
    for method in Method::ALL {
        let of = stats.method(method);
        let _ = writeln!(
            lines,
            "{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}",
            method.name(),
            of.sent,
            of.successful,
            of.failed,
            of.received,
            of.errors,
            words::millis(of.mean_successful_delay()),
        );
    }
    lines
}

fn of_disk(disk: &DiskStats) -> String {
    let state = match &disk.state {
        DiskState::Writing => "can be written".to_owned(),
        DiskState::Failing(why) => format!("cannot be written: {why}"),
        state => format!("{state:?}"),
    };
    format!(
        "disk     {state}; {} records in {} commits, {} lost, the longest commit {} ms\n",
        disk.records,
        disk.commits,
        disk.lost_records,
        words::millis(disk.longest_commit),
    )
}
