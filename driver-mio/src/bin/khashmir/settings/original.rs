//! The settings of the original's DHT as ours: what its options mean to us, and which mean nothing.

use std::path::Path;

use khashmir_mio::HostPort;

use super::file::File;
use super::ini::{self, IniOption};
use super::span::Span;
use crate::failure::Failure;

/// The section of the original's DHT.
const SECTION: &str = "apt_p2p_Khashmir";

/// Reads a configuration file of the original, and says the same as one of ours, with comments on what
/// is left out.
pub(crate) fn translated(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let bad = |why: &str| Failure::Usage(format!("cannot read {name}: {why}"));
    let bytes = std::fs::read(path).map_err(|error| bad(&error.to_string()))?;
    // Its comments may be in any encoding.
    let text = String::from_utf8_lossy(&bytes);
    let read = ini::read(&text, SECTION).map_err(|why| Failure::Usage(format!("{name}:{why}")))?;
    let read = read.ok_or_else(|| bad(&format!("it has no section [{SECTION}]")))?;
    let mut translation = Translation::default();
    for option in &read.options {
        translation.take(option, &read.options);
    }
    for section in read.other_sections {
        translation.leave_out(&format!("[{section}]"), "it is not about the DHT");
    }
    Ok(translation.text())
}

#[derive(Default)]
struct Translation {
    node: Vec<String>,
    protocol: Vec<String>,
    left_out: Vec<String>,
}

/// What becomes of an option.
enum Meaning {
    /// A setting of the node.
    Node(String),
    /// A setting in the section `protocol`.
    Protocol(String),
    /// Nothing, for that reason.
    None(&'static str),
}

impl Translation {
    fn take(&mut self, option: &IniOption, all: &[IniOption]) {
        let value = option.value.replace('\n', " ");
        let said = format!("{} = {value}", option.name);
        if option.name == "BOOTSTRAP" {
            return self.take_hosts(&value);
        }
        match meaning(&option.name, &value, all) {
            Ok(Meaning::Node(line)) => match File::parse(&line) {
                Ok(_) => self.node.push(line),
                Err(why) => self.leave_out(&said, &without_position(&why)),
            },
            Ok(Meaning::Protocol(line)) => match File::parse(&format!("[protocol]\n{line}")) {
                Ok(_) => self.protocol.push(line),
                Err(why) => self.leave_out(&said, &without_position(&why)),
            },
            Ok(Meaning::None(why)) => self.leave_out(&said, why),
            Err(why) => self.leave_out(&said, &why),
        }
        if option.name == "RETRIEVE_VALUES" && value.starts_with('-') {
            self.leave_out(
                &format!("the number in {said}"),
                "all values of the closest nodes that bring some are taken",
            );
        }
    }

    fn take_hosts(&mut self, value: &str) {
        let mut hosts = Vec::new();
        for text in value.split_whitespace() {
            match text.parse::<HostPort>() {
                Ok(host) => hosts.push(format!("\"{host}\"")),
                Err(error) => self.leave_out(&format!("{text} in BOOTSTRAP"), &error.to_string()),
            }
        }
        self.node
            .push(format!("bootstrap = [{}]", hosts.join(", ")));
    }

    /// Notes what is left out, and why. A comment has no control characters.
    fn leave_out(&mut self, what: &str, why: &str) {
        let line = format!("# {what}: {why}");
        self.left_out.push(line.replace(char::is_control, "?"));
    }

