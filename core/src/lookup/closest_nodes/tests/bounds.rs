//! What a walk keeps to, whatever is named to it.

use alloc::format;
use core::net::SocketAddr;

use super::*;

fn public(last: u8, port: u16) -> SocketAddr {
    ([44, 1, 2, last], port).into()
}

/// The identifier that begins with this byte, at another address.
fn elsewhere(first: u8, addr: SocketAddr) -> Contact {
    Contact::new(contact(first).id, addr)
}

/// One of the contacts that a liar invents: with so many leading zeros, and at an address of its own.
fn invented(zeros: u8, number: u8) -> Contact {
    let leading = u128::from(0x80 | number) << 120 >> zeros;
    let id = TARGET.at(&Distance::from_leading(leading));
    Contact::new(id, ([44, 2, zeros, number], 1).into())
}

/// A liar that is closer than the eight honest contacts of a walk, and that invents contacts without end.
#[derive(Clone, Copy)]
struct Liar {
    /// Each answer of the liar and of those that it invents names so many more.
    names: u8,
    /// They are closer by so many bits.
    step: u8,
    /// So long such an answer takes; honest ones take 50 ms.
    millis: u64,
}

/// What became of a walk.
struct Misled {
    closest: Vec<Place>,
    queries: usize,
    took: Duration,
}

impl Liar {
    const FIRST: u8 = 0x40;

    fn mislead(self, max_queries: usize) -> Misled {
        let mut bench = Bench::new(8, 4, Self::FIRST..=0x48);
        bench.walk.shape.max_queries = max_queries;
        let mut answers = BTreeMap::new();
        let mut queries = 0;
        loop {
            bench.walk.judge(bench.now, &bench.estimate);
            while let Some(Asked { contact, .. }) = bench.walk.next(bench.now) {
                queries += 1;
                let millis = self.names_of(&contact).map_or(50, |_| self.millis);
                let answer = bench.now + Duration::from_millis(millis);
                answers.insert((answer, queries), contact);
            }
            if bench.walk.is_done() {
                return Misled {
                    closest: bench.closest(),
                    queries,
                    took: bench.now.since(Instant::ORIGIN),
                };
            }
            let ((now, _), by) = answers.pop_first().expect("one is waited for");
            bench.now = now;
            let named = self.names_of(&by);
            let named = named.unwrap_or_else(|| (0x41..=0x48).map(contact).collect());
            let ids = named.iter().map(|contact| contact.id);
            assert!(bench.walk.answered(&by.id, ids));
            for contact in named {
                bench.walk.offer(contact, &by.id);
            }
        }
    }

    /// What a contact names that lies.
    fn names_of(self, by: &Contact) -> Option<Vec<Contact>> {
        let zeros = TARGET.distance(&by.id).leading_zeros();
        let lies = zeros > 1 || by.id == contact(Self::FIRST).id;
        let zeros = u8::try_from(zeros).expect("160 at most");
        // Beyond the bits that an address here tells apart, it is at an end; no walk comes there.
        let closer = (zeros + self.step).min(120);
        lies.then(|| {
            (0..self.names)
                .map(|number| invented(closer, number))
                .collect()
        })
    }
}

fn is_honest(place: &Place) -> bool {
    (0x41..=0x48).any(|first| contact(first).id == *place.id())
}

#[test]
fn a_liar_that_names_closer_contacts_without_end_gets_two_places() {
    for names in [1, 8] {
        for step in [1, 3, 8] {
            for millis in [0, 50, 300] {
                let liar = Liar {
                    names,
                    step,
                    millis,
                };
                let Misled {
                    closest,
                    queries,
                    took,
                } = liar.mislead(256);
                let honest = closest.iter().filter(|place| is_honest(place)).count();
                let says = format!("{names} names, {step} bits, {millis} ms: {closest:?}");
                assert!(closest.len() == 8 && honest >= 6, "{says}");
                assert!(queries < 150, "{queries} queries, {says}");
                assert!(took <= Duration::from_secs(5), "{took:?}, {says}");
            }
        }
    }
}

#[test]
fn a_walk_that_has_spent_its_queries_ends_with_what_it_has() {
    let liar = Liar {
        names: 8,
        step: 3,
        millis: 50,
    };
    assert!(liar.mislead(256).queries > 20);
    let misled = liar.mislead(20);
    assert_eq!(misled.queries, 20);
    assert!(misled.closest.iter().any(is_honest));
}

