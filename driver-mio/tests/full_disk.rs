//! A disk that is full: a small one of memory, in a namespace of Linux. Where that cannot be made, the test
//! says so and ends.

#![cfg(target_os = "linux")]

use std::process::Command;

/// Runs a script as root of a namespace with a disk of a mebibyte at /mnt; `$K` is the command. Nothing
/// when the system has no namespace to give.
fn on_a_small_disk(script: &str) -> Option<String> {
    let unshare = |script: &str| {
        Command::new("timeout")
            .args(["--kill-after=1", "60", "unshare", "--map-root-user"])
            .args(["--mount", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-euc", script])
            .env("K", env!("CARGO_BIN_EXE_khashmir"))
            .output()
    };
    let mount = "mount -t tmpfs -o size=1m none /mnt";
    let made = unshare(mount).ok()?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr);
        eprintln!("skipped: this system has no namespaces to give: {why}");
        return None;
    }
    let ran = unshare(&format!("{mount}\n{script}")).expect("it ran before");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{complaints}");
    Some(said)
}

#[test]
fn a_full_disk_refuses_stores_until_there_is_room_again() {
    let script = "
        cd /mnt
        out=$(mktemp)
        $K node --listen 127.0.0.1:0 --alone --data /mnt/node >$out 2>&1 &
        node=$!
        says() { i=0; until grep -q \"$1\" $out; do i=$((i + 1)); test $i -lt 200; sleep 0.05; done; }
        says listening
        addr=$(awk '/listening/ { print $2 }' $out)
        put() { $K put --timeout 5 --bootstrap $addr $1 $1 2>&1 || true; }
        get() { $K get --timeout 5 --bootstrap $addr $1 2>&1 || true; }
        echo \"before: $(put first)\"
        head -c 1048576 /dev/zero >filler 2>/dev/null || true
        echo \"full: $(put second)\"
        says 'stores are refused'
        echo \"ping: $($K ping $addr | wc -l)\"
        echo \"held: $(get first)\"
        rm filler
        says 'can be written again'
        echo \"room: $(put third)\"
        kill -KILL $node
        wait $node || true
        $K node --listen $addr --alone --data /mnt/node >$out 2>&1 &
        says listening
        echo \"first: $(get first)\"
        echo \"second: $(get second)\"
        echo \"third: $(get third)\"
        rm $out
    ";
    let Some(said) = on_a_small_disk(script) else {
        return;
    };
    let lines: Vec<&str> = said.lines().collect();
    let [before, full, ping, held, room, first, second, third] = lines[..] else {
        panic!("an unexpected output: {said}");
    };
    assert_eq!(before, "before: stored at 1 nodes");
    assert!(!full.contains("stored at 1 nodes"), "{said}");
    assert_eq!((ping, held), ("ping: 1", "held: first"), "{said}");
    assert_eq!(room, "room: stored at 1 nodes");
    assert_eq!((first, third), ("first: first", "third: third"), "{said}");
    assert!(second.contains("no value found"), "{said}");
}
