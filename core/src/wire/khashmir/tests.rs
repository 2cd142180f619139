//! The dialect by example; `tests/wire.rs` holds it against the bencode library.

use alloc::vec;

use super::*;

const TID: &[u8; 20] = b"01234567890123456789";

fn id(byte: u8) -> Id {
    Id::new([byte; 20])
}

#[test]
fn a_get_value_answer_fills_the_datagram_to_the_last_byte() {
    let value = vec![b'v'; Value::MAX_LEN];
    let values = [value.as_slice()];
    let reply = Reply {
        values: Some((&values).into()),
        ..Reply::from(id(1))
    };
    let mut bytes = vec![];
    encode_reply(TID, &reply, &mut bytes);
    assert_eq!(bytes.len(), MAX_DATAGRAM);
    assert_eq!(room_for_values(TID.len()), string_len(Value::MAX_LEN));
}

#[test]
fn an_answer_with_every_fact_goes_there_and_back() {
    let nodes = [Contact::new(id(2), ([10, 0, 0, 1], 5).into())];
    let values = [&b""[..], b"value"];
    let reply = Reply {
        id: id(1),
        nodes: Some((&nodes).into()),
        num: Some(3),
        seen_as: Some(([10, 0, 0, 2], 7).into()),
        token: Some(b"token"),
        values: Some((&values).into()),
    };
    let mut bytes = b"before ".to_vec();
    encode_reply(TID, &reply, &mut bytes);
    let bytes = bytes.strip_prefix(b"before ").expect("it is left alone");
    assert_eq!(decode(bytes), Ok(Message::Reply { tid: TID, reply }));
}

#[test]
fn breaches_of_an_answer_are_told_apart() {
    for (contents, invalid) in [
        (&b"de"[..], InvalidReply::Id),
        (b"d2:id3:abce", InvalidReply::Id),
        (
            b"d2:id20:aaaaaaaaaaaaaaaaaaaa5:nodes26:aaaaaaaaaaaaaaaaaaaaaaaaaae",
            InvalidReply::Nodes,
        ),
        (
            b"d2:id20:aaaaaaaaaaaaaaaaaaaa5:nodesl2:aaee",
            InvalidReply::Nodes,
        ),
        (b"d2:id20:aaaaaaaaaaaaaaaaaaaa3:num1:3e", InvalidReply::Num),
        (b"d2:id20:aaaaaaaaaaaaaaaaaaaa3:numi-1ee", InvalidReply::Num),
        (
            b"d2:id20:aaaaaaaaaaaaaaaaaaaa5:tokeni1ee",
            InvalidReply::Token,
        ),
        (
            b"d2:id20:aaaaaaaaaaaaaaaaaaaa6:values1:xe",
            InvalidReply::Values,
        ),
        (
            b"d2:id20:aaaaaaaaaaaaaaaaaaaa6:valuesli1eee",
            InvalidReply::Values,
        ),
        (
            b"d2:id20:aaaaaaaaaaaaaaaaaaaa7:ip_addr1:x4:porti1ee",
            InvalidReply::SeenAs,
        ),
    ] {
        let bytes = [b"d1:r", contents, b"1:t2:aa1:y1:re"].concat();
        let expected = Message::Broken {
            tid: b"aa",
            invalid,
        };
        assert_eq!(decode(&bytes), Ok(expected), "{}", contents.escape_ascii());
    }
    let unknown_kind = b"d1:t2:aa1:y1:xe";
    assert_eq!(
        decode(unknown_kind),
        Ok(Message::Broken {
            tid: b"aa",
            invalid: InvalidReply::Kind
        })
    );
}

#[test]
fn extra_keys_of_an_answer_are_ignored() {
    let bytes = b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa1:xd1:yleee1:t2:aa1:y1:re";
    let reply = Reply::from(id(b'a'));
    assert_eq!(decode(bytes), Ok(Message::Reply { tid: b"aa", reply }));
}

#[test]
fn no_more_contacts_are_looked_at_than_an_answer_may_name() {
    let nodes: Vec<Contact> = (0..40)
        .map(|n| Contact::new(id(n), ([10, 0, 0, n], 5).into()))
        .collect();
    let reply = Reply {
        nodes: Some((&nodes).into()),
        ..Reply::from(id(1))
    };
    let mut bytes = vec![];
    encode_reply(TID, &reply, &mut bytes);
    let Ok(Message::Reply { reply, .. }) = decode(&bytes) else {
        panic!("a reply");
    };
    assert_eq!(reply.nodes, Some(Nodes::from(&nodes[..MAX_CONTACTS])));
    assert_eq!(reply.nodes.map(|nodes| nodes.len()), Some(MAX_CONTACTS));
}

#[test]
fn most_answers_fit_the_room_that_is_made_for_them() {
    let nodes = [Contact::new(id(2), ([10, 0, 0, 1], 5).into()); 8];
    let reply = Reply {
        nodes: Some((&nodes).into()),
        token: Some(&[7; 20]),
        ..Reply::from(id(1))
    };
    let mut bytes = vec![];
    encode_reply(TID, &reply, &mut bytes);
    assert!(bytes.capacity() <= bytes.len() + 32, "{}", bytes.capacity());
    let query = Query::FindNode { target: id(2) };
    let mut bytes = vec![];
    encode_query(TID, &id(1), &query, &mut bytes);
    assert!(bytes.capacity() <= bytes.len() + 48, "{}", bytes.capacity());
}
