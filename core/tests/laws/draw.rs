//! Drawing scripts at random, so that much happens in them, and shrinking them.

use core::time::Duration;

use khashmir::wire::Method;
use khashmir::{Buckets, Command, Journal, Keep, OwnStore, PrivateAddresses, Retrieve, Role};
use quickcheck::{Arbitrary, Gen};

use crate::script::{Ask, Base, Birth, Edit, Ending, Output, Polling, Preset, Room};
use crate::script::{Script, Setup, Step, Token, Wrong};
use crate::world::{ADDRESSES, PEERS, addr, key, own_id, peer};

impl Arbitrary for Script {
    fn arbitrary(g: &mut Gen) -> Self {
        let setup = Setup::arbitrary(g);
        let len = g.size() / 2 + below(g, g.size() as u64) as usize;
        let mut steps: Vec<Step> = (0..len).map(|_| Step::arbitrary(g)).collect();
        // What cannot be undone comes late, so that much comes before it.
        let late = len * 3 / 4;
        if one_in(g, 12) {
            steps.insert(late, Step::EndOfTime);
        }
        if one_in(g, 12) {
            steps.insert(late, Step::Shutdown);
        }
        let endings = [
            Ending::RunOut,
            Ending::RunOut,
            Ending::Leave,
            Ending::Shutdown,
        ];
        let ending = pick(g, &endings);
        Self {
            setup,
            steps,
            ending,
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        let fewer = self.steps.shrink().map(move |steps| Self {
            steps,
            ..whole.clone()
        });
        let whole = self.clone();
        let plainer = self.setup.shrink().map(move |setup| Self {
            setup,
            ..whole.clone()
        });
        Box::new(fewer.chain(plainer))
    }
}

impl Arbitrary for Setup {
    fn arbitrary(g: &mut Gen) -> Self {
        let read_write = Role::ReadWrite;
        let restored = Birth::Restored {
            contacts: small(g, PEERS),
            ago: Duration::from_secs(below(g, 3000)),
        };
        Self {
            preset: pick(
                g,
                &[
                    Preset::Adaptive,
                    Preset::Adaptive,
                    Preset::Early,
                    Preset::Late,
                ],
            ),
            role: pick(
                g,
                &[
                    read_write,
                    read_write,
                    read_write,
                    Role::Base,
                    Role::Read,
                    Role::Client,
                ],
            ),
            journal: pick(g, &[Journal::Off, Journal::On]),
            room: pick(g, &[Room::Plenty, Room::Plenty, Room::Little, Room::Least]),
            k: pick(g, &[2, 3, 8]),
            private_addresses: pick(g, &[PrivateAddresses::Accept, PrivateAddresses::Refuse]),
            polling: pick(g, &[Polling::Prompt, Polling::Lazy]),
            birth: pick(g, &[Birth::New, restored, restored]),
            seed: u8::arbitrary(g),
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let mut plainer = Vec::new();
        if !matches!(self.birth, Birth::New) {
            plainer.push(Self {
                birth: Birth::New,
                ..*self
            });
        }
        if self.room != Room::Plenty {
            plainer.push(Self {
                room: Room::Plenty,
                ..*self
            });
        }
        if self.polling != Polling::Prompt {
            plainer.push(Self {
                polling: Polling::Prompt,
                ..*self
            });
        }
        if !matches!(self.preset, Preset::Adaptive) {
            plainer.push(Self {
                preset: Preset::Adaptive,
                ..*self
            });
        }
        if self.seed != 0 {
            plainer.push(Self { seed: 0, ..*self });
        }
        Box::new(plainer.into_iter())
    }
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let (nth, facts) = (u8::arbitrary(g), u8::arbitrary(g));
        match below(g, 121) {
            0..=17 => Self::Start(command(g)),
            18..=21 => Self::Put {
                key: nth % 2,
                value: facts % 3,
                keep: pick(g, &[Keep::Once, Keep::Once, Keep::UntilCancelled]),
            },
            22..=33 => query(g),
            34..=39 => Self::Deposit {
                peer: nth,
                key: facts,
                value: u8::arbitrary(g),
                times: 1 + nth % 3 / 2 * 4,
            },
            40..=51 => Self::Answer { nth, facts },
            52..=59 => Self::AnswerAll { facts },
            60..=67 => Self::WrongAnswer {
                nth,
                wrong: wrong(g),
            },
            68..=71 => Self::Mutated {
                base: pick(g, &[Base::Answer(nth), Base::Recent(nth)]),
                edit: edit(g),
            },
            72 | 73 => Self::Garbage {
                from: nth,
                bytes: garbage(g),
            },
            74..=76 => Self::Replay { nth },
            77..=82 => Self::Tick(u16::arbitrary(g) % 3000),
            83 => Self::Jump(u16::arbitrary(g) % 20),
            84 => Self::Jump(u16::arbitrary(g) % 3000),
            85 => Self::Back(u16::arbitrary(g)),
            86..=88 => Self::Timeout,
            89..=97 => Self::TimeoutWhenDue,
            98 if one_in(g, 2) => Self::NotDurable {
                before_last: facts % 4,
            },
            98..=101 => Self::Durable {
                before_last: facts % 4,
            },
            102..=106 => Self::Poll {
                output: pick(g, &[Output::Datagram, Output::Event, Output::Record]),
                times: facts % 5,
            },
            107..=113 => Self::Drain,
            114..=116 => Self::Cancel { nth: facts % 8 },
            117 => Self::SetBootstrap(few(g)),
            118 if one_in(g, 2) => Self::Leave,
            120 => Self::Sleep(u16::arbitrary(g) % 400),
            _ => Self::Start(Command::Join {
                bootstrap: few(g).into_iter().map(|i| addr(i % PEERS)).collect(),
            }),
        }
    }
}

fn command(g: &mut Gen) -> Command {
    let one = u8::arbitrary(g);
    let any = addr(one % ADDRESSES);
    match below(g, 13) {
        0 => Command::AddContact { addr: any },
        1 => Command::FindClose,
        2 | 3 => Command::FindNode {
            target: pick(g, &[peer(one).id, key(one), own_id()]),
        },
        4 | 5 => Command::FindValue { key: key(one) },
        6..=9 => Command::Get {
            key: key(one % 2),
            retrieve: pick(
                g,
                &[
                    None,
                    None,
                    Some(Retrieve::All),
                    Some(Retrieve::AtMost(2)),
                    Some(Retrieve::Closest(2)),
                ],
            ),
            own_store: pick(
                g,
                &[OwnStore::Include, OwnStore::Include, OwnStore::LeaveOut],
            ),
        },
        10 => Command::Join {
            bootstrap: few(g).into_iter().map(addr).collect(),
        },
        11 => Command::Ping { addr: any },
        _ => Command::Refresh {
            buckets: pick(g, &[Buckets::All, Buckets::Stale]),
        },
    }
}

fn query(g: &mut Gen) -> Step {
    let (one, other) = (u8::arbitrary(g), u8::arbitrary(g));
    let tokens = [
        Token::Issued { nth: other },
        Token::Issued { nth: other },
        Token::Stolen { nth: other },
        Token::Forged,
    ];
    let ask = match below(g, 9) {
        0 => Ask::Ping,
        1 => Ask::Join,
        2 | 3 => Ask::FindNode(one),
        4 => Ask::FindValue(one),
        5 => Ask::GetValue {
            key: one,
            num: pick(g, &[0, 0, 1, -1, i64::MIN]),
        },
        6 => Ask::Store {
            key: one,
            value: other,
            token: pick(g, &tokens),
        },
        7 => Ask::Unknown {
            len: pick(g, &[0, 5, 1500]),
        },
        _ => Ask::WrongArguments(pick(g, &Method::ALL)),
    };
    let strange = one_in(g, 8);
    Step::Query {
        from: if strange {
            small(g, ADDRESSES)
        } else {
            small(g, PEERS)
        },
        ask,
        tid_len: if strange {
            pick(g, &[4, 21, 64, 65])
        } else {
            20
        },
    }
}

fn wrong(g: &mut Gen) -> Wrong {
    let how = u8::arbitrary(g);
    let code = pick(g, &[0, 201, 203, 204, 205, i64::MIN]);
    pick(
        g,
        &[
            Wrong::Address,
            Wrong::Tid,
            Wrong::Id,
            Wrong::OwnId,
            Wrong::NullId,
            Wrong::Code(code),
            Wrong::Bare,
            Wrong::Facts(how),
        ],
    )
}

fn edit(g: &mut Gen) -> Edit {
    let at = u16::arbitrary(g);
    let (bit, byte) = (u8::arbitrary(g) % 8, u8::arbitrary(g));
    pick(
        g,
        &[
            Edit::Cut(at),
            Edit::Flip { at, bit },
            Edit::Insert { at, byte },
        ],
    )
}

/// Bytes of every kind, those among them that bencode is made of, and more than any datagram has.
fn garbage(g: &mut Gen) -> Vec<u8> {
    let misshapen: [&[u8]; 7] = [
        b"de",
        b"le",
        b"d1:t1:xe",
        b"d1:t1:x1:y1:qe",
        b"d1:ad1:xi1ee1:qi1e1:t1:x1:y1:qe",
        b"d1:ri1e1:t1:x1:y1:re",
        b"d1:eli201ee1:t1:x1:y1:ee",
    ];
    match below(g, 6) {
        0 => vec![b'l'; 9000],
        1 | 2 => pick(g, &misshapen).to_vec(),
        3 => {
            let letters = b"dlei0123:-y1:q1:r";
            (0..below(g, 60)).map(|_| pick(g, letters)).collect()
        }
        _ => Vec::arbitrary(g),
    }
}

fn few(g: &mut Gen) -> Vec<u8> {
    (0..below(g, 5)).map(|_| u8::arbitrary(g)).collect()
}

fn small(g: &mut Gen, bound: u8) -> u8 {
    u8::arbitrary(g) % bound
}

fn below(g: &mut Gen, bound: u64) -> u64 {
    u64::arbitrary(g) % bound
}

fn one_in(g: &mut Gen, many: u64) -> bool {
    below(g, many) == 0
}

fn pick<T: Clone>(g: &mut Gen, from: &[T]) -> T {
    g.choose(from).expect("not empty").clone()
}
