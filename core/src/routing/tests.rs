//! The table against a model: a plain list of contacts.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::*;
use crate::rng::Seed;

const SETTINGS: TableSettings = TableSettings {
    k: 8,
    max_failures: 3,
    fresh: Duration::from_secs(900),
    staleness: Duration::from_secs(3600),
};

fn own() -> Id {
    Id::hash_of(b"own")
}

fn table() -> Table {
    Table::new(own(), SETTINGS, Instant::ORIGIN)
}

fn at(seconds: u64) -> Instant {
    Instant::since_origin(Duration::from_secs(seconds))
}

/// A contact that shares exactly `bits` bits with our own id.
fn contact(bits: usize, number: u16) -> Contact {
    let id = Id::hash_of(&number.to_be_bytes()).under(&own(), bits, NextBit::Flipped);
    let [high, low] = number.to_be_bytes();
    Contact::new(id, ([10, 0, high, low], 9977).into())
}

fn answered(table: &mut Table, now: Instant, contact: Contact) -> Seen {
    table.see(
        now,
        contact,
        Heard::Answered(RttSample::Exactly(Duration::from_millis(50))),
    )
}

/// Buckets hold at most K, least recently seen first, everyone is where it belongs, nobody is there
/// twice, and no address is.
fn assert_in_order(table: &Table) {
    let last = table.entries.count() - 1;
    let mut ids = Vec::new();
    for index in 0..=last {
        let bucket = table.entries.row(index);
        assert!(bucket.len() <= SETTINGS.k && table.replacements.in_bucket(index) <= SETTINGS.k);
        for entry in bucket {
            let id = entry.compact.id;
            let shared = own().common_prefix(&id);
            assert!(if index == last {
                shared >= index
            } else {
                shared == index
            });
            ids.push(id);
        }
        assert!(bucket.is_sorted_by_key(|entry| entry.fresh_until));
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let mut addrs: Vec<_> = table
        .entries
        .all()
        .iter()
        .map(|known| known.contact().addr)
        .collect();
    addrs.extend(table.replacements.addrs());
    let count = addrs.len();
    addrs.sort();
    addrs.dedup();
    assert_eq!(addrs.len(), count, "one identity at an address");
}

#[test]
fn only_who_answered_enters() {
    let mut table = table();
    assert_eq!(table.see(at(0), contact(0, 1), Heard::Asked), Seen::Room);
    assert!(table.is_empty());
    assert_eq!(answered(&mut table, at(0), contact(0, 1)), Seen::Entered);
    assert_eq!(table.see(at(0), contact(0, 1), Heard::Asked), Seen::Known);
    assert_eq!(table.len(), 1);
}

#[test]
fn ourselves_and_the_null_id_never_enter() {
    let mut table = table();
    for id in [own(), Id::new([0; 20])] {
        let unwanted = Contact::new(id, ([10, 0, 0, 1], 1).into());
        assert_eq!(answered(&mut table, at(0), unwanted), Seen::Unwanted);
    }
    let v6 = Contact::new(contact(0, 1).id, ([1u16; 8], 1).into());
    assert_eq!(answered(&mut table, at(0), v6), Seen::Unwanted);
}

#[test]
fn a_full_bucket_splits_only_around_ourselves() {
    let mut table = table();
    for number in 0..8 {
        assert_eq!(
            answered(&mut table, at(0), contact(0, number)),
            Seen::Entered
        );
    }
    assert_eq!(answered(&mut table, at(0), contact(0, 8)), Seen::Full);
    assert_eq!(answered(&mut table, at(0), contact(3, 9)), Seen::Entered);
    assert_eq!(table.entries.count(), 2);
    assert_eq!(answered(&mut table, at(0), contact(0, 10)), Seen::Full);
    assert_in_order(&table);
}

#[test]
fn buckets_merge_again_when_they_fit_into_one() {
    let mut table = table();
    for number in 0..8 {
        answered(&mut table, at(0), contact(0, number));
    }
    answered(&mut table, at(0), contact(3, 9));
    assert_eq!(table.entries.count(), 2);
    for number in 0..2 {
        assert_eq!(table.remove(at(0), &contact(0, number)), Failed::Removed);
    }
    assert_eq!((table.entries.count(), table.len()), (1, 7));
}

#[test]
fn the_oldest_is_doubted_only_after_its_time() {
    let mut table = table();
    for number in 0..8 {
        answered(&mut table, at(u64::from(number)), contact(0, number));
    }
    answered(&mut table, at(10), contact(0, 0));
    assert_eq!(answered(&mut table, at(900), contact(0, 20)), Seen::Full);
    assert_eq!(
        answered(&mut table, at(901), contact(0, 20)),
        Seen::Questionable(contact(0, 1))
    );
    assert_eq!(table.remove(at(902), &contact(0, 1)), Failed::Removed);
    let entered = table
        .contacts(at(902))
        .any(|(known, _)| known == contact(0, 20));
    assert!(entered, "the candidate that answered took the place");
}

#[test]
fn enough_failures_remove_a_contact_and_an_answer_clears_them() {
    let mut table = table();
    answered(&mut table, at(0), contact(0, 1));
    assert_eq!(table.fail(at(1), &contact(0, 1)), Failed::Kept);
    assert_eq!(table.fail(at(1), &contact(0, 1)), Failed::Kept);
    assert_eq!(table.failing().count(), 1);
    answered(&mut table, at(2), contact(0, 1));
    assert_eq!(table.failing().count(), 0);
    for _ in 0..2 {
        assert_eq!(table.fail(at(3), &contact(0, 1)), Failed::Kept);
    }
    assert_eq!(table.fail(at(3), &contact(0, 1)), Failed::Removed);
    assert_eq!(table.fail(at(3), &contact(0, 1)), Failed::Unknown);
}

#[test]
fn an_id_at_another_address_is_not_believed_before_the_known_one_fails() {
    let mut table = table();
    answered(&mut table, at(0), contact(0, 1));
    let moved = Contact::new(contact(0, 1).id, ([10, 9, 9, 9], 1).into());
    assert_eq!(
        answered(&mut table, at(1), moved),
        Seen::IdentityConflict(contact(0, 1))
    );
    assert_eq!(table.closest(&own(), 8), [contact(0, 1)]);
    assert_eq!(table.remove(at(2), &contact(0, 1)), Failed::Removed);
    assert_eq!(table.closest(&own(), 8), [moved]);
}

#[test]
fn an_address_that_answers_under_a_new_id_loses_the_old_one() {
    let mut table = table();
    answered(&mut table, at(0), contact(0, 1));
    let reborn = Contact::new(contact(2, 7).id, contact(0, 1).addr);
    assert_eq!(answered(&mut table, at(1), reborn), Seen::Entered);
    assert_eq!(table.closest(&own(), 8), [reborn]);
}

#[test]
fn the_closest_are_told_apart_however_close_they_are() {
    let mut table = table();
    let mut all: Vec<Contact> = (0..8).map(|number| contact(100, number)).collect();
    for contact in &all {
        answered(&mut table, at(0), *contact);
    }
    for target in [own(), contact(70, 9).id, contact(3, 10).id] {
        all.sort_by_key(|contact| target.distance(&contact.id));
        assert_eq!(table.closest(&target, 8), all);
    }
}

#[test]
fn whoever_waits_for_a_place_still_waits_when_an_address_changes_hands() {
    let mut table = table();
    for number in 0..8 {
        answered(&mut table, at(0), contact(0, number));
    }
    answered(&mut table, at(0), contact(3, 9));
    table.see(at(0), contact(0, 20), Heard::Asked);
    let reborn = Contact::new(contact(4, 7).id, contact(0, 1).addr);
    assert_eq!(answered(&mut table, at(1), reborn), Seen::Entered);
    let next = table.remove(at(2), &contact(0, 2));
    assert_eq!(next, Failed::RemovedFor(contact(0, 20)));
}

/// A table whose farthest bucket is full, and will not split.
fn full_table(now: Instant) -> Table {
    let mut table = table();
    for number in 0..8 {
        answered(&mut table, now, contact(0, number));
    }
    answered(&mut table, now, contact(3, 9));
    table
}

#[test]
fn a_failure_at_a_false_address_does_not_forget_a_candidate() {
    let mut table = full_table(at(0));
    let honest = contact(0, 20);
    let wrong = Contact::new(honest.id, ([10, 9, 9, 9], 1).into());
    table.see(at(0), honest, Heard::Asked);
    assert_eq!(table.fail(at(1), &wrong), Failed::Unknown);
    assert_eq!(table.candidates(), 1);
    assert_eq!(table.fail(at(1), &honest), Failed::Unknown);
    assert_eq!(table.candidates(), 0);
}

#[test]
fn a_claimant_that_fails_is_no_candidate_for_the_place_of_the_contact() {
    let mut table = table();
    answered(&mut table, at(0), contact(0, 1));
    let moved = Contact::new(contact(0, 1).id, ([10, 9, 9, 9], 1).into());
    answered(&mut table, at(1), moved);
    assert_eq!(table.fail(at(2), &moved), Failed::Unknown);
    assert_eq!(table.remove(at(3), &contact(0, 1)), Failed::Removed);
    assert!(table.is_empty());
}

#[test]
fn when_a_candidate_does_not_answer_the_next_is_named() {
    let mut table = full_table(at(0));
    for number in 20..23 {
        table.see(at(0), contact(0, number), Heard::Asked);
    }
    let first = table.remove(at(1), &contact(0, 2));
    assert_eq!(first, Failed::RemovedFor(contact(0, 22)));
    table.fail(at(2), &contact(0, 22));
    let next = table.next_candidate(at(2), &contact(0, 22).id);
    assert_eq!(next, Some(contact(0, 21)));
    answered(&mut table, at(3), contact(0, 21));
    assert_eq!(
        table.next_candidate(at(4), &contact(0, 21).id),
        None,
        "there is no room"
    );
    assert_eq!(table.candidates(), 1);
    assert_in_order(&table);
}

#[test]
fn a_promoted_candidate_stands_where_its_last_answer_puts_it() {
    let mut table = full_table(at(0));
    answered(&mut table, at(10), contact(0, 20));
    for number in 1..8 {
        answered(&mut table, at(20), contact(0, number));
    }
    assert_eq!(table.remove(at(30), &contact(0, 0)), Failed::Removed);
    let ages: Vec<_> = table.contacts(at(30)).take(8).collect();
    assert_eq!(ages[0], (contact(0, 20), Duration::from_secs(20)));
    assert!(ages.is_sorted_by(|(_, a), (_, b)| a >= b), "{ages:?}");
}

#[test]
fn of_several_identities_at_one_address_the_last_that_answered_is_held() {
    let mut table = full_table(at(0));
    let shared = ([10, 9, 9, 9], 1).into();
    let at_shared = |number| Contact::new(contact(0, number).id, shared);
    answered(&mut table, at(1), at_shared(20));
    answered(&mut table, at(2), at_shared(21));
    assert_eq!(
        table.candidates(),
        1,
        "two answered: the last is a candidate"
    );
    table.see(at(3), at_shared(22), Heard::Asked);
    assert_eq!(
        table.candidates(),
        1,
        "who only asks displaces nobody there"
    );
    assert_eq!(table.remove(at(4), &contact(0, 0)), Failed::Removed);
    assert!(table.holds(&at_shared(21)));

    let mut table = full_table(at(0));
    table.see(at(1), at_shared(20), Heard::Asked);
    table.see(at(2), at_shared(21), Heard::Asked);
    let moved = Contact::new(contact(0, 1).id, shared);
    table.see(
        at(3),
        Contact::new(contact(0, 22).id, contact(3, 9).addr),
        Heard::Asked,
    );
    assert_eq!(
        table.candidates(),
        1,
        "the last to ask, and nobody at a contact's address"
    );
    answered(&mut table, at(4), moved);
    assert_eq!(
        table.candidates(),
        1,
        "a claimant that answers is alone there"
    );
}

#[test]
fn a_restored_table_holds_one_identity_at_an_address() {
    let mut table = table();
    let older = contact(0, 1);
    let younger = Contact::new(contact(0, 2).id, older.addr);
    table.restore(at(0), older, Duration::from_secs(9));
    table.restore(at(0), younger, Duration::from_secs(3));
    table.restore(at(0), older, Duration::from_secs(9));
    assert_eq!(table.closest(&own(), 8), [younger]);
}

#[test]
fn a_lookup_in_a_bucket_keeps_it_from_being_refreshed() {
    let mut table = table();
    let mut rng = Rng::new(Seed::from_number(1));
    for number in 0..9 {
        answered(&mut table, at(0), contact(usize::from(number % 3), number));
    }
    assert!(table.stale_targets(at(3599), &mut rng).is_empty());
    table.touch(at(3599), &contact(0, 0).id);
    let stale = table.stale_targets(at(3600), &mut rng);
    assert_eq!(stale.len(), table.entries.count() - 1);
    assert!(stale.iter().all(|target| table.bucket_of(target) > 0));
    for (index, target) in table.all_targets(&mut rng).iter().enumerate() {
        assert_eq!(table.bucket_of(target), index);
    }
}

#[test]
fn a_full_bucket_may_be_left_alone() {
    let mut table = table();
    let mut rng = Rng::new(Seed::from_number(1));
    for number in 0..9 {
        answered(&mut table, at(0), contact(usize::from(number == 8), number));
    }
    assert_eq!(table.stale_targets(at(3600), &mut rng).len(), 2);
    let targets = table.stale_targets_with_room(at(3600), &mut rng);
    let buckets: Vec<usize> = targets.iter().map(|id| table.bucket_of(id)).collect();
    assert_eq!(buckets, [1]);
}

#[test]
fn ages_survive_a_restart_and_go_on() {
    let mut before = table();
    for number in 0..20 {
        answered(
            &mut before,
            at(100 + u64::from(number)),
            contact(usize::from(number % 4), number),
        );
    }
    before.touch(at(150), &contact(1, 0).id);
    let mut after = table();
    for (contact, age) in before.contacts(at(200)) {
        after.restore(at(0), contact, age);
    }
    after.restore_ages(at(0), before.bucket_ages(at(200)));
    let contacts = |table: &Table, now| table.contacts(now).collect::<Vec<_>>();
    assert_eq!(contacts(&after, at(0)), contacts(&before, at(200)));
    let ages = |table: &Table, now| table.bucket_ages(now).collect::<Vec<_>>();
    assert_eq!(ages(&after, at(0)), ages(&before, at(200)));
}

#[test]
fn bucket_ages_survive_a_restart_into_fewer_or_more_buckets() {
    let age = |seconds: &[u64]| {
        let seconds = seconds.iter().copied();
        seconds.map(Duration::from_secs).collect::<Vec<_>>()
    };
    let restored = |buckets: usize, ages: &[u64]| {
        let mut table = table();
        for _ in 1..buckets {
            table.split();
        }
        table.restore_ages(at(10_000), age(ages).into_iter());
        table.bucket_ages(at(10_000)).collect::<Vec<_>>()
    };
    assert_eq!(restored(3, &[100, 200, 300]), age(&[100, 200, 300]));
    assert_eq!(restored(2, &[100, 900, 300, 400]), age(&[100, 900]));
    assert_eq!(restored(4, &[100, 200]), age(&[100, 200, 200, 200]));
    assert_eq!(restored(2, &[]), age(&[10_000; 2]), "nothing is known");
}

quickcheck! {
    fn closest_is_exactly_the_closest(contacts: Vec<(u8, u16)>, target: u16, near: u8) -> bool {
        let mut table = table();
        for (bits, number) in contacts {
            answered(&mut table, at(0), contact(usize::from(bits % 20), number));
        }
        assert_in_order(&table);
        let target = Id::hash_of(&target.to_be_bytes())
            .under(&own(), usize::from(near % 24), NextBit::Any);
        let mut all: Vec<Contact> = table.contacts(at(0)).map(|(contact, _)| contact).collect();
        all.sort_by_key(|contact| target.distance(&contact.id));
        (1..12).all(|count| table.closest(&target, count) == all[..count.min(all.len())])
    }

    /// Whatever happens to the table, it stays in order, and nobody is in it who never answered.
    fn the_table_stays_in_order(steps: Vec<(u8, u8, u16, bool)>) -> bool {
        let mut table = table();
        let mut verified = BTreeSet::new();
        for (second, (what, bits, number, moved)) in (0..).zip(steps) {
            let mut contact = contact(usize::from(bits % 4), number % 40);
            if moved {
                contact.addr = ([10, 9, 9, 9], number % 3 + 1).into();
            }
            match what % 9 {
                0..4 => {
                    verified.insert(contact);
                    answered(&mut table, at(second * 10), contact);
                }
                4 => {
                    table.see(at(second * 10), contact, Heard::Asked);
                }
                5 => {
                    table.remove(at(second * 10), &contact);
                }
                6 => {
                    table.next_candidates(at(second * 10));
                }
                _ => {
                    table.fail(at(second * 10), &contact);
                }
            }
            assert_in_order(&table);
        }
        let everyone: Vec<Contact> = table.contacts(at(0)).map(|(contact, _)| contact).collect();
        everyone.iter().all(|known| verified.contains(known))
    }
}
