//! Configuration files: the example, what wins over what, and how mistakes are told.

use std::collections::BTreeSet;

use clap::{Args as _, Command};

use super::*;

fn args(options: &[&str]) -> NodeArgs {
    let command = ["khashmir", "node"].iter().chain(options);
    let read = crate::args::read(command.map(Into::into)).expect("sound arguments");
    let crate::args::Asked::Work(cli) = read else {
        panic!("no help was asked for");
    };
    let crate::args::Command::Node(args) = cli.command else {
        panic!("a node was asked for");
    };
    args
}

fn merged(options: &[&str], file: &str) -> Settings {
    let (file, config) = File::parse(file).expect("a sound file");
    Settings::merged(&args(options), file, config)
}

/// The names of an object, those of objects in it after a dot.
fn names_in(object: &serde_json::Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, value) in object.as_object().expect("an object") {
        match value.as_object() {
            Some(_) if ["store", "limits"].contains(&name.as_str()) => {
                names.extend(names_in(value));
            }
            _ => drop(names.insert(name.clone())),
        }
    }
    names
}

#[test]
fn the_example_has_every_setting_at_its_default() {
    let example = format!("{:?}", merged(&[], EXAMPLE));
    assert_eq!(example, format!("{:?}", merged(&[], "")));

    let core = serde_json::to_value(Config::default()).expect("a configuration");
    let mut expected = names_in(&core);
    assert!(expected.len() > 30, "{expected:?}");
    // It follows from whether the node has a directory, and the example says so.
    assert!(expected.remove("journal") && EXAMPLE.contains("`journal`"));
    expected.insert("preset".to_owned());
    let node = NodeArgs::augment_args(Command::new("node"));
    let options = node.get_arguments().filter_map(|arg| arg.get_long());
    expected.extend(options.map(|option| option.replace('-', "_")));
    // The file cannot name itself, and says `shared_addresses`.
    expected.remove("config");
    expected.remove("private_as_public");

    let lines = EXAMPLE.lines().map(|line| line.trim_start_matches("# "));
    let assigned = lines.filter_map(|line| line.split_once(" = "));
    let is_name = |name: &&str| !name.contains(|c: char| !c.is_ascii_lowercase() && c != '_');
    let named: Vec<String> = assigned
        .map(|(name, _)| name)
        .filter(is_name)
        .map(str::to_owned)
        .collect();
    let once: BTreeSet<String> = named.iter().cloned().collect();
    assert_eq!((once.len(), &once), (named.len(), &expected));
}

