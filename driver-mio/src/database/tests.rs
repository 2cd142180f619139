//! Tests of the database: what is written is read again, at the right time, and nothing else.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use khashmir::{Config, Contact, Id, Journal, Node, Record, Seed, Value};

use super::*;

/// A directory that is gone when the test is over.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("khashmir-unit-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).expect("there is room for a test");
        Self(dir)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(second: u64) -> Instant {
    Instant::since_origin(seconds(second))
}

fn value(text: impl AsRef<[u8]>) -> Value {
    Value::new(text.as_ref()).expect("short")
}

/// A moment of a machine that was never started again.
fn moment(second: u64) -> Moment {
    Moment {
        now: at(second),
        wall: SystemTime::UNIX_EPOCH + seconds(1_000_000 + second),
        since_boot: Some(seconds(second)),
    }
}

/// Opens it at a second of that machine, by whose clock the node counts.
pub(super) fn open(dir: &Scratch, second: u64) -> Opened {
    let boot = Some("boot".to_owned());
    let mut opened = Database::open_at(&dir.0, moment(second), boot).expect("it can be had");
    opened.database.begin(at(second));
    opened
}

fn stored(second: u64, text: impl AsRef<[u8]>, lifetime: u64) -> Change {
    let (text, lifetime) = (text.as_ref(), seconds(lifetime));
    Change::Record(Record::Stored {
        at: at(second),
        key: Id::hash_of(text),
        value: value(text),
        lifetime,
        evicted: Vec::new(),
    })
}

fn write(opened: &mut Opened, second: u64, changes: &[Change]) {
    let written = opened.database.write(moment(second), changes);
    written.expect("there is room");
}

fn me() -> Id {
    Id::hash_of(b"me")
}

fn identity() -> Change {
    Change::Record(Record::Identity { id: me() })
}

/// The values in the file, with how many seconds each has left.
fn values(opened: &Opened) -> Vec<(Vec<u8>, u64)> {
    let snapshot = opened.snapshot.as_ref().expect("there was a run before");
    let values = snapshot.values();
    let mut values: Vec<_> = values
        .map(|saved| {
            let left = saved.remaining + Duration::from_millis(500);
            (saved.value.as_bytes().to_vec(), left.as_secs())
        })
        .collect();
    values.sort();
    values
}

#[test]
fn all_that_a_node_has_comes_back() {
    let dir = Scratch::new();
    let config = Config {
        journal: Journal::On,
        ..Config::default()
    };
    let node = Node::new(config, Seed::from_number(1), at(0)).expect("sound");
    let mut snapshot = node.contacts_snapshot(at(0));
    for number in 1..=3 {
        let contact = Contact::new(Id::hash_of(&[number]), ([192, 0, 2, number], 9977).into());
        snapshot.add_contact(contact, seconds(number.into()));
    }
    snapshot.add_bucket_age(seconds(7));
    snapshot.add_kept(Id::hash_of(b"key"), value("kept"));
    let change = Change::AllButValues {
        at: at(100),
        snapshot: Box::new(snapshot.clone()),
    };
    let mut opened = open(&dir, 100);
    assert!(opened.snapshot.is_none() && opened.set_aside.is_none());
    write(&mut opened, 100, &[change, stored(100, "v", 60)]);
    drop(opened);

    let found = open(&dir, 110).snapshot.expect("there was a run before");
    snapshot.add_value(Id::hash_of(b"v"), value("v"), seconds(60));
    snapshot.advance(seconds(10));
    let parts = |snapshot: &Snapshot| {
        let whole = |span: Duration| (span + Duration::from_millis(500)).as_secs();
        let (secrets, changed) = snapshot.token_secrets().expect("they are there");
        (
            snapshot.id(),
            snapshot
                .contacts()
                .map(|saved| (saved.contact, whole(saved.answered_ago)))
                .collect::<Vec<_>>(),
            snapshot.bucket_ages().map(whole).collect::<Vec<_>>(),
            snapshot
                .values()
                .map(|saved| (*saved.key, whole(saved.remaining)))
                .collect::<Vec<_>>(),
            snapshot.kept().map(|(key, _)| *key).collect::<Vec<_>>(),
            (secrets.clone(), whole(changed)),
        )
    };
    assert_eq!(parts(&found), parts(&snapshot));
}

