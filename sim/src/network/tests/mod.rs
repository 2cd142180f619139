//! What becomes of datagrams in whole networks.

use std::collections::BTreeMap;

use super::*;

mod chance;
mod ends;

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A network in which everything happens that can.
fn rough(seed: u64) -> NetworkConfig {
    NetworkConfig {
        seed,
        latency: "lognormal:30ms,0.8".parse().expect("right"),
        jitter: "exponential:5ms".parse().expect("right"),
        loss: "bursty:0.05,0.2,0.6,0.01".parse().expect("right"),
        duplicate: 0.1,
        reorder: "0.1,uniform:0s..100ms".parse().expect("right"),
        ..NetworkConfig::default()
    }
}

fn network(config: NetworkConfig) -> Network {
    Network::new(config).expect("it makes sense")
}

fn host(number: u32) -> HostId {
    HostId::new(number)
}

fn at(time: Duration) -> Instant {
    Instant::since_origin(time)
}

fn send(network: &Network, from: &mut Attachment, now: Instant, to: u32) -> Sent {
    network.send(from, now, host(to), host(to).addr(), 100)
}

/// The fates of so many datagrams from host 0 to host 1, one every millisecond.
fn fates(network: &Network, datagrams: u32) -> Vec<Sent> {
    let mut sender = network.attach(host(0));
    (0..datagrams)
        .map(|n| send(network, &mut sender, at(MILLISECOND * n), 1))
        .collect()
}

fn delays(sent: &[Sent]) -> Vec<Duration> {
    let first = |sent: &Sent| sent.arrivals().next();
    sent.iter()
        .filter_map(first)
        .map(|arrival| arrival.after)
        .collect()
}

#[test]
fn what_all_hosts_share_may_be_used_by_several_threads() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Network>();
    sent::<Attachment>();
}

#[test]
fn a_host_that_is_idle_takes_little_memory() {
    let size = size_of::<Attachment>();
    assert!(size <= 64, "{size} bytes");
}

#[test]
fn in_a_quiet_network_everything_arrives_once_after_the_delay_of_the_link() {
    let config = NetworkConfig {
        latency: "constant:50ms".parse().expect("right"),
        ..NetworkConfig::default()
    };
    let fates = fates(&network(config), 1000);
    assert!(fates.iter().all(|sent| {
        let (from, after) = (host(0).addr(), 50 * MILLISECOND);
        sent.fate
            == Fate::Arrives {
                from,
                after,
                copy_after: None,
            }
    }));
}

#[test]
fn equal_inputs_give_equal_fates_and_another_seed_gives_others() {
    let first = fates(&network(rough(1)), 500);
    assert_eq!(first, fates(&network(rough(1)), 500));
    assert_ne!(first, fates(&network(rough(2)), 500));
}

#[test]
fn no_delay_is_below_the_floor() {
    fn holds(seed: u64, floor: u16, latency: u16, hosts: Vec<u8>) -> bool {
        let config = NetworkConfig {
            floor: Duration::from_micros(u64::from(floor) + 1),
            latency: Latency::Drawn(Span::Exponential {
                median: Duration::from_micros(latency.into()),
            }),
            access: "1Mbit/1Mbit,64kB".parse().ok(),
            ..rough(seed)
        };
        let floor = config.floor;
        let network = network(config);
        let mut sender = network.attach(host(0));
        hosts.into_iter().all(|to| {
            let sent = send(&network, &mut sender, Instant::ORIGIN, to.into());
            network.delay(host(0), host(to.into())) >= floor
                && sent.arrivals().all(|arrival| arrival.after >= floor)
        })
    }
    quickcheck::quickcheck(holds as fn(u64, u16, u16, Vec<u8>) -> bool);
}

#[test]
fn datagrams_left_out_on_one_link_change_no_fate_on_another() {
    fn holds(seed: u64, steps: Vec<(u8, u8)>, left_out: u8) -> bool {
        let network = network(rough(seed));
        let fates = |keep: &dyn Fn(u8) -> bool| {
            let mut sender = network.attach(host(100));
            let mut now = Instant::ORIGIN;
            let mut fates: BTreeMap<u8, Vec<Sent>> = BTreeMap::new();
            for (pause, to) in &steps {
                now = now + Duration::from_secs(u64::from(*pause) / 8);
                let to = to % 4;
                if keep(to) {
                    let sent = send(&network, &mut sender, now, to.into());
                    fates.entry(to).or_default().push(sent);
                }
            }
            fates
        };
        let left_out = left_out % 4;
        let mut all = fates(&|_| true);
        all.remove(&left_out);
        all == fates(&|to| to != left_out)
    }
    quickcheck::quickcheck(holds as fn(u64, Vec<(u8, u8)>, u8) -> bool);
}

#[test]
fn a_minute_knows_nothing_of_those_before() {
    let network = network(rough(1));
    let minute = |sender: &mut Attachment, n: u32, datagrams: u32| -> Vec<Sent> {
        let now = at(MINUTE * n);
        (0..datagrams)
            .map(|_| send(&network, sender, now, 1))
            .collect()
    };
    let mut busy = network.attach(host(0));
    minute(&mut busy, 6, 77);
    let mut fresh = network.attach(host(0));
    let seventh = minute(&mut busy, 7, 50);
    assert_eq!(seventh, minute(&mut fresh, 7, 50));
    assert_ne!(seventh, minute(&mut fresh, 8, 50));
    assert_eq!(seventh[0].number, 7 << 32);
    assert_eq!(seventh[3].number, 7 << 32 | 6);
}

#[test]
fn the_two_ways_of_a_link_have_fates_of_their_own_and_one_delay() {
    let network = network(rough(1));
    let [a, b] = [host(0), host(1)];
    assert_eq!(network.delay(a, b), network.delay(b, a));
    let [mut there, mut back] = [a, b].map(|host| network.attach(host));
    let way = |from: &mut Attachment, to| -> Vec<Option<Duration>> {
        let sent = (0..100).map(|_| send(&network, from, Instant::ORIGIN, to));
        sent.map(|sent| sent.arrivals().next().map(|arrival| arrival.after))
            .collect()
    };
    assert_ne!(way(&mut there, 1), way(&mut back, 0));
}

#[test]
fn links_of_past_minutes_are_freed() {
    let network = network(rough(1));
    let mut sender = network.attach(host(0));
    for to in 1..=1000 {
        send(&network, &mut sender, Instant::ORIGIN, to);
    }
    assert_eq!(sender.links().len(), 1000);
    send(&network, &mut sender, at(MINUTE), 1);
    assert_eq!(sender.links().len(), 1);
    sender.settle(at(MINUTE * 2));
    assert_eq!(sender.links().len(), 0);
}
