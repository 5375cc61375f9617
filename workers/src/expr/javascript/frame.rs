//! How a message looks in the pipe: its length in four bytes, the lowest first, and so many bytes of JSON.

use std::io::{self, Read, Write};

use serde::Serialize;

/// Length of the length.
pub(super) const HEAD: usize = 4;

/// A message with its length, of at most `most` bytes.
///
/// # Errors
/// When it would be larger; nothing above the limit is held meanwhile.
pub(super) fn framed(message: &impl Serialize, most: usize) -> Result<Vec<u8>, TooLarge> {
    let mut bounded = Bounded { bytes: vec![0; HEAD], most: HEAD.saturating_add(most) };
    serde_json::to_writer(&mut bounded, message).map_err(|_| TooLarge)?;
    let mut bytes = bounded.bytes;
    let length = u32::try_from(bytes.len() - HEAD).map_err(|_| TooLarge)?;
    bytes[..HEAD].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// A message is larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The length that a message's first bytes tell, if it is at most `most`.
pub(super) fn length(head: [u8; HEAD], most: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if length > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    Ok(length)
}

/// The next message; `None` when there are no more.
pub(super) fn read(from: &mut impl Read, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; HEAD];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut body = vec![0; length(head, most)?];
    from.read_exact(&mut body)?;
    Ok(Some(body))
}

struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written_and_none_above_the_limit_is_either() {
        let bytes = framed(&"text", 6).unwrap();
        assert_eq!(read(&mut &*bytes, 6).unwrap().unwrap(), br#""text""#);
        assert_eq!(framed(&"text", 5), Err(TooLarge));
        assert_eq!(read(&mut &*bytes, 5).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(read(&mut &bytes[..8], 6).is_err(), "it broke off");
        assert!(read(&mut &b""[..], 6).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_refused_or_read_within_the_limit(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some(body)) = read(&mut &*bytes, 32) {
                prop_assert!(body.len() <= 32);
            }
        }
    }
}
