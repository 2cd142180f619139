//! What a translator lets through, and what it remembers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};

const MINUTE: Duration = Duration::from_secs(60);
const DEPENDENCES: [Dependence; 3] = [
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
];

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn nat(config: NatConfig) -> Nat {
    Nat::new(config, addr("10.0.0.1:1").ip(), Draw::new(1, &[]))
}

fn with(mapping: Dependence, filtering: Dependence) -> NatConfig {
    NatConfig {
        mapping,
        filtering,
        ..NatConfig::default()
    }
}

fn at(minutes: u32) -> Instant {
    Instant::since_origin(MINUTE * minutes)
}

#[test]
fn a_mapping_serves_as_many_receivers_as_it_should() {
    let [first, port, address] = ["10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1"].map(addr);
    for (mapping, ports) in DEPENDENCES.into_iter().zip([1, 2, 3]) {
        let mut nat = nat(with(mapping, EndpointIndependent));
        let mut out = |to| nat.outbound(at(0), to).expect("no hairpin");
        let seen: BTreeSet<SocketAddr> = [first, port, address].map(&mut out).into();
        assert_eq!(seen.len(), ports, "{mapping}");
        assert_eq!(out(first), out(first), "{mapping}");
        assert!(
            seen.iter()
                .all(|addr| addr.ip() == nat.outside && addr.port() >= 1024)
        );
    }
}

#[test]
fn the_filter_admits_whom_it_should() {
    let to = addr("10.0.0.2:1");
    let senders = [to, addr("10.0.0.2:2"), addr("10.0.0.3:1")];
    let (yes, no) = (Ok(()), Err(LossCause::Filtered));
    let expected = [[yes, yes, yes], [yes, yes, no], [yes, no, no]];
    for mapping in DEPENDENCES {
        for (filtering, expected) in DEPENDENCES.into_iter().zip(expected) {
            let mut nat = nat(with(mapping, filtering));
            let outside = nat.outbound(at(0), to).expect("no hairpin");
            let found = senders.map(|from| nat.inbound(at(1), outside.port(), from));
            assert_eq!(found, expected, "{mapping}/{filtering}");
        }
    }
}

#[test]
fn nothing_comes_in_where_nothing_went_out() {
    let mut nat = nat(NatConfig::default());
    let peer = addr("10.0.0.2:1");
    assert_eq!(nat.inbound(at(0), 9977, peer), Err(LossCause::NoMapping));
    let outside = nat.outbound(at(0), peer).expect("no hairpin");
    let other = outside.port() ^ 1;
    assert_eq!(nat.inbound(at(0), other, peer), Err(LossCause::NoMapping));
}

#[test]
fn a_mapping_ends_two_minutes_after_the_last_datagram_out() {
    let mut nat = nat(NatConfig::default());
    let peer = addr("10.0.0.2:1");
    let first = nat.outbound(at(0), peer).expect("no hairpin");
    assert_eq!(nat.inbound(at(1), first.port(), peer), Ok(()));
    assert_eq!(
        nat.outbound(at(1), peer),
        Ok(first),
        "refreshed from inside"
    );
    assert_eq!(
        nat.inbound(at(2), first.port(), peer),
        Ok(()),
        "which is no refreshing"
    );
    assert_eq!(
        nat.inbound(at(3), first.port(), peer),
        Err(LossCause::NoMapping)
    );
    let second = nat.outbound(at(3), peer).expect("no hairpin");
    assert_ne!(second, first, "a new mapping is at a new port");
    assert_eq!(
        nat.inbound(at(3), first.port(), peer),
        Err(LossCause::NoMapping)
    );
    assert_eq!(nat.inbound(at(3), second.port(), peer), Ok(()));
}

#[test]
fn a_sender_is_forgotten_two_minutes_after_the_host_wrote_to_it() {
    let mut nat = nat(NatConfig::default());
    let [early, late] = ["10.0.0.2:1", "10.0.0.3:1"].map(addr);
    let outside = nat.outbound(at(0), early).expect("no hairpin");
    nat.outbound(at(1), late).expect("no hairpin");
    let port = outside.port();
    assert_eq!(nat.inbound(at(1), port, early), Ok(()));
    assert_eq!(nat.inbound(at(2), port, early), Err(LossCause::Filtered));
    assert_eq!(nat.inbound(at(2), port, late), Ok(()));
}

