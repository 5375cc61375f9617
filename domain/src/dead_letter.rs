//! What is kept, for people, of what nobody could read or use.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ids::LetterId, timestamp::Timestamp};

/// So much of a record is kept: 64 KiB.
pub const MAX_LETTER_BYTES: usize = 64 * 1024;
/// So much of a reason is kept: it may repeat what stood in the record.
const MAX_REASON_BYTES: usize = 1_024;

/// A record that could not be read, as the dead-letter table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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

    /// Its id: that of whatever else tells of the same record of the same tenant, refused by the same endpoint at the same
    /// moment. It tells the moment.
    #[must_use]
    pub fn id(&self) -> LetterId {
        let Self { consumer, record, tenant, at, .. } = self;
        // Neither a tenant nor an endpoint has a line break.
        let digest = Uuid::new_v5(&LETTERS, format!("{tenant}\n{consumer}\n{record}").as_bytes());
        LetterId::at(*at, digest.as_u128())
    }
}

/// Namespace of the ids of letters.
const LETTERS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0004_0000_0001);

/// So many characters of a record are shown in a list.
pub const SHOWN_CHARS: usize = 200;

/// A dead letter in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LetterHead {
    /// Its id.
    pub id: LetterId,
    /// When the record was refused.
    pub at: Timestamp,
    /// Which endpoint refused it: `scheduler` or `worker`.
    pub consumer: String,
    /// Why, in words.
    pub reason: String,
    /// How many bytes of the record are kept.
    pub bytes: u64,
    /// The beginning of the record.
    pub beginning: String,
}

/// What somebody has done with a dead letter. It is in no list any more, and can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// It was sent again.
    SentAgain,
    /// It needs nobody any more.
    Dismissed,
}

impl Handling {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SentAgain => "sent_again",
            Self::Dismissed => "dismissed",
        }
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
    fn the_same_record_is_the_same_letter_and_tells_its_moment() {
        let letter = |record: &str, tenant| {
            DeadLetter::new("worker", "why", record.as_bytes(), tenant, Timestamp::from_millis(7)).id()
        };
        assert_eq!(letter("{}", "acme"), letter("{}", "acme"));
        assert_ne!(letter("{}", "acme"), letter("{ }", "acme"));
        assert_ne!(letter("{}", "acme"), letter("{}", ""));
        assert_eq!(letter("{}", "").created_at(), Some(Timestamp::from_millis(7)));
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
