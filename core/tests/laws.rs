//! The seven laws of the core, held against scripts drawn at random: no model of the node, only
//! what its documentation promises whatever happens.

#[path = "laws/answers.rs"]
mod answers;
#[path = "laws/cases.rs"]
mod cases;
#[path = "laws/commands.rs"]
mod commands;
#[path = "laws/coverage.rs"]
mod coverage;
#[path = "laws/datagrams.rs"]
mod datagrams;
#[path = "laws/draw.rs"]
mod draw;
#[path = "laws/journal.rs"]
mod journal;
#[path = "laws/peers.rs"]
mod peers;
#[path = "laws/rig.rs"]
mod rig;
#[path = "laws/script.rs"]
mod script;
#[path = "laws/watch.rs"]
mod watch;
#[path = "laws/world.rs"]
mod world;
mod written;

use std::cell::RefCell;

use khashmir::wire::Method;
use khashmir::{Command, Instant, Refused};
use quickcheck::{Gen, QuickCheck, Testable};

use coverage::{Coverage, REACHABLE};
use rig::{Clock, Life, Rig, Said};
use script::{Ending, Script};

thread_local! {
    /// What the scripts of this thread's test reached.
    static REACHED: RefCell<Coverage> = RefCell::default();
}

/// Tries a law on so many scripts: always the same, so that what they reach can be demanded, unless
/// `QUICKCHECK_TESTS` says how many others to try.
fn try_scripts(tests: u64, seed: u64, law: impl Testable) {
    const STEPS: usize = 160;
    let wanted = std::env::var("QUICKCHECK_TESTS").ok();
    let (tests, rng) = match wanted.and_then(|tests| tests.parse().ok()) {
        Some(tests) => (tests, Gen::new(STEPS)),
        None => (tests, Gen::from_size_and_seed(STEPS, seed)),
    };
    let mut check = QuickCheck::new()
        .rng(rng)
        .tests(tests)
        .max_tests(tests)
        .min_tests_passed(tests);
    check.quickcheck(law);
}

/// A node that went through a script and its ending.
fn lived(script: &Script, clock: Clock) -> Rig {
    let mut rig = Rig::new(script.setup, clock);
    for step in &script.steps {
        rig.perform(step);
    }
    if rig.life == Life::Running {
        fill_up(&mut rig);
    }
    match script.ending {
        Ending::RunOut => run_out(&mut rig),
        Ending::Leave => rig.leave(),
        Ending::Shutdown => rig.shutdown(),
    }
    rig.look();
    assert_eq!(rig.node.status(rig.latest).operations, 0, "all have ended");
    rig.drain();
    assert_eq!(rig.commands.open_count(), 0, "all ends were polled");
    // Kept values go on after that: what is safe now lets the node store them elsewhere.
    rig.make_safe(0);
    rig.look();
    rig.drain();
    rig
}

/// Tells the node the time whenever it wants until every command must have ended.
fn run_out(rig: &mut Rig) {
    let end = rig.latest + rig.config.longest_operation();
    let mut turns = 0;
    while let Some(at) = rig.node.poll_timeout().filter(|at| *at <= end) {
        rig.handle_timeout_at(at);
        turns += 1;
        assert!(turns < 20_000, "there is no end to it");
    }
    if end == Instant::MAX {
        // What would be due then is never due.
        rig.leave();
    }
}

/// Starts commands until the node is busy, and sees whether it has reason to be.
fn fill_up(rig: &mut Rig) {
    let limits = rig.config.limits.clone();
    if limits.max_operations > 10 {
        return;
    }
    rig.drain();
    let most = limits.max_operations + limits.max_events;
    let started = (0..).take_while(|_| rig.start(&Command::FindClose).is_ok());
    assert!(started.take(most + 1).count() <= most, "never busy");
    rig.look();
    let running = rig.node.status(rig.latest).operations;
    let before = rig.said.len();
    rig.drain();
    let waited = rig.said[before..]
        .iter()
        .filter(|said| said.is_of_a_command());
    let events = waited.count() + rig.commands.most_events();
    let busy = running >= limits.max_operations || events >= limits.max_events;
    assert!(busy, "busy with {running} commands and {events} events");
}

