//! Reads for many callers that share a query.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::database::Database;
use crate::{
    batching::{BatchError, BatchLimits, Coalescer, Load},
    store::StoreError,
};
use domain::run::RunKey;

/// Reads of runs, each by any number of keys.
pub(super) type Gathered<T> = Coalescer<Vec<RunKey>, HashMap<RunKey, T>, StoreError>;

/// One query at a time: what comes meanwhile gathers for the next.
const READS: BatchLimits = BatchLimits {
    in_flight: 1,
    batch: Load { items: 1_000, bytes: 128 << 10 },
    queue: Load { items: 100_000, bytes: 12 << 20 },
    pacing: gap,
};

/// A lone read holds nobody up. Where many come, a query costs far more than a run more in it (measured: 3 ms, and
/// 0.07 ms each), so the more there were, the longer the next query gathers: at most 20 ms.
fn gap(batch: Load) -> Duration {
    let others = u64::try_from(batch.items.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_micros(others.saturating_mul(500)).min(Duration::from_millis(20))
}

/// About what a key takes in a query beside its tenant: the run's id.
const KEY_BYTES: usize = 44;

fn measure(keys: &[RunKey]) -> Load {
    Load { items: keys.len(), bytes: keys.iter().map(|(tenant, _)| tenant.as_str().len() + KEY_BYTES).sum() }
}

/// Gathers reads for `read`, which gets each key once.
pub(super) fn reads<T, F, Fut>(database: &Arc<Database>, read: F) -> Gathered<T>
where
    T: Clone + Send + 'static,
    F: Fn(Arc<Database>, Vec<RunKey>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<HashMap<RunKey, T>, StoreError>> + Send + 'static,
{
    let database = Arc::clone(database);
    Coalescer::new(
        READS,
        |keys| measure(keys),
        move |requests: Vec<Vec<RunKey>>| {
            let read = read(Arc::clone(&database), union(&requests));
            async move { Ok(share(requests, read.await?)) }
        },
    )
}

impl From<BatchError<Self>> for StoreError {
    fn from(error: BatchError<Self>) -> Self {
        match error {
            BatchError::Failed(error) => Arc::unwrap_or_clone(error),
            error @ (BatchError::Full { .. } | BatchError::Stopped) => Self::Unavailable(error.to_string()),
        }
    }
}

/// The keys of many requests, each once.
fn union(requests: &[Vec<RunKey>]) -> Vec<RunKey> {
    let keys: HashSet<&RunKey> = requests.iter().flatten().collect();
    keys.into_iter().cloned().collect()
}

/// What each request asked for, out of the answer for all; the last one to ask takes it.
fn share<T: Clone>(requests: Vec<Vec<RunKey>>, mut all: HashMap<RunKey, T>) -> Vec<HashMap<RunKey, T>> {
    let mut asked: HashMap<RunKey, usize> = HashMap::with_capacity(all.len());
    for key in requests.iter().flatten() {
        *asked.entry(key.clone()).or_default() += 1;
    }
    requests
        .into_iter()
        .map(|keys| {
            keys.into_iter()
                .filter_map(|key| {
                    let left = asked.get_mut(&key)?;
                    *left -= 1;
                    let value = if *left == 0 { all.remove(&key) } else { all.get(&key).cloned() };
                    value.map(|value| (key, value))
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::ids::{RunId, TenantId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn callers_that_ask_for_the_same_run_all_get_it() {
        let tenant = TenantId::parse("t").unwrap();
        let key = |n| (tenant.clone(), RunId(Uuid::from_u128(n)));
        let requests = vec![vec![key(1), key(2)], vec![key(2), key(2), key(3)], vec![]];
        assert_eq!(union(&requests).len(), 3);
        let all = HashMap::from([(key(1), "one"), (key(2), "two")]);
        let shared = share(requests, all);
        assert_eq!(shared[0], HashMap::from([(key(1), "one"), (key(2), "two")]));
        assert_eq!(shared[1], HashMap::from([(key(2), "two")]));
        assert!(shared[2].is_empty());
    }
}
