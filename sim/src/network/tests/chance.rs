//! Loss, duplicates, jitter and reordering are as often, and as far, as was asked for.

use super::*;

#[test]
fn loss_has_the_share_that_was_asked_for() {
    for loss in ["independent:0.1", "bursty:0.05,0.2,0.6,0.01"] {
        let loss: Loss = loss.parse().expect("right");
        let config = NetworkConfig {
            loss,
            ..NetworkConfig::default()
        };
        // An hour and a half, so that links begin anew many times.
        let fates = fates(&network(config), 5_400_000 / 30);
        let lost = fates
            .iter()
            .filter(|sent| sent.fate == Fate::Lost(LossCause::Loss))
            .count();
        let share = lost as f64 / fates.len() as f64;
        assert!((share - loss.mean()).abs() < 0.01, "{loss}: {share}");
    }
}

#[test]
fn duplicates_come_as_often_as_was_asked_for_each_with_its_own_jitter_and_number() {
    let config = NetworkConfig {
        loss: Loss::None,
        ..rough(1)
    };
    let fates = fates(&network(config), 20_000);
    let copies: Vec<[Arrival; 2]> = fates
        .iter()
        .filter_map(|sent| sent.arrivals().collect::<Vec<_>>().try_into().ok())
        .collect();
    let share = copies.len() as f64 / fates.len() as f64;
    assert!((share - 0.1).abs() < 0.01, "{share}");
    for [first, copy] in &copies {
        assert_eq!(copy.number, first.number + 1);
        assert!(first.after != copy.after || first.after == 10 * MILLISECOND);
    }
    let mut numbers: Vec<u64> = fates
        .iter()
        .flat_map(Sent::arrivals)
        .map(|arrival| arrival.number)
        .collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "no number is there twice");
}

#[test]
fn jitter_spreads_the_delays_of_a_link_and_leaves_its_median() {
    let config = NetworkConfig {
        latency: "constant:50ms".parse().expect("right"),
        jitter: "uniform:0s..20ms".parse().expect("right"),
        ..NetworkConfig::default()
    };
    let mut delays = delays(&fates(&network(config), 10_000));
    delays.sort();
    let millis = |at: usize| delays[at].as_secs_f64() * 1e3;
    assert!((millis(5_000) - 60.0).abs() < 0.5, "{}", millis(5_000));
    assert!(millis(0) >= 50.0 && millis(0) < 50.1);
    assert!(millis(9_999) <= 70.0 && millis(9_999) > 69.9);
}

#[test]
fn what_is_held_back_is_overtaken() {
    let config = NetworkConfig {
        latency: "constant:50ms".parse().expect("right"),
        reorder: "0.05,constant:30ms".parse().expect("right"),
        ..NetworkConfig::default()
    };
    let delays = delays(&fates(&network(config), 20_000));
    let held = delays
        .iter()
        .filter(|delay| **delay == 80 * MILLISECOND)
        .count();
    assert!(held.abs_diff(1000) < 100, "{held}");
    assert!(
        delays
            .iter()
            .all(|delay| [50, 80].map(|n| n * MILLISECOND).contains(delay))
    );
}

#[test]
fn one_setting_changes_nothing_that_another_decides() {
    let plain = NetworkConfig {
        duplicate: 0.0,
        reorder: Reorder::NONE,
        ..rough(1)
    };
    let first = |sent: &Sent| (sent.number, sent.arrivals().next());
    let expected: Vec<_> = fates(&network(plain.clone()), 500)
        .iter()
        .map(first)
        .collect();
    let twice = NetworkConfig {
        duplicate: 0.5,
        ..plain.clone()
    };
    let found: Vec<_> = fates(&network(twice), 500).iter().map(first).collect();
    assert_eq!(found, expected);
    let steady = NetworkConfig {
        loss: Loss::None,
        ..plain
    };
    let found: Vec<_> = fates(&network(steady), 500).iter().map(first).collect();
    let agree = |(a, b): (&(u64, Option<Arrival>), _)| a == b || a.1.is_none();
    assert!(expected.iter().zip(&found).all(agree));
}

#[test]
fn a_fate_is_the_same_on_every_machine() {
    let network = network(NetworkConfig {
        latency: Latency::Geo,
        ..rough(42)
    });
    let mut sender = network.attach(host(7));
    let delays: Vec<Option<u128>> = (0..6)
        .map(|to| send(&network, &mut sender, at(MINUTE * 3), to))
        .map(|sent| {
            sent.arrivals()
                .next()
                .map(|arrival| arrival.after.as_nanos())
        })
        .collect();
    assert_eq!(
        delays,
        [
            29_671_927,
            148_774_200,
            155_709_698,
            143_706_266,
            78_696_349,
            155_007_623
        ]
        .map(Some)
    );
}
