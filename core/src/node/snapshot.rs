//! What of a node outlives it: its identity, its contacts, the values it stored and those it keeps at
//! others, and the secrets behind its tokens, without a clock.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::Record;
use crate::contact::Contact;
use crate::id::Id;
use crate::token::TokenSecrets;
use crate::value::Value;
use crate::wire::{Item, Writer, number_under, parse};

/// The state of a node that is worth keeping.
///
/// All times in it are spans, counted from the moment when it was taken, because no clock of the
/// node outlives it. A driver that also keeps the [records](Record) of the time after the snapshot
/// brings it up to date with [`apply`](Self::apply), and tells it with [`advance`](Self::advance)
/// how much time lay between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    id: Id,
    /// Time that has gone by since the spans below were right.
    age: Duration,
    contacts: Vec<SavedContact>,
    bucket_ages: Vec<Duration>,
    values: BTreeMap<(Id, Value), Duration>,
    kept: BTreeSet<(Id, Value)>,
    /// With how long ago they were last changed.
    token_secrets: Option<Box<(TokenSecrets, Duration)>>,
}

/// A contact of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedContact {
    /// The contact.
    pub contact: Contact,
    /// How long before the snapshot it last answered.
    pub answered_ago: Duration,
}

/// A value of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedValue<'a> {
    /// Its key.
    pub key: &'a Id,
    /// The value.
    pub value: &'a Value,
    /// How long it still lives.
    pub remaining: Duration,
}

impl Snapshot {
    /// The version of the byte form.
    const VERSION: u64 = 1;
    /// How deep the byte form is nested: a list of lists in a dictionary.
    const DEPTH: usize = 3;

    /// The snapshot of a node that has nothing but an identity. Contacts and values can be added;
    /// a simulator starts its nodes like that.
    #[must_use]
    pub const fn new(id: Id) -> Self {
        Self {
            id,
            age: Duration::ZERO,
            contacts: Vec::new(),
            bucket_ages: Vec::new(),
            values: BTreeMap::new(),
            kept: BTreeSet::new(),
            token_secrets: None,
        }
    }

    /// The identity.
    #[must_use]
    pub const fn id(&self) -> Id {
        self.id
    }

