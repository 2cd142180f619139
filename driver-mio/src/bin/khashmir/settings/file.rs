//! A configuration file: what can be in it, and where in it something is wrong.

use std::net::{SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use khashmir::{
    Config, Id, Limits, PrivateAddresses, Retrieve, Retry, Role, SharedAddresses, SilentAddresses,
    StaleBuckets, StoreLimits, TransactionIds, wire::Dialect,
};
use khashmir_mio::HostPort;
use serde::{Deserialize, Deserializer, de};

use crate::failure::Failure;
use crate::log::{LogFormat, LogLevel};
use crate::settings::place::Places;
use crate::settings::span::Span;
use crate::values;

/// What a file says. What it leaves out is not here either.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    #[serde(deserialize_with = "listen")]
    pub(crate) listen: Option<SocketAddrV4>,
    bootstrap: Option<Vec<String>>,
    /// What `bootstrap` means.
    #[serde(skip)]
    pub(crate) hosts: Option<Vec<HostPort>>,
    pub(crate) alone: Option<bool>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) memory: Option<bool>,
    #[serde(deserialize_with = "receive_buffer")]
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) log_level: Option<LogLevel>,
    pub(crate) log_format: Option<LogFormat>,
    protocol: Protocol,
    store: Store,
    limits: Bounds,
}

/// The settings of the core, but for its limits.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Protocol {
    preset: Preset,
    dialect: Option<Dialect>,
    transaction_ids: Option<TransactionIds>,
    #[serde(deserialize_with = "node_id")]
    id: Option<Id>,
    role: Option<Role>,
    address: Option<SocketAddr>,
    private_addresses: Option<PrivateAddresses>,
    shared_addresses: Option<SharedAddresses>,
    silent_addresses: Option<SilentAddresses>,
    most_of_prefix: Option<MostOfPrefix>,
    k: Option<usize>,
    alpha: Option<usize>,
    redundancy: Option<usize>,
    retrieve: Option<Retrieve>,
    max_failures: Option<u8>,
    retry: Option<Retries>,
    fresh: Option<Span>,
    staleness: Option<Span>,
    refresh: Option<StaleBuckets>,
    expiry: Option<Span>,
    first_checkpoint: Option<Span>,
    checkpoint: Option<Span>,
    rejoin_first: Option<Span>,
    rejoin_longest: Option<Span>,
    operation_timeout: Option<Span>,
}

/// Whose habits the other settings start from.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Preset {
    #[default]
    Adaptive,
    Late,
    Early,
}