#[test]
fn what_the_example_leaves_out_is_as_it_says_when_it_is_given() {
    let given: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting)
                if ["data", "id", "address"]
                    .iter()
                    .any(|name| setting.starts_with(&format!("{name} = "))) =>
            {
                format!("{setting}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let settings = merged(&[], &given);
    assert_eq!(settings.data, Some("/var/lib/khashmir".into()));
    assert!(settings.config.id.is_some() && settings.config.address.is_some());
}

#[test]
fn options_win_over_the_file() {
    let file = "listen = '127.0.0.1:1'\nbootstrap = ['a:1', 'b:2']\nmemory = true\nreceive_buffer = 4096\n\
                log_level = 'debug'\n[protocol]\nid = '00000000000000000000000000000000000000ff'";
    let settings = merged(&[], file);
    assert_eq!(settings.listen.to_string(), "127.0.0.1:1");
    assert_eq!(settings.bootstrap.len(), 2);
    assert!(settings.memory && settings.receive_buffer == 4096);
    assert_eq!(settings.log_level, LogLevel::Debug);
    let id = "0123456789abcdef0123456789abcdef01234567";
    let options = [
        "--listen=127.0.0.1:3",
        "--bootstrap=c:3",
        "--data=/x",
        "--receive-buffer=8192",
        "--log-level=error",
        "--log-format=json",
        "--alone",
        "--id",
        id,
    ];
    let settings = merged(&options, file);
    assert_eq!(settings.listen.to_string(), "127.0.0.1:3");
    assert_eq!(settings.bootstrap, ["c:3".parse().expect("a host")]);
    assert_eq!((settings.memory, settings.data), (false, Some("/x".into())));
    assert_eq!(settings.receive_buffer, 8192);
    assert_eq!(
        (settings.log_level, settings.log_format),
        (LogLevel::Error, LogFormat::Json)
    );
    assert!(settings.alone && settings.config.id == id.parse().ok());
    let settings = merged(&["--memory"], "data = '/x'");
    assert_eq!((settings.memory, settings.data), (true, None));
}

#[test]
fn a_preset_is_where_the_rest_starts_from() {
    let config = merged(&[], "[protocol]\npreset = 'early'\nexpiry = '90m'").config;
    assert_eq!((config.redundancy, config.expiry.as_secs()), (3, 90 * 60));
    assert_eq!(config.retry, khashmir::Retry::early());
    let fixed = "[protocol]\nretrieve = 'all'\nretry = { fixed = { resend = ['2s', '6s'], give_up = '9s' } }";
    let config = merged(&[], fixed).config;
    assert_eq!(config.retry, khashmir::Retry::late());
    assert_eq!(config.retrieve, khashmir::Retrieve::All);
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    let mut wrong = Vec::new();
    for (file, complaint) in [
        (
            "alone = true\nfrob = 1",
            "2:1: frob: there is no such setting",
        ),
        (
            "[protocol]\n  kk = 1",
            "2:3: protocol.kk: there is no such setting",
        ),
        (
            "a = 1\n[b.c]\nd = 1",
            "1:1: a: there is no such setting; 2:2: b: there is no such setting",
        ),
        (
            "[limits]\nmax_callz = 1",
            "2:1: limits.max_callz: there is no such setting",
        ),
        (
            "alone = 7",
            "1:9: alone: invalid type: integer `7`, expected a boolean",
        ),
        ("# ä\nalone = 'ä' 7", "2:13: "),
        ("listen =", "1:9: "),
        ("alone = true\nalone = true", "2:1: 'alone': duplicate key"),
        (
            "listen = '::1'",
            "1:10: listen: '::1': an IPv4 address and a port",
        ),
        ("bootstrap = [\n'a:1',\n'b']", "3:1: bootstrap.1: 'b': "),
        (
            "receive_buffer = 1",
            "1:18: receive_buffer: a number of bytes from 2048",
        ),
        (
            "receive_buffer = -1",
            "1:18: receive_buffer: a number of bytes from 2048",
        ),
        (
            "log_level = 'loud'",
            "1:13: log_level: unknown variant `loud`, expected one of `error`",
        ),
        ("[protocol]\nid = '00'", "2:6: protocol.id: '00': "),
        ("[protocol]\nk = 0", "2:1: protocol.k: k must be from 1 to "),
        (
            "[protocol]\nk = -1",
            "2:5: protocol.k: invalid value: integer `-1`",
        ),
        (
            "[protocol]\nfresh = '5'",
            "2:9: protocol.fresh: '5' is no span of time",
        ),
        (
            "[protocol]\nfresh = 5",
            "2:9: protocol.fresh: invalid type: integer `5`",
        ),
        (
            "[protocol]\nfresh = '0s'",
            "2:1: protocol.fresh: fresh must be at least 1 ms",
        ),
        (
            "[protocol]\nretrieve = { most = 1 }",
            "2:14: protocol.retrieve.most: unknown variant `most`",
        ),
        (
            "[protocol]\nretry = { fixed = { give_up = '1s' } }",
            "2:19: protocol.retry.fixed: missing field `resend`",
        ),
        (
            "[protocol]\nretry = { fixed = { resend = ['9s'], give_up = '1s' } }",
            "2:21: protocol.retry.fixed.resend: retry.resend must ascend",
        ),
        (
            "[protocol]\nretry = { fixed = { resend = [], give_up = '1s', frob = 1 } }",
            "2:50: protocol.retry.fixed.frob: unexpected keys in table: frob",
        ),
        (
            "[store]\nmax_keys = 0",
            "2:1: store.max_keys: store.max_keys must be from 1 to ",
        ),
        (
            "[limits]\nmax_events = 1",
            "2:1: limits.max_events: limits.max_events must be from ",
        ),
        ("limits = 1", "1:10: limits: invalid type: integer `1`"),
    ] {
        let why = File::parse(file).expect_err(file);
        if !why.starts_with(complaint) || why.lines().count() != 1 {
            wrong.push((file, why));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
