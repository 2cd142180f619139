//! What a run has to account for: hosts that come and go, datagrams that were lost, and its own end.

use std::collections::BTreeMap;
use std::time::Duration;

use khashmir_sim::experiment::Experiment;
use khashmir_sim::host::HostId;
use khashmir_sim::network::{Fate, LossCause, LossPlace};
use khashmir_sim::plan::Plan;
use khashmir_sim::world::{Fact, Observer, When};

fn plan(text: &str) -> Plan {
    text.parse().expect("a plan")
}

/// Counts datagrams.
#[derive(Default)]
struct Datagrams {
    sent: u64,
    /// Copies that got through the network.
    arriving: u64,
    /// Those that did not.
    lost: BTreeMap<LossCause, u64>,
    heard: u64,
}

impl Observer for Datagrams {
    fn see(&mut self, _when: When, _host: HostId, fact: Fact<'_>) {
        match fact {
            Fact::Heard { .. } => self.heard += 1,
            Fact::Sent { fate, .. } | Fact::Forged { fate, .. } => {
                self.sent += 1;
                match fate {
                    Fate::Lost(cause) => *self.lost.entry(*cause).or_default() += 1,
                    Fate::Arrives { copy_after, .. } => {
                        self.arriving += 1 + u64::from(copy_after.is_some());
                    }
                }
            }
            Fact::On(_)
            | Fact::Off(_)
            | Fact::Clock
            | Fact::Paused
            | Fact::Resumed
            | Fact::Woken
            | Fact::Ordered { .. }
            | Fact::Left
            | Fact::Recorded { .. }
            | Fact::Durable { .. }
            | Fact::Told(_) => {}
        }
    }
}

/// Datagrams are lost in many ways; n00 stands still until the buffer of its socket is full.
const LOSSES: &str = "
    nodes 60
    lookups 60
    values 10
    duration 1m
    nat 0.2
    loss 0.05
    duplicate 0.05
    slow 0.1
    mtu 300
    line 1Mbit/20kbit,1500B
    at 10s n00 pause 2m
    at 20s partition n10..n19
    at 25s n20..n25 crash
    at 30s n06 pause 10m
    at 90s heal
    at 4m n06 restart
";

#[test]
fn every_datagram_arrives_or_is_counted_as_lost() {
    for threads in [1, 2] {
        let mut text = LOSSES.to_owned();
        for second in 0..40 {
            // More than the buffer of a socket holds.
            text += &format!("at {}s n01..n09 garbage n00 64\n", 30 + second);
        }
        let experiment = Experiment {
            threads,
            ..Experiment::new(plan(&text))
        };
        let finished = experiment.run_observed(&mut |_| (), Datagrams::default);
        let mut world = finished.expect("it makes sense").world;
        // Datagrams that are still on their way find hosts that are off.
        for host in (0..60).map(HostId::new) {
            world.switch_off(host);
        }
        world.run(Duration::from_secs(600));
        let mut seen = Datagrams::default();
        for part in world.observers() {
            seen.sent += part.sent;
            seen.arriving += part.arriving;
            seen.heard += part.heard;
            for (cause, count) in &part.lost {
                *seen.lost.entry(*cause).or_default() += count;
            }
        }
        let losses = world.losses();
        assert_eq!(seen.sent, world.traffic().sent);
        let mut at_receivers = 0;
        for (place, cause, count) in losses.iter() {
            if place == LossPlace::Receiver {
                at_receivers += count;
            } else {
                let expected = seen.lost.get(&cause).copied().unwrap_or_default();
                assert_eq!(count, expected, "{place}: {cause}");
            }
        }
        assert_eq!(seen.arriving, seen.heard + at_receivers, "{losses:?}");
        for (place, cause) in [
            (LossPlace::Sender, LossCause::Mtu),
            (LossPlace::Sender, LossCause::Queue),
            (LossPlace::Network, LossCause::Loss),
            (LossPlace::Network, LossCause::Cut),
            (LossPlace::Receiver, LossCause::Queue),
            (LossPlace::Receiver, LossCause::Off),
            (LossPlace::Receiver, LossCause::Backlog),
        ] {
            assert!(losses.get(place, cause) > 0, "{place}: {cause}");
        }
    }
}