    /// The contacts; within a bucket, least recently seen first.
    pub fn contacts(&self) -> impl Iterator<Item = SavedContact> + '_ {
        self.contacts.iter().map(|saved| SavedContact {
            contact: saved.contact,
            answered_ago: saved.answered_ago.saturating_add(self.age),
        })
    }

    /// How long ago each bucket was looked up, from the farthest to the one around ourselves.
    pub fn bucket_ages(&self) -> impl Iterator<Item = Duration> + '_ {
        self.bucket_ages
            .iter()
            .map(|ago| ago.saturating_add(self.age))
    }

    /// The values that still live.
    pub fn values(&self) -> impl Iterator<Item = SavedValue<'_>> {
        self.values.iter().filter_map(|((key, value), remaining)| {
            let remaining = remaining
                .checked_sub(self.age)
                .filter(|left| !left.is_zero())?;
            Some(SavedValue {
                key,
                value,
                remaining,
            })
        })
    }

    /// The values that are looked after at other nodes, with their keys.
    pub fn kept(&self) -> impl Iterator<Item = (&Id, &Value)> {
        self.kept.iter().map(|(key, value)| (key, value))
    }

    /// The secrets behind write tokens, and how long ago they were last changed.
    #[must_use]
    pub fn token_secrets(&self) -> Option<(&TokenSecrets, Duration)> {
        let (secrets, ago) = self.token_secrets.as_deref()?;
        Some((secrets, ago.saturating_add(self.age)))
    }

    /// Adds a contact, after those that are there.
    pub fn add_contact(&mut self, contact: Contact, answered_ago: Duration) {
        self.contacts.push(SavedContact {
            contact,
            answered_ago: answered_ago.saturating_sub(self.age),
        });
    }

    /// Adds how long ago the next bucket was looked up, counted from the farthest.
    pub fn add_bucket_age(&mut self, ago: Duration) {
        self.bucket_ages.push(ago.saturating_sub(self.age));
    }

    /// Adds a value, or changes how long it still lives.
    pub fn add_value(&mut self, key: Id, value: Value, remaining: Duration) {
        self.values
            .insert((key, value), remaining.saturating_add(self.age));
    }

    /// Adds a value that is looked after at other nodes.
    pub fn add_kept(&mut self, key: Id, value: Value) {
        self.kept.insert((key, value));
    }

    /// Sets the secrets behind write tokens, and how long ago they were last changed.
    pub fn set_token_secrets(&mut self, secrets: TokenSecrets, changed_ago: Duration) {
        let saved = (secrets, changed_ago.saturating_sub(self.age));
        self.token_secrets = Some(Box::new(saved));
    }

    /// Lets time go by.
    pub const fn advance(&mut self, by: Duration) {
        self.age = self.age.saturating_add(by);
    }

    /// Brings the snapshot up to date with what was recorded after it, and just now: a driver that
    /// applies a record later [advances](Self::advance) the snapshot to the time of the record first.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Identity { id } => self.id = id,
            Record::Kept { key, value } => self.add_kept(key, value),
            Record::KeptNoLonger { key, value } => {
                self.kept.remove(&(key, value));
            }
            Record::TokenSecrets { secrets, .. } => {
                self.set_token_secrets(secrets, Duration::ZERO);
            }
            Record::Stored {
                key,
                value,
                lifetime,
                evicted,
                ..
            } => {
                if !evicted.is_empty() {
                    self.values.retain(|(key, _), _| !evicted.contains(key));
                }
                // Storing a value again extends its life, and never shortens it.
                let end = lifetime.saturating_add(self.age);
                let known = self.values.entry((key, value)).or_default();
                *known = end.max(*known);
            }
        }
    }

    /// The byte form: bencode, with the times in nanoseconds. Whoever reads it can make write tokens of
    /// the node, as long as its secrets are good.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let compact = |saved: SavedContact| Some((saved.contact.to_compact()?, saved.answered_ago));
        let contacts: Vec<_> = self.contacts().filter_map(compact).collect();
        let buckets = self.bucket_ages().map(span).collect();
        let contacts = contacts
            .iter()
            .map(|(compact, ago)| Writer::List(vec![Writer::Bytes(compact), span(*ago)]))
            .collect();
        let values = self
            .values()
            .map(|saved| {
                let (key, value) = (saved.key.as_bytes(), saved.value.as_bytes());
                let remaining = span(saved.remaining);
                Writer::List(vec![Writer::Bytes(key), Writer::Bytes(value), remaining])
            })
            .collect();
        let kept = self.kept().map(|(key, value)| {
            Writer::List(vec![
                Writer::Bytes(key.as_bytes()),
                Writer::Bytes(value.as_bytes()),
            ])
        });
        let kept: Vec<_> = kept.collect();
        let secrets = self.token_secrets();
        let secrets = secrets.map(|(secrets, ago)| (secrets.to_bytes(), ago));
        let mut entries: Vec<(&[u8], _)> = vec![
            (b"buckets", Writer::List(buckets)),
            (b"contacts", Writer::List(contacts)),
            (b"id", Writer::Bytes(self.id.as_bytes())),
        ];
        if !kept.is_empty() {
            entries.push((b"kept", Writer::List(kept)));
        }
        if let Some((secrets, ago)) = &secrets {
            let secrets = vec![Writer::Bytes(secrets), span(*ago)];
            entries.push((b"tokens", Writer::List(secrets)));
        }
        entries.push((b"values", Writer::List(values)));
        entries.push((b"version", Writer::Int(Self::VERSION.into())));
        Writer::Dict(entries).to_bytes()
    }

    /// Reads the byte form.
    ///
    /// # Errors
    /// [`SnapshotError`] when the bytes are not a snapshot, or one of a version that is not known, or
    /// of a node without an identity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        // Later versions may be nested deeper.
        match number_under(bytes, b"version") {
            Some(Self::VERSION) => {}
            Some(version) => return Err(SnapshotError::UnknownVersion(version)),
            None => return Err(SnapshotError::Malformed),
        }
        let item = parse(bytes, Self::DEPTH).ok_or(SnapshotError::Malformed)?;
        let snapshot = Self::from_item(&item).ok_or(SnapshotError::Malformed)?;
        if snapshot.id.is_null() {
            return Err(SnapshotError::NullId);
        }
        Ok(snapshot)
    }

    fn from_item(item: &Item<'_>) -> Option<Self> {
        let mut snapshot = Self::new(Id::from_slice(item.get(b"id")?.bytes()?)?);
        for bucket in item.get(b"buckets")?.list()? {
            snapshot.add_bucket_age(Duration::from_nanos(bucket.unsigned()?));
        }
        for contact in item.get(b"contacts")?.list()? {
            let [compact, ago] = contact.list()? else {
                return None;
            };
            let contact = Contact::from_compact(compact.bytes()?)?;
            snapshot.add_contact(contact, Duration::from_nanos(ago.unsigned()?));
        }
        for value in item.get(b"values")?.list()? {
            let [key, value, remaining] = value.list()? else {
                return None;
            };
            let value = Value::new(value.bytes()?).ok()?;
            let remaining = Duration::from_nanos(remaining.unsigned()?);
            snapshot.add_value(Id::from_slice(key.bytes()?)?, value, remaining);
        }
        // Snapshots of before these were kept are without them.
        for kept in item.get(b"kept").map_or(Some(&[][..]), Item::list)? {
            let [key, value] = kept.list()? else {
                return None;
            };
            let value = Value::new(value.bytes()?).ok()?;
            snapshot.add_kept(Id::from_slice(key.bytes()?)?, value);
        }
        if let Some(tokens) = item.get(b"tokens") {
            let [secrets, ago] = tokens.list()? else {
                return None;
            };
            let secrets = TokenSecrets::from_bytes(secrets.bytes()?)?;
            snapshot.set_token_secrets(secrets, Duration::from_nanos(ago.unsigned()?));
        }
        Some(snapshot)
    }
}

