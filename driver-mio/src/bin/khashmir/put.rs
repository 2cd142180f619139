//! `khashmir put`: stores a value under a key.

use khashmir::{Command, Keep, Outcome, Place, Value};
use serde_json::json;

use crate::args::PutArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::find;
use crate::output;
use crate::trace::Verbosity;
use crate::values;
use crate::words;

pub(crate) fn run(args: &PutArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let command = Command::Put {
        key: args.key,
        value: args.bytes()?,
        keep: Keep::Once,
    };
    let client = Client::start(&args.common, verbosity)?;
    client.connect(&args.network.bootstrap)?;
    let over = client.complete(command)?;
    let places = if let Outcome::Stored(places) = over.outcome {
        places
    } else {
        Vec::new()
    };
    if places.is_empty() {
        let mut why = words::query_stats(&over.query_stats);
        if let Some(refusal) = over.query_stats.refusals.first() {
            why += &format!(", {refusal}");
        }
        return Err(Failure::failed(format_args!("stored nowhere ({why})")));
    }
    if args.common.json {
        let stored_at = find::places_json(&places);
        let object = json!({ "key": args.key.to_string(), "stored_at": stored_at });
        return output::line(object.to_string());
    }
    output::line(stored(&places))
}

/// Where a value is stored, in words. Our own copy does not count as one of the nodes: it goes with
/// this command.
fn stored(places: &[Place]) -> String {
    let nodes = places.iter().filter_map(Place::contact).count();
    let here = if nodes < places.len() {
        ", and here"
    } else {
        ""
    };
    format!("stored at {nodes} nodes{here}")
}

impl PutArgs {
    /// The value that is meant.
    pub(crate) fn bytes(&self) -> Result<Value, Failure> {
        let bytes = if self.hex {
            let bad = |why| Failure::Usage(format!("invalid VALUE '{}': {why}", self.value));
            values::from_hex(&self.value).map_err(bad)?
        } else {
            self.value.clone().into_bytes()
        };
        Value::new(bytes).map_err(|error| Failure::Usage(format!("invalid VALUE: {error}")))
    }
}
