//! What the ends of the way do to a datagram, and what cuts do: size, lines, translators.

use super::*;

#[test]
fn what_is_too_large_for_the_network_is_lost() {
    let network = network(NetworkConfig::default());
    let mut sender = network.attach(host(0));
    let mut fate = |len| {
        let sent = network.send(&mut sender, Instant::ORIGIN, host(1), host(1).addr(), len);
        sent.fate
    };
    assert!(matches!(fate(1472), Fate::Arrives { .. }));
    assert_eq!(fate(1473), Fate::Lost(LossCause::Mtu));
    assert_eq!(fate(usize::MAX), Fate::Lost(LossCause::Mtu));
}

#[test]
fn a_cut_loses_datagrams_and_its_healing_leaves_no_trace() {
    let mut network = network(rough(1));
    let whole = fates(&network, 100);
    let groups: Groups = [(host(1), 1)].into_iter().collect();
    let cut = network.cuts_mut().add(Cut::Partition(groups));
    let mut sender = network.attach(host(0));
    let mut found = Vec::new();
    for n in 0..100 {
        if n == 40 {
            assert!(network.cuts_mut().heal(cut));
        }
        found.push(send(&network, &mut sender, at(MILLISECOND * n), 1));
    }
    assert_eq!(found[40..], whole[40..], "as if it had never been cut");
    let lost = |sent: &Sent| matches!(sent.fate, Fate::Lost(LossCause::Cut | LossCause::Loss));
    assert!(found[..40].iter().all(lost));
    assert!(
        found[..40]
            .iter()
            .zip(&whole)
            .all(|(cut, whole)| cut.number == whole.number)
    );
}

#[test]
fn a_slow_line_delays_and_then_drops() {
    let network = network(NetworkConfig {
        latency: "constant:50ms".parse().expect("right"),
        access: "1Mbit/1Mbit,1280B".parse().ok(),
        ..NetworkConfig::default()
    });
    let mut sender = network.attach(host(0));
    let fate = |sender: &mut Attachment| send(&network, sender, Instant::ORIGIN, 1).fate;
    let (from, copy_after) = (host(0).addr(), None);
    // 128 bytes with their headers take 1.024 ms; ten of them fit.
    for n in 1..=10 {
        let after = Duration::from_millis(50) + Duration::from_micros(1024) * n;
        assert_eq!(
            fate(&mut sender),
            Fate::Arrives {
                from,
                after,
                copy_after
            }
        );
    }
    assert_eq!(fate(&mut sender), Fate::Lost(LossCause::Queue));
    sender.set_access(None);
    assert_eq!(
        fate(&mut sender),
        Fate::Arrives {
            from,
            after: 50 * MILLISECOND,
            copy_after
        }
    );
}

#[test]
fn the_receivers_line_delays_what_arrives_at_once() {
    let network = network(NetworkConfig {
        access: "1Mbit/1Mbit,256B".parse().ok(),
        ..NetworkConfig::default()
    });
    let mut receiver = network.attach(host(1));
    let mut arrive =
        |from: u32| receiver.receive(Instant::ORIGIN, host(from).addr(), host(1).addr(), 100);
    assert_eq!(arrive(2), Ok(Duration::from_micros(1024)));
    assert_eq!(arrive(3), Ok(Duration::from_micros(2048)));
    assert_eq!(arrive(4), Err(LossCause::Queue));
}

#[test]
fn a_public_host_hears_at_its_own_port_only() {
    let network = network(NetworkConfig::default());
    let mut receiver = network.attach(host(1));
    let (from, mut to) = (host(0).addr(), host(1).addr());
    assert_eq!(
        receiver.receive(Instant::ORIGIN, from, to, 100),
        Ok(Duration::ZERO)
    );
    to.set_port(1234);
    assert_eq!(
        receiver.receive(Instant::ORIGIN, from, to, 100),
        Err(LossCause::Nobody)
    );
}

#[test]
fn hosts_behind_translators_reach_those_who_are_not_and_are_answered() {
    let network = network(NetworkConfig::default());
    let mut inside = network
        .attach_behind(NatConfig::default(), host(1))
        .expect("right");
    let mut public = network.attach(host(2));
    let now = Instant::ORIGIN;
    let blind = inside.receive(now, host(2).addr(), host(1).addr(), 100);
    assert_eq!(blind, Err(LossCause::NoMapping), "nobody gets in uninvited");
    let asked = send(&network, &mut inside, now, 2)
        .arrivals()
        .next()
        .expect("no loss");
    assert_eq!(HostId::at(asked.from), Some(host(1)));
    assert_ne!(asked.from, host(1).addr());
    assert_eq!(
        public.receive(now, asked.from, host(2).addr(), 100),
        Ok(Duration::ZERO)
    );
    let answer = network.send(&mut public, now, host(1), asked.from, 100);
    let answer = answer.arrivals().next().expect("no loss");
    assert_eq!(
        inside.receive(now, answer.from, asked.from, 100),
        Ok(Duration::ZERO)
    );
    let stranger = inside.receive(now, host(3).addr(), asked.from, 100);
    assert_eq!(stranger, Err(LossCause::Filtered));
    assert_eq!(inside.nat().map(Nat::bindings), Some(1));
    let late = at(MINUTE * 2);
    assert_eq!(
        inside.receive(late, answer.from, asked.from, 100),
        Err(LossCause::NoMapping)
    );
    inside.settle(late);
    assert_eq!(inside.nat().map(Nat::bindings), Some(0));
}

#[test]
fn a_translator_without_sense_is_refused() {
    let network = network(NetworkConfig::default());
    let nat = NatConfig {
        bindings: 0,
        ..NatConfig::default()
    };
    let error = network
        .attach_behind(nat, host(1))
        .expect_err("no bindings");
    assert_eq!(
        error.to_string(),
        "network: `nat` must have between 1 and 16384 bindings"
    );
}
