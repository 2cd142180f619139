//! `khashmir get`: retrieves the values of a key.

use khashmir::{Command, Event, Outcome, OwnStore, Value};
use serde_json::json;

use crate::args::GetArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;
use crate::trace::Verbosity;
use crate::values;
use crate::words;

pub(crate) fn run(args: &GetArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let client = Client::start(&args.common, verbosity)?;
    client.connect(&args.network.bootstrap)?;
    let mut get = client.begin(Command::Get {
        key: args.key,
        retrieve: None,
        own_store: OwnStore::LeaveOut,
    })?;
    let mut printed = 0_usize;
    loop {
        match client.next(&mut get)? {
            Event::Values { values, .. } => {
                for value in &values {
                    print(args, value)?;
                    printed += 1;
                }
            }
            Event::Ended { query_stats, .. } if printed == 0 => {
                let query_stats = words::query_stats(&query_stats);
                return Err(Failure::failed(format_args!(
                    "no value found under {} ({query_stats})",
                    args.key
                )));
            }
            Event::Ended {
                outcome: Outcome::Got { missing, .. },
                ..
            } if missing > 0 => {
                output::complain(&format!(
                    "{printed} values were found under {}, and holders count {missing} more",
                    args.key
                ));
                return Ok(());
            }
            Event::Ended { .. } => return Ok(()),
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
}

fn print(args: &GetArgs, value: &Value) -> Result<(), Failure> {
    let bytes = value.as_bytes();
    if !args.common.json {
        return if args.hex {
            output::line(values::to_hex(bytes))
        } else {
            output::line(bytes)
        };
    }
    let key = args.key.to_string();
    let text = std::str::from_utf8(bytes).ok().filter(|_| !args.hex);
    let object = match text {
        Some(text) => json!({ "key": key, "value": text }),
        None => json!({ "key": key, "value_hex": values::to_hex(bytes) }),
    };
    output::line(object.to_string())
}
