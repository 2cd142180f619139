//! The command line: what can be said, what it means, and how it is explained.

use std::ffi::OsString;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use khashmir::{Id, SharedAddresses};
use khashmir_mio::HostPort;

use crate::failure::Failure;
use crate::log::{LogFormat, LogLevel};
use crate::trace::Verbosity;
use crate::values;

/// What the command line asks for.
pub(crate) enum Asked {
    /// To be told this.
    Help(String),
    /// To do something.
    Work(Cli),
}

/// Reads a command line.
pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Asked, Failure> {
    let texts: Result<Vec<String>, OsString> =
        args.into_iter().map(OsString::into_string).collect();
    let texts = texts.map_err(|argument| {
        let argument = argument.to_string_lossy();
        Failure::Usage(format!(
            "invalid argument '{argument}': it is not UTF-8 text"
        ))
    })?;
    let error = match Cli::try_parse_from(texts) {
        Ok(cli) => return cli.check().map(Asked::Work),
        Err(error) => error,
    };
    let text = error.to_string();
    let kind = error.kind();
    if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        Ok(Asked::Help(text))
    } else if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let why = "a command is missing; `khashmir --help` names them all";
        Err(Failure::Usage(why.to_owned()))
    } else {
        Err(Failure::Usage(first_paragraph(&text)))
    }
}

/// What is wrong, without the usage and the hints that follow it.
fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().map(str::trim);
    let paragraph: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

const EXAMPLES: &str = "\
Examples, each in a terminal of its own:
  khashmir node --alone
  khashmir node --memory --listen 127.0.0.1:9978 --bootstrap 127.0.0.1:9977
  khashmir put --bootstrap 127.0.0.1:9978 greeting 'hello, world'
  khashmir get --bootstrap 127.0.0.1:9977 greeting

Results go to standard output, one a line; errors to standard error. The exit
code is 0 when all went well, 1 when something failed or nothing was found, and
2 when the arguments make no sense.";

/// Runs nodes of the Khashmir distributed hash table, and asks a network things
#[derive(Debug, Parser)]
#[command(name = "khashmir", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Show on standard error what goes on: -v a line for each operation, -vv one for each datagram
    /// as well
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

impl Cli {
    pub(crate) const fn verbosity(&self) -> Verbosity {
        match self.verbose {
            0 => Verbosity::Quiet,
            1 => Verbosity::Operations,
            _ => Verbosity::Datagrams,
        }
    }

    /// Checks what only several arguments together can get wrong.
    fn check(self) -> Result<Self, Failure> {
        match &self.command {
            Command::Put(put) => {
                put.bytes()?;
            }
            Command::Node(_)
            | Command::Ping(_)
            | Command::Find(_)
            | Command::Get(_)
            | Command::Demo(_)
            | Command::Backup(_)
            | Command::Import(_)
            | Command::Config(_)
            | Command::Generate(_) => {}
        }
        Ok(self)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Node(NodeArgs),
    Ping(PingArgs),
    Find(FindArgs),
    Put(PutArgs),
    Get(GetArgs),
    Demo(DemoArgs),
    Backup(BackupArgs),
    Import(ImportArgs),
    Config(ConfigArgs),
    Generate(GenerateArgs),
}

/// Run a node until it is interrupted
///
/// The first line on standard output says where it listens and who it is; another says how many
/// contacts it has as soon as it has joined a network. SIGINT and SIGTERM make it leave, a second one
/// ends it at once.
///
/// Its identity, its contacts, what others store at it, and the secrets behind its tokens are kept in
/// a directory, and survive its end, however sudden: a store is acknowledged once it is written. With
/// the contacts of an earlier run it needs no --bootstrap.
///
/// Options given here win over those of the configuration file. SIGHUP makes the node read that again,
/// and take over what can change while it runs.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  khashmir node --alone
  khashmir node --bootstrap router.example.net:9977 --bootstrap 192.0.2.7:9977
  khashmir node --data /var/lib/khashmir
  khashmir node --config /etc/khashmir.toml")]
pub(crate) struct NodeArgs {
    /// The configuration file, as `khashmir config --example` explains it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The IPv4 address and port to listen at; port 0 takes any that is free. By default 0.0.0.0:9977
    #[arg(long, value_name = "ADDR", value_parser = values::listen)]
    pub(crate) listen: Option<SocketAddrV4>,

