//! Remembers verified tokens: checking a signature takes a hundred times as long as hashing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use super::Principal;
use domain::timestamp::Timestamp;

/// So many tokens are remembered at least, and at most twice as many.
const CAPACITY: usize = 4_096;

/// A token's SHA-256, so that the memory holds nothing that can be presented.
pub(super) type TokenDigest = [u8; 32];

/// The digest of a token.
pub(super) fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

/// Tokens that were verified.
#[derive(Debug, Default)]
pub(super) struct Verified {
    tokens: Mutex<Tokens>,
}

/// Two halves: when the recent one is full, it becomes the older one, whose tokens are forgotten unless they are
/// seen again. So memory is bounded without a list of what was used when.
#[derive(Debug, Default)]
struct Tokens {
    recent: HashMap<TokenDigest, Entry>,
    older: HashMap<TokenDigest, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    principal: Principal,
    expires: Timestamp,
    generation: u64,
}

impl Verified {
    /// Whose the token is, if it was verified with the keys of this generation and has not expired.
    pub(super) fn get(&self, token: &TokenDigest, generation: u64, now: Timestamp) -> Option<Principal> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let valid = |entry: &Entry| entry.generation == generation && now < entry.expires;
        if let Some(entry) = tokens.recent.get(token) {
            return valid(entry).then(|| entry.principal.clone());
        }
        let entry = tokens.older.remove(token).filter(valid)?;
        let principal = entry.principal.clone();
        tokens.put(*token, entry);
        Some(principal)
    }

    /// Remembers the token until it expires: without the leeway that its check allows.
    pub(super) fn put(&self, token: TokenDigest, generation: u64, principal: Principal, expires: Timestamp) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.put(token, Entry { principal, expires, generation });
    }
}

impl Tokens {
    fn put(&mut self, token: TokenDigest, entry: Entry) {
        if self.recent.len() >= CAPACITY {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(token, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scopes;
    use domain::ids::TenantId;

    fn principal() -> Principal {
        Principal { tenant: TenantId::parse("acme").unwrap(), subject: "ada".into(), scopes: Scopes::all() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_token_is_remembered_until_it_expires_or_the_keys_change() {
        let verified = Verified::default();
        let token = digest("t");
        verified.put(token, 3, principal(), at(1_000));
        assert_eq!(verified.get(&token, 3, at(999)), Some(principal()));
        assert_eq!(verified.get(&token, 3, at(1_000)), None);
        assert_eq!(verified.get(&token, 4, at(0)), None);
        assert_eq!(verified.get(&digest("T"), 3, at(0)), None);
    }

    #[test]
    fn any_number_of_tokens_takes_bounded_memory_and_a_busy_one_stays() {
        let verified = Verified::default();
        let busy = digest("busy");
        verified.put(busy, 0, principal(), at(1));
        for n in 0..CAPACITY * 5 {
            verified.put(digest(&n.to_string()), 0, principal(), at(1));
            if n % 1_000 == 0 {
                assert!(verified.get(&busy, 0, at(0)).is_some(), "{n}");
            }
        }
        let tokens = verified.tokens.lock().unwrap();
        assert!(tokens.recent.len() <= CAPACITY && tokens.older.len() <= CAPACITY);
    }
}
