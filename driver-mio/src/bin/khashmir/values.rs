//! What arguments mean: keys, identifiers, addresses, bytes and seconds.

use std::net::SocketAddrV4;
use std::time::Duration;

use khashmir::Id;

/// 40 hex digits, or any other text, which is hashed.
pub(crate) fn key(text: &str) -> Result<Id, String> {
    Ok(text
        .parse()
        .unwrap_or_else(|_| Id::hash_of(text.as_bytes())))
}

/// 40 hex digits that a node can have for its identifier.
pub(crate) fn node_id(text: &str) -> Result<Id, String> {
    let id: Id = text.parse().map_err(|error| format!("{error}"))?;
    if id.is_null() {
        return Err("no node can have the id of all zeros".to_owned());
    }
    Ok(id)
}

/// The size of a receive buffer.
pub(crate) fn receive_buffer(text: &str) -> Result<usize, String> {
    let bytes = text
        .parse()
        .ok()
        .filter(|bytes| RECEIVE_BUFFERS.contains(bytes));
    let [least, most] = [RECEIVE_BUFFERS.start(), RECEIVE_BUFFERS.end()];
    bytes.ok_or_else(|| format!("a number of bytes from {least} to {most} is expected"))
}

/// From what holds one datagram to what the system can be told.
const RECEIVE_BUFFERS: std::ops::RangeInclusive<usize> = 2048..=(1 << 30);

/// An IPv4 address and a port to listen at; port 0 for any that is free.
pub(crate) fn listen(text: &str) -> Result<SocketAddrV4, String> {
    let addr: SocketAddrV4 = text
        .parse()
        .map_err(|_| "an IPv4 address and a port are expected, such as 0.0.0.0:9977")?;
    if addr.ip().is_multicast() || addr.ip().is_broadcast() {
        return Err("no node can be at this address".to_owned());
    }
    Ok(addr)
}

/// A positive number of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || "a positive number of seconds is expected".to_owned();
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    let span = Duration::try_from_secs_f64(seconds).map_err(|_| expected())?;
    if span.is_zero() {
        return Err(expected());
    }
    Ok(span)
}

/// How many nodes the demo can have: at least two, and no more than a process may have sockets.
pub(crate) fn nodes(text: &str) -> Result<usize, String> {
    let nodes = text.parse().ok().filter(|nodes| (2..=1000).contains(nodes));
    nodes.ok_or_else(|| "a number from 2 to 1000 is expected".to_owned())
}

/// What random choices start from.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    let seed = text.parse();
    seed.map_err(|_| format!("a number from 0 to {} is expected", u64::MAX))
}

/// Bytes written as hex digits.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let expected = || "an even number of hex digits is expected".to_owned();
    let nibbles: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let nibbles = nibbles.ok_or_else(expected)?;
    let (pairs, []) = nibbles.as_chunks() else {
        return Err(expected());
    };
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Hex digits for bytes.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hex_or_hashed() {
        let hex = "0123456789abcdef0123456789ABCDEF01234567";
        let id = key(hex).expect("any text is a key");
        assert_eq!(id.to_string(), hex.to_lowercase());
        assert_eq!(key("abc"), Ok(Id::hash_of(b"abc")));
        assert_eq!(key(&hex[1..]), Ok(Id::hash_of(&hex.as_bytes()[1..])));
    }

    #[test]
    fn seconds_may_have_fractions_but_must_be_some() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("20"), Ok(Duration::from_secs(20)));
        for bad in ["0", "-1", "nan", "inf", "1e300", "", "2s"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hex_goes_there_and_back() {
        assert_eq!(from_hex("00fF7a"), Ok(vec![0, 255, 0x7a]));
        assert_eq!(to_hex(&[0, 255, 0x7a]), "00ff7a");
        assert_eq!(from_hex(""), Ok(vec![]));
        for bad in ["0", "0g", "+0", "0 ", "é"] {
            assert!(from_hex(bad).is_err(), "{bad:?}");
        }
    }
}
