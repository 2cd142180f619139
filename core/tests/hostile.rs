//! Stories of nodes that lie, break the rules, fall silent, or are not who they were.

#![allow(clippy::wildcard_enum_match_arm)] // A story is about one kind of thing.

mod net;
mod victim;
mod written;

use std::collections::BTreeMap;

use khashmir::wire::{Dialect, InvalidReply, Query, Reply};
use khashmir::{
    CallError, Command, Config, Contact, Id, Instant, Keep, Limits, Node, Outcome, OwnStore, Place,
    QueryStats, Seed, Snapshot,
};
use net::{Net, addr, is_query, key, seconds};
use victim::{Victim, contact, number_of};
use written::written;

#[test]
fn every_kind_of_broken_answer_fails_its_contact_and_none_hangs_the_lookup() {
    let good = "2:id20:AAAAAAAAAAAAAAAAAAAA";
    for contents in [
        String::new(),
        "2:id3:abc".into(),
        "2:id20:BBBBBBBBBBBBBBBBBBBB5:nodesle5:token2:xx".into(),
        format!("{good}5:nodes26:aaaaaaaaaaaaaaaaaaaaaaaaaa"),
        format!("{good}5:nodesl2:aae"),
        format!("{good}5:nodesli1ee"),
        format!("{good}5:nodesle3:num1:x"),
        format!("{good}5:nodesle5:tokeni5e"),
        format!("{good}5:nodesle6:values1:x"),
        format!("{good}5:token2:xx"),
    ] {
        let mut victim = Victim::knowing(1, Config::early());
        // The contact's id is twenty times 'A' in the answers that get it right.
        let mut snapshot = Snapshot::new(Id::new([0xee; 20]));
        snapshot.add_contact(Contact::new(Id::new([b'A'; 20]), addr(1)), seconds(1));
        victim.node = Node::restore(
            Config::early(),
            snapshot,
            seconds(0),
            Seed::from_number(1),
            victim.now,
        )
        .expect("works");
        victim
            .node
            .find_node(victim.now, key("target"))
            .expect("accepted");
        let asked = victim.asked();
        let bytes = [
            b"d1:rd",
            contents.as_bytes(),
            b"e1:t20:",
            asked[0].tid(),
            b"1:y1:re",
        ]
        .concat();
        victim.hears(asked[0].to, &bytes);
        let (outcome, query_stats) = victim.end();
        assert_eq!(
            outcome,
            Outcome::Found(vec![Place::Here(Id::new([0xee; 20]))]),
            "{contents}"
        );
        assert_eq!(
            (query_stats.broken, query_stats.took.as_secs()),
            (1, 0),
            "{contents}"
        );
    }
}

#[test]
fn an_unknown_kind_of_message_under_our_transaction_id_fails_the_call() {
    let mut victim = Victim::knowing(0, Config::default());
    victim.node.ping(victim.now, addr(1)).expect("accepted");
    let asked = victim.asked();
    let bytes = [b"d1:t20:", asked[0].tid(), b"1:y1:ze"].concat();
    victim.hears(addr(1), &bytes);
    let (outcome, _) = victim.end();
    assert_eq!(
        outcome,
        Outcome::Ping(Err(CallError::Broken(InvalidReply::Kind)))
    );
}

#[test]
fn an_answer_from_another_address_is_none() {
    let mut victim = Victim::knowing(0, Config::default());
    victim.node.ping(victim.now, addr(1)).expect("accepted");
    let asked = victim.asked();
    let reply = Reply::from(contact(1).id);
    let bytes = written(|out| Dialect::Khashmir.encode_reply(asked[0].tid(), &reply, out));
    victim.hears(addr(2), &bytes);
    assert!(victim.node.contacts().next().is_none());
    let (outcome, _) = victim.end();
    assert_eq!(outcome, Outcome::Ping(Err(CallError::Timeout)));
}

#[test]
fn a_contact_that_answers_under_another_id_is_removed() {
    let mut victim = Victim::knowing(3, Config::default());
    victim
        .node
        .find_node(victim.now, contact(1).id)
        .expect("accepted");
    let asked = victim.asked();
    let first = asked
        .iter()
        .find(|asked| asked.to == addr(1))
        .expect("the closest is asked");
    let other = Reply {
        nodes: Some((&[]).into()),
        token: Some(b"t"),
        ..Reply::from(contact(9).id)
    };
    victim.hears_reply(first, &other);
    let left: Vec<_> = victim.node.contacts().collect();
    assert_eq!(left, [contact(2), contact(3)]);
}

