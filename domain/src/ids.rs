//! Identifiers. Each is its own type, so that a run's id cannot stand where a workflow's is due.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::timestamp::Timestamp;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new time-ordered id (`UUIDv7`) for something that happens at `now`.
            ///
            /// `entropy` fills the random part; it is an argument so that this module stays pure.
            #[must_use]
            pub fn at(now: Timestamp, entropy: u128) -> Self {
                let bytes = entropy.to_be_bytes();
                let mut random = [0u8; 10];
                random.copy_from_slice(&bytes[6..]);
                Self(uuid::Builder::from_unix_timestamp_millis(now.as_millis().max(0).unsigned_abs(), &random).into_uuid())
            }

            /// When this id was made, if it tells (only `UUIDv7` does; a derived id does not).
            #[must_use]
            pub fn created_at(&self) -> Option<Timestamp> {
                if self.0.get_version_num() != 7 {
                    return None;
                }
                let millis = self.0.as_u128() >> 80;
                i64::try_from(millis).ok().map(Timestamp::from_millis)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(s).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A workflow's id.
    WorkflowId
);
uuid_id!(
    /// A run's id.
    RunId
);

uuid_id!(
    /// A credential's id.
    CredentialId
);

uuid_id!(
    /// A signal's id: what a step that it woke says of it.
    SignalId
);
/// The bits of a run's id that say which worker it belongs to.
const SLOT_BITS: u128 = u16::MAX as u128;

/// Namespace of the run ids that are derived from an idempotency key.
const IDEMPOTENT_RUNS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0001_0000_0001);

impl RunId {
    /// The id of the run that `key` stands for: the same tenant, workflow and key always give the
    /// same run, whatever is retried or delivered twice. Such an id tells no age.
    #[must_use]
    pub fn for_idempotency_key(tenant: &TenantId, workflow: WorkflowId, key: &str) -> Self {
        // The tenant cannot contain '\n' (see `TenantId::parse`), so the parts cannot run together.
        Self(Uuid::new_v5(&IDEMPOTENT_RUNS, format!("{tenant}\n{workflow}\n{key}").as_bytes()))
    }

    /// Its owner slot, the last 16 bits: which worker a run belongs to follows from this alone, and the record key of
    /// its events is this. So runs that must be at one worker have ids of one slot ([`Self::at_slot`]); those of all
    /// others are spread by chance.
    #[must_use]
    pub const fn owner_slot(self) -> u16 {
        self.0.as_u128() as u16
    }

    /// The id that differs in its owner slot alone.
    #[must_use]
    pub const fn at_slot(self, slot: u16) -> Self {
        Self(Uuid::from_u128(self.0.as_u128() & !SLOT_BITS | slot as u128))
    }

    /// The ids that differ from it in their owner slots alone: the first and the last of them, also in the order of
    /// ClickHouse, which compares the second halves first.
    #[must_use]
    pub const fn at_any_slot(self) -> (Self, Self) {
        (self.at_slot(0), self.at_slot(u16::MAX))
    }
}

/// Namespace of the signal ids that are derived from an idempotency key.
const IDEMPOTENT_SIGNALS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0002_0000_0001);

impl SignalId {
    /// The id of the signal that `key` stands for: the same run, name and key always give the same signal, however often
    /// it is sent.
    #[must_use]
    pub fn for_idempotency_key(run: RunId, name: &SignalName, key: &str) -> Self {
        // A name has no control characters, so the parts cannot run together.
        Self(Uuid::new_v5(&IDEMPOTENT_SIGNALS, format!("{run}\n{name}\n{key}").as_bytes()))
    }
}

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident, $what:literal, $max:literal, $allowed:expr) => {
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
        $(#[$meta])*
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses the text; the error says what is allowed.
            ///
            /// # Errors
            /// When the text is empty, too long or has characters that are not allowed.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let allowed: fn(char) -> bool = $allowed;
                if text.is_empty() || text.chars().count() > $max || !text.chars().all(allowed) {
                    return Err(InvalidId { what: $what, max: $max });
                }
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Self::parse(s)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// Who owns the data: every read and write is bounded by it.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    TenantId,
    "a tenant id",
    128,
    |c| c.is_ascii_graphic()
);
text_id!(
    /// A node's id, unique in its workflow; what the editor chose.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    NodeId,
    "a node id",
    128,
    |c| !c.is_control()
);

text_id!(
    /// A signal's name: what a step waits for.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    SignalName,
    "a signal's name",
    128,
    |c| !c.is_control()
);

impl NodeId {
    /// The text itself if it can be a node's id, else the nearest one that can.
    #[must_use]
    pub fn nearest(text: &str) -> Self {
        let fitting = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        let fitting: String = fitting.take(128).collect();
        Self(if fitting.is_empty() { "?".into() } else { fitting.into() })
    }
}

/// A text that cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} has 1 to {max} characters, none of them a control character")]
pub struct InvalidId {
    what: &'static str,
    max: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_tells_its_age() {
        let now = Timestamp::from_millis(1_763_971_200_123);
        assert_eq!(RunId::at(now, 7).created_at(), Some(now));
        assert_ne!(RunId::at(now, 7), RunId::at(now, 8));
    }

    #[test]
    fn the_same_idempotency_key_is_the_same_run_and_tells_no_age() {
        let tenant = TenantId::parse("acme").unwrap();
        let workflow = WorkflowId::at(Timestamp::from_millis(1), 1);
        let run = RunId::for_idempotency_key(&tenant, workflow, "order-1");
        assert_eq!(run, RunId::for_idempotency_key(&tenant, workflow, "order-1"));
        assert_ne!(run, RunId::for_idempotency_key(&tenant, workflow, "order-2"));
        assert_ne!(run, RunId::for_idempotency_key(&TenantId::parse("other").unwrap(), workflow, "order-1"));
        assert_eq!(run.created_at(), None);
    }

    #[test]
    fn an_id_at_another_slot_is_the_same_but_for_that_and_tells_its_age() {
        let id = RunId::at(Timestamp::from_millis(1_763_971_200_123), u128::MAX / 3);
        let moved = id.at_slot(0xbeef);
        assert_eq!((moved.owner_slot(), moved.created_at()), (0xbeef, id.created_at()));
        assert!(moved.to_string().ends_with("beef"), "{moved}");
        assert_eq!(moved.at_slot(id.owner_slot()), id);
        assert_eq!(moved.0.get_variant(), uuid::Variant::RFC4122);
        let (first, last) = id.at_any_slot();
        assert!(first < moved && moved < last && (first..=last).contains(&id));
    }

    #[test]
    fn ids_with_control_characters_or_without_characters_are_refused() {
        assert!(TenantId::parse("").is_err());
        assert!(TenantId::parse("a\nb").is_err());
        assert!(NodeId::parse("Größe 1").is_ok());
        assert!(NodeId::parse("a\tb").is_err());
        for (text, nearest) in [("Größe 1", "Größe 1"), ("a\tb", "a\u{fffd}b"), ("", "?")] {
            assert_eq!(NodeId::nearest(text), NodeId::parse(nearest).unwrap());
        }
        assert_eq!(NodeId::nearest(&"ü".repeat(300)), NodeId::parse(&"ü".repeat(128)).unwrap());
    }
}