/// A span in nanoseconds, the longest that 64 bits can say when it is longer.
fn span(span: Duration) -> Writer<'static> {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Writer::Int(nanos.into())
}

/// Bytes that are not a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// They are no snapshot at all, or a damaged one.
    Malformed,
    /// They are the snapshot of a node without an identity: its id is twenty zero bytes.
    NullId,
    /// They are a snapshot of a version that this code does not know.
    UnknownVersion(u64),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a snapshot, or a damaged one"),
            Self::NullId => f.write_str("a snapshot without an identity"),
            Self::UnknownVersion(version) => write!(f, "a snapshot of unknown version {version}"),
        }
    }
}

impl core::error::Error for SnapshotError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    fn value(text: &str) -> Value {
        Value::new(text.as_bytes()).expect("short")
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sample() -> Snapshot {
        let mut snapshot = Snapshot::new(Id::hash_of(b"me"));
        let you = Contact::new(Id::hash_of(b"you"), ([10, 0, 0, 1], 9977).into());
        snapshot.add_contact(you, seconds(30));
        snapshot.add_bucket_age(seconds(100));
        snapshot.add_value(Id::hash_of(b"key"), value("v"), seconds(60));
        snapshot.add_kept(Id::hash_of(b"mine"), value("w"));
        let secrets = TokenSecrets::from_bytes(&[0; 21]).expect("one secret");
        snapshot.set_token_secrets(secrets, seconds(200));
        snapshot
    }

