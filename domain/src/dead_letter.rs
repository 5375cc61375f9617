//! What is kept, for people, of what nobody could read or use.

use serde::{Deserialize, Serialize};

use super::timestamp::Timestamp;

/// So much of a record is kept: 64 KiB.
pub const MAX_LETTER_BYTES: usize = 64 * 1024;
/// So much of a reason is kept: it may repeat what stood in the record.
const MAX_REASON_BYTES: usize = 1_024;

/// A record that could not be read, as the dead-letter table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Which endpoint refused it: `scheduler` or `worker`.
    pub consumer: String,
    /// Why, in words.
    pub reason: String,
    /// The record's bytes as text, cut at [`MAX_LETTER_BYTES`].
    pub record: String,
    /// The tenant, when it could be read; else empty.
    pub tenant: String,
    /// When it was refused.
    pub at: Timestamp,
}

impl DeadLetter {
    /// The letter about `record`. What is too long is cut; of a record that is cut, the reason says so.
    #[must_use]
    pub fn new(consumer: &str, reason: &str, record: &[u8], tenant: &str, at: Timestamp) -> Self {
        let mut reason = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
        if record.len() > MAX_LETTER_BYTES {
            reason += &format!(" (of {} bytes the first {MAX_LETTER_BYTES} are kept)", record.len());
        }
        let (consumer, tenant) = (consumer.to_owned(), tenant.to_owned());
        Self { consumer, reason, record: excerpt(record), tenant, at }
    }
}

/// At most [`MAX_LETTER_BYTES`] of a text, cut between characters.
fn excerpt(text: &[u8]) -> String {
    let cut = &text[..text.len().min(MAX_LETTER_BYTES)];
    let mut text = String::from_utf8_lossy(cut).into_owned();
    // Replacement characters are longer than what they replace.
    text.truncate(text.floor_char_boundary(MAX_LETTER_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_kept_as_it_is() {
        let letter = DeadLetter::new("worker", "why", b"{\xff", "acme", Timestamp::from_millis(7));
        let expected = DeadLetter {
            consumer: "worker".to_owned(),
            reason: "why".to_owned(),
            record: "{\u{fffd}".to_owned(),
            tenant: "acme".to_owned(),
            at: Timestamp::from_millis(7),
        };
        assert_eq!(letter, expected);
    }

    #[test]
    fn what_is_long_is_cut_between_characters_and_says_so() {
        let long = format!("x{}", "ü".repeat(MAX_LETTER_BYTES));
        let letter = DeadLetter::new("worker", &long, long.as_bytes(), "", Timestamp::from_millis(7));
        assert_eq!(letter.record, long[..MAX_LETTER_BYTES - 1]);
        assert!(letter.reason.ends_with("ü (of 131073 bytes the first 65536 are kept)"), "{}", letter.reason);
        assert!(letter.reason.len() < 1_100);
    }
}