/// Everything that a node that is over still does, which is nothing.
fn stay_over(rig: &mut Rig) {
    rig.shutdown();
    rig.drain();
    let said = rig.said.len();
    assert_eq!(rig.start(&Command::FindClose), Err(Refused::ShutDown));
    rig.receive(world::addr(1), b"d1:t1:x1:y1:re");
    rig.handle_timeout_at(Instant::MAX);
    rig.drain();
    for said in &rig.said[said..] {
        let nothing = [Said::Deadline(None), Said::Started(Err(Refused::ShutDown))];
        assert!(nothing.contains(said), "{said:?} after the end");
    }
}

fn keeps_the_laws(script: Script) {
    let mut rig = lived(&script, Clock::AsItReads);
    stay_over(&mut rig);
    count_reached(rig);
}

fn says_the_same_again(script: Script) {
    let once = lived(&script, Clock::AsItReads);
    let again = lived(&script, Clock::AsItReads);
    assert_alike(&once, &again);
    count_reached(once);
}

fn takes_an_earlier_time_for_the_latest(script: Script) {
    let back = lived(&script, Clock::AsItReads);
    let never_back = lived(&script, Clock::NeverBack);
    assert_alike(&back, &never_back);
    count_reached(back);
}

/// That two nodes said the same and stand alike.
fn assert_alike(one: &Rig, other: &Rig) {
    for (at, (one, other)) in one.said.iter().zip(&other.said).enumerate() {
        assert_eq!(one, other, "output {at}");
    }
    assert_eq!(one.said.len(), other.said.len());
    let standing = |rig: &Rig| (rig.standing(), rig.node.snapshot(rig.latest).to_bytes());
    assert_eq!(standing(one), standing(other));
}

fn count_reached(rig: Rig) {
    let mut coverage = rig.coverage;
    let stats = rig.node.stats();
    for (cause, times) in &stats.drops {
        coverage.reach_times(format!("dropped: {cause:?}"), *times);
    }
    for method in Method::ALL {
        let counts = stats.method(method);
        coverage.reach_times(format!("answered {method}"), counts.successful);
        coverage.reach_times(format!("failed {method}"), counts.failed);
        coverage.reach_times(format!("received {method}"), counts.received);
    }
    coverage.reach_times("contact questionable", stats.questionable_contacts);
    coverage.reach_times("identity conflict", stats.identity_conflicts);
    coverage.reach_times("waited for a free call", stats.waits_for_calls);
    coverage.reach_times("key evicted", stats.evicted_keys);
    let began = |method: Method| stats.method(method).started;
    let told = |command| coverage.times(command);
    let kept = began(Method::StoreValue).saturating_sub(told("accepted Put"));
    let greeted = told("accepted Join") + told("accepted AddContact");
    let joined = began(Method::Join).saturating_sub(greeted);
    coverage.reach_times("stored again what is kept", kept);
    coverage.reach_times("joined again by itself", joined);
    REACHED.with_borrow_mut(|reached| reached.add(coverage));
}

#[test]
fn every_node_keeps_the_laws_whatever_happens_to_it() {
    try_scripts(400, 1, keeps_the_laws as fn(Script));
    REACHED.with_borrow(|reached| reached.assert_at_least(REACHABLE));
}

#[test]
fn equal_inputs_give_equal_outputs_byte_for_byte() {
    try_scripts(120, 2, says_the_same_again as fn(Script));
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    try_scripts(120, 3, takes_an_earlier_time_for_the_latest as fn(Script));
    let wanted = [("told an earlier time", 200)];
    REACHED.with_borrow(|reached| reached.assert_at_least(&wanted));
}
