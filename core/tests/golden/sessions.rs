//! Replaying a session of three nodes, with ours in the place of the one that was recorded.
//!
//! Our node is given the same commands. What it asks must be what the original asked, and is
//! answered with the recorded answers; what the original was asked, it must answer likewise.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::vec::IntoIter;

use khashmir::wire::{Dialect, Message, Query};
use khashmir::{Config, Event, Id, Instant, Node, Seed};

use super::Generation;
use super::bytes::{self, is_query};
use super::differences::{self, Difference, Ours, Recording};
use super::recorded::{Datagram, Direction, Session};
use super::steps::{self, Step};
use super::subject::{Sent, Subject};
use super::tokens::Tokens;

/// Replays a session from its first datagram to its last.
pub(crate) fn replay(generation: Generation) {
    let session = Session::read(generation);
    let mut replay = Replay::new(generation, &session);
    let mut answers = 0;
    for (index, datagram) in session.datagrams.iter().enumerate() {
        let at = Instant::ORIGIN + datagram.at;
        replay.subject.run_until(at);
        match (datagram.direction, is_query(&datagram.bytes)) {
            (Direction::Out, true) => replay.expect_question(index, datagram),
            (Direction::In, false) => replay.pass_on_answer(datagram),
            (Direction::In, true) => replay.ask(index, datagram, &session.datagrams[index..]),
            // Compared when it was asked for.
            (Direction::Out, false) => answers += 1,
        }
    }
    assert!(answers > 0 && replay.answered == answers, "{answers}");
    replay.finish();
}

/// The names under which the table of differences can list something of a session: its commands,
/// and the queries to the node.
pub(crate) fn case_names(session: &Session) -> Vec<String> {
    let steps = steps::commands(&session.steps);
    let steps = steps.into_iter().map(|step| step.name);
    let queries = session
        .datagrams
        .iter()
        .enumerate()
        .filter_map(|(index, datagram)| {
            let asked = datagram.direction == Direction::In && is_query(&datagram.bytes);
            asked.then(|| query_name(index, &datagram.bytes))
        });
    steps.chain(queries).collect()
}

/// A replay under way.
struct Replay {
    generation: Generation,
    subject: Subject,
    tokens: Tokens,
    /// Commands still to be given.
    steps: IntoIter<Step>,
    current: Option<Current>,
    /// What our node asked and the original is still to be seen asking.
    asked: Vec<Sent>,
    /// Our transaction ids by the recorded ones.
    tids: BTreeMap<Vec<u8>, Vec<u8>>,
    answered: usize,
}

/// The command under way.
enum Current {
    Given(Step),
    /// One that our node does not take: nobody is asked because of it.
    NotTaken {
        key: Id,
    },
}

impl Replay {
    fn new(generation: Generation, session: &Session) -> Self {
        let config = Config {
            id: Some(session.own),
            ..generation.config()
        };
        let node = Node::new(config, Seed::from_number(1), Instant::ORIGIN).expect("a preset");
        Self {
            generation,
            subject: Subject::new(node),
            tokens: Tokens::default(),
            steps: steps::commands(&session.steps).into_iter(),
            current: None,
            asked: Vec::new(),
            tids: BTreeMap::new(),
            answered: 0,
        }
    }

    /// The original asked somebody something: our node has asked the same, or does so because of
    /// the next command.
    fn expect_question(&mut self, index: usize, recorded: &Datagram) {
        self.gather();
        if self.take_question(recorded) {
            return;
        }
        if let Some(Current::NotTaken { key }) = self.current {
            assert_eq!(target(&recorded.bytes), Some(key), "datagram {index}");
            return;
        }
        self.next_step();
        if let Some(Current::NotTaken { .. }) = self.current {
            return self.expect_question(index, recorded);
        }
        let taken = self.take_question(recorded);
        assert!(taken, "datagram {index} is not asked by our node");
    }

    fn take_question(&mut self, recorded: &Datagram) -> bool {
        let place = bytes::tid(&recorded.bytes).expect("20 bytes of theirs");
        let same = |ours: &Sent| {
            let tid = &ours.bytes[bytes::tid(&ours.bytes).expect("20 bytes of ours")];
            ours.to == recorded.peer
                && ours.bytes == bytes::with(&recorded.bytes, place.clone(), tid)
        };
        let Some(found) = self.asked.iter().position(same) else {
            return false;
        };
        let ours = self.asked.remove(found);
        let tid = bytes::tid(&ours.bytes).expect("just found");
        self.tids
            .insert(recorded.bytes[place].to_vec(), ours.bytes[tid].to_vec());
        true
    }

    /// Gives our node the next command, after the one before has ended as it did.
    fn next_step(&mut self) {
        self.end_step();
        let step = self.steps.next().expect("a command behind each question");
        let listed = differences::listed(Recording::Session, self.generation, &step.name);
        self.current = Some(match (&step.command, listed) {
            (Ok(command), None) => {
                let started = self.subject.start(command.clone());
                assert!(started.is_ok(), "{}: {started:?}", step.name);
                Current::Given(step)
            }
            (Err(_), Some(row)) if row.ours == Ours::RefusesCommand => {
                let key = step.key.expect("only a value can be refused");
                Current::NotTaken { key }
            }
            (command, listed) => {
                let listed = listed.map(|row| row.ours);
                panic!("{}: {command:?}, listed as {listed:?}", step.name)
            }
        });
        self.gather();
    }