#[test]
fn records_change_what_is_there() {
    let dir = Scratch::new();
    let mut opened = open(&dir, 0);
    let (key, text) = (Id::hash_of(b"mine"), value("mine"));
    let keep = Change::Record(Record::Kept {
        key,
        value: text.clone(),
    });
    write(&mut opened, 0, &[identity(), keep.clone(), keep]);
    write(&mut opened, 0, &[stored(0, "a", 60), stored(0, "b", 60)]);
    // Storing again extends a life, and never shortens it.
    write(&mut opened, 5, &[stored(5, "a", 90), stored(5, "b", 10)]);
    drop(opened);
    let mut opened = open(&dir, 10);
    let expected = [(b"a".to_vec(), 85), (b"b".to_vec(), 50)];
    assert_eq!(values(&opened), expected);
    let snapshot = opened.snapshot.as_ref().expect("there was a run before");
    assert!(snapshot.kept().eq([(&key, &text)]));

    let evicting = Change::Record(Record::Stored {
        at: at(10),
        key: Id::hash_of(b"c"),
        value: value("c"),
        lifetime: seconds(60),
        evicted: vec![Id::hash_of(b"a")],
    });
    let cancel = Change::Record(Record::KeptNoLonger { key, value: text });
    write(&mut opened, 10, &[evicting, cancel]);
    drop(opened);
    let opened = open(&dir, 20);
    assert_eq!(values(&opened), [(b"b".to_vec(), 40), (b"c".to_vec(), 50)]);
    let snapshot = opened.snapshot.expect("there was a run before");
    assert_eq!(snapshot.kept().count(), 0);
}

#[test]
fn an_outage_does_not_take_the_contacts_away() {
    let dir = Scratch::new();
    let mut opened = open(&dir, 0);
    let mut snapshot = Snapshot::new(me());
    let none = Box::new(snapshot.clone());
    let contact = Contact::new(Id::hash_of(b"you"), ([192, 0, 2, 1], 9977).into());
    snapshot.add_contact(contact, seconds(0));
    for snapshot in [Box::new(snapshot), none] {
        let change = Change::AllButValues {
            at: at(0),
            snapshot,
        };
        write(&mut opened, 0, &[change]);
    }
    drop(opened);
    let found = open(&dir, 0).snapshot.expect("there was a run before");
    assert_eq!(found.contacts().count(), 1);
}

#[test]
fn lives_are_counted_by_time_that_passed_whatever_the_wall_clock_says() {
    let dir = Scratch::new();
    let mut opened = open(&dir, 0);
    write(&mut opened, 0, &[identity(), stored(0, "v", 1000)]);
    // The wall clock is set a year ahead, and the node goes on for a minute.
    let year = seconds(365 * 24 * 3600);
    let mut later = moment(60);
    later.wall += year;
    let written = opened.database.write(later, &[]);
    written.expect("there is room");
    drop(opened);
    // The machine is started again, and the node with it, half a minute later.
    let mut started = moment(90);
    started.wall += year;
    started.since_boot = Some(seconds(5));
    let again = Database::open_at(&dir.0, started, Some("another".to_owned()));
    assert_eq!(
        values(&again.expect("it can be had")),
        [(b"v".to_vec(), 910)]
    );
    // Or the wall clock is set back again, while the machine runs on.
    assert_eq!(values(&open(&dir, 90)), [(b"v".to_vec(), 910)]);
}

#[test]
fn a_record_counts_from_its_arrival_however_late_it_is_written() {
    let dir = Scratch::new();
    let mut opened = open(&dir, 0);
    write(&mut opened, 40, &[identity(), stored(10, "v", 100)]);
    drop(opened);
    assert_eq!(values(&open(&dir, 50)), [(b"v".to_vec(), 60)]);
}

