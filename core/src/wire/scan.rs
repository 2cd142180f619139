//! Reading bencode in place: strict, in one pass, and without memory of its own.
//!
//! It takes what the library behind `bencode` takes, and nothing else; the tests hold the two
//! equal. Values stay where they are in the datagram.

/// A value that was read, as a part of the bytes that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned<'a> {
    Bytes(&'a [u8]),
    Dict,
    Int(Int<'a>),
    List(List<'a>),
}

impl<'a> Scanned<'a> {
    pub(super) const fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Dict | Self::Int(_) | Self::List(_) => None,
        }
    }

    pub(super) const fn int(self) -> Option<Int<'a>> {
        match self {
            Self::Int(int) => Some(int),
            Self::Bytes(_) | Self::Dict | Self::List(_) => None,
        }
    }

    pub(super) const fn list(self) -> Option<List<'a>> {
        match self {
            Self::List(list) => Some(list),
            Self::Bytes(_) | Self::Dict | Self::Int(_) => None,
        }
    }
}

/// An integer by its canonical digits: those of bencode have no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Int<'a>(&'a [u8]);

impl Int<'_> {
    /// The integer, the nearest of 64 bits when it has more.
    pub(super) fn signed(self) -> i64 {
        match self.0 {
            [b'-', digits @ ..] => 0_i64.saturating_sub_unsigned(magnitude(digits)),
            digits => i64::try_from(magnitude(digits)).unwrap_or(i64::MAX),
        }
    }

    /// The integer, when it is one from 0 up; the nearest of 64 bits when it has more.
    pub(super) fn unsigned(self) -> Option<u64> {
        match self.0 {
            [b'-', ..] => None,
            digits => Some(magnitude(digits)),
        }
    }
}

fn magnitude(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number: u64, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit.wrapping_sub(b'0')))
    })
}

/// A list whose items were read: their bytes, without the letters around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List<'a>(&'a [u8]);

impl<'a> List<'a> {
    pub(super) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The items, if there are two.
    pub(super) fn pair(self) -> Option<(Scanned<'a>, Scanned<'a>)> {
        let mut reader = Reader::new(self.0);
        // They were read before, and lie no deeper than was allowed then.
        let pair = (reader.value(usize::MAX)?, reader.value(usize::MAX)?);
        reader.is_at_end().then_some(pair)
    }
}

/// The number from 0 up that a dictionary has under a key, whatever lies beside it and however deep:
/// nothing else of it is checked but that it ends where the bytes end.
pub(crate) fn number_under(bytes: &[u8], key: &[u8]) -> Option<u64> {
    let (mut reader, mut number) = (Reader::new(bytes), None);
    reader.dict(1, |name, reader, _| {
        if name == key && matches!(reader.rest, [b'i', ..]) {
            number = reader.int()?.unsigned();
            return Some(());
        }
        reader.skip()
    })?;
    number.filter(|_| reader.is_at_end())
}

/// What is still to be read. After a `None` nothing more is to be asked of it: the bytes are not
/// what they should be.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads one whole value, in which containers lie in each other at most so deep.
    #[inline]
    pub(super) fn value(&mut self, depth: usize) -> Option<Scanned<'a>> {
        match self.rest.first()? {
            b'0'..=b'9' => self.string().map(Scanned::Bytes),
            _ => self.other_value(depth),
        }
    }

    /// Reads one whole value that is not a string.
    fn other_value(&mut self, depth: usize) -> Option<Scanned<'a>> {
        match self.rest.first()? {
            b'd' => {
                self.dict(depth, |_, reader, depth| reader.value(depth).map(|_| ()))?;
                Some(Scanned::Dict)
            }
            b'i' => self.int().map(Scanned::Int),
            b'l' => self.list(depth).map(Scanned::List),
            _ => None,
        }
    }

    /// Reads a dictionary, if that is what comes next; `each` gets every key and reads its value,
    /// in which containers may lie as deep as it is told. Keys have to ascend.
    pub(super) fn dict(
        &mut self,
        depth: usize,
        mut each: impl FnMut(&'a [u8], &mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        self.take(b'd')?;
        let depth = depth.checked_sub(1)?;
        let mut last = None;
        while self.take(b'e').is_none() {
            let key = self.string()?;
            if last.is_some_and(|last| !precedes(last, key)) {
                return None;
            }
            last = Some(key);
            each(key, self, depth)?;
        }
        Some(())
    }

    /// Passes over one value. It does not recurse, so that depth costs nothing.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.rest {
                [b'd' | b'l', rest @ ..] => {
                    self.rest = rest;
                    open += 1;
                }
                [b'e', rest @ ..] => {
                    self.rest = rest;
                    open = open.checked_sub(1)?;
                }
                [b'i', ..] => {
                    self.int()?;
                }
                _ => {
                    self.string()?;
                }
            }
            if open == 0 {
                return Some(());
            }
        }
    }

    /// Whether a dictionary comes next.
    pub(super) const fn is_at_dict(&self) -> bool {
        matches!(self.rest, [b'd', ..])
    }

    /// Reads a string, if that is what comes next.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        // Most are short, and so is the way to them.
        let (len, rest) = match self.rest {
            [one @ b'0'..=b'9', b':', rest @ ..] => (usize::from(one - b'0'), rest),
            [ten @ b'1'..=b'9', one @ b'0'..=b'9', b':', rest @ ..] => {
                (usize::from(ten - b'0') * 10 + usize::from(one - b'0'), rest)
            }
            _ => self.long_len()?,
        };
        let (string, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(string)
    }

    /// The length of a string, and what comes after its colon.
    fn long_len(&self) -> Option<(usize, &'a [u8])> {
        let colon = self.rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at_checked(colon)?;
        let (b':', rest) = rest.split_first()? else {
            return None;
        };
        // A number beyond 64 bits counts as the largest, which is more than there are bytes.
        let canonical = matches!(digits, [b'1'..=b'9', ..]);
        let len = usize::try_from(magnitude(digits)).ok()?;
        canonical.then_some((len, rest))
    }

    fn int(&mut self) -> Option<Int<'a>> {
        self.take(b'i')?;
        let end = self.rest.iter().position(|byte| *byte == b'e')?;
        let (int, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        self.take(b'e')?;
        let digits = int.strip_prefix(b"-").unwrap_or(int);
        let canonical = match digits {
            [b'0'] => digits.len() == int.len(),
            [b'1'..=b'9', more @ ..] => more.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        canonical.then_some(Int(int))
    }

    fn list(&mut self, depth: usize) -> Option<List<'a>> {
        self.take(b'l')?;
        let depth = depth.checked_sub(1)?;
        let from = self.rest;
        loop {
            let left = self.rest.len();
            if self.take(b'e').is_some() {
                return from.get(..from.len() - left).map(List);
            }
            self.value(depth)?;
        }
    }

    #[inline]
    fn take(&mut self, letter: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        if *first != letter {
            return None;
        }
        self.rest = rest;
        Some(())
    }
}

/// Whether one key comes before another. Most differ in their first letter already.
fn precedes(one: &[u8], other: &[u8]) -> bool {
    match (one.first(), other.first()) {
        (Some(a), Some(b)) if a != b => a < b,
        _ => one < other,
    }
}

#[cfg(test)]
mod tests;