    fn end_step(&mut self) {
        let events: Vec<Event> = self.subject.take_events();
        if let Some(Current::Given(step)) = self.current.take() {
            assert_eq!(steps::result_of(&events), step.result, "{}", step.name);
        }
    }

    /// The original got an answer: our node gets the same to its own question.
    fn pass_on_answer(&mut self, recorded: &Datagram) {
        let place = bytes::tid(&recorded.bytes).expect("20 bytes of theirs");
        match (
            self.tids.remove(&recorded.bytes[place.clone()]),
            &self.current,
        ) {
            (Some(tid), _) => {
                let answer = bytes::with(&recorded.bytes, place, &tid);
                self.subject.receive(recorded.peer, &answer);
                self.gather();
            }
            (None, Some(Current::NotTaken { .. })) => {}
            (None, _) => panic!("nobody asked: {}", recorded.bytes.escape_ascii()),
        }
    }

    /// The original was asked something: our node is asked the same, and must answer the same.
    fn ask(&mut self, index: usize, recorded: &Datagram, from_here: &[Datagram]) {
        self.gather();
        let name = query_name(index, &recorded.bytes);
        let theirs = answer_to(recorded, from_here);
        let request = self.tokens.in_request(&recorded.bytes);
        self.subject.receive(recorded.peer, &request);
        let ours = self.take_answer(recorded.peer);
        let subject = &mut self.subject;
        let ours = self.tokens.in_answer(subject, recorded.peer, theirs, &ours);
        self.answered += 1;
        let listed = differences::listed(Recording::Session, self.generation, &name);
        let expected = match listed {
            None => theirs.to_vec(),
            Some(row) => self.instead(row, &request, theirs),
        };
        assert_eq!(
            ours.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{name}"
        );
        let differs = ours != theirs;
        assert_eq!(differs, listed.is_some(), "{name} is listed, but matches");
    }

    /// What our node is meant to answer where it differs.
    fn instead(&self, row: &Difference, request: &[u8], theirs: &[u8]) -> Vec<u8> {
        if row.ours == Ours::HoldsNone {
            let place = bytes::find(theirs, b"3:numi1e").expect("the original counts one value");
            return bytes::with(theirs, place..place + 8, b"3:numi0e");
        }
        let answer = row.ours.answer(request, self.subject.node().id());
        answer.unwrap_or_else(|| panic!("{} is no answer: {:?}", row.case, row.ours))
    }

    /// The answer that our node sends there; everything else is a question of its own.
    fn take_answer(&mut self, to: SocketAddr) -> Vec<u8> {
        let (questions, mut answers): (Vec<Sent>, Vec<Sent>) = self
            .subject
            .take_sent()
            .into_iter()
            .partition(|sent| is_query(&sent.bytes));
        self.asked.extend(questions);
        assert_eq!(answers.len(), 1, "{answers:?}");
        let answer = answers.remove(0);
        assert_eq!(answer.to, to);
        answer.bytes
    }

    fn gather(&mut self) {
        self.asked.extend(self.subject.take_sent());
    }

    /// Everything is over: nothing is left to be asked, answered or commanded.
    fn finish(mut self) {
        self.gather();
        self.end_step();
        assert!(
            self.asked.is_empty(),
            "the original never asked: {:?}",
            self.asked
        );
        assert!(self.tids.is_empty(), "never answered: {:?}", self.tids);
        assert_eq!(self.steps.count(), 0, "commands that nobody was asked for");
    }
}

/// The recorded answer to a recorded query.
fn answer_to<'s>(query: &Datagram, after: &'s [Datagram]) -> &'s [u8] {
    let tid = |datagram: &Datagram| {
        let place = bytes::tid(&datagram.bytes).expect("20 bytes");
        datagram.bytes[place].to_vec()
    };
    let answer = after
        .iter()
        .find(|datagram| datagram.direction == Direction::Out && tid(datagram) == tid(query));
    &answer.expect("each query was answered").bytes
}

fn query_name(index: usize, query: &[u8]) -> String {
    match Dialect::Khashmir.decode(query) {
        Ok(Message::Query { query, .. }) => format!("datagram {index}: {}", query.method()),
        other => panic!("datagram {index} is no query: {other:?}"),
    }
}

/// The point of the space that a query is about.
fn target(query: &[u8]) -> Option<Id> {
    match Dialect::Khashmir.decode(query) {
        Ok(Message::Query { query, .. }) => match query {
            Query::FindNode { target } => Some(target),
            Query::FindValue { key }
            | Query::GetValue { key, .. }
            | Query::StoreValue { key, .. } => Some(key),
            Query::Ping | Query::Join => None,
        },
        other => panic!("no query: {other:?}"),
    }
}
