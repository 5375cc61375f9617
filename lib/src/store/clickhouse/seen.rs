//! Which versions of runs are known to be in the database.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::run::RunKey;

/// So many are remembered at least; at most twice as many.
const GENERATION: usize = 4_096;

/// The newest version that was read of the runs that were read last.
#[derive(Default)]
pub(super) struct Seen(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<RunKey, u64>,
    old: HashMap<RunKey, u64>,
}

impl Seen {
    /// The version that was read of each of these runs, or `None` when one was not read lately.
    pub(super) fn all(&self, keys: &[RunKey]) -> Option<HashMap<RunKey, u64>> {
        let seen = self.lock();
        keys.iter()
            .map(|key| {
                let version = seen.young.get(key).or_else(|| seen.old.get(key))?;
                Some((key.clone(), *version))
            })
            .collect()
    }

    pub(super) fn remember<'a>(&self, versions: impl Iterator<Item = (&'a RunKey, u64)>) {
        let mut seen = self.lock();
        for (key, version) in versions {
            if seen.young.len() >= GENERATION {
                seen.old = std::mem::take(&mut seen.young);
            }
            seen.young.insert(key.clone(), version);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{RunId, TenantId};

    #[test]
    fn the_memory_is_bounded_and_keeps_what_was_read_last() {
        let tenant = TenantId::parse("t").unwrap();
        let key = |n: usize| (tenant.clone(), RunId(Uuid::from_u128(n as u128)));
        let seen = Seen::default();
        for n in 0..3 * GENERATION {
            seen.remember([(&key(n), n as u64)].into_iter());
        }
        assert_eq!(seen.all(&[key(0)]), None);
        let last = key(3 * GENERATION - 1);
        assert_eq!(seen.all(std::slice::from_ref(&last)).unwrap()[&last], 3 * GENERATION as u64 - 1);
        assert_eq!(seen.all(&[last, key(0)]), None, "all or nothing");
        let kept = seen.lock();
        assert!(kept.young.len() + kept.old.len() <= 2 * GENERATION);
    }
}