    fn text(&self) -> String {
        let mut text = format!("# Settings of a node of Khashmir, as [{SECTION}] has them.\n");
        text += "# What is not here is at its default; `khashmir config --example` explains everything.\n\n";
        text.extend(self.node.iter().map(|line| format!("{line}\n")));
        text += "\n[protocol]\n";
        text.extend(self.protocol.iter().map(|line| format!("{line}\n")));
        if !self.left_out.is_empty() {
            text += "\n# Left out:\n";
            text.extend(self.left_out.iter().map(|line| format!("{line}\n")));
        }
        text
    }
}

/// What an option means. Names and defaults are those of the specification, sections 2 to 12.
fn meaning(name: &str, value: &str, all: &[IniOption]) -> Result<Meaning, String> {
    let number = |setting| Ok(Meaning::Protocol(format!("{setting} = {}", whole(value)?)));
    let time = |setting| {
        Ok(Meaning::Protocol(format!(
            "{setting} = \"{}\"",
            span(value)?
        )))
    };
    match name {
        "PORT" => {
            let port: u16 = value.parse().map_err(|_| "it is no port")?;
            Ok(Meaning::Node(format!("listen = \"0.0.0.0:{port}\"")))
        }
        "BOOTSTRAP_NODE" => Ok(Meaning::Node(format!("alone = {}", truth(value)?))),
        "K" => number("k"),
        "CONCURRENT_REQS" => number("alpha"),
        "STORE_REDUNDANCY" => number("redundancy"),
        "MAX_FAILURES" => number("max_failures"),
        "RETRIEVE_VALUES" => retrieve(value, all),
        "MIN_PING_INTERVAL" => time("fresh"),
        "BUCKET_STALENESS" => time("staleness"),
        "KEY_EXPIRE" => time("expiry"),
        "CHECKPOINT_INTERVAL" => time("checkpoint"),
        "LOCAL_OK" => {
            let word = if truth(value)? { "accept" } else { "refuse" };
            Ok(Meaning::Protocol(format!("private_addresses = \"{word}\"")))
        }
        "HASH_LENGTH" => Ok(Meaning::None("identifiers are always 20 bytes long")),
        "KRPC_TIMEOUT" | "KRPC_INITIAL_DELAY" => Ok(Meaning::None(
            "waits follow what was measured; `retry` can have fixed ones",
        )),
        "KEY_REFRESH" => Ok(Meaning::None(
            "values that are kept are looked after, and stored again where copies are missing",
        )),
        "CACHE_DIR" => Ok(Meaning::None(
            "`khashmir import` takes over the database in it, `data` is the directory of ours",
        )),
        "SPEW" => Ok(Meaning::None("`log_level` says how much is logged")),
        _ => Ok(Meaning::None("it is no option of the DHT")),
    }
}

/// A negative number means the closest holders, as many as a value is stored at (section 5).
fn retrieve(value: &str, all: &[IniOption]) -> Result<Meaning, String> {
    let number: i64 = value.parse().map_err(|_| "it is no number")?;
    let line = match number {
        0 => {
            return Ok(Meaning::None(
                "a get would never end with it in the original",
            ));
        }
        1.. => format!("retrieve = {{ at_most = {number} }}"),
        _ => {
            let redundancy = all.iter().find(|option| option.name == "STORE_REDUNDANCY");
            let known = redundancy.and_then(|option| whole(&option.value).ok());
            let closest = known.unwrap_or(khashmir::Config::default().redundancy as u64);
            format!("retrieve = {{ closest = {closest} }}")
        }
    };
    Ok(Meaning::Protocol(line))
}

fn whole(value: &str) -> Result<u64, String> {
    value
        .parse()
        .map_err(|_| "it is no whole number".to_owned())
}

fn truth(value: &str) -> Result<bool, String> {
    match value.to_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Ok(true),
        "0" | "no" | "false" | "off" => Ok(false),
        _ => Err("it is neither yes nor no".to_owned()),
    }
}

/// A number and a unit, or of seconds.
fn span(value: &str) -> Result<Span, String> {
    let seconds = value.ends_with(|c: char| c.is_ascii_digit()).then_some("s");
    let text = format!("{}{}", value.to_lowercase(), seconds.unwrap_or_default());
    text.parse()
}

/// A complaint about one of our lines, without where in it.
fn without_position(why: &str) -> String {
    why.split_once(": ").map_or(why, |(_, why)| why).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(name: &str, value: &str) -> String {
        let mut translation = Translation::default();
        let option = IniOption {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        translation.take(&option, std::slice::from_ref(&option));
        let Translation {
            node,
            protocol,
            left_out,
        } = translation;
        [node, protocol, left_out].concat().join("\n")
    }

    #[test]
    fn times_have_the_suffixes_of_the_original() {
        for (value, ours) in [
            ("57m", "57m"),
            ("2.5h", "150m"),
            ("1D", "1d"),
            ("90", "90s"),
            (
                "15 m",
                "# KEY_EXPIRE = 15 m: '15 m' is no span of time such as 500ms, 20s, 15m, 2.5h or 1d",
            ),
        ] {
            let meant = meant("KEY_EXPIRE", value);
            assert_eq!(meant.replace("expiry = ", "").replace('"', ""), ours);
        }
    }

    #[test]
    fn what_cannot_be_taken_over_is_left_out_and_says_why() {
        assert_eq!(
            meant("K", "0"),
            "# K = 0: protocol.k: k must be from 1 to 32"
        );
        assert_eq!(meant("K", "many"), "# K = many: it is no whole number");
        assert_eq!(meant("PORT", "99999"), "# PORT = 99999: it is no port");
        assert_eq!(
            meant("LOCAL_OK", "maybe"),
            "# LOCAL_OK = maybe: it is neither yes nor no"
        );
        assert!(meant("RETRIEVE_VALUES", "0").starts_with("# RETRIEVE_VALUES = 0: "));
        assert_eq!(meant("RETRIEVE_VALUES", "5"), "retrieve = { at_most = 5 }");
        assert!(meant("FROB", "\u{7}").ends_with("# FROB = ?: it is no option of the DHT"));
        let hosts = meant("BOOTSTRAP", "a.example:1\n[::1]:2\n192.0.2.1:3");
        assert!(hosts.starts_with(
            "bootstrap = [\"a.example:1\", \"192.0.2.1:3\"]\n# [::1]:2 in BOOTSTRAP: "
        ));
    }
}
