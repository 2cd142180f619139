//! Stories of nodes that moved, of liars who claim to be one, and of contacts that do not answer as
//! they should.

mod lone;
mod net;
mod written;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use khashmir::wire::{Query, Reply};
use khashmir::{Command, Config, Contact, Id, Node, Outcome, Place, Seed};
use lone::{Lone, contact, says};
use net::{Net, addr, key, seconds};

/// An address of which nobody has heard.
fn stranger(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    ([198, 51, high, low], 4000).into()
}

/// Twelve nodes, of which the fifth goes on at another address; gives its identifier.
fn one_of_twelve_moves(config: &Config) -> (Net, Id) {
    let mut net = Net::joined(12, config);
    net.run(seconds(120));
    let now = net.now;
    let snapshot = net.kill(5).snapshot(now);
    let (id, seed) = (snapshot.id(), Seed::from_number(50));
    let node = Node::restore(config.clone(), snapshot, seconds(1), seed, now);
    net.put_back(50, node.expect("settings that work"));
    net.forget();
    (net, id)
}

#[test]
fn a_node_that_moved_is_found_again_within_half_a_minute_of_its_first_query() {
    for config in [Config::default(), Config::late(), Config::early()] {
        let (mut net, id) = one_of_twelve_moves(&config);
        net.command(
            50,
            Command::Join {
                bootstrap: vec![addr(1)],
            },
        );
        net.run(seconds(30));
        let moved = Place::There(Contact::new(id, addr(50)));
        for number in (1..=12).filter(|number| *number != 5) {
            let find = Command::FindNode { target: id };
            let Outcome::Found(places) = net.outcome(number, find) else {
                panic!("not a find");
            };
            assert!(places.contains(&moved), "node {number}: {places:?}");
        }
    }
}

#[test]
fn those_that_a_moved_node_asks_know_its_new_address_and_forget_the_old() {
    let (mut net, _) = one_of_twelve_moves(&Config::default());
    for number in (1..=12).filter(|number| *number != 5) {
        net.outcome(50, Command::Ping { addr: addr(number) });
    }
    net.run(seconds(12));
    for number in (1..=12).filter(|number| *number != 5) {
        let known = net.contacts(number);
        assert!(
            known.contains(&addr(50)) && !known.contains(&addr(5)),
            "{number}"
        );
    }
}

#[test]
fn a_node_that_moved_is_found_where_others_say_it_is_once_it_no_longer_answers() {
    let (mut net, id) = one_of_twelve_moves(&Config::default());
    net.command(50, Command::FindClose);
    net.run(seconds(30));
    let stale = (1..=12).filter(|number| *number != 5);
    let mut stale = stale.filter(|number| net.contacts(*number).contains(&addr(5)));
    let stale = stale.next().expect("it has not asked everybody");
    let find = Command::FindNode { target: id };
    net.outcome(stale, find.clone());
    net.run(seconds(10));
    let Outcome::Found(places) = net.outcome(stale, find) else {
        panic!("not a find");
    };
    let moved = Place::There(Contact::new(id, addr(50)));
    assert!(places.contains(&moved), "{places:?}");
}

#[test]
fn a_node_that_returns_under_a_new_identity_is_known_by_that_at_once() {
    let mut net = Net::joined(12, &Config::default());
    let old = net.kill(5).id();
    net.add(
        5,
        Config {
            id: Some(key("another")),
            ..Config::default()
        },
    );
    let bootstrap = vec![addr(1)];
    net.outcome(5, Command::Join { bootstrap });
    net.run(seconds(2));
    let asked: BTreeSet<_> = net.contacts(5);
    assert!(asked.len() >= 7, "{asked:?}");
    for number in (1..=12).filter(|number| asked.contains(&addr(*number))) {
        let known: Vec<Id> = net.node(number).contacts().map(|known| known.id).collect();
        assert!(
            known.contains(&key("another")) && !known.contains(&old),
            "{number}"
        );
    }
}