    /// A node of the network to join, by name or IPv4 address; may be given several times. All are
    /// tried, at all their addresses, until somebody answers
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) bootstrap: Vec<HostPort>,

    /// Do not mind being alone: for the first node of a network, which others join
    #[arg(long)]
    pub(crate) alone: bool,

    /// The directory to keep the node in; one process at a time can have it. By default
    /// $STATE_DIRECTORY, which systemd sets, or else khashmir in the user's data directory
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    pub(crate) data: Option<PathBuf>,

    /// Keep everything in memory: it is gone when the node ends
    #[arg(long)]
    pub(crate) memory: bool,

    /// The identifier to take, 40 hex digits; any other node must have another. Drawn at random
    /// when it is not given, and the same as in the last run if there was one
    #[arg(long, value_name = "HEX", value_parser = values::node_id)]
    pub(crate) id: Option<Id>,

    /// The receive buffer to ask the system for, in bytes, for datagrams that arrive while the node
    /// is held up. The system may grant less (on Linux net.core.rmem_max). By default 4194304
    #[arg(long, value_name = "BYTES", value_parser = values::receive_buffer)]
    pub(crate) receive_buffer: Option<usize>,

    /// What to log on standard error: this and what is more urgent. By default warn
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,

    /// How to log it. By default plain
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(flatten)]
    pub(crate) addresses: Addresses,
}

/// Ask one node whether it is there, and how it sees us
///
/// Prints its identifier, how long its answer took, and the address from which our question seemed
/// to come.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  khashmir ping 127.0.0.1:9977")]
pub(crate) struct PingArgs {
    /// The node, by name or IPv4 address; a name is tried at all its addresses
    #[arg(value_name = "HOST:PORT")]
    pub(crate) host: HostPort,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Find the nodes closest to an identifier
///
/// Prints the identifier and address of each, closest first.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  khashmir find --bootstrap 127.0.0.1:9977 0123456789abcdef0123456789abcdef01234567
  khashmir find --bootstrap 127.0.0.1:9977 --values greeting")]
pub(crate) struct FindArgs {
    #[command(flatten)]
    pub(crate) network: Network,

    /// What the nodes are to be close to: 40 hex digits, or any other text, which is hashed
    #[arg(value_name = "ID", value_parser = values::key)]
    pub(crate) target: Id,

    /// Take ID for a key, and name only those who hold values of it, and how many
    #[arg(long)]
    pub(crate) values: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Store a value under a key
///
/// Prints at how many nodes it is stored now. They keep it for some hours; a key can have several
/// values.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  khashmir put --bootstrap 127.0.0.1:9977 greeting 'hello, world'
  khashmir put --bootstrap 127.0.0.1:9977 --hex greeting 00ff
  khashmir put --bootstrap 127.0.0.1:9977 dash -- --")]
pub(crate) struct PutArgs {
    #[command(flatten)]
    pub(crate) network: Network,

    /// The key: 40 hex digits, or any other text, which is hashed
    #[arg(value_parser = values::key)]
    pub(crate) key: Id,

    /// The value: text, or hex digits with --hex; at most 1391 bytes
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: String,

    /// Take VALUE for bytes written as hex digits
    #[arg(long)]
    pub(crate) hex: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Get the values of a key
///
/// Prints each value on a line of its own, as soon as it arrives.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  khashmir get --bootstrap 127.0.0.1:9977 greeting
  khashmir get --bootstrap 127.0.0.1:9977 --timeout 2.5 --json greeting")]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) network: Network,

