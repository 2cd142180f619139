//! Replaying the recorded requests against one node of ours, from first to last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use khashmir::wire::{Dialect, Message, Query, Reply};
use khashmir::{Event, Id, Instant, Node, Seed, Snapshot};

use super::Generation;
use super::bytes;
use super::differences::{self, Ours, Recording};
use super::recorded::{Case, Requests};
use super::subject::{Sent, Subject};
use super::tokens::Tokens;
use crate::written::written;

/// How many requests each of the two recordings has.
const CASES: usize = 153;

/// How often a random choice is asked for: seeing all of 200 values, 60 at a time, takes about 20.
const READS: usize = 64;

/// Time from one request to the next.
const PAUSE: Duration = Duration::from_millis(20);

/// Replays a recording, and fails with a list of everything that was not as it should be.
pub(crate) fn replay(generation: Generation) {
    let recording = Requests::read(generation);
    assert_eq!(recording.cases.len(), CASES);
    let mut replay = Replay::new(generation, &recording);
    let complaints: Vec<String> = recording
        .cases
        .iter()
        .filter_map(|case| replay.case(case).err())
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    replay.assert_unasked_as_recorded();
}

/// A replay under way.
struct Replay<'r> {
    generation: Generation,
    recording: &'r Requests,
    subject: Subject,
    tokens: Tokens,
    /// The newest of the original's secrets, where it was noted last.
    secret: Option<&'r [u8]>,
    /// What the client has stored, by key.
    stored: BTreeMap<Id, BTreeSet<Vec<u8>>>,
    /// What our node sent by itself.
    unasked: Vec<Sent>,
}

impl<'r> Replay<'r> {
    fn new(generation: Generation, recording: &'r Requests) -> Self {
        let mut known = Snapshot::new(recording.server.id);
        for contact in &recording.others {
            known.add_contact(*contact, Duration::ZERO);
        }
        // The earlier generation took whoever asked into its table at once, ours only who answers:
        // from the same table, the lists of nodes are the same.
        if generation == Generation::Early {
            known.add_contact(recording.client, Duration::ZERO);
        }
        let seed = Seed::from_number(1);
        let config = generation.config();
        let node = Node::restore(config, known, Duration::ZERO, seed, Instant::ORIGIN);
        let subject = Subject::new(node.expect("a preset"));
        let contacts = recording.others.len() + usize::from(generation == Generation::Early);
        assert_eq!(subject.node().contacts().count(), contacts);
        Self {
            generation,
            recording,
            subject,
            tokens: Tokens::default(),
            secret: None,
            stored: BTreeMap::new(),
            unasked: Vec::new(),
        }
    }