#[test]
fn claims_of_a_live_contact_cost_it_one_ping_in_fifteen_minutes() {
    let mut lone = Lone::knowing(1, Config::default());
    for second in 0..3600 {
        for claim in 0..5 {
            lone.hears_query(stranger(second * 5 + claim), contact(1).id, &Query::Ping);
        }
        // The liars answer as well.
        lone.run(seconds(1), |_, query| {
            Some(says(query, &Reply::from(contact(1).id)))
        });
    }
    let pings = lone.times_asked(addr(1));
    assert!(
        !pings.is_empty() && pings.windows(2).all(|two| two[1] - two[0] >= 900),
        "{pings:?}"
    );
    assert!(lone.node.contacts().eq([contact(1)]));
}

#[test]
fn claims_do_not_evict_a_contact_while_nobody_answers() {
    let mut lone = Lone::knowing(1, Config::default());
    for second in 0..3500 {
        lone.hears_query(stranger(second % 50), contact(1).id, &Query::Ping);
        lone.run(seconds(1), |_, _| None);
    }
    assert!(lone.node.contacts().eq([contact(1)]));
    // Each ping is sent three times.
    let mut pings = lone.times_asked(addr(1));
    pings.dedup_by(|later, earlier| *later - *earlier <= 9);
    assert!(
        pings.windows(2).all(|two| two[1] - two[0] >= 890),
        "{pings:?}"
    );
    for number in 0..50 {
        assert!(lone.times_asked(stranger(number)).len() <= 4);
    }
}

#[test]
fn a_liar_that_answers_gets_the_place_of_a_dead_contact_only() {
    let alive = |to: SocketAddr, query: &[u8]| {
        let id = if to == stranger(1) {
            contact(1).id
        } else {
            return None;
        };
        Some(says(query, &Reply::from(id)))
    };
    let mut lone = Lone::knowing(2, Config::default());
    lone.hears_query(stranger(1), contact(1).id, &Query::Ping);
    lone.run(seconds(20), |to, query| {
        let holder = (to == addr(1)).then(|| says(query, &Reply::from(contact(1).id)));
        holder.or_else(|| alive(to, query))
    });
    assert!(lone.node.contacts().any(|known| known == contact(1)));
    assert!(
        lone.times_asked(stranger(1)).is_empty(),
        "the holder answered"
    );

    let mut lone = Lone::knowing(2, Config::default());
    lone.hears_query(stranger(1), contact(1).id, &Query::Ping);
    lone.run(seconds(20), alive);
    let moved = Contact::new(contact(1).id, stranger(1));
    let known: Vec<Contact> = lone.node.contacts().collect();
    assert!(
        known.contains(&moved) && !known.contains(&contact(1)),
        "{known:?}"
    );
}

#[test]
fn a_flood_of_claims_does_not_keep_out_the_node_that_moved() {
    let mut lone = Lone::knowing(1, Config::default());
    let moved = stranger(u16::MAX);
    for second in 0..30 {
        for claim in 0..3 {
            lone.hears_query(stranger(second * 3 + claim), contact(1).id, &Query::Ping);
        }
        lone.hears_query(moved, contact(1).id, &Query::Ping);
        lone.run(seconds(1), |to, query| {
            (to == moved).then(|| says(query, &Reply::from(contact(1).id)))
        });
    }
    assert!(
        lone.node
            .contacts()
            .eq([Contact::new(contact(1).id, moved)])
    );
}

#[test]
fn an_address_that_answers_a_ping_with_another_identity_enters_under_that() {
    let mut lone = Lone::knowing(0, Config::default());
    lone.hears_query(stranger(1), contact(1).id, &Query::Ping);
    lone.run(seconds(1), |_, query| {
        Some(says(query, &Reply::from(contact(2).id)))
    });
    let honest = Contact::new(contact(2).id, stranger(1));
    assert!(lone.node.contacts().eq([honest]));
}

