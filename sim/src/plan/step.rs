//! The steps of a plan: what happens to which hosts, and when.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use khashmir::{Buckets, Command, Id, Keep, OwnStore, Value};

use super::hosts::{HostSet, host};
use crate::churn::Churn;
use crate::duration;
use crate::host::HostId;
use crate::network::{Loss, NetworkConfig, Reorder};
use crate::span::Span;
use crate::text::{BadText, probability};

/// One step of a plan. It is written as `at TIME` and an [action](Action).
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When, counted from the moment at which the network stands.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// What happens in a step.
///
/// What happens to hosts is written as the [set](HostSet) of them and a verb with what it needs:
/// `n03 find_node 3fa2…`, `all restart`, `n01,n02 pause 5s`, `n07 garbage n02 64323a…`. What happens
/// to the network begins with its verb: `partition n00..n04 n05..n09`, `cut n01 n02`, `heal`,
/// `loss 0.1`, `churn 20m/5m/same`, `churn off`.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Hosts are given a command.
    Ask(HostSet, Ask),
    /// Nodes leave their network without telling their contacts.
    Leave(HostSet),
    /// Hosts lose their power.
    Crash(HostSet),
    /// Hosts start again from their disks; those that run crash first.
    Restart(HostSet),
    /// Hosts stand still for a while.
    Pause(HostSet, Duration),
    /// The clocks of hosts jump.
    Jump(HostSet, Jump),
    /// The clocks of hosts run too fast, by that many millionths, or too slow.
    Drift(HostSet, i32),
    /// Each host of one set sends each host of another some bytes that its node did not send.
    Garbage {
        /// The hosts that send.
        from: HostSet,
        /// The hosts that receive.
        to: HostSet,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Hosts reach only those of their group; those in no group are one of their own.
    Partition(Vec<HostSet>),
    /// Some hosts do not reach others, but are reached by them.
    Cut {
        /// The hosts whose datagrams do not arrive.
        from: HostSet,
        /// The hosts at which they do not arrive.
        to: HostSet,
    },
    /// All partitions and cuts end.
    Heal,
    /// The network loses other datagrams than before.
    Loss(Loss),
    /// The network doubles other datagrams than before.
    Duplicate(f64),
    /// The network holds back other datagrams than before.
    Reorder(Reorder),
    /// The network adds other delays than before.
    Jitter(Span),
    /// Hosts come and go, or stop doing so.
    Churn(Option<Churn>),
}

/// A command for a node, with hosts in place of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// [`Command::AddContact`].
    AddContact(HostId),
    /// [`Command::FindClose`].
    FindClose,
    /// [`Command::FindNode`].
    FindNode(Id),
    /// [`Command::FindValue`].
    FindValue(Id),
    /// The same as `Get`; the run violates a check if this value is not found.
    Expect(Id, Value),
    /// [`Command::Get`], our own store included.
    Get(Id),
    /// [`Command::Join`].
    Join(HostSet),
    /// [`Command::Ping`].
    Ping(HostId),
    /// [`Command::Put`].
    Put(Id, Value, Keep),
    /// [`Command::Refresh`].
    Refresh(Buckets),
}

/// How a clock jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// It shows less than before.
    Back(Duration),
    /// It shows more.
    Forward(Duration),
}

impl Step {
    /// The churn that begins with it, if one does.
    #[must_use]
    pub const fn churn(&self) -> Option<&Churn> {
        if let Action::Churn(churn) = &self.action {
            churn.as_ref()
        } else {
            None
        }
    }
}

impl Action {
    /// Makes of a network what it is from this step on.
    pub fn change(&self, network: &mut NetworkConfig) {
        match self {
            Self::Loss(loss) => network.loss = *loss,
            Self::Duplicate(chance) => network.duplicate = *chance,
            Self::Reorder(reorder) => network.reorder = *reorder,
            Self::Jitter(jitter) => network.jitter = *jitter,
            Self::Ask(..)
            | Self::Leave(_)
            | Self::Crash(_)
            | Self::Restart(_)
            | Self::Pause(..)
            | Self::Jump(..)
            | Self::Drift(..)
            | Self::Garbage { .. }
            | Self::Partition(_)
            | Self::Cut { .. }
            | Self::Heal
            | Self::Churn(_) => {}
        }
    }

