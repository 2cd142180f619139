//! Man pages and completions: all commands and options are there, and a shell takes them.

#[allow(dead_code)]
mod process;
#[allow(dead_code)]
mod scratch;

use std::collections::BTreeSet;

use process::run;
use scratch::Scratch;

#[test]
fn each_command_has_a_man_page_with_its_options() {
    let scratch = Scratch::new();
    let dir = scratch.path().to_str().expect("text");
    assert_eq!(run(&["generate", "man", dir]).good(), "");
    let pages = std::fs::read_dir(dir).expect("a directory");
    let name = |page: std::io::Result<std::fs::DirEntry>| page.expect("a page").file_name();
    let pages: BTreeSet<_> = pages.map(name).collect();
    let commands = run(&["--help"]).good();
    let listed = commands.split("Commands:\n").nth(1).expect("a list");
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let mut expected = BTreeSet::from(["khashmir.1".into()]);
    // Longer explanations go on further to the right.
    let named = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for command in named.filter(|name| !["", "help"].contains(name)) {
        expected.insert(format!("khashmir-{command}.1").into());
    }
    assert!(
        expected.len() > 10 && expected.is_subset(&pages),
        "{pages:?}"
    );
    let page = std::fs::read_to_string(scratch.of("khashmir-node.1")).expect("a page");
    for option in ["bootstrap", "config", "data", "listen", "log\\-level"] {
        assert!(
            page.contains(&format!("\\-\\-{option}\\fR")),
            "{option}: {page}"
        );
    }
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_and_options() {
    let scratch = Scratch::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["generate", "completions", shell]).good();
        assert!(script.contains("log-format"), "{shell}");
        std::fs::write(scratch.of(shell), script).expect("it can be written");
    }
    let complete = |words: &str, last: &str| {
        let script = format!(
            "source {}; COMP_WORDS=({words} {last}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _khashmir khashmir {last} x; echo ${{COMPREPLY[*]}}",
            scratch.of("bash")
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &script])
            .output();
        String::from_utf8(output.expect("there is bash").stdout).expect("text")
    };
    assert_eq!(complete("khashmir", "no"), "node\n");
    assert_eq!(complete("khashmir node", "--log-f"), "--log-format\n");
}