    /// Replays one request; says what is wrong with the answer.
    fn case(&mut self, case: &'r Case) -> Result<(), String> {
        self.pass_checkpoints(case);
        self.store_unrecorded(case);
        let answer = self.answer_to(&self.tokens.in_request(&case.request));
        let answer = match (answer, &case.reply) {
            (Some(ours), Some(recorded)) => {
                let asker = self.recording.client.addr;
                let tokens = &mut self.tokens;
                Some(tokens.in_answer(&mut self.subject, asker, recorded, &ours))
            }
            (answer, _) => answer,
        };
        let matches = self.matches(case, answer.as_deref());
        let listed = differences::listed(Recording::Requests, self.generation, &case.name);
        let verdict = match listed {
            Some(row) if row.ours == Ours::Choice && self.reads_reach_all(case) => return Ok(()),
            None if matches => return Ok(()),
            None => "does not match",
            Some(_) if matches => "is listed as a difference, but matches",
            Some(row) if self.is_as_listed(case, row.ours, answer.as_deref()) => return Ok(()),
            Some(_) => "differs otherwise than listed",
        };
        let show = |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.escape_ascii().to_string());
        Err(format!(
            "{} {verdict}\n  recorded {:?}\n  ours     {:?}\n  listed   {:?}",
            case.name,
            show(case.reply.as_deref()),
            show(answer.as_deref()),
            listed.map(|row| (row.ours, row.reason)),
        ))
    }

    /// Lets our node pass a checkpoint where the original had a new secret.
    fn pass_checkpoints(&mut self, case: &'r Case) {
        let Some(newest) = case.secrets.first().map(Vec::as_slice) else {
            return;
        };
        if self.secret.is_some_and(|secret| secret != newest) {
            self.subject.take_events();
            self.subject
                .run_until_event(|event| *event == Event::Checkpoint);
            self.set_unasked_aside();
        }
        self.secret = Some(newest);
        assert_tokens_belong(case, self.recording);
    }

    /// Stores what the original was given before this case without its being recorded.
    fn store_unrecorded(&mut self, case: &Case) {
        let Some(values) = unrecorded_values(case) else {
            return;
        };
        let key = key_of(case);
        let token = self.recording.first_token();
        for (number, value) in values.iter().enumerate() {
            let tid = *Id::hash_of(&number.to_be_bytes()).as_bytes();
            let query = Query::StoreValue { key, token, value };
            let client = self.recording.client.id;
            let request = written(|out| Dialect::Khashmir.encode_query(&tid, &client, &query, out));
            let answer = self.answer_to(&self.tokens.in_request(&request));
            let plain = Reply::from(self.recording.server.id);
            let plain = written(|out| Dialect::Khashmir.encode_reply(&tid, &plain, out));
            assert_eq!(answer, Some(plain), "{}", case.name);
        }
    }

    /// What our node answers the client, if anything.
    fn answer_to(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        self.subject.run_for(PAUSE);
        self.set_unasked_aside();
        self.subject.receive(self.recording.client.addr, request);
        let sent = self.subject.take_sent();
        let (asked, answers): (Vec<Sent>, Vec<Sent>) = sent
            .into_iter()
            .partition(|sent| bytes::is_query(&sent.bytes));
        self.unasked.extend(asked);
        assert!(answers.len() <= 1, "{answers:?}");
        let answer = answers.into_iter().next()?;
        assert_eq!(answer.to, self.recording.client.addr);
        self.note_stored(request, &answer.bytes);
        Some(answer.bytes)
    }

    fn set_unasked_aside(&mut self) {
        self.unasked.extend(self.subject.take_sent());
    }

    fn note_stored(&mut self, request: &[u8], answer: &[u8]) {
        if let Ok(Message::Query {
            query: Query::StoreValue { key, value, .. },
            ..
        }) = Dialect::Khashmir.decode(request)
            && answer.ends_with(b"1:y1:re")
        {
            self.stored.entry(key).or_default().insert(value.to_vec());
        }
    }

    fn matches(&self, case: &Case, answer: Option<&[u8]>) -> bool {
        match (answer, case.reply.as_deref()) {
            (Some(ours), Some(recorded)) if self.drew_lots(case) => {
                self.is_such_a_choice(case, recorded, ours)
            }
            (ours, recorded) => ours == recorded,
        }
    }

    /// Whether the original chose at random: it was asked for some of the values, not for all.
    fn drew_lots(&self, case: &Case) -> bool {
        match Dialect::Khashmir.decode(&case.request) {
            Ok(Message::Query {
                query: Query::GetValue { key, num },
                ..
            }) => {
                let count = self.stored.get(&key).map_or(0, BTreeSet::len);
                num < 0 || (num > 0 && usize::try_from(num).expect("small") < count)
            }
            _ => false,
        }
    }

    /// Whether ours is the recorded answer but for the choice: as many of the stored values, none
    /// twice, and all else the same.
    fn is_such_a_choice(&self, case: &Case, recorded: &[u8], ours: &[u8]) -> bool {
        let (Some(recorded), Some(ours)) = (bytes::listed(recorded), bytes::listed(ours)) else {
            return false;
        };
        let stored = &self.stored[&key_of(case)];
        let distinct: BTreeSet<&[u8]> = ours.values.iter().copied().collect();
        (ours.before, ours.after) == (recorded.before, recorded.after)
            && ours.values.len() == recorded.values.len()
            && distinct.len() == ours.values.len()
            && distinct.iter().all(|value| stored.contains(*value))
            && recorded.values.iter().all(|value| stored.contains(*value))
    }

    fn is_as_listed(&self, case: &Case, ours: Ours, answer: Option<&[u8]>) -> bool {
        match ours {
            Ours::Error(..) | Ours::NoValues | Ours::Plain | Ours::Silence => {
                let expected = ours.answer(&case.request, self.recording.server.id);
                expected.as_deref() == answer
            }
            Ours::Choice | Ours::HoldsNone | Ours::RefusesCommand => false,
        }
    }

    /// Whether our node, asked again and again, gives as many of the stored values as the original
    /// each time, and each of them at some time: those that the original always leaves out as well.
    fn reads_reach_all(&mut self, case: &Case) -> bool {
        let Some(recorded) = case.reply.as_deref() else {
            return false;
        };
        let mut seen = BTreeSet::new();
        for _ in 0..READS {
            let Some(answer) = self.answer_to(&case.request) else {
                return false;
            };
            if !self.is_such_a_choice(case, recorded, &answer) {
                return false;
            }
            let values = bytes::listed(&answer).map(|listed| listed.values);
            seen.extend(values.into_iter().flatten().map(<[u8]>::to_vec));
        }
        let most = bytes::listed(recorded).map_or(0, |listed| listed.values.len());
        seen == self.stored[&key_of(case)] && seen.len() > most
    }

    /// Whatever our node sent by itself is something that the original sent by itself as well, but
    /// for the transaction id, and only where the original did.
    fn assert_unasked_as_recorded(&self) {
        let recorded: Vec<&Vec<u8>> = self
            .recording
            .cases
            .iter()
            .flat_map(|case| &case.unasked)
            .collect();
        assert_eq!(self.unasked.is_empty(), recorded.is_empty());
        for sent in &self.unasked {
            assert_eq!(sent.to, self.recording.client.addr);
            let place = bytes::tid(&sent.bytes).expect("20 bytes of ours");
            let tid = &sent.bytes[place];
            let same = recorded.iter().any(|recorded| {
                let place = bytes::tid(recorded).expect("20 bytes of theirs");
                bytes::with(recorded, place, tid) == sent.bytes
            });
            assert!(same, "{}", sent.bytes.escape_ascii());
        }
    }
}

