//! The settings of a node: what the command line says, else what the configuration file says, else
//! the defaults.

mod file;
mod ini;
mod original;
mod place;
mod reload;
mod span;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use khashmir::Config;
use khashmir_mio::{HostPort, NewNode};

use crate::args::NodeArgs;
use crate::failure::Failure;
use crate::log::{LogFormat, LogLevel};
use file::File;

pub(crate) use original::translated;

/// An example of a configuration file, with every setting.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// Every setting of `khashmir node`.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddrV4,
    pub(crate) bootstrap: Vec<HostPort>,
    pub(crate) alone: bool,
    pub(crate) data: Option<PathBuf>,
    pub(crate) memory: bool,
    pub(crate) receive_buffer: usize,
    pub(crate) log_level: LogLevel,
    pub(crate) log_format: LogFormat,
    pub(crate) config: Config,
}

/// Where a node listens unless it is told otherwise: the port of the original.
const LISTEN: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 9977);

impl Settings {
    /// What this command line means, with the file that it names.
    pub(crate) fn of(args: &NodeArgs) -> Result<Self, Failure> {
        let (file, config) = match &args.config {
            Some(path) => File::read(path)?,
            None => (File::default(), Config::default()),
        };
        Ok(Self::merged(args, file, config))
    }

    fn merged(args: &NodeArgs, file: File, mut config: Config) -> Self {
        config.id = args.id.or(config.id);
        config.shared_addresses = args.addresses.shared(config.shared_addresses);
        let bootstrap = if args.bootstrap.is_empty() {
            file.hosts.unwrap_or_default()
        } else {
            args.bootstrap.clone()
        };
        // Each of the two says where the node is kept: one on the command line is the last word.
        let (data, memory) = match (&args.data, args.memory) {
            (Some(data), _) => (Some(data.clone()), false),
            (None, true) => (None, true),
            (None, false) => (file.data, file.memory.unwrap_or(false)),
        };
        Self {
            listen: args.listen.or(file.listen).unwrap_or(LISTEN),
            bootstrap,
            alone: args.alone || file.alone.unwrap_or(false),
            data,
            memory,
            receive_buffer: args
                .receive_buffer
                .or(file.receive_buffer)
                .unwrap_or(NewNode::RECEIVE_BUFFER),
            log_level: args.log_level.or(file.log_level).unwrap_or_default(),
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
            config,
        }
    }
}

#[cfg(test)]
mod tests;