    #[test]
    fn the_byte_form_goes_there_and_back() {
        let snapshot = sample();
        assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()), Ok(snapshot));
    }

    #[test]
    fn damage_and_the_future_are_told_apart() {
        let bytes = sample().to_bytes();
        for cut in 0..bytes.len() {
            assert_eq!(
                Snapshot::from_bytes(&bytes[..cut]),
                Err(SnapshotError::Malformed)
            );
        }
        let nested = |depth: usize| [vec![b'l'; depth], vec![b'e'; depth]].concat();
        for more in [
            b"1:a".to_vec(),
            b"d1:ai1ee".to_vec(),
            nested(9),
            nested(100_000),
        ] {
            let start = b"d2:id20:aaaaaaaaaaaaaaaaaaaa4:more".as_slice();
            let later = [start, &more, b"7:versioni2ee"].concat();
            let unknown = Err(SnapshotError::UnknownVersion(2));
            assert_eq!(Snapshot::from_bytes(&later), unknown);
            let cut = &later[..later.len() - 1];
            assert_eq!(Snapshot::from_bytes(cut), Err(SnapshotError::Malformed));
            let too_deep = [start, &more, b"7:versioni1ee"].concat();
            let malformed = Err(SnapshotError::Malformed);
            assert_eq!(Snapshot::from_bytes(&too_deep), malformed);
        }
    }

    #[test]
    fn a_node_without_an_identity_is_none() {
        let bytes = Snapshot::new(Id::new([0; 20])).to_bytes();
        assert_eq!(Snapshot::from_bytes(&bytes), Err(SnapshotError::NullId));
    }

    #[test]
    fn time_goes_by_for_contacts_and_values_alike() {
        let mut snapshot = sample();
        snapshot.advance(seconds(20));
        snapshot.apply(Record::Stored {
            at: Instant::ORIGIN,
            key: Id::hash_of(b"key"),
            value: value("w"),
            lifetime: seconds(50),
            evicted: vec![],
        });
        snapshot.advance(seconds(41));
        assert_eq!(
            snapshot.contacts().next().expect("one").answered_ago,
            seconds(91)
        );
        assert_eq!(snapshot.bucket_ages().next(), Some(seconds(161)));
        let secrets = snapshot.token_secrets().expect("they are there");
        assert_eq!(secrets.1, seconds(261));
        let left: Vec<_> = snapshot
            .values()
            .map(|saved| (saved.value, saved.remaining))
            .collect();
        assert_eq!(left, [(&value("w"), seconds(9))]);
        assert_eq!(
            Snapshot::from_bytes(&snapshot.to_bytes()).map(|s| s.values().count()),
            Ok(1)
        );
    }

    #[test]
    fn evicted_keys_are_gone() {
        let mut snapshot = sample();
        snapshot.apply(Record::Stored {
            at: Instant::ORIGIN,
            key: Id::hash_of(b"other"),
            value: value("w"),
            lifetime: seconds(50),
            evicted: vec![Id::hash_of(b"key")],
        });
        assert_eq!(snapshot.values().count(), 1);
    }

    #[test]
    fn a_snapshot_of_before_there_were_more_kinds_is_read() {
        let old = b"d7:bucketsle8:contactsle2:id20:aaaaaaaaaaaaaaaaaaaa6:valuesle7:versioni1ee";
        let snapshot = Snapshot::from_bytes(old).expect("it is sound");
        assert_eq!(snapshot, Snapshot::new(Id::new([b'a'; 20])));
        assert_eq!(snapshot.to_bytes(), old);
    }

    #[test]
    fn what_is_kept_no_longer_is_gone() {
        let mut snapshot = sample();
        let (key, value) = (Id::hash_of(b"mine"), value("w"));
        snapshot.apply(Record::KeptNoLonger {
            key,
            value: value.clone(),
        });
        assert_eq!(snapshot.kept().count(), 0);
        snapshot.apply(Record::Kept { key, value });
        assert_eq!(snapshot, sample());
    }
}
