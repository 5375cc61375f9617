//! Idempotency keys: the same key is the same run, the same key with another body is refused.

use std::{
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use quick_cache::unsync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::bounded;
use domain::{ids::RunId, limits::MAX_IDEMPOTENCY_KEY, timestamp::Timestamp};

/// Most keys that a process remembers; older ones are looked up in the store.
const REMEMBERED: usize = 10_000;

/// A client's name for one request, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A text that cannot be an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters (MAX_IDEMPOTENCY_KEY)")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = InvalidIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=MAX_IDEMPOTENCY_KEY).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidIdempotencyKey) }
    }
}

/// What a value is recognised by: equal values have equal fingerprints, whatever the order of their fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Fingerprint {
    pub(super) fn of(value: &Value) -> Self {
        let mut hash = Sha256::new();
        feed(&mut hash, value);
        Self(hash.finalize().into())
    }
}

/// Every value is fed with its kind and its length, so that no two different values feed the same bytes.
fn feed(hash: &mut Sha256, value: &Value) {
    let mut part = |kind: u8, bytes: &[u8]| {
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    match value {
        Value::Null => part(b'n', b""),
        Value::Bool(is) => part(b'b', &[u8::from(*is)]),
        Value::Number(number) => part(b'#', number.to_string().as_bytes()),
        Value::String(text) => part(b's', text.as_bytes()),
        Value::Array(list) => {
            part(b'[', &(list.len() as u64).to_be_bytes());
            list.iter().for_each(|value| feed(hash, value));
        }
        Value::Object(map) => {
            part(b'{', &(map.len() as u64).to_be_bytes());
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                hash.update((name.len() as u64).to_be_bytes());
                hash.update(name);
                feed(hash, value);
            }
        }
    }
}

/// What a request under a key asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) input: Fingerprint,
    /// The version that it names.
    pub(super) version: Option<u32>,
}

impl Asked {
    /// Whether it can be what has started a run of that input and version. A request that names no version is: what
    /// others named, nobody keeps.
    pub(super) fn is_for(self, (input, version): (Fingerprint, u32)) -> bool {
        self.input == input && self.version.is_none_or(|named| named == version)
    }
}

/// A run that was accepted in this process under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) run: RunId,
    pub(super) input: Fingerprint,
    pub(super) way: Fingerprint,
    pub(super) workflow_version: u32,
    pub(super) created_at: Timestamp,
}

/// The runs that this process accepted lately, by the ids that are derived from their keys.
pub(super) struct RecentKeys(Mutex<Cache<RunId, Accepted>>);

impl RecentKeys {
    pub(super) fn new() -> Self {
        // What is new is what may come again, so nothing old is kept in its place.
        Self(Mutex::new(bounded(REMEMBERED, 0.0)))
    }

    pub(super) fn get(&self, run: RunId) -> Option<Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied()
    }

    pub(super) fn remember(&self, run: RunId, accepted: Accepted) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, accepted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_fields_does_not_matter_and_everything_else_does() {
        let base = Fingerprint::of(&json!({"a": 1, "b": [true, null]}));
        assert_eq!(base, Fingerprint::of(&json!({"b": [true, null], "a": 1})));
        for other in [
            json!({"a": 1, "b": [null, true]}),
            json!({"a": 1.0, "b": [true, null]}),
            json!({"a": "1", "b": [true, null]}),
            json!({"a": 1, "b": [true], "c": null}),
            json!([{"a": 1, "b": [true, null]}]),
        ] {
            assert_ne!(base, Fingerprint::of(&other), "{other}");
        }
    }

    #[test]
    fn keys_are_visible_ascii_within_the_limit() {
        assert!("order-1!".parse::<IdempotencyKey>().is_ok());
        assert!("k".repeat(MAX_IDEMPOTENCY_KEY).parse::<IdempotencyKey>().is_ok());
        for text in ["", "a b", "schlüssel", "\u{7f}", &"k".repeat(MAX_IDEMPOTENCY_KEY + 1)] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(InvalidIdempotencyKey), "{text:?}");
        }
    }

    #[test]
    fn the_newest_keys_are_remembered_whatever_became_of_those_before() {
        let keys = RecentKeys::new();
        let at = Timestamp::from_millis(1);
        let (id, input) = (|n: usize| RunId::at(at, n as u128), Fingerprint::of(&json!(1)));
        for n in 0..3 * REMEMBERED {
            let accepted = Accepted { run: id(n), input, way: input, workflow_version: 1, created_at: at };
            keys.remember(id(n), accepted);
            // Some are asked for often, which does not make them any newer.
            assert!(keys.get(id(n / 1_000 * 1_000)).is_some());
        }
        let mut newest = 2 * REMEMBERED + 100..3 * REMEMBERED;
        assert!(newest.all(|n| keys.get(id(n)).is_some()));
        assert!(keys.get(id(1)).is_none());
    }
}