/// How many contacts of one prefix are among the closest.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MostOfPrefix {
    AtMost(usize),
    Any,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Retries {
    Adaptive,
    Fixed { resend: Vec<Span>, give_up: Span },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Store {
    max_value_len: Option<usize>,
    max_values_per_key: Option<usize>,
    max_keys: Option<usize>,
    max_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bounds {
    max_calls: Option<usize>,
    max_lookup_queries: Option<usize>,
    max_get_repeats: Option<usize>,
    max_operations: Option<usize>,
    max_events: Option<usize>,
    max_records: Option<usize>,
    max_datagrams: Option<usize>,
    max_probes: Option<usize>,
    max_bootstrap: Option<usize>,
    max_kept: Option<usize>,
}

/// Takes over these fields as far as the file names them.
macro_rules! take_over {
    ($from:ident to $into:ident: $($field:ident)*) => {
        $( $into.$field = $from.$field.unwrap_or($into.$field); )*
    };
}

/// Takes over these spans as far as the file names them.
macro_rules! take_over_spans {
    ($from:ident to $into:ident: $($field:ident)*) => {
        $( $into.$field = $from.$field.map_or($into.$field, |span| span.0); )*
    };
}

impl File {
    /// Reads a file, and the settings of the core that it means.
    ///
    /// Fails with a line that names the file, and the line and column in it.
    pub(crate) fn read(path: &Path) -> Result<(Self, Config), Failure> {
        let name = path.display();
        let bad = |why| Failure::Usage(format!("cannot read {name}: {why}"));
        let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text".to_owned()))?;
        Self::parse(&text).map_err(|why| Failure::Usage(format!("{name}:{why}")))
    }

    /// Reads a text. What is wrong with it begins with line and column.
    pub(crate) fn parse(text: &str) -> Result<(Self, Config), String> {
        let places = Places::of(text)?;
        let deserializer = toml::Deserializer::parse(text).map_err(|error| places.say(&error))?;
        let mut unknown = Vec::new();
        let mut file: Self = serde_ignored::deserialize(deserializer, |path| {
            unknown.push(path.to_string());
        })
        .map_err(|error| places.say(&error))?;
        if !unknown.is_empty() {
            let each = unknown
                .iter()
                .map(|path| places.at(path, "there is no such setting"));
            return Err(each.collect::<Vec<_>>().join("; "));
        }
        file.hosts = file.hosts(&places)?;
        let config = file.config();
        config.check().map_err(|error| {
            let path = match error.field {
                field if field.starts_with("store.") || field.starts_with("limits.") => {
                    field.to_owned()
                }
                field => format!("protocol.{}", field.replace("retry.", "retry.fixed.")),
            };
            places.at(&path, &error.to_string())
        })?;
        Ok((file, config))
    }

    /// The hosts to join through. The parser has no places of what is in a list, so it leaves them as they
    /// are.
    fn hosts(&self, places: &Places<'_>) -> Result<Option<Vec<HostPort>>, String> {
        let meant = |(number, text): (usize, &String)| {
            text.parse().map_err(|error| {
                let why = format!("'{text}': {error}");
                places.at(&format!("bootstrap.{number}"), &why)
            })
        };
        let hosts = self.bootstrap.as_ref();
        let hosts = hosts.map(|hosts| hosts.iter().enumerate().map(meant).collect());
        hosts.transpose()
    }

    fn config(&self) -> Config {
        let said = &self.protocol;
        let mut config = match said.preset {
            Preset::Adaptive => Config::adaptive(),
            Preset::Late => Config::late(),
            Preset::Early => Config::early(),
        };
        config.id = said.id;
        config.address = said.address;
        take_over!(said to config: dialect transaction_ids role private_addresses shared_addresses
            silent_addresses k alpha redundancy retrieve max_failures refresh);
        take_over_spans!(said to config: fresh staleness expiry first_checkpoint checkpoint
            rejoin_first rejoin_longest operation_timeout);
        if let Some(most) = said.most_of_prefix {
            config.most_of_prefix = most.meant();
        }
        if let Some(retries) = &said.retry {
            config.retry = retries.meant();
        }
        config.store = self.store.over(config.store);
        config.limits = self.limits.over(config.limits);
        config
    }
}

impl MostOfPrefix {
    const fn meant(self) -> Option<usize> {
        match self {
            Self::AtMost(most) => Some(most),
            Self::Any => None,
        }
    }
}

impl Retries {
    fn meant(&self) -> Retry {
        match self {
            Self::Adaptive => Retry::Adaptive,
            Self::Fixed { resend, give_up } => Retry::Fixed {
                resend: resend.iter().map(|span| span.0).collect::<Vec<Duration>>(),
                give_up: give_up.0,
            },
        }
    }
}

impl Store {
    fn over(&self, mut store: StoreLimits) -> StoreLimits {
        take_over!(self to store: max_value_len max_values_per_key max_keys max_bytes);
        store
    }
}

impl Bounds {
    fn over(&self, mut limits: Limits) -> Limits {
        take_over!(self to limits: max_calls max_lookup_queries max_get_repeats max_operations
            max_events max_records max_datagrams max_probes max_bootstrap max_kept);
        limits
    }
}

// ---- values that are text with a meaning of its own, the same as on the command line

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddrV4>, D::Error> {
    meant(from, values::listen)
}

fn node_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Id>, D::Error> {
    meant(from, values::node_id)
}

fn meant<'de, D: Deserializer<'de>, T>(
    from: D,
    meaning: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    let meant = meaning(&text).map_err(|why| de::Error::custom(format!("'{text}': {why}")))?;
    Ok(Some(meant))
}

fn receive_buffer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    let bytes = i64::deserialize(from)?.to_string();
    let bytes = values::receive_buffer(&bytes).map_err(de::Error::custom)?;
    Ok(Some(bytes))
}