#[test]
fn figures_tell_where_and_why_datagrams_were_lost() {
    let lossy = "nodes 40\nlookups 20\nduration 20s\nloss 0.1\nnat 0.3\n";
    let experiment = Experiment::new(plan(lossy));
    let summary = experiment.run(&mut |_| ()).expect("it makes sense");
    let json = summary.to_json();
    let by_chance = json["lost_by"]["network"]["loss"].as_u64();
    assert!(by_chance.is_some_and(|count| count > 0), "{json}");
    let places = json["lost_by"].as_object().expect("places").values();
    let counts = places.flat_map(|place| place.as_object().expect("causes").values());
    let sum: u64 = counts.map(|count| count.as_u64().expect("a count")).sum();
    assert_eq!(json["lost"], sum);
    let name = "    network: loss";
    let row = format!("{name:<26}{:>20}", by_chance.unwrap_or_default());
    assert!(summary.to_string().contains(&row), "{summary}");
}

/// How many nodes run at first, and when nodes stop after that.
#[derive(Default)]
struct Sessions {
    there: u32,
    stopped: Vec<Duration>,
}

impl Observer for Sessions {
    fn see(&mut self, when: When, _host: HostId, fact: Fact<'_>) {
        let at = Duration::from_nanos(when.at.as_nanos());
        if matches!(fact, Fact::On(_)) && at.is_zero() {
            self.there += 1;
        } else if matches!(fact, Fact::Off(_)) {
            self.stopped.push(at);
        }
    }
}

#[test]
fn hosts_come_and_go_as_much_in_the_first_minutes_as_later() {
    let sessions = |text: &str| {
        let finished = Experiment::new(plan(text)).run_observed(&mut |_| (), Sessions::default);
        let mut finished = finished.expect("it makes sense");
        let mut observers = finished.world.observers_mut();
        std::mem::take(observers.next().expect("one thread"))
    };
    const CHURN: &str = "churn constant:10m/constant:5m/fresh\n";
    // Two of three minutes each host is there.
    let joined = sessions(&format!("nodes 300\nstart join\n{CHURN}"));
    assert!((180..220).contains(&joined.there), "{}", joined.there);
    let warm = sessions(&format!("nodes 240\n{CHURN}at 15m n00 leave\n"));
    assert!((140..180).contains(&warm.there), "{}", warm.there);
    for span in 0..3 {
        let from = Duration::from_secs(span * 300);
        let to = from + Duration::from_secs(300);
        let count = warm.stopped.iter().filter(|at| from <= **at && **at < to);
        // A third of all hosts in five of fifteen minutes.
        let count = count.count();
        assert!((60..100).contains(&count), "{span}: {count}");
    }
}

#[test]
fn a_run_is_over_when_what_it_asked_is_over() {
    // Some host is always joining, often through hosts that have gone meanwhile.
    let text = "nodes 150\nlookups 30\nduration 1m\nchurn 2m/2m/fresh\nloss 0.2\n";
    for seed in 1..=3 {
        let plan = plan(&format!("seed {seed}\n{text}"));
        let finished = Experiment::new(plan).run_observed(&mut |_| (), || ());
        let finished = finished.expect("it makes sense");
        let endings = finished.details().endings;
        let last = endings.iter().map(|ending| ending.at).max();
        let asked_until = Duration::from_secs(200 + 60);
        let last = last.expect("a lookup").max(asked_until);
        let after = finished.summary.virtual_time.saturating_sub(last);
        assert!(after <= Duration::from_millis(600), "{seed}: {after:?}");
    }
}