    /// The hosts that it is about; none for what is about the network.
    #[must_use]
    pub const fn hosts(&self) -> Option<&HostSet> {
        match self {
            Self::Ask(hosts, _)
            | Self::Leave(hosts)
            | Self::Crash(hosts)
            | Self::Restart(hosts)
            | Self::Pause(hosts, _)
            | Self::Jump(hosts, _)
            | Self::Drift(hosts, _)
            | Self::Garbage { from: hosts, .. } => Some(hosts),
            Self::Partition(_)
            | Self::Cut { .. }
            | Self::Heal
            | Self::Loss(_)
            | Self::Duplicate(_)
            | Self::Reorder(_)
            | Self::Jitter(_)
            | Self::Churn(_) => None,
        }
    }
}

impl Ask {
    /// The command, with the addresses of the hosts.
    #[must_use]
    pub fn command(&self) -> Command {
        match self {
            Self::AddContact(host) => Command::AddContact { addr: host.addr() },
            Self::FindClose => Command::FindClose,
            Self::FindNode(target) => Command::FindNode { target: *target },
            Self::FindValue(key) => Command::FindValue { key: *key },
            Self::Get(key) | Self::Expect(key, _) => Command::Get {
                key: *key,
                retrieve: None,
                own_store: OwnStore::Include,
            },
            Self::Join(hosts) => Command::Join {
                bootstrap: hosts.iter().map(HostId::addr).collect::<Vec<SocketAddr>>(),
            },
            Self::Ping(host) => Command::Ping { addr: host.addr() },
            Self::Put(key, value, keep) => Command::Put {
                key: *key,
                value: value.clone(),
                keep: *keep,
            },
            Self::Refresh(buckets) => Command::Refresh { buckets: *buckets },
        }
    }

    fn parse(verb: &str, words: &[&str]) -> Option<Result<Self, BadText>> {
        Some(match (verb, words) {
            ("add_contact", [other]) => host(other).map(Self::AddContact),
            ("find_close", []) => Ok(Self::FindClose),
            ("find_node", [target]) => id(target).map(Self::FindNode),
            ("find_value", [key]) => id(key).map(Self::FindValue),
            ("get", [key]) => id(key).map(Self::Get),
            ("get", [key, text]) => expect(key, text),
            ("join", [hosts]) => hosts.parse().map(Self::Join),
            ("ping", [other]) => host(other).map(Self::Ping),
            ("put", [key, text]) => put(key, text, Keep::Once),
            ("put", [key, text, "keep"]) => put(key, text, Keep::UntilCancelled),
            ("refresh", ["all"]) => Ok(Self::Refresh(Buckets::All)),
            ("refresh", ["stale"]) => Ok(Self::Refresh(Buckets::Stale)),
            _ => return None,
        })
    }
}

impl FromStr for Step {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [at, rest @ ..] = &words[..] else {
            return Err(BadText::new(text, "step", "a time and what happens"));
        };
        Ok(Self {
            at: duration::parse(at)?,
            action: action(rest)?,
        })
    }
}