#[test]
fn what_has_expired_is_removed_and_the_file_becomes_shorter() {
    let dir = Scratch::new();
    let mut opened = open(&dir, 0);
    write(&mut opened, 0, &[identity(), stored(0, "stays", 1000)]);
    let all: Vec<Change> = (0..2000u32)
        .map(|number| {
            let text = [&number.to_be_bytes()[..], &[b'x'; 500]].concat();
            stored(0, text, 60)
        })
        .collect();
    write(&mut opened, 0, &all);
    // To close it brings all into the file itself.
    drop(opened);
    let size = || std::fs::metadata(dir.file()).expect("it is there").len();
    assert!(size() > 1_000_000);

    let mut opened = open(&dir, 59);
    assert_eq!(opened.database.tidy(moment(59)), Ok(Tidied::All));
    assert_eq!(opened.database.rows.count_stored(), 2001);
    let mut parts = 0;
    while opened.database.tidy(moment(60)) == Ok(Tidied::Part) {
        parts += 1;
    }
    assert!(parts > 4, "it is not removed in one piece");
    assert_eq!(opened.database.rows.count_stored(), 1);
    assert!(size() < 100_000, "{}", size());
    drop(opened);
    assert_eq!(values(&open(&dir, 61)), [(b"stays".to_vec(), 939)]);
}

#[test]
fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let dir = Scratch::new();
    let mut opened = open(&dir, 0);
    write(&mut opened, 0, &[identity()]);
    opened.database.rows.refuse_kept();
    let keep = Change::Record(Record::Kept {
        key: me(),
        value: value("v"),
    });
    let both = [stored(0, "v", 60), keep];
    assert!(opened.database.write(moment(0), &both).is_err());
    write(&mut opened, 0, &[stored(0, "w", 60)]);
    drop(opened);
    assert_eq!(values(&open(&dir, 0)), [(b"w".to_vec(), 60)]);
}

#[test]
fn the_original_of_both_generations_is_taken_over() {
    let import = |sql: &str| {
        let dir = Scratch::new();
        let file = dir.0.join("original.db");
        let original = Connection::open(&file).expect("a new file");
        original.execute_batch(sql).expect("sound");
        let target = Scratch::new();
        let imported = Database::import(&file, &target.0, me()).expect("it is read");
        let opened = Database::open(&target.0).expect("it can be had");
        let again = Database::import(&file, &target.0, me());
        assert_eq!(
            again,
            Err(ImportError::Target(OpenError::InUse(target.0.clone())))
        );
        let snapshot = opened.snapshot.clone().expect("it was written");
        assert_eq!(snapshot.contacts().count(), imported.contacts);
        let minutes: Vec<_> = values(&opened)
            .into_iter()
            .map(|(value, left)| (value, left.div_ceil(60)))
            .collect();
        (imported, snapshot, minutes)
    };
    let (imported, snapshot, left) = import(include_str!("../../tests/files/early.sql"));
    assert_eq!(imported.id, Some(Id::hash_of(b"early")));
    assert_eq!(snapshot.id(), Id::hash_of(b"early"));
    assert_eq!((imported.expired, imported.unreadable), (1, 2));
    let zeros = [0xd3, 0x5d, 0xb7, 0xe3, 0x9e, 0xbb].to_vec();
    let expected = [
        (b"first".to_vec(), 50),
        (b"second".to_vec(), 10),
        (zeros, 40),
    ];
    assert_eq!(left, expected);
    let contacts: Vec<_> = snapshot.contacts().map(|saved| saved.contact).collect();
    let second = Contact::new(Id::hash_of(b"b"), ([192, 0, 2, 2], 9978).into());
    assert_eq!(contacts.get(1), Some(&second));

    let (imported, snapshot, left) = import(include_str!("../../tests/files/late.sql"));
    assert_eq!(&snapshot.id().as_bytes()[16..], b"A015");
    assert_eq!((imported.expired, imported.unreadable), (1, 0));
    assert_eq!(left, [(b"value".to_vec(), 30)]);
}

#[test]
fn an_original_that_is_none_is_refused() {
    let dir = Scratch::new();
    let file = dir.0.join("none.db");
    for bytes in [&b""[..], b"no database at all, but some text"] {
        std::fs::write(&file, bytes).expect("it can be written");
        let refused = Database::import(&file, &dir.0, me());
        assert!(
            matches!(refused, Err(ImportError::Source { .. })),
            "{refused:?}"
        );
    }
    assert!(!Database::is_in(&dir.0), "nothing was done");
}