#[test]
fn a_host_reaches_itself_only_with_hairpinning() {
    let peer = addr("10.0.0.2:1");
    let mut without = nat(NatConfig::default());
    let outside = without.outbound(at(0), peer).expect("no hairpin");
    assert_eq!(without.outbound(at(0), outside), Err(LossCause::Hairpin));
    let mut with = nat(NatConfig {
        hairpinning: Hairpinning::On,
        ..NatConfig::default()
    });
    let outside = with.outbound(at(0), peer).expect("no hairpin");
    assert_eq!(
        with.inbound(at(0), outside.port(), outside),
        Err(LossCause::Filtered)
    );
    assert_eq!(
        with.outbound(at(0), outside),
        Ok(outside),
        "the sender is seen from outside"
    );
    assert_eq!(with.inbound(at(0), outside.port(), outside), Ok(()));
}

#[test]
fn the_mapping_unused_for_longest_gives_way() {
    let mut nat = nat(NatConfig {
        bindings: 3,
        ..with(AddressDependent, AddressDependent)
    });
    let peers = ["10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1", "10.0.0.5:1"].map(addr);
    let second = Duration::from_secs(1);
    let outside: Vec<SocketAddr> = (0..3)
        .map(|n| {
            nat.outbound(at(0) + second * n as u32, peers[n])
                .expect("no hairpin")
        })
        .collect();
    nat.outbound(at(0) + second * 4, peers[0])
        .expect("no hairpin");
    nat.outbound(at(0) + second * 5, peers[3])
        .expect("no hairpin");
    let still = |n: usize| nat.inbound(at(1), outside[n].port(), peers[n]);
    assert_eq!(
        [still(0), still(1), still(2)],
        [Ok(()), Err(LossCause::NoMapping), Ok(())]
    );
    assert_eq!(nat.bindings(), 3);
}

#[test]
fn what_has_expired_is_freed() {
    let mut nat = nat(with(AddressAndPortDependent, AddressAndPortDependent));
    for port in 1..=500 {
        nat.outbound(at(0), SocketAddr::new(addr("10.0.0.2:1").ip(), port))
            .expect("no hairpin");
    }
    assert_eq!(
        (nat.bindings(), nat.ports.len(), nat.written.len()),
        (500, 500, 500)
    );
    nat.outbound(at(5), addr("10.0.0.3:1")).expect("no hairpin");
    assert_eq!(
        (nat.bindings(), nat.ports.len(), nat.written.len()),
        (1, 1, 1)
    );
    nat.sweep(at(10));
    assert_eq!(
        (nat.bindings(), nat.ports.len(), nat.written.len()),
        (0, 0, 0)
    );
}

#[test]
fn a_translator_stays_within_its_bounds_and_maps_no_port_twice() {
    fn holds(mapping: u8, filtering: u8, steps: Vec<(u8, u8, u8)>) -> bool {
        let dependence = |n: u8| DEPENDENCES[usize::from(n % 3)];
        let mut nat = nat(NatConfig {
            bindings: 8,
            ..with(dependence(mapping), dependence(filtering))
        });
        let mut now = at(0);
        steps.into_iter().all(|(pause, host, port)| {
            now = now + Duration::from_secs(pause.into());
            let to = SocketAddr::from(([10, 1, 0, host % 20], u16::from(port % 4)));
            let outside = nat.outbound(now, to).expect("no hairpin");
            let ports: BTreeSet<u16> = nat.mappings.iter().copied().collect();
            nat.inbound(now, outside.port(), to) == Ok(())
                && nat.bindings() <= 8
                && nat.written.len() <= 8
                && ports.len() == nat.bindings()
                && ports.iter().eq(nat.ports.keys())
        })
    }
    quickcheck::quickcheck(holds as fn(u8, u8, Vec<(u8, u8, u8)>) -> bool);
}