fn action(words: &[&str]) -> Result<Action, BadText> {
    let text = words.join(" ");
    let unknown = || BadText::new(&text, "step", "one of those that sim/README.md lists");
    Ok(match words {
        ["heal"] => Action::Heal,
        ["partition", groups @ ..] if !groups.is_empty() => Action::Partition(
            groups
                .iter()
                .map(|group| group.parse())
                .collect::<Result<_, _>>()?,
        ),
        ["cut", from, to] => Action::Cut {
            from: from.parse()?,
            to: to.parse()?,
        },
        ["loss", loss] => Action::Loss(loss.parse()?),
        ["duplicate", chance] => Action::Duplicate(probability(chance)?),
        ["reorder", reorder] => Action::Reorder(reorder.parse()?),
        ["jitter", span] => Action::Jitter(span.parse()?),
        ["churn", "off"] => Action::Churn(None),
        ["churn", churn] => Action::Churn(Some(churn.parse()?)),
        [hosts, verb, rest @ ..] => {
            let hosts: HostSet = hosts.parse()?;
            match (*verb, rest) {
                ("crash", []) => Action::Crash(hosts),
                ("restart", []) => Action::Restart(hosts),
                ("leave", []) => Action::Leave(hosts),
                ("pause", [time]) => Action::Pause(hosts, duration::parse(time)?),
                ("clock", [jump]) => Action::Jump(hosts, jump.parse()?),
                ("drift", [drift]) => Action::Drift(hosts, parse_drift(drift)?),
                ("garbage", [to, bytes]) => Action::Garbage {
                    from: hosts,
                    to: to.parse()?,
                    bytes: unhex(bytes)?,
                },
                (verb, rest) => Action::Ask(hosts, Ask::parse(verb, rest).ok_or_else(unknown)??),
            }
        }
        _ => return Err(unknown()),
    })
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", duration::format(self.at), self.action)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(hosts, ask) => write!(f, "{hosts} {ask}"),
            Self::Leave(hosts) => write!(f, "{hosts} leave"),
            Self::Crash(hosts) => write!(f, "{hosts} crash"),
            Self::Restart(hosts) => write!(f, "{hosts} restart"),
            Self::Pause(hosts, time) => write!(f, "{hosts} pause {}", duration::format(*time)),
            Self::Jump(hosts, jump) => write!(f, "{hosts} clock {jump}"),
            Self::Drift(hosts, drift) => write!(f, "{hosts} drift {drift}ppm"),
            Self::Garbage { from, to, bytes } => {
                write!(f, "{from} garbage {to} {}", hex(bytes))
            }
            Self::Partition(groups) => {
                f.write_str("partition")?;
                groups.iter().try_for_each(|group| write!(f, " {group}"))
            }
            Self::Cut { from, to } => write!(f, "cut {from} {to}"),
            Self::Heal => f.write_str("heal"),
            Self::Loss(loss) => write!(f, "loss {loss}"),
            Self::Duplicate(chance) => write!(f, "duplicate {chance}"),
            Self::Reorder(reorder) => write!(f, "reorder {reorder}"),
            Self::Jitter(span) => write!(f, "jitter {span}"),
            Self::Churn(None) => f.write_str("churn off"),
            Self::Churn(Some(churn)) => write!(f, "churn {churn}"),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddContact(host) => write!(f, "add_contact {host}"),
            Self::FindClose => f.write_str("find_close"),
            Self::FindNode(target) => write!(f, "find_node {target}"),
            Self::FindValue(key) => write!(f, "find_value {key}"),
            Self::Get(key) => write!(f, "get {key}"),
            Self::Expect(key, value) => {
                write!(f, "get {key} {}", String::from_utf8_lossy(value.as_bytes()))
            }
            Self::Join(hosts) => write!(f, "join {hosts}"),
            Self::Ping(host) => write!(f, "ping {host}"),
            Self::Put(key, value, keep) => {
                write!(f, "put {key} {}", String::from_utf8_lossy(value.as_bytes()))?;
                if *keep == Keep::UntilCancelled {
                    f.write_str(" keep")?;
                }
                Ok(())
            }
            Self::Refresh(Buckets::All) => f.write_str("refresh all"),
            Self::Refresh(Buckets::Stale) => f.write_str("refresh stale"),
        }
    }
}

