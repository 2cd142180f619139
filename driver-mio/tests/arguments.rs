//! Arguments that make no sense: exit code 2, one line that names what is wrong, and nothing done.

#[allow(dead_code)]
mod process;

use process::run;

const LIVE: &str = "127.0.0.1:9";

#[test]
fn bad_arguments_are_named_in_one_line() {
    let long = "x".repeat(1392);
    let cases: &[(&[&str], &str)] = &[
        (&[], "a command is missing"),
        (&["frobnicate"], "frobnicate"),
        (&["node"], "--bootstrap HOST:PORT, or --alone"),
        (&["node", "--memory"], "--bootstrap HOST:PORT, or --alone"),
        (&["node", "--alone", "--memory", "--data", "/x"], "--memory"),
        (&["node", "--data", "/nowhere"], "--alone"),
        (
            &["node", "--alone", "--data", env!("CARGO_BIN_EXE_khashmir")],
            "is not a directory",
        ),
        (&["backup", "/nowhere"], "<FILE>"),
        (&["backup", "/nowhere", "x"], "/nowhere"),
        (
            &["import", "/nowhere/x.db", "--data", "/nowhere"],
            "/nowhere/x.db",
        ),
        (&["node", "--frob"], "--frob"),
        (&["node", "--config", "/nowhere/x.toml"], "/nowhere/x.toml"),
        (&["node", "--alone", "--log-level", "loud"], "'loud'"),
        (&["node", "--alone", "--log-format", "xml"], "'xml'"),
        (&["config"], "--example"),
        (&["generate"], "a command is missing"),
        (&["generate", "man", "/nowhere"], "/nowhere"),
        (&["generate", "completions", "dos"], "'dos'"),
        (&["config", "--example", "--from-apt-p2p", "x"], "--example"),
        (&["config", "--from-apt-p2p", "/nowhere/x"], "/nowhere/x"),
        (&["node", "extra", "--alone"], "extra"),
        (&["node", "--alone", "--listen", "here"], "'here'"),
        (&["node", "--alone", "--listen", "127.0.0.1"], "'127.0.0.1'"),
        (&["node", "--alone", "--listen", "[::1]:0"], "'[::1]:0'"),
        (&["node", "--alone", "--listen", "224.0.0.1:0"], "224.0.0.1"),
        (&["node", "--alone", "--id", "12ab"], "'12ab'"),
        (&["node", "--alone", "--id", &"0".repeat(40)], "all zeros"),
        (&["node", "--bootstrap"], "--bootstrap"),
        (&["node", "--bootstrap", "example.net"], "'example.net'"),
        (&["node", "--bootstrap", "example.net:0"], "the port is 0"),
        (&["node", "--bootstrap", "::1"], "IPv6"),
        (&["node", "--bootstrap", "[::1]:9977"], "IPv6"),
        (&["node", "--bootstrap", "a..b:9977"], "'a..b:9977'"),
        (
            &["node", "--bootstrap", "1.2.3.4.5:9977"],
            "'1.2.3.4.5:9977'",
        ),
        (&["node", "--alone", "--json"], "--json"),
        (&["ping"], "<HOST:PORT>"),
        (&["ping", "localhost"], "'localhost'"),
        (&["ping", "localhost:99999"], "'localhost:99999'"),
        (&["ping", "two\nlines:1"], "two lines:1"),
        (&["ping", "0.0.0.0:9"], "'0.0.0.0:9'"),
        (&["ping", LIVE, "--timeout", "0"], "'0'"),
        (&["ping", LIVE, "--timeout", "-1"], "'-1'"),
        (&["ping", LIVE, "--timeout", "soon"], "'soon'"),
        (&["ping", LIVE, "--timeout", "nan"], "'nan'"),
        (&["find", "somebody"], "--bootstrap"),
        (&["find", "--bootstrap", LIVE], "<ID>"),
        (&["put", "--bootstrap", LIVE, "key"], "<VALUE>"),
        (
            &["put", "--bootstrap", LIVE, "--hex", "key", "abc"],
            "'abc'",
        ),
        (&["put", "--bootstrap", LIVE, "--hex", "key", "xy"], "'xy'"),
        (&["put", "--bootstrap", LIVE, "key", &long], "1392 bytes"),
        (&["get", "--bootstrap", LIVE], "<KEY>"),
        (&["get", "--bootstrap", LIVE, "key", "--values"], "--values"),
        (
            &["get", "--bootstrap", LIVE, "--bootstrap", "x", "k"],
            "'x'",
        ),
        (&["demo", "--nodes", "1"], "'1'"),
        (&["demo", "--nodes", "1001"], "'1001'"),
        (&["demo", "--nodes", "many"], "'many'"),
        (&["demo", "--seed", "-1"], "'-1'"),
    ];
    for (args, named) in cases {
        let complaint = run(args).bad(2);
        assert!(complaint.contains(named), "{args:?}: {complaint}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = run(&["--help"]).good();
    for command in [
        "node", "ping", "find", "put", "get", "demo", "backup", "import", "config", "generate",
    ] {
        assert!(help.contains(command), "{help}");
        let help = run(&[command, "--help"]).good();
        assert!(help.contains("Usage: khashmir") && help.contains("Example"));
    }
    let version = run(&["--version"]).good();
    assert_eq!(
        version,
        concat!("khashmir ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_text_are_named_too() {
    use std::os::unix::ffi::OsStrExt;

    let mut command = process::khashmir(&["ping"]);
    command.arg(std::ffi::OsStr::from_bytes(b"caf\xe9:9977"));
    let output = command.output().expect("the command was built");
    let complaint = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint.contains("caf\u{fffd}:9977"), "{complaint}");
}
