//! `khashmir ping`: is a node there, and how does it see us?

use serde_json::json;

use crate::args::PingArgs;
use crate::client::{Client, NobodyMet};
use crate::failure::Failure;
use crate::output;
use crate::trace::Verbosity;
use crate::words;

pub(crate) fn run(args: &PingArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let client = Client::start(&args.common, verbosity)?;
    let pong = client
        .meet(std::slice::from_ref(&args.host))
        .map_err(|nobody| silence(args, &nobody))?;
    let id = pong.id;
    if args.common.json {
        let object = json!({
            "id": id.to_string(),
            "rtt_ms": words::millis_number(pong.took),
            "sees_us_as": pong.seen_as.map(|addr| addr.to_string()),
        });
        return output::line(object.to_string());
    }
    let took = words::millis(pong.took);
    let seen_as = pong
        .seen_as
        .map_or("unknown".to_owned(), |addr| addr.to_string());
    output::line(format!("{id} {took} ms, sees us as {seen_as}"))
}

fn silence(args: &PingArgs, nobody: &NobodyMet) -> Failure {
    if let Some(why) = &nobody.refused {
        return Failure::failed(format_args!("{}: {why}", args.host));
    }
    match (nobody.timeout, nobody.troubles.as_slice()) {
        (Some(timeout), _) => Failure::failed(format_args!(
            "{}: no answer came within {timeout:?}",
            args.host
        )),
        (None, troubles) => Failure::Failed(troubles.join("; ")),
    }
}
