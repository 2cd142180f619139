//! `khashmir find`: who is closest to an identifier, or who holds values of a key?

use khashmir::{Command, Holder, Outcome, Place};
use serde_json::{Value, json};

use crate::args::FindArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;
use crate::trace::Verbosity;
use crate::words;

pub(crate) fn run(args: &FindArgs, verbosity: Verbosity) -> Result<(), Failure> {
    let client = Client::start(&args.common, verbosity)?;
    client.connect(&args.network.bootstrap)?;
    let command = if args.values {
        Command::FindValue { key: args.target }
    } else {
        Command::FindNode {
            target: args.target,
        }
    };
    let over = client.complete(command)?;
    let found = if let Outcome::Found(places) = &over.outcome {
        nodes(args, places)?
    } else if let Outcome::Holders(holders) = &over.outcome {
        holding(args, holders)?
    } else {
        0
    };
    if found == 0 {
        let what = if args.values {
            "nobody holds values"
        } else {
            "no node was found"
        };
        let query_stats = words::query_stats(&over.query_stats);
        return Err(Failure::failed(format_args!("{what} ({query_stats})")));
    }
    Ok(())
}

fn nodes(args: &FindArgs, places: &[Place]) -> Result<usize, Failure> {
    for place in places {
        let (id, addr) = id_and_addr(place);
        output::line(if args.common.json {
            json!({ "id": id, "addr": addr }).to_string()
        } else {
            format!("{id} {addr}")
        })?;
    }
    Ok(places.len())
}

fn holding(args: &FindArgs, holders: &[Holder]) -> Result<usize, Failure> {
    for holder in holders {
        let (id, addr) = id_and_addr(&holder.place);
        let values = holder.values;
        output::line(if args.common.json {
            json!({ "id": id, "addr": addr, "values": values }).to_string()
        } else {
            format!("{id} {addr} {values} values")
        })?;
    }
    Ok(holders.len())
}

/// The identifier and address of a place as texts.
pub(crate) fn id_and_addr(place: &Place) -> (String, String) {
    // A client is never part of a result itself.
    let addr = place.contact().map(|contact| contact.addr.to_string());
    (place.id().to_string(), addr.unwrap_or_default())
}

/// Places as JSON.
pub(crate) fn places_json(places: &[Place]) -> Vec<Value> {
    let object = |place| {
        let (id, addr) = id_and_addr(place);
        json!({ "id": id, "addr": addr })
    };
    places.iter().map(object).collect()
}
