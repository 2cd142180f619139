//! What figures say of gets and of what nodes send, held against everything that was seen of it.

mod stand_in;

use std::collections::BTreeMap;
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Reply, Values};
use khashmir::{Command, Event, Instant, OpId};
use khashmir_sim::experiment::{Experiment, Finished, MachineFactory};
use khashmir_sim::host::HostId;
use khashmir_sim::plan::Plan;
use khashmir_sim::world::{Fact, Observer, When};
use stand_in::StandIn;

/// Sees when gets are ordered and bring their first values, and what is sent.
#[derive(Default)]
struct Seen {
    gets: BTreeMap<(HostId, OpId), Instant>,
    to_first_value: Vec<Duration>,
    /// With the time of each.
    sent: Vec<(Instant, u64)>,
}

impl Observer for Seen {
    fn see(&mut self, when: When, host: HostId, fact: Fact<'_>) {
        match fact {
            Fact::Ordered {
                command: Command::Get { .. },
                answer: Ok(op),
            } => {
                self.gets.insert((host, *op), when.at);
            }
            Fact::Told(Event::Values { op, values, .. }) if !values.is_empty() => {
                // The first values of a get end the wait for them.
                if let Some(begun) = self.gets.remove(&(host, *op)) {
                    self.to_first_value.push(when.at.since(begun));
                }
            }
            Fact::Sent { bytes, .. } => self.sent.push((when.at, bytes.len() as u64)),
            Fact::On(_)
            | Fact::Off(_)
            | Fact::Clock
            | Fact::Paused
            | Fact::Resumed
            | Fact::Heard { .. }
            | Fact::Forged { .. }
            | Fact::Woken
            | Fact::Ordered { .. }
            | Fact::Left
            | Fact::Recorded { .. }
            | Fact::Durable { .. }
            | Fact::Told(_) => {}
        }
    }
}

fn run(text: &str, factory: MachineFactory) -> Finished<Seen> {
    let plan: Plan = text.parse().expect("a plan");
    let experiment = Experiment {
        factory,
        ..Experiment::new(plan)
    };
    experiment
        .run_observed(&mut |_| (), Seen::default)
        .expect("it makes sense")
}

fn seen(finished: &Finished<Seen>) -> &Seen {
    finished.world.observers().next().expect("one thread")
}

#[test]
fn the_time_to_the_first_value_is_that_from_the_command_to_the_first_values() {
    let text = "nodes 100\nvalues 60\nduration 2m\nlatency geo\ndead 0.1\nloss 0.02\n";
    let finished = run(text, MachineFactory::default());
    let mut times = seen(&finished).to_first_value.clone();
    times.sort_unstable();
    assert!(times.len() > 50, "{}", times.len());
    let gets = finished.summary.get_figures.expect("there were gets");
    let first = gets.to_first_value.expect("values came");
    let rank = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    assert_eq!(
        [first.p50, first.p90, first.p99, first.max],
        [50, 90, 99, 100].map(rank)
    );
    assert!(first.p50 <= gets.latency.p50, "{}", finished.summary);
    let json = finished.summary.to_json();
    assert_eq!(
        json["first_value_ms"]["p90"].as_f64(),
        Some(first.p90.as_secs_f64() * 1000.0)
    );
    let row = format!("{:.1} ms", first.p50.as_secs_f64() * 1000.0);
    let row = format!("{:<26}{row:>20}", "  first value p50");
    assert!(finished.summary.to_string().contains(&row), "{row}");
}

/// Leaves the values out of answers that bring some.
fn brings_none(datagram: &mut Vec<u8>) {
    let mut changed = Vec::new();
    if let Ok(Message::Reply { tid, reply }) = Dialect::Khashmir.decode(datagram)
        && reply.values.is_some()
    {
        let reply = Reply {
            values: Some(Values::from(&[])),
            ..reply
        };
        let _ = Dialect::Khashmir.encode_reply(tid, &reply, &mut changed);
        *datagram = changed;
    }
}

#[test]
fn gets_that_bring_nothing_have_no_time_to_the_first_value() {
    let silent = StandIn::factory(|command| command, brings_none);
    let summary = run("nodes 200\nvalues 3\nduration 1m\n", silent).summary;
    let gets = summary.get_figures.expect("there were gets");
    assert_eq!((gets.found_rate, gets.to_first_value), (0.0, None));
    assert!(summary.to_json()["first_value_ms"].is_null());
    let row = format!("{:<26}{:>20}", "  first value p50", "–");
    assert!(summary.to_string().contains(&row), "{summary}");
}

#[test]
fn what_a_node_sends_a_second_is_all_that_was_sent_by_all_that_ran() {
    const REST: Duration = Duration::from_secs(200);
    let text = |lookups| format!("nodes 60\ndead 0.5\nlookups {lookups}\nduration 10m\n");
    let finished = run(&text(500), MachineFactory::default());
    let summary = &finished.summary;
    let rates = summary.sending_rates.expect("lookups arrived");
    let (datagrams, bytes) = seen(&finished)
        .sent
        .iter()
        .filter(|(at, _)| *at >= Instant::ORIGIN + REST)
        .fold((0_u64, 0), |(count, sum), (_, bytes)| {
            (count + 1, sum + bytes)
        });
    let living = (0..60).filter(|host| finished.world.node(HostId::new(*host)).is_some());
    let node_seconds = living.count() as f64 * (summary.virtual_time - REST).as_secs_f64();
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-6;
    assert!(
        near(rates.datagrams, datagrams as f64 / node_seconds),
        "{rates:?}"
    );
    assert!(near(rates.bytes, bytes as f64 / node_seconds), "{rates:?}");
    let lookups = summary.lookup_figures.expect("lookups").bytes_mean * 500.0;
    let upkeep = rates.bytes - lookups / node_seconds;
    assert!(near(rates.upkeep_bytes, upkeep), "{rates:?} {upkeep}");
    // Of what lookups cause, upkeep has what comes after their ends, and pings of new contacts.
    let idle = run(&text(1), MachineFactory::default()).summary;
    let idle = idle.sending_rates.expect("a lookup arrived");
    assert!(rates.bytes > idle.bytes * 1.5, "{rates:?} {idle:?}");
    assert!(idle.upkeep_bytes > idle.bytes * 0.8, "{idle:?}");
    let caused = rates.upkeep_bytes - idle.upkeep_bytes;
    assert!(caused < rates.bytes * 0.08, "{rates:?} {idle:?}");
    let nothing = run("nodes 20\nat 10s n00 leave\n", MachineFactory::default());
    assert!(nothing.summary.to_json()["sent_per_second_and_node"].is_null());
}
