//! Stories of what a node does by itself: it asks contacts whether they are still there, looks around,
//! and goes back to those that it lost.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod victim;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use khashmir::wire::{Method, Query};
use khashmir::{
    Command, Config, Contact, Event, Id, Journal, Keep, Limits, Outcome, Place, Snapshot,
};
use net::{Net, addr, asks, key, seconds, value};
use victim::{Victim, contact, own, sharing};

/// Answers like the honest node that each contact of the victim is.
fn honest(known: &[Contact]) -> impl Fn(&victim::Asked) -> Option<Vec<u8>> {
    let ids: BTreeMap<SocketAddr, Id> = known.iter().map(|one| (one.addr, one.id)).collect();
    move |asked| Some(asked.honest_reply(*ids.get(&asked.to)?, &[]))
}

fn snapshot_of(known: &[Contact], answered_ago: Duration) -> Snapshot {
    let mut snapshot = Snapshot::new(own());
    for contact in known {
        snapshot.add_contact(*contact, answered_ago);
    }
    snapshot
}

#[test]
fn the_bucket_around_ourselves_splits_as_deep_as_there_are_contacts() {
    let all: Vec<_> = (0..30)
        .flat_map(|bits| (0..8).map(move |number| sharing(bits, number)))
        .collect();
    let victim = Victim::restored(snapshot_of(&all, seconds(1)), Config::default());
    let sizes: Vec<_> = victim.node.buckets().map(|bucket| bucket.len()).collect();
    assert_eq!(sizes, [8; 30]);
}

#[test]
fn every_contact_is_asked_now_and_then_though_lookups_pass_it_by() {
    let all: Vec<_> = (0..8)
        .map(|n| sharing(0, n))
        .chain((0..3).map(|n| sharing(1, n)))
        .collect();
    let config = Config {
        // Nobody is questionable before everybody must have been asked.
        fresh: seconds(4 * 3600),
        ..Config::default()
    };
    let mut victim = Victim::restored(snapshot_of(&all, seconds(1)), config.clone());
    let (mut asked, mut guests) = (BTreeSet::new(), BTreeMap::new());
    let span = config.staleness + config.checkpoint * 2;
    victim.play(span, |query| {
        asked.insert(query.to);
        let known = all.iter().find(|contact| contact.addr == query.to);
        let id = known
            .map(|contact| contact.id)
            .or_else(|| guests.get(&query.to).copied())?;
        let mut named = Vec::new();
        if let Query::FindNode { target } = query.query().1 {
            // So many are closer to the target that few of the contacts are asked about it.
            for number in 0..8 {
                let mut id = *target.as_bytes();
                id[19] ^= number;
                let [high, low] = (guests.len() as u16).to_be_bytes();
                let guest = Contact::new(Id::new(id), ([11, high, low, number], 9977).into());
                guests.insert(guest.addr, guest.id);
                named.push(guest);
            }
        }
        Some(query.honest_reply(id, &named))
    });
    let unasked = all.iter().filter(|contact| !asked.contains(&contact.addr));
    assert_eq!(unasked.count(), 0);
}

#[test]
fn a_contact_that_did_not_answer_is_asked_again_at_the_next_checkpoint() {
    let mut victim = Victim::knowing(2, Config::default());
    let both = [contact(1), contact(2)];
    victim
        .node
        .find_node(victim.now, key("target"))
        .expect("accepted");
    victim.play(seconds(20), |asked| {
        (asked.to == addr(2)).then(|| honest(&both)(asked))?
    });
    let mut pinged = BTreeSet::new();
    victim.play(Config::default().checkpoint * 2, |asked| {
        pinged.extend((asked.method() == Method::Ping).then_some(asked.to));
        honest(&both)(asked)
    });
    assert_eq!(pinged, BTreeSet::from([addr(1)]));
}

#[test]
fn a_node_without_bootstrap_goes_back_to_contacts_that_it_lost() {
    let mut victim = Victim::knowing(2, Config::default());
    let both = [contact(1), contact(2)];
    for _ in 0..4 {
        victim
            .node
            .start(victim.now, Command::FindClose)
            .expect("accepted");
        victim.play(seconds(30), |_| None);
    }
    assert_eq!(victim.node.contacts().count(), 0);
    victim.play(seconds(1200), honest(&both));
    let known: BTreeSet<_> = victim.node.contacts().collect();
    assert_eq!(known, BTreeSet::from(both));
}

#[test]
fn commands_that_find_no_free_call_go_on_when_there_is_one() {
    let limits = Limits {
        max_calls: 1,
        ..Limits::default()
    };
    let mut victim = Victim::knowing(
        0,
        Config {
            limits,
            ..Config::default()
        },
    );
    let pings: Vec<_> = (1..=3)
        .map(|number| {
            victim
                .node
                .ping(victim.now, addr(number))
                .expect("accepted")
        })
        .collect();
    let known: Vec<_> = (1..=3).map(contact).collect();
    victim.play(seconds(2), honest(&known));
    let mut answered = Vec::new();
    while let Some(event) = victim.node.poll_event() {
        if let Event::Ended {
            op,
            outcome: Outcome::Ping(Ok(pong)),
            ..
        } = event
        {
            assert!(pong.took < seconds(1));
            answered.push(op);
        }
    }
    assert_eq!(answered, pings);
    assert!(victim.node.stats().waits_for_calls > 0);
}