/// The recording's own claim: a token is the hash of the newest secret and the asker's address.
fn assert_tokens_belong(case: &Case, recording: &Requests) {
    let Some(reply) = case.reply.as_deref() else {
        return;
    };
    if let (Some(place), Some(newest)) = (bytes::token(reply), case.secrets.first()) {
        let address = recording.client.addr.ip().to_string();
        let token = Id::hash_of(&[newest.as_slice(), address.as_bytes()].concat());
        assert_eq!(reply[place], token.as_bytes()[..], "{}", case.name);
    }
}

/// The values behind a case whose stores were not recorded.
fn unrecorded_values(case: &Case) -> Option<Vec<Vec<u8>>> {
    let what = case.name.strip_prefix("get_value long ")?;
    if what == "mixed sizes" {
        let recorded = bytes::listed(case.reply.as_deref()?)?.values;
        let mut values: Vec<Vec<u8>> = recorded.into_iter().map(<[u8]>::to_vec).collect();
        // One more did not fit into the original's answer, and so is not known: this stands in.
        values.push(vec![b'd'; 500]);
        return Some(values);
    }
    let (count, len) = what.strip_prefix("n=")?.split_once(" len=")?;
    let (count, len): (usize, usize) = (count.parse().ok()?, len.parse().ok()?);
    let value = |number: usize| format!("{number:04}{}", "v".repeat(len - 4)).into_bytes();
    Some((0..count).map(value).collect())
}

fn key_of(case: &Case) -> Id {
    match Dialect::Khashmir.decode(&case.request) {
        Ok(Message::Query {
            query: Query::GetValue { key, .. },
            ..
        }) => key,
        other => panic!("{} asks for no values: {other:?}", case.name),
    }
}