impl FromStr for Jump {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(by), _) => Ok(Self::Forward(duration::parse(by)?)),
            (_, Some(by)) => Ok(Self::Back(duration::parse(by)?)),
            (None, None) => Err(BadText::new(text, "jump", "one such as +5s or -2m")),
        }
    }
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Back(by) => write!(f, "-{}", duration::format(*by)),
            Self::Forward(by) => write!(f, "+{}", duration::format(*by)),
        }
    }
}

fn parse_drift(text: &str) -> Result<i32, BadText> {
    let number = text
        .strip_suffix("ppm")
        .and_then(|number| number.parse().ok());
    let most = crate::world::Clock::MOST;
    let number = number.filter(|drift: &i32| (-most..=most).contains(drift));
    number.ok_or_else(|| BadText::new(text, "drift", "one from -500000ppm to 500000ppm"))
}

fn id(text: &str) -> Result<Id, BadText> {
    text.parse()
        .map_err(|_| BadText::new(text, "40-digit identifier", "hexadecimal digits"))
}

/// A value in a plan is one word.
fn put(key: &str, text: &str, keep: Keep) -> Result<Ask, BadText> {
    Ok(Ask::Put(id(key)?, word(text)?, keep))
}

fn expect(key: &str, text: &str) -> Result<Ask, BadText> {
    Ok(Ask::Expect(id(key)?, word(text)?))
}

fn word(text: &str) -> Result<Value, BadText> {
    Value::new(text).map_err(|_| BadText::new(text, "value", "a shorter word"))
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, BadText> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let bad = || BadText::new(text, "string of bytes", "pairs of hexadecimal digits, or -");
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    text.as_bytes()
        .chunks(2)
        .map(|two| pair(two).ok_or_else(bad))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_step_reads_the_same() {
        let id = Id::hash_of(b"key");
        for text in [
            "12.5s all restart",
            "1s n03 crash",
            "1s n03,n05..n07 leave",
            "2m n00 pause 5s",
            "2m n00 clock +5s",
            "2m n00 clock -1h",
            "2m n00 drift -300ppm",
            "2m n00 garbage n01,n03 64313a",
            "2m n00 garbage all -",
            "3s partition n00..n04 n05..n09",
            "3s cut n01 n02..n03",
            "3s heal",
            "3s loss independent:0.1",
            "3s loss bursty:0.02,0.3,0.5,0",
            "3s loss none",
            "3s duplicate 0.01",
            "3s reorder 0.05,exponential:30ms",
            "3s jitter exponential:5ms",
            "3s churn off",
            "3s churn exponential:20m/exponential:5m/same",
            "3s n01 find_close",
            "3s n01 ping n02",
            "3s n01 add_contact n02",
            "3s n01 join n02..n04",
            "3s n01 refresh all",
            "3s n01 refresh stale",
        ] {
            let step: Step = text.parse().expect(text);
            assert_eq!(step.to_string(), text);
        }
        for ask in [
            "find_node ID",
            "find_value ID",
            "get ID",
            "get ID word",
            "put ID word",
            "put ID word keep",
        ] {
            let text = format!("1ms n00 {}", ask.replace("ID", &id.to_string()));
            let step: Step = text.parse().expect(ask);
            assert_eq!(step.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_step_is_named() {
        for (text, start) in [
            ("", "\"\" is not a step"),
            ("soon n01 crash", "\"soon\" is not a duration"),
            ("1s n01 explode", "\"n01 explode\" is not a step"),
            ("1s x01 crash", "\"x01\" is not a host"),
            (
                "1s n01 find_node 3fa2",
                "\"3fa2\" is not a 40-digit identifier",
            ),
            ("1s n01 clock 5s", "\"5s\" is not a jump"),
            ("1s n01 drift fast", "\"fast\" is not a drift"),
            ("1s n01 garbage n02 6", "\"6\" is not a string of bytes"),
            ("1s n01 garbage n02 6g", "\"6g\" is not a string of bytes"),
            ("1s partition", "\"partition\" is not a step"),
            ("1s loss most", "\"most\" is not a "),
        ] {
            let error = text.parse::<Step>().expect_err(text).to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