#[test]
fn of_several_identities_at_one_address_the_first_that_answers_counts() {
    let mut bench = Bench::new(4, 4, [1, 2]);
    assert_eq!(bench.asked(), [1, 2]);
    let by = contact(1).id;
    assert!(bench.answered(1, &[]));
    for first in [3, 4, 5] {
        bench
            .walk
            .offer(elsewhere(first, public(1, first.into())), &by);
    }
    assert_eq!(
        bench.asked(),
        [3],
        "on the public Internet, ports are one host"
    );
    bench.failed(3);
    assert_eq!(bench.asked(), [0_u8; 0]);
    assert_eq!(
        bench.walk.offer(elsewhere(6, public(1, 9)), &by),
        Offered::Ignored
    );
    assert!(bench.answered(2, &[]) && bench.walk.is_done());
}

#[test]
fn on_a_private_network_many_nodes_share_an_address() {
    let mut bench = Bench::new(4, 4, [1]);
    assert_eq!(bench.asked(), [1]);
    let by = contact(1).id;
    assert!(bench.answered(1, &[]));
    for (first, port) in [(2, 7), (3, 8), (4, 8)] {
        bench
            .walk
            .offer(elsewhere(first, ([10, 9, 9, 9], port).into()), &by);
    }
    assert_eq!(bench.asked(), [2, 3]);
}

#[test]
fn where_private_addresses_count_as_public_ones_ports_are_one_host() {
    let mut bench = Bench::new(4, 4, [1]);
    bench.walk.shape.shared = SharedAddresses::None;
    assert_eq!(bench.asked(), [1]);
    let by = contact(1).id;
    assert!(bench.answered(1, &[]));
    for (first, port) in [(2, 7), (3, 8)] {
        bench
            .walk
            .offer(elsewhere(first, ([10, 9, 9, 9], port).into()), &by);
    }
    assert_eq!(bench.asked(), [2]);
}

#[test]
fn an_identity_is_asked_at_another_address_when_the_first_fails() {
    let mut bench = Bench::new(2, 2, [1, 2]);
    assert_eq!(bench.asked(), [1, 2]);
    let [by, other] = [1, 2].map(|first| contact(first).id);
    let [wrong, right] =
        [9, 10].map(|last| Contact::new(TARGET.at(&Distance::from_leading(5)), public(last, 1)));
    assert!(bench.answered(1, &[]));
    assert_eq!(bench.walk.offer(wrong, &by), Offered::New);
    assert_eq!(
        bench.walk.next(bench.now).map(|asked| asked.contact),
        Some(wrong)
    );
    assert!(bench.answered(2, &[]));
    assert_eq!(bench.walk.offer(right, &other), Offered::Ignored);
    assert_eq!(bench.walk.next(bench.now), None, "it may still answer");
    bench.walk.failed(&wrong.id);
    assert_eq!(
        bench.walk.next(bench.now).map(|asked| asked.contact),
        Some(right)
    );
    assert!(bench.walk.answered(&right.id, [].into_iter()));
    assert_eq!(
        bench.closest(),
        [Place::There(right), Place::There(contact(1))]
    );
}

#[test]
fn a_silent_address_gives_way_to_another_for_the_same_identity() {
    let mut bench = Bench::new(1, 1, [1]);
    assert_eq!(bench.asked(), [1]);
    bench.walk.offer(elsewhere(1, public(1, 1)), &contact(2).id);
    bench.give_up(&[1]);
    let next = bench.walk.next(bench.now).map(|asked| asked.contact);
    assert_eq!(next, Some(elsewhere(1, public(1, 1))));
}

#[test]
fn false_addresses_of_an_identity_cost_three_queries_at_most() {
    let mut bench = Bench::new(1, 1, [1]);
    for last in 1..=9 {
        bench
            .walk
            .offer(elsewhere(1, public(last, 1)), &contact(2).id);
    }
    let mut queries = 0;
    while let [first] = bench.asked()[..] {
        bench.failed(first);
        queries += 1;
    }
    assert_eq!(queries, 3);
    assert!(bench.walk.is_done());
}

