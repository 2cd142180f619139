//! Datagrams as the tests like them: each in a buffer of its own.

/// What `write` writes.
pub(crate) fn written<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}