#[test]
fn dead_contacts_are_never_in_a_result_and_leave_after_three_failures() {
    let mut victim = Victim::knowing(4, Config::late());
    for round in 1..=3 {
        victim
            .node
            .find_node(victim.now, contact(1).id)
            .expect("accepted");
        for asked in victim.asked() {
            if asked.to != addr(1) {
                let number = number_of(asked.to);
                let nodes = [contact(1)];
                let reply = Reply {
                    nodes: Some((&nodes).into()),
                    token: Some(b"t"),
                    ..Reply::from(contact(number).id)
                };
                victim.hears_reply(&asked, &reply);
            }
        }
        let (outcome, query_stats) = victim.end();
        let Outcome::Found(found) = outcome else {
            panic!("not a find")
        };
        assert_eq!(found.len(), 4, "three contacts and ourselves");
        assert!(!found.contains(&Place::There(contact(1))));
        assert_eq!(
            (
                query_stats.asked,
                query_stats.answered,
                query_stats.unanswered
            ),
            (4, 3, 1)
        );
        let there = victim.node.contacts().any(|known| known == contact(1));
        assert_eq!(there, round < 3);
    }
}

#[test]
fn nobody_is_asked_twice_however_often_named() {
    let mut net = Net::joined(9, &Config::default());
    for _ in 0..5 {
        net.forget();
        net.outcome(
            9,
            Command::FindNode {
                target: key("target"),
            },
        );
        let mut asked: Vec<_> = net
            .log
            .iter()
            .filter(|f| f.from == addr(9) && is_query(&f.bytes))
            .map(|f| f.to)
            .collect();
        let count = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), count);
    }
}

#[test]
fn nothing_is_sent_again_for_a_command_that_is_over() {
    for config in [Config::adaptive(), Config::late()] {
        let mut victim = Victim::knowing(4, config);
        let cancelled = victim.node.find_node(victim.now, key("target"));
        let shared = victim.node.ping(victim.now, addr(1)).expect("accepted");
        assert_eq!(victim.asked().len(), 5);
        assert!(victim.node.cancel(victim.now, cancelled.expect("accepted")));
        let mut again = Vec::new();
        let limit = victim.now + seconds(30);
        while victim.node.status(victim.now).calls > 0 {
            let asked = victim.next_asked(limit).into_iter();
            again.extend(asked.map(|asked| asked.to));
        }
        assert!(
            (2..=4).contains(&again.len()) && again.iter().all(|to| *to == addr(1)),
            "only {shared} goes on, and is sent five times at most: {again:?}"
        );
    }
}

#[test]
fn named_contacts_with_useless_addresses_are_not_asked() {
    let mut victim = Victim::knowing(1, Config::default());
    victim
        .node
        .find_node(victim.now, key("target"))
        .expect("accepted");
    let asked = victim.asked();
    let useless = [
        ([0, 0, 0, 0], 5),
        ([224, 0, 0, 1], 5),
        ([255, 255, 255, 255], 5),
        ([10, 0, 0, 7], 0),
    ];
    let mut nodes: Vec<_> = (40..)
        .zip(useless)
        .map(|(n, at)| Contact::new(Id::new([n; 20]), at.into()))
        .collect();
    nodes.push(Contact::new(Id::new([0; 20]), addr(5)));
    nodes.push(Contact::new(victim.node.id(), addr(6)));
    nodes.push(contact(8));
    victim.hears_reply(
        &asked[0],
        &Reply {
            nodes: Some((&nodes).into()),
            token: Some(b"t"),
            ..Reply::from(contact(1).id)
        },
    );
    let next: Vec<_> = victim.asked().into_iter().map(|asked| asked.to).collect();
    assert_eq!(next, [addr(8)]);
}

#[test]
fn contacts_that_were_only_named_never_enter_the_table() {
    let mut victim = Victim::knowing(1, Config::default());
    victim
        .node
        .find_node(victim.now, key("target"))
        .expect("accepted");
    let asked = victim.asked();
    let nodes = [contact(8), contact(9)];
    victim.hears_reply(
        &asked[0],
        &Reply {
            nodes: Some((&nodes).into()),
            token: Some(b"t"),
            ..Reply::from(contact(1).id)
        },
    );
    assert_eq!(victim.node.contacts().collect::<Vec<_>>(), [contact(1)]);
}

