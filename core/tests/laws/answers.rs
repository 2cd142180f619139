//! What peers say to calls of the node: the right answers, and every kind of wrong one.

use core::net::SocketAddr;

use khashmir::wire::{Dialect, Method, Reply};
use khashmir::{Contact, Id, Value};

use crate::script::{Edit, Wrong};
use crate::world::{PEERS, addr, host_at, own_addr, own_id, peer, value};
use crate::written::written;

/// A call of the node that it sent a datagram for.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) to: SocketAddr,
    pub(crate) tid: Vec<u8>,
    pub(crate) method: Method,
}

/// A datagram and where it comes from.
pub(crate) type Written = (SocketAddr, Vec<u8>);

const DIALECT: Dialect = Dialect::Khashmir;

impl Call {
    /// The right answer, if anybody is there to give it; `facts` chooses what it says.
    pub(crate) fn answer(&self, facts: u8) -> Option<Written> {
        let host = host_at(self.to)?;
        Some((self.to, self.answer_of(host.id, facts)))
    }

    /// An answer that is wrong, given by whoever is there or would be.
    pub(crate) fn wrong_answer(&self, wrong: Wrong) -> Written {
        let id = host_at(self.to).map_or(peer(1).id, |host| host.id);
        let elsewhere = if self.to == addr(0) { addr(1) } else { addr(0) };
        match wrong {
            Wrong::Address => (elsewhere, self.answer_of(id, 7)),
            Wrong::Tid => {
                let other = Self {
                    tid: self.tid.iter().map(|byte| !byte).collect(),
                    ..self.clone()
                };
                (self.to, other.answer_of(id, 7))
            }
            Wrong::Id => (self.to, self.answer_of(Id::hash_of(b"somebody else"), 7)),
            Wrong::OwnId => (self.to, self.answer_of(own_id(), 7)),
            Wrong::NullId => (self.to, self.answer_of(Id::new([0; Id::LEN]), 7)),
            Wrong::Code(code) => {
                let error = written(|out| DIALECT.encode_error(&self.tid, code, b"no", out));
                (self.to, error)
            }
            Wrong::Bare => {
                let reply = Reply::from(id);
                let reply = written(|out| DIALECT.encode_reply(&self.tid, &reply, out));
                (self.to, reply)
            }
            Wrong::Facts(which) => (self.to, self.broken(id, which)),
        }
    }

    fn answer_of(&self, id: Id, facts: u8) -> Vec<u8> {
        let nodes = named(facts);
        let values: Vec<Value> = (0..facts % 4).map(|n| value(facts % 16 + n)).collect();
        let values: Vec<&[u8]> = values.iter().map(Value::as_bytes).collect();
        let mut reply = Reply::from(id);
        match self.method {
            Method::Ping | Method::StoreValue => {}
            Method::Join => reply.seen_as = Some(own_addr()),
            Method::FindNode => {
                reply.nodes = Some((&nodes).into());
                reply.token = Some(b"a token of theirs");
            }
            Method::FindValue => {
                reply.nodes = Some((&nodes).into());
                reply.num = Some(u64::from(facts % 4));
            }
            Method::GetValue => {
                reply.values = Some((&values).into());
            }
        }
        written(|out| DIALECT.encode_reply(&self.tid, &reply, out))
    }

    /// An answer under the right transaction id that breaks a rule.
    fn broken(&self, id: Id, which: u8) -> Vec<u8> {
        let contents: &[u8] = match which % 8 {
            0 => b"5:nodes26:aaaaaaaaaaaaaaaaaaaaaaaaaa",
            1 => b"5:nodesl25:aaaaaaaaaaaaaaaaaaaaaaaaae",
            2 => b"5:nodesle3:num1:3",
            3 => b"5:nodesle3:numi-1e",
            4 => b"5:nodesle3:numi3e5:tokeni3e",
            5 => b"6:valuesli3ee",
            6 => b"7:ip_addr9:127.0.0.14:porti99999e",
            _ => return [b"d1:t20:", self.tid.as_slice(), b"1:y1:xe"].concat(),
        };
        // Keys have to ascend: an id goes before nodes and values, and before ip_addr too.
        let id = [b"2:id20:", id.as_bytes().as_slice()].concat();
        let reply = [b"d1:rd", id.as_slice(), contents];
        let end = [b"e1:t20:", self.tid.as_slice(), b"1:y1:re"];
        [reply.concat(), end.concat()].concat()
    }
}

/// Damages a datagram.
pub(crate) fn damaged(mut datagram: Vec<u8>, edit: Edit) -> Vec<u8> {
    let place = |at: u16| usize::from(at) % datagram.len().max(1);
    match edit {
        Edit::Cut(at) => datagram.truncate(place(at)),
        Edit::Flip { at, bit } => {
            let at = place(at);
            if let Some(byte) = datagram.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        Edit::Insert { at, byte } => datagram.insert(place(at), byte),
    }
    datagram
}

/// Contacts that an answer names: usually peers, now and then too many or of the useless kind.
fn named(facts: u8) -> Vec<Contact> {
    let count = if facts == 255 { 40 } else { facts % 9 };
    let mut nodes: Vec<Contact> = (0..count)
        .map(|n| peer(facts.wrapping_mul(7).wrapping_add(n * 3)))
        .collect();
    if facts >= 250 {
        let useless = (PEERS..PEERS + 7).filter(|at| addr(*at).is_ipv4());
        nodes.extend(useless.map(|at| Contact::new(Id::hash_of(&[at]), addr(at))));
        nodes.push(Contact::new(own_id(), addr(9)));
    }
    nodes
}
