//! As much of BEP 5 as it takes to let its servers be asked: one question, and a population that
//! they can get to know.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use khashmir::{Contact, Id};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

use crate::key;
use crate::peers::Peer;

/// The `find_node` of BEP 5 for [`key`]. The asker says that it is not to be entered.
#[must_use]
pub fn question() -> Vec<u8> {
    let mut out = b"d1:ad2:id20:".to_vec();
    out.extend_from_slice(Id::hash_of(b"asker").as_bytes());
    out.extend_from_slice(b"6:target20:");
    out.extend_from_slice(key().as_bytes());
    out.extend_from_slice(b"e1:q9:find_node2:roi1e1:t4:aaaa1:y1:qe");
    out
}

/// Starts nodes that answer every query with their id and the eight of them closest to its target,
/// all on one thread that runs until the process ends, and says where they are.
///
/// # Errors
/// When a socket or a thread is missing.
pub fn populate(count: usize) -> io::Result<Vec<SocketAddr>> {
    let mut sockets = Vec::new();
    let mut contacts = Vec::new();
    let poll = Poll::new()?;
    for number in 0..count {
        let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let interest = Interest::READABLE;
        poll.registry()
            .register(&mut socket, Token(number), interest)?;
        let id = Id::hash_of(&number.to_be_bytes());
        contacts.push(Contact::new(id, socket.local_addr()?));
        sockets.push(socket);
    }
    let addrs = contacts.iter().map(|contact| contact.addr).collect();
    let named = thread::Builder::new().name("population".into());
    named.spawn(move || serve(poll, &sockets, &contacts))?;
    Ok(addrs)
}

fn serve(mut poll: Poll, sockets: &[UdpSocket], contacts: &[Contact]) -> io::Result<()> {
    let mut events = Events::with_capacity(256);
    let mut buffer = vec![0; 2048];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let number = event.token().0;
            let (Some(socket), Some(own)) = (sockets.get(number), contacts.get(number)) else {
                continue;
            };
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let query = buffer.get(..len).unwrap_or_default();
                if let Some(answer) = answer(query, own, contacts) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        }
    }
}

/// The answer to a query, if it is one.
fn answer(query: &[u8], own: &Contact, contacts: &[Contact]) -> Option<Vec<u8>> {
    let query = Peer::BtBencode.decode(query)?;
    let arguments = query.a?;
    let target = arguments.target.as_ref();
    let target = target.and_then(|target| Id::from_slice(&target.0));
    let target = target.unwrap_or(own.id);
    let mut closest: Vec<&Contact> = contacts.iter().collect();
    closest.sort_by_key(|contact| contact.id.distance(&target));
    let compact = closest.iter().take(8).filter_map(|c| c.to_compact());
    let nodes: Vec<u8> = compact.flatten().collect();
    let mut out = b"d1:rd2:id20:".to_vec();
    out.extend_from_slice(own.id.as_bytes());
    out.extend_from_slice(format!("5:nodes{}:", nodes.len()).as_bytes());
    out.extend_from_slice(&nodes);
    out.extend_from_slice(format!("e1:t{}:", query.t.0.len()).as_bytes());
    out.extend_from_slice(&query.t.0);
    out.extend_from_slice(b"1:y1:re");
    Some(out)
}