#[test]
fn an_error_fails_the_query_but_keeps_the_contact() {
    let mut victim = Victim::knowing(1, Config::default());
    let get = Command::FindValue { key: key("key") };
    for _ in 0..4 {
        victim
            .node
            .start(victim.now, get.clone())
            .expect("accepted");
        let asked = victim.asked();
        let (tid, text) = (asked[0].tid(), b"unknown method find_value");
        let bytes = written(|out| Dialect::Khashmir.encode_error(tid, 203, text, out));
        victim.hears(asked[0].to, &bytes);
        let (outcome, query_stats) = victim.end();
        assert_eq!(outcome, Outcome::Holders(vec![]));
        let refusals: Vec<_> = query_stats
            .refusals
            .iter()
            .map(|refusal| (refusal.by, refusal.code))
            .collect();
        assert_eq!(refusals, [(addr(1), 203)]);
    }
    assert_eq!(victim.node.contacts().count(), 1);
}

/// A liar that names nodes of its own without end, each closer to the target than all before.
#[test]
fn a_lookup_ends_though_an_adversary_never_stops_naming_closer_nodes() {
    // So few calls that the test stays short, however many the lookup would make.
    let limits = Limits {
        max_calls: 32,
        ..Limits::default()
    };
    let config = Config {
        operation_timeout: seconds(2),
        limits,
        ..Config::default()
    };
    let mut victim = Victim::knowing(1, config);
    let target = Id::new([0x55; 20]);
    victim.node.find_node(victim.now, target).expect("accepted");
    let mut ids = BTreeMap::from([(addr(1), contact(1).id)]);
    let mut closer = |count: u32| {
        let mut id = *target.as_bytes();
        for (byte, distance) in id[12..].iter_mut().zip((!count).to_be_bytes()) {
            *byte ^= distance;
        }
        let [_, high, middle, low] = count.to_be_bytes();
        Contact::new(Id::new(id), ([11, high, middle, low], 9977).into())
    };
    let (mut named, mut last) = (0, victim.now);
    victim.play(seconds(3), |asked| {
        let nodes: Vec<_> = (named..named + 8).map(&mut closer).collect();
        named += 8;
        last = asked.at;
        ids.extend(nodes.iter().map(|contact| (contact.addr, contact.id)));
        Some(asked.honest_reply(ids[&asked.to], &nodes))
    });
    let (outcome, query_stats) = victim.ended().expect("its time is up");
    assert!(matches!(outcome, Outcome::Found(_)));
    let longest = victim.node.config().longest_operation();
    assert!(query_stats.took <= longest, "{query_stats:?}");
    assert!(last <= Instant::ORIGIN + longest, "asked on at {last}");
    assert!(named >= 80, "the adversary was asked {named} times");
}

#[test]
fn what_a_lookup_took_adds_up_however_many_refuse() {
    let mut victim = Victim::knowing(5, Config::default());
    let find = Command::FindValue { key: key("key") };
    victim.node.start(victim.now, find).expect("accepted");
    loop {
        let asked = victim.asked();
        if asked.is_empty() {
            break;
        }
        for asked in asked {
            let number = number_of(asked.to);
            let id = contact(number).id;
            let refusal = |out: &mut _| Dialect::Khashmir.encode_error(asked.tid(), 203, b"", out);
            match number {
                1..=3 => {
                    let named: Vec<_> = (0..30).map(|n| contact(30 * number + n)).collect();
                    let (nodes, num) = (Some((&named).into()), Some(0));
                    let reply = Reply {
                        nodes,
                        num,
                        ..Reply::from(id)
                    };
                    victim.hears_reply(&asked, &reply);
                }
                4 => victim.hears_reply(&asked, &Reply::from(id)),
                5 => {}
                _ => victim.hears(asked.to, &written(refusal)),
            }
        }
    }
    let (_, query_stats) = victim.end();
    let told = (
        query_stats.answered,
        query_stats.broken,
        query_stats.unanswered,
    );
    assert_eq!(told, (3, 1, 1));
    assert_eq!(query_stats.refused + 5, query_stats.asked);
    assert!(
        query_stats.refused as usize > QueryStats::MAX_REFUSALS,
        "{query_stats:?}"
    );
    assert_eq!(query_stats.refusals.len(), QueryStats::MAX_REFUSALS);
}

