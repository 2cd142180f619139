//! Hosts of several addresses, or of no way out, as network namespaces of Linux. Where these cannot
//! be made, the tests say so and end.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};

/// Runs a script as root of namespaces of its own: all that it makes is gone when it ends. The
/// network namespaces `a` and `b` are linked; `$K` is the command. `None` where the system has no
/// namespaces to give.
fn in_namespaces(script: &str) -> Option<Output> {
    let unshare = |script: &str| {
        Command::new("timeout")
            .args(["--kill-after=1", "60", "unshare"])
            .args(["--map-root-user", "--net", "--mount", "--pid", "--fork"])
            .args(["--kill-child", "sh", "-euc", script])
            .env("K", env!("CARGO_BIN_EXE_khashmir"))
            .output()
    };
    let made = unshare(NAMESPACES).ok()?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr);
        eprintln!("skipped: this system has no network namespaces to give: {why}");
        return None;
    }
    let ran = unshare(&format!("{NAMESPACES}\n{script}"));
    Some(ran.expect("it ran before"))
}

const NAMESPACES: &str = "
    mount -t tmpfs none /run
    ip netns add a
    ip netns add b
    ip link add ethA netns a type veth peer name ethB netns b
    ip -n a link set lo up
    ip -n b link set lo up
    ip -n a addr add 10.9.0.1/24 dev ethA
    ip -n a addr add 10.9.0.2/24 dev ethA
    ip -n b addr add 10.9.0.9/24 dev ethB
    ip -n a link set ethA up
    ip -n b link set ethB up
    # node NAMESPACE ARGUMENT...: runs a node there, whose output is in /run/NAMESPACE.
    node() {
        ip netns exec $1 $K node --memory $2 $3 $4 >/run/$1 &
        until grep -q listening /run/$1; do sleep 0.05; done
    }
";

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{output:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    let script = "
        node a --listen 0.0.0.0:9977 --alone
        ip netns exec b $K ping --timeout 5 10.9.0.1:9977
        ip netns exec b $K ping --timeout 5 10.9.0.2:9977
        node b --listen=10.9.0.9:9977 --bootstrap 10.9.0.2:9977
        until grep joined /run/b; do sleep 0.05; done
    ";
    let Some(output) = in_namespaces(script) else {
        return;
    };
    let stdout = stdout(&output);
    let lines: Vec<&str> = stdout.lines().collect();
    let [first, second, joined] = lines[..] else {
        panic!("two answers and a join: {stdout}");
    };
    for pong in [first, second] {
        assert!(pong.contains("sees us as 10.9.0.9:"), "{pong}");
    }
    assert_eq!(joined, "joined 1 contacts");
}

#[test]
fn a_system_that_refuses_to_send_is_told_from_silence() {
    // There is a way to the link's other end alone; and then not even to that.
    let script = "
        ip netns exec b $K ping --timeout 3 9.9.9.9:9977 2>&1 || echo code $?
        ip netns exec b $K find --timeout 3 --bootstrap 9.9.9.9:9977 x 2>&1 || echo code $?
        ip netns exec b $K ping --timeout 1 10.9.0.1:9977 2>&1 || echo code $?
    ";
    let Some(output) = in_namespaces(script) else {
        return;
    };
    let stdout = stdout(&output);
    let why = "the system refused to send anything: Network is unreachable (os error 101)";
    assert_eq!(
        stdout,
        format!(
            "khashmir: 9.9.9.9:9977: {why}\ncode 1\n\
             khashmir: no bootstrap contact was asked: {why}\ncode 1\n\
             khashmir: 10.9.0.1:9977: no answer came within 1s\ncode 1\n"
        )
    );
}