#[test]
fn contacts_that_several_know_independently_are_vouched_for() {
    let mut bench = Bench::new(4, 4, [0x10, 0x20]);
    let mut vouched = BTreeMap::new();
    let mut ask = |bench: &mut Bench| {
        bench.walk.judge(bench.now, &bench.estimate);
        while let Some(asked) = bench.walk.next(bench.now) {
            vouched.insert(asked.contact.id.as_bytes()[0], asked.vouched);
        }
    };
    ask(&mut bench);
    assert!(bench.answered(0x10, &[1, 2]) && bench.answered(0x20, &[2]));
    ask(&mut bench);
    let expected = [
        (0x01, Vouched::Hardly),
        (0x02, Vouched::Well),
        (0x10, Vouched::Well),
        (0x20, Vouched::Well),
    ];
    assert_eq!(vouched, BTreeMap::from(expected));
}

#[test]
fn names_that_come_from_one_source_on_two_ways_are_not_vouched_for() {
    let mut bench = Bench::new(4, 4, [0x40]);
    assert_eq!(bench.asked(), [0x40]);
    assert!(bench.answered(0x40, &[0x10, 0x20]));
    assert_eq!(bench.asked(), [0x10, 0x20]);
    assert!(bench.answered(0x10, &[1]) && bench.answered(0x20, &[1]));
    let asked = bench.walk.next(bench.now).expect("it is closest");
    assert_eq!(
        (asked.contact, asked.vouched),
        (contact(1), Vouched::Hardly)
    );
}

#[test]
fn another_node_that_answers_where_it_was_named_counts() {
    let mut bench = Bench::new(4, 4, [1]);
    assert_eq!(bench.asked(), [1]);
    let by = contact(1).id;
    assert!(bench.answered(1, &[]));
    let [first, second] = [3, 4].map(|first| elsewhere(first, public(1, 1)));
    bench.walk.offer(first, &by);
    bench.walk.offer(second, &by);
    assert_eq!(bench.asked(), [3]);
    let stranger = elsewhere(7, public(1, 1));
    let nobody = || [].into_iter();
    assert!(!bench.walk.another_answered(&first.id, &stranger, nobody()));
    let away = elsewhere(4, public(2, 1));
    assert!(!bench.walk.another_answered(&first.id, &away, nobody()));
    assert!(bench.walk.another_answered(&first.id, &second, nobody()));
    assert_eq!(
        bench.closest(),
        [Place::There(contact(1)), Place::There(second)]
    );
    assert!(!bench.walk.answered(&first.id, nobody()), "one counts");
}

/// A walk among contacts at these addresses, the first the closest, all of which answer.
fn among(addrs: &[SocketAddr], most_of_prefix: Option<usize>) -> Bench {
    let mut bench = Bench::new(4, 4, []);
    bench.walk.shape.most_of_prefix = most_of_prefix;
    for (first, addr) in (1..).zip(addrs) {
        bench.walk.seed(elsewhere(first, *addr), None);
    }
    while !bench.walk.is_done() {
        let asked = bench.asked();
        assert!(!asked.is_empty(), "nobody is left to ask");
        for first in asked {
            assert!(bench.answered(first, &[]));
        }
    }
    bench
}

fn firsts(bench: &Bench) -> Vec<u8> {
    let places = bench.walk.closest();
    places.map(|place| place.id().as_bytes()[0]).collect()
}

#[test]
fn two_of_a_prefix_are_among_the_closest_while_others_can_take_the_places() {
    let mut addrs: Vec<_> = (1..=6).map(|last| public(last, 1)).collect();
    addrs.extend((1..=3).map(|third| SocketAddr::from(([44, 9, third, 1], 1))));
    let bench = among(&addrs, Some(2));
    assert_eq!(firsts(&bench), [1, 2, 7, 8]);
    assert!(!bench.walk.is_crowded());
    let bench = among(&addrs, None);
    assert_eq!(firsts(&bench), [1, 2, 3, 4]);
    assert!(!bench.walk.is_crowded(), "nobody minds");
}

#[test]
fn where_no_others_are_the_closest_of_the_rest_take_the_places() {
    let mut addrs: Vec<_> = (1..=6).map(|last| public(last, 1)).collect();
    addrs.push(([44, 9, 1, 1], 1).into());
    let bench = among(&addrs, Some(2));
    assert_eq!(firsts(&bench), [1, 2, 3, 7]);
    assert!(bench.walk.is_crowded());
}

