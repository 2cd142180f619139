//! The commands of a session in our node's terms, and what came of them.

use std::collections::BTreeSet;

use khashmir::{Command, Event, Id, Keep, Outcome, OwnStore, Place, Value, ValueTooLong};
use serde_json::Value as Json;

use super::recorded::{hex, id, list, port, text};

/// A command that was given to the node whose place ours takes.
#[derive(Clone)]
pub(crate) struct Step {
    /// How the table of differences names it.
    pub(crate) name: String,
    /// The key, where it is about one.
    pub(crate) key: Option<Id>,
    pub(crate) command: Result<Command, ValueTooLong>,
    pub(crate) result: StepResult,
}

/// What came of a command: identifiers, values or addresses as text, in order where that says
/// something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepResult {
    Ordered(Vec<String>),
    Unordered(BTreeSet<String>),
}

/// The commands that make a node send something, in their order.
pub(crate) fn commands(steps: &[Json]) -> Vec<Step> {
    let own = |(_, step): &(usize, &Json)| text(&step["by"]) == "A";
    steps
        .iter()
        .enumerate()
        .filter(own)
        .filter_map(|(index, step)| command(index, step))
        .collect()
}

/// What the events of one command come to, in the same terms.
pub(crate) fn result_of(events: &[Event]) -> StepResult {
    let mut values = BTreeSet::new();
    let mut result = None;
    for event in events {
        match event {
            Event::Values { values: some, .. } => {
                values.extend(some.iter().map(|value| hex_text(value.as_bytes())));
            }
            Event::Ended { outcome, .. } => result = Some(outcome_text(outcome)),
            Event::Alone
            | Event::BootstrapWanted
            | Event::Checkpoint
            | Event::CopiesLost { .. }
            | Event::FewPrefixes
            | Event::Kept { .. }
            | Event::Online { .. } => {}
            _ => {}
        }
    }
    result
        .unwrap_or_else(|| panic!("not over: {events:?}"))
        .unwrap_or(StepResult::Unordered(values))
}

fn command(index: usize, step: &Json) -> Option<Step> {
    let (cmd, args, result) = (text(&step["cmd"]), &step["args"], &step["result"]);
    let texts = |json: &Json| {
        list(json)
            .iter()
            .map(|entry| text(entry).to_string())
            .collect()
    };
    let ids = || {
        list(&result["nodes"])
            .iter()
            .map(|node| text(&node["id"]).to_string())
    };
    let (command, result) = match cmd {
        "join" => {
            let (addr, seen_as) = (port(&args["port"]), port(&result["addr"][1]));
            let result = StepResult::Ordered(vec![seen_as.to_string()]);
            (Ok(Command::AddContact { addr }), result)
        }
        "ping" => {
            let addr = port(&args["port"]);
            let result = StepResult::Ordered(vec![text(&result["id"]).to_string()]);
            (Ok(Command::Ping { addr }), result)
        }
        "findCloseNodes" => (Ok(Command::FindClose), StepResult::Ordered(ids().collect())),
        "findNode" => {
            let target = id(&args["target"]);
            (
                Ok(Command::FindNode { target }),
                StepResult::Ordered(ids().collect()),
            )
        }
        "storeValueForKey" => {
            let value = Value::new(hex(&args["value"]));
            let command = value.map(|value| Command::Put {
                key: id(&args["key"]),
                value,
                keep: Keep::Once,
            });
            (command, StepResult::Unordered(texts(&result["stored"])))
        }
        "valueForKey" => {
            let command = Command::Get {
                key: id(&args["key"]),
                retrieve: None,
                own_store: OwnStore::Include,
            };
            (Ok(command), StepResult::Unordered(texts(&result["values"])))
        }
        "table" | "stats" | "secrets" | "html" => return None,
        other => panic!("unknown command {other}"),
    };
    Some(Step {
        name: format!("step {index}: {cmd}"),
        key: args.get("key").map(id),
        command,
        result,
    })
}

/// `None` where the values say it all.
fn outcome_text(outcome: &Outcome) -> Option<StepResult> {
    let ids = |places: &[Place]| places.iter().map(|place| place.id().to_string()).collect();
    match outcome {
        Outcome::Ping(Ok(pong)) => {
            let seen_as = pong.seen_as.map(|addr| addr.to_string());
            Some(StepResult::Ordered(vec![
                seen_as.unwrap_or_else(|| pong.id.to_string()),
            ]))
        }
        Outcome::Found(places) => Some(StepResult::Ordered(ids(places))),
        Outcome::Stored(places) => {
            let ids: Vec<String> = ids(places);
            Some(StepResult::Unordered(ids.into_iter().collect()))
        }
        Outcome::Got { .. } => None,
        Outcome::Aborted(_)
        | Outcome::Ping(_)
        | Outcome::Join(_)
        | Outcome::Holders(_)
        | Outcome::Refreshed { .. } => panic!("not what was asked for: {outcome:?}"),
        _ => panic!("not known: {outcome:?}"),
    }
}

fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