#[test]
fn the_oldest_of_a_full_bucket_is_asked_before_it_is_replaced() {
    // All contacts share no bit with the victim, whose id begins with ones.
    let mut victim = Victim::knowing(8, Config::default());
    let newcomer = contact(9);
    let ping =
        written(|out| Dialect::Khashmir.encode_query(&[7; 20], &newcomer.id, &Query::Ping, out));
    // The bucket around ourselves would split: one contact close to us makes the far one final.
    let near = Contact::new(Id::new([0xef; 20]), addr(200));
    victim
        .node
        .start(victim.now, Command::AddContact { addr: near.addr })
        .expect("accepted");
    let asked = victim.asked();
    victim.hears_reply(&asked[0], &Reply::from(near.id));
    victim.hears(newcomer.addr, &ping);
    assert!(victim.asked().is_empty(), "the oldest is fresh");
    assert_eq!(victim.node.stats().questionable_contacts, 0);
    victim.now = Instant::since_origin(seconds(901));
    victim.hears(newcomer.addr, &ping);
    let asked = victim.asked();
    assert_eq!(
        asked.iter().map(|asked| asked.to).collect::<Vec<_>>(),
        [addr(1)]
    );
    assert_eq!(victim.node.stats().questionable_contacts, 1);
    victim.hears_reply(&asked[0], &Reply::from(contact(1).id));
    victim.hears(newcomer.addr, &ping);
    let asked = victim.asked();
    assert_eq!(asked[0].to, addr(2), "the next oldest is doubted now");
    let limit = victim.now + seconds(60);
    let chance = loop {
        let mut asked = victim.next_asked(limit).into_iter();
        if let Some(ping) = asked.find(|asked| asked.to == newcomer.addr) {
            break ping;
        }
    };
    victim.hears_reply(&chance, &Reply::from(newcomer.id));
    let known: Vec<_> = victim.node.contacts().collect();
    assert!(
        known.contains(&newcomer) && known.contains(&contact(1)) && !known.contains(&contact(2))
    );
}

#[test]
fn values_of_a_hostile_holder_do_not_hide_those_of_others() {
    let mut victim = Victim::knowing(2, Config::default());
    let get = Command::Get {
        key: key("key"),
        retrieve: None,
        own_store: OwnStore::LeaveOut,
    };
    victim.node.start(victim.now, get).expect("accepted");
    for asked in victim.asked() {
        let number = number_of(asked.to);
        let reply = Reply {
            nodes: Some((&[]).into()),
            num: Some(u64::MAX),
            ..Reply::from(contact(number).id)
        };
        victim.hears_reply(&asked, &reply);
    }
    for asked in victim.asked() {
        if asked.to == addr(1) {
            let id = contact(1).id;
            let parts: [&[u8]; 5] = [
                b"d1:rd2:id20:",
                id.as_bytes(),
                b"6:values1:xe1:t20:",
                asked.tid(),
                b"1:y1:re",
            ];
            let bytes = parts.concat();
            victim.hears(asked.to, &bytes);
        } else {
            let values = [&b"good"[..], b"good", b""];
            victim.hears_reply(
                &asked,
                &Reply {
                    values: Some((&values).into()),
                    ..Reply::from(contact(2).id)
                },
            );
        }
    }
    let (outcome, query_stats) = victim.end();
    assert!(matches!(outcome, Outcome::Got { values: 2, .. }));
    assert_eq!(query_stats.broken, 1);
}

#[test]
fn the_only_contact_is_waited_for_however_late_it_is() {
    let mut victim = Victim::knowing(1, Config::default());
    let put = Command::Put {
        key: key("key"),
        value: net::value("v"),
        keep: Keep::Once,
    };
    victim.node.start(victim.now, put).expect("accepted");
    for reply in [
        Reply {
            nodes: Some((&[]).into()),
            token: Some(b"t"),
            ..Reply::from(contact(1).id)
        },
        Reply::from(contact(1).id),
    ] {
        let asked = victim.asked();
        let late = victim.now + seconds(2);
        while let Some(due) = victim.node.poll_timeout().filter(|due| *due <= late) {
            victim.now = due;
            victim.node.handle_timeout(victim.now);
        }
        victim.now = late;
        victim.asked();
        victim.hears_reply(&asked[0], &reply);
    }
    let (outcome, query_stats) = victim.end();
    let Outcome::Stored(places) = outcome else {
        panic!("not a put")
    };
    assert!(places.contains(&Place::There(contact(1))));
    assert!(
        query_stats.took > seconds(1),
        "it was late indeed: {:?}",
        query_stats.took
    );
}