#[test]
fn our_own_node_takes_no_place_of_the_rest_unless_it_is_closer() {
    for (own, expected) in [(0x70, vec![1, 2, 3, 4]), (3, vec![1, 2, 3, 4])] {
        let mut bench = Bench::new(4, 4, []);
        for first in (1..=6).filter(|first| *first != own) {
            bench.walk.seed(elsewhere(first, public(first, 1)), None);
        }
        bench.walk.include_self(contact(own).id);
        for first in bench.asked() {
            assert!(bench.answered(first, &[]));
        }
        assert!(bench.walk.is_done());
        assert_eq!(firsts(&bench), expected, "{own}");
    }
}

#[test]
fn on_shared_addresses_prefixes_do_not_count() {
    let addrs: Vec<_> = (1..=6)
        .map(|last| SocketAddr::from(([10, 1, 1, last], 1)))
        .collect();
    let bench = among(&addrs, Some(2));
    assert_eq!(firsts(&bench), [1, 2, 3, 4]);
    assert!(!bench.walk.is_crowded());
}

#[test]
fn others_that_turn_out_to_be_dead_leave_their_places_to_the_rest() {
    let mut bench = Bench::new(4, 4, []);
    for first in 1..=4 {
        bench.walk.seed(elsewhere(first, public(first, 1)), None);
    }
    for first in 5..=7 {
        bench
            .walk
            .seed(elsewhere(first, ([44, 9, first, 1], 1).into()), None);
    }
    assert_eq!(bench.asked(), [1, 2, 5, 6]);
    for first in [1, 2, 5] {
        assert!(bench.answered(first, &[]));
    }
    bench.failed(6);
    assert_eq!(bench.asked(), [7]);
    bench.failed(7);
    assert_eq!(bench.asked(), [3]);
    assert!(bench.answered(3, &[]) && bench.walk.is_done());
    assert_eq!(firsts(&bench), [1, 2, 3, 5]);
}

#[test]
fn a_contact_whose_call_was_not_made_is_passed_over_or_tried_later() {
    let mut bench = Bench::new(2, 2, [1, 2, 3]);
    assert_eq!(bench.asked(), [1, 2]);
    bench.walk.not_asked(&contact(1).id);
    let later = bench.now + Duration::from_millis(100);
    bench.walk.not_asked_before(&contact(2).id, later);
    assert_eq!((bench.walk.queries, bench.asked()), (0, vec![3]));
    assert_eq!(bench.walk.next_held_back(bench.now), Some(later));
    assert!(!bench.walk.is_done(), "it will be asked");
    bench.pass(100);
    assert_eq!(bench.asked(), [2]);
    bench
        .walk
        .not_asked_before(&contact(2).id, bench.now + Duration::from_secs(9));
    assert!(bench.answered(3, &[]));
    assert_eq!(bench.asked(), [2], "after an answer it is tried at once");
    assert!(bench.answered(2, &[]) && bench.walk.is_done());
    assert_eq!((firsts(&bench), bench.walk.queries), (vec![2, 3], 2));
}

#[test]
fn a_liar_that_names_eight_new_contacts_in_each_answer_does_not_drive_out_the_others() {
    let mut bench = Bench::new(8, 4, 0x40..=0x48);
    let mut invented = BTreeMap::new();
    let mut rounds = 0;
    while !bench.walk.is_done() {
        bench.walk.judge(bench.now, &bench.estimate);
        let asked: Vec<Contact> = core::iter::from_fn(|| bench.walk.next(bench.now))
            .map(|asked| asked.contact)
            .collect();
        bench.now = bench.now + Duration::from_millis(50);
        rounds += 1;
        for by in asked {
            let lies = by == contact(0x40) || invented.contains_key(&by.addr);
            let named: Vec<Contact> = if lies {
                let invent = |_| {
                    let number = u16::try_from(invented.len()).expect("few");
                    let [high, low] = number.to_be_bytes();
                    let distance = Distance::from_leading(u128::from(u16::MAX - number) << 100);
                    let contact =
                        Contact::new(TARGET.at(&distance), ([44, high, low, 1], 1).into());
                    invented.insert(contact.addr, contact.id);
                    contact
                };
                (0..8).map(invent).collect()
            } else {
                (0x41..=0x48).map(contact).collect()
            };
            assert!(bench.walk.answered(&by.id, named.iter().map(|c| c.id)));
            for contact in named {
                bench.walk.offer(contact, &by.id);
            }
        }
    }
    let closest = bench.closest();
    let honest = closest.iter().filter(|place| is_honest(place)).count();
    assert_eq!(
        (closest.len(), honest),
        (8, 6),
        "after {rounds} rounds: {closest:?}"
    );
}