#[test]
fn identities_made_up_at_the_address_of_a_contact_cost_it_four_pings_an_hour() {
    let mut lone = Lone::knowing(1, Config::default());
    for number in 0..3600u16 {
        let made_up = Id::hash_of(&number.to_be_bytes());
        lone.hears_query(addr(1), made_up, &Query::Ping);
        lone.run(seconds(1), |_, query| {
            Some(says(query, &Reply::from(contact(1).id)))
        });
    }
    assert!(lone.node.contacts().eq([contact(1)]));
    let pings = lone.times_asked(addr(1));
    assert!((1..=4).contains(&pings.len()), "{pings:?}");
}

#[test]
fn when_the_best_candidate_is_dead_the_next_is_asked() {
    let mut lone = Lone::knowing(8, Config::default());
    // One contact close to us makes the farthest bucket final.
    let near = Contact::new(Id::new([0xef; 20]), addr(200));
    lone.node
        .add_contact(lone.now, near.addr)
        .expect("accepted");
    lone.run(seconds(1), |_, query| {
        Some(says(query, &Reply::from(near.id)))
    });
    for number in 10..14 {
        lone.hears_query(addr(number), contact(number).id, &Query::Ping);
    }
    // Contact 1 is gone, and of the candidates only the first is left.
    for _ in 0..3 {
        lone.node.ping(lone.now, addr(1)).expect("accepted");
        lone.node
            .find_node(lone.now, contact(1).id)
            .expect("accepted");
        lone.run(seconds(40), |to, query| {
            let number = lone::number(to);
            let there = (2..=8).contains(&number) || number == 10;
            let id = if to == near.addr {
                near.id
            } else {
                contact(number).id
            };
            let reply = Reply {
                nodes: Some((&[]).into()),
                token: Some(b"t"),
                ..Reply::from(id)
            };
            (there || to == near.addr).then(|| says(query, &reply))
        });
    }
    let known: Vec<Contact> = lone.node.contacts().collect();
    assert!(
        !known.contains(&contact(1)) && known.contains(&contact(10)),
        "{known:?}"
    );
}

#[test]
fn contacts_that_answer_with_errors_or_against_the_rules_age_out_like_silent_ones() {
    let error = |query: &[u8]| lone::refuses(query, 201, b"");
    let broken = |query: &[u8]| {
        let tid = lone::tid(query);
        [b"d1:rd2:id3:abce1:t20:", tid.as_slice(), b"1:y1:re"].concat()
    };
    let left_after = |answer: &dyn Fn(&[u8]) -> Option<Vec<u8>>| {
        let mut lone = Lone::knowing(1, Config::default());
        for _ in 0..3 {
            lone.node.find_node(lone.now, key("k")).expect("accepted");
            lone.run(seconds(20), |_, query| answer(query));
        }
        lone.node.contacts().count()
    };
    assert_eq!(left_after(&|_| None), 0);
    assert_eq!(left_after(&|query| Some(error(query))), 0);
    assert_eq!(left_after(&|query| Some(broken(query))), 0);
}

#[test]
fn a_contact_that_refuses_to_handle_values_is_kept_as_long_as_it_answers_pings() {
    let mut lone = Lone::knowing(1, Config::default());
    let role = |query: &[u8]| {
        Some(if net::asks(query, khashmir::wire::Method::FindValue) {
            lone::refuses(query, 203, b"unknown method find_value")
        } else {
            says(query, &Reply::from(contact(1).id))
        })
    };
    for _ in 0..20 {
        lone.node.find_value(lone.now, key("k")).expect("accepted");
        lone.run(seconds(600), |_, query| role(query));
    }
    assert_eq!(lone.node.contacts().count(), 1);
    for _ in 0..20 {
        lone.node.find_value(lone.now, key("k")).expect("accepted");
        lone.run(seconds(600), |_, query| {
            Some(lone::refuses(query, 203, b"no"))
        });
    }
    assert_eq!(lone.node.contacts().count(), 0, "it answers nothing else");
}