    /// The key: 40 hex digits, or any other text, which is hashed
    #[arg(value_parser = values::key)]
    pub(crate) key: Id,

    /// Print the bytes of values as hex digits
    #[arg(long)]
    pub(crate) hex: bool,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// Run a whole network in this process, and see whether it finds what it stores
///
/// Real nodes at loopback sockets: each adds three random contacts and finds its own neighbourhood
/// twice. Then 10 values are stored three times each, from random nodes, and read three times after
/// each store. Progress goes to standard error, a summary to standard output.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  khashmir demo
  khashmir demo --nodes 100 --seed 7")]
pub(crate) struct DemoArgs {
    /// How many nodes, from 2 to 1000
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = values::nodes, allow_negative_numbers = true)]
    pub(crate) nodes: usize,

    /// Make the same random choices as another run that named this seed
    #[arg(long, value_name = "S", value_parser = values::seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,

    /// Print the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Copy the state of a node into a file
///
/// The node may be running. The copy is whole, or not there. In a directory of its own and under the
/// name khashmir.db, a node goes on from it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  khashmir backup /var/lib/khashmir /srv/backup/khashmir.db")]
pub(crate) struct BackupArgs {
    /// The directory of the node
    pub(crate) dir: PathBuf,

    /// The file to write; one of that name is replaced
    pub(crate) file: PathBuf,
}

/// Take over the state of a node of apt-p2p's Khashmir
///
/// Reads its identity, its contacts, and its values as far as their time is not over, and prints how
/// many they were.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  khashmir import --data /var/lib/khashmir /var/cache/apt-p2p/khashmir.9977.db")]
pub(crate) struct ImportArgs {
    /// The original's database, khashmir.PORT.db in its cache directory
    pub(crate) file: PathBuf,

    /// The directory of the new node, in which none has lived; by default the one of `khashmir node`
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// Print a configuration file for `khashmir node --config`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  khashmir config --example
  khashmir config --from-apt-p2p /etc/apt-p2p/apt-p2p.conf")]
#[group(required = true, multiple = false)]
pub(crate) struct ConfigArgs {
    /// Print an example with every setting, what it means, and its default
    #[arg(long)]
    pub(crate) example: bool,

    /// Print what the section [apt_p2p_Khashmir] of this file means, and what is left out of it
    #[arg(long, value_name = "FILE")]
    pub(crate) from_apt_p2p: Option<PathBuf>,
}

/// Print or write what goes with an installed command: man pages, completions of shells
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  khashmir generate man /usr/share/man/man1
  khashmir generate completions bash >/usr/share/bash-completion/completions/khashmir")]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    pub(crate) what: Generated,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Generated {
    /// Write a man page for each command into a directory
    Man {
        /// The directory, which has to be there
        dir: PathBuf,
    },
    /// Print what makes a shell complete the options of `khashmir`
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How to reach a network.
#[derive(Args, Debug)]
pub(crate) struct Network {
    /// A node of the network, by name or IPv4 address; may be given several times. All are tried,
    /// at all their addresses
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub(crate) bootstrap: Vec<HostPort>,
}

/// What a node takes addresses for.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// Take private and loopback addresses for public ones, so that ports of one address count as one
    /// host: to try on one machine what holds on the Internet
    #[arg(long)]
    private_as_public: bool,
}

impl Addresses {
    /// What is meant where `otherwise` holds unless the option is given.
    pub(crate) const fn shared(self, otherwise: SharedAddresses) -> SharedAddresses {
        if self.private_as_public {
            SharedAddresses::None
        } else {
            otherwise
        }
    }
}

/// What all commands have in common that ask something and end.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Give up after so many seconds, fractions allowed, the resolving of names included
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = values::seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) addresses: Addresses,

    /// Print JSON objects instead of text, one a line
    #[arg(long)]
    pub(crate) json: bool,
}
