//! The recordings as typed data. Whatever is missing or of another form fails the test.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use khashmir::{Contact, Id};
use serde_json::Value as Json;

use super::Generation;
use super::bytes::{self, from_hex};

/// Requests to one node, and what came back.
pub(crate) struct Requests {
    pub(crate) server: Contact,
    pub(crate) client: Contact,
    pub(crate) others: Vec<Contact>,
    pub(crate) cases: Vec<Case>,
}

/// One of the requests.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) request: Vec<u8>,
    pub(crate) reply: Option<Vec<u8>>,
    /// The secrets alive at that moment, newest first, where they were noted.
    pub(crate) secrets: Vec<Vec<u8>>,
    /// What the node sent the client by itself.
    pub(crate) unasked: Vec<Vec<u8>>,
}

/// What one of three nodes sent and received.
pub(crate) struct Session {
    pub(crate) own: Id,
    pub(crate) datagrams: Vec<Datagram>,
    /// The commands given to all of them, with their results.
    pub(crate) steps: Vec<Json>,
}

/// One datagram of a session.
pub(crate) struct Datagram {
    pub(crate) at: Duration,
    pub(crate) direction: Direction,
    pub(crate) peer: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// Seen from the node at which the session was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

/// A ping that nobody answered.
pub(crate) struct Retransmission {
    pub(crate) sends: Vec<(Duration, Vec<u8>)>,
    pub(crate) failed_after: Duration,
}

impl Requests {
    pub(crate) fn read(generation: Generation) -> Self {
        let file = read("requests", generation);
        Self {
            server: contact(&file["server"]),
            client: contact(&file["client"]),
            others: list(&file["other_nodes"]).iter().map(contact).collect(),
            cases: list(&file["cases"]).iter().map(case).collect(),
        }
    }

    /// The token that the node gave first.
    pub(crate) fn first_token(&self) -> &[u8] {
        let replies = self.cases.iter().filter_map(|case| case.reply.as_deref());
        replies
            .filter_map(|reply| Some(&reply[bytes::token(reply)?]))
            .next()
            .expect("find_node answers bring tokens")
    }
}

impl Session {
    pub(crate) fn read(generation: Generation) -> Self {
        let file = read("session", generation);
        Self {
            own: id(&file["ids"]["A"]),
            datagrams: list(&file["datagrams"]).iter().map(datagram).collect(),
            steps: list(&file["steps"]).to_vec(),
        }
    }
}

impl Retransmission {
    pub(crate) fn read(generation: Generation) -> Self {
        let file = read("retransmit", generation);
        let sends = list(&file["datagrams_at_peer"])
            .iter()
            .map(|send| (seconds(&send["t"]), hex(&send["hex"])));
        Self {
            sends: sends.collect(),
            failed_after: seconds(&file["result_after_ms"]) / 1000,
        }
    }
}

/// A text that has to be there.
pub(crate) fn text(json: &Json) -> &str {
    json.as_str()
        .unwrap_or_else(|| panic!("not a text: {json}"))
}

/// A list that has to be there.
pub(crate) fn list(json: &Json) -> &[Json] {
    json.as_array()
        .unwrap_or_else(|| panic!("not a list: {json}"))
}

/// An identifier that has to be there.
pub(crate) fn id(json: &Json) -> Id {
    text(json).parse().expect("an identifier")
}

/// Bytes that have to be there.
pub(crate) fn hex(json: &Json) -> Vec<u8> {
    from_hex(text(json))
}

/// An address of the loopback interface, of which only the port is to be given.
pub(crate) fn port(json: &Json) -> SocketAddr {
    let port = json.as_u64().and_then(|port| u16::try_from(port).ok());
    ([127, 0, 0, 1], port.expect("a port")).into()
}

fn read(what: &str, generation: Generation) -> Json {
    let name = format!("{what}_{}.json", generation.name());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let text = std::fs::read_to_string(path.join(&name))
        .unwrap_or_else(|error| panic!("the recording {name} cannot be read: {error}"));
    let file: Json = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("the recording {name} is damaged: {error}"));
    assert_eq!(file["version"], generation.name(), "{name} is another's");
    file
}

fn contact(json: &Json) -> Contact {
    Contact::new(id(&json["id_hex"]), port(&json["port"]))
}

fn case(json: &Json) -> Case {
    let name = text(&json["name"]).to_string();
    let silent = json["no_reply"] == true;
    assert_ne!(
        silent,
        json["reply_hex"].is_string(),
        "{name}: either there was a reply or there was none"
    );
    let each = |field: &str, what: fn(&Json) -> Vec<u8>| {
        let entries = json.get(field).map_or(&[][..], list);
        entries.iter().map(what).collect()
    };
    Case {
        name,
        request: hex(&json["request_hex"]),
        reply: (!silent).then(|| hex(&json["reply_hex"])),
        secrets: each("token_secrets_hex", hex),
        unasked: each("unsolicited_from_server", |sent| hex(&sent["hex"])),
    }
}

fn datagram(json: &Json) -> Datagram {
    Datagram {
        at: seconds(&json["t"]),
        direction: match text(&json["dir"]) {
            "in" => Direction::In,
            "out" => Direction::Out,
            other => panic!("neither in nor out: {other}"),
        },
        peer: text(&json["peer"]).parse().expect("an address"),
        bytes: hex(&json["hex"]),
    }
}

fn seconds(json: &Json) -> Duration {
    Duration::from_secs_f64(json.as_f64().expect("a number"))
}