#[test]
fn bucket_ages_survive_a_restart() {
    let all: Vec<_> = (0..3)
        .flat_map(|bits| (0..8).map(move |number| sharing(bits, number)))
        .collect();
    let mut snapshot = snapshot_of(&all, seconds(1));
    let ages = [3000, 200, 1000].map(seconds);
    for age in ages {
        snapshot.add_bucket_age(age);
    }
    let victim = Victim::restored(snapshot, Config::default());
    let saved = victim.node.contacts_snapshot(victim.now);
    assert_eq!(saved.bucket_ages().collect::<Vec<_>>(), ages);
}

#[test]
fn a_lookup_counts_as_looking_around_in_the_bucket_of_its_target() {
    let all: Vec<_> = (0..2)
        .flat_map(|bits| (0..8).map(move |number| sharing(bits, number)))
        .collect();
    let mut victim = Victim::restored(snapshot_of(&all, seconds(1)), Config::default());
    victim.play(seconds(1500), honest(&all));
    let ages = |victim: &Victim| {
        let saved = victim.node.contacts_snapshot(victim.now);
        saved.bucket_ages().collect::<Vec<_>>()
    };
    let before = ages(&victim);
    victim
        .node
        .find_node(victim.now, sharing(0, 99).id)
        .expect("accepted");
    victim.play(seconds(10), honest(&all));
    let after = ages(&victim);
    assert!(
        before[0] >= seconds(10) && after[0] <= seconds(10),
        "{before:?} {after:?}"
    );
    assert_eq!(after[1], before[1] + seconds(10));
}

#[test]
fn what_was_kept_is_kept_no_longer_once_the_node_has_left() {
    let config = Config {
        expiry: seconds(600),
        ..Config::default()
    };
    let mut net = Net::joined(3, &config);
    let keep = Command::Put {
        key: key("key"),
        value: value("kept"),
        keep: Keep::UntilCancelled,
    };
    net.outcome(2, keep);
    let now = net.now;
    assert_eq!(net.node(2).status(now).kept, 1);
    net.node(2).leave(now);
    assert_eq!(net.node(2).status(now).kept, 0);
    let bootstrap = vec![addr(1)];
    net.outcome(2, Command::Join { bootstrap });
    net.forget();
    net.run(seconds(1200));
    let stores = net
        .log
        .iter()
        .filter(|f| asks(&f.bytes, Method::StoreValue));
    assert_eq!(stores.count(), 0);
}

#[test]
fn checkpoints_come_at_uneven_times_so_that_nodes_do_not_march_in_step() {
    let mut victim = Victim::knowing(0, Config::default());
    let period = victim.node.config().checkpoint;
    let mut times = Vec::new();
    while times.len() < 40 {
        victim.play(seconds(1), |_| None);
        while let Some(event) = victim.node.poll_event() {
            times.extend((event == Event::Checkpoint).then_some(victim.now));
        }
    }
    let waits: Vec<_> = times
        .windows(2)
        .map(|pair| pair[1].since(pair[0]))
        .collect();
    let (least, most) = (period * 9 / 10 - seconds(1), period * 11 / 10 + seconds(1));
    assert!(
        waits.iter().all(|wait| (least..=most).contains(wait)),
        "{waits:?}"
    );
    let (Some(shortest), Some(longest)) = (waits.iter().min(), waits.iter().max()) else {
        panic!("there are checkpoints");
    };
    assert!(*longest - *shortest > period / 10, "{waits:?}");
}

#[test]
fn an_adaptive_lookup_goes_on_though_the_k_closest_that_it_knows_are_dead() {
    let all: Vec<_> = (0..4)
        .flat_map(|bits| (0..8).map(move |number| sharing(bits, number)))
        .collect();
    let mut victim = Victim::restored(snapshot_of(&all, seconds(1)), Config::adaptive());
    let target = sharing(0, 99).id;
    victim.node.find_node(victim.now, target).expect("accepted");
    let dead = |asked: &victim::Asked| asked.to.to_string().starts_with("10.1.0.");
    victim.play(seconds(30), |asked| {
        (!dead(asked)).then(|| honest(&all)(asked))?
    });
    let Some((Outcome::Found(places), _)) = victim.ended() else {
        panic!("not a find");
    };
    assert_eq!(places.len(), 8, "{places:?}");
}

/// How many others are asked to store a value of which our own node keeps one copy.
fn stores_at_others(journal: Journal) -> usize {
    let mut victim = Victim::restored(
        snapshot_of(
            &(0..8).map(|number| sharing(4, number)).collect::<Vec<_>>(),
            seconds(1),
        ),
        Config {
            journal,
            redundancy: 3,
            ..Config::default()
        },
    );
    let all: Vec<_> = victim.node.contacts().collect();
    victim
        .node
        .put(victim.now, own(), value("v"))
        .expect("accepted");
    let mut stores = 0;
    victim.play(seconds(2), |asked| {
        stores += usize::from(asked.method() == Method::StoreValue);
        honest(&all)(asked)
    });
    let mut last = None;
    while let Some((number, _)) = victim.node.poll_record() {
        last = Some(number);
    }
    if let Some(last) = last {
        victim.node.handle_durable(victim.now, last);
    }
    let Some((Outcome::Stored(places), _)) = victim.ended() else {
        panic!("not a put");
    };
    assert!(places.contains(&Place::Here(own())));
    stores
}

#[test]
fn our_own_copy_counts_while_its_record_is_not_safe_yet() {
    assert_eq!(
        stores_at_others(Journal::On),
        stores_at_others(Journal::Off)
    );
}
