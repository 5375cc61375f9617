//! Point reads of runs.

use std::collections::{HashMap, HashSet};

use tokio::try_join;

use super::{
    database::Database,
    rows::{HEADS, RUNS, STEPS, read_head, read_run, read_step},
    seen::Seen,
    sql::{MAX_KEYS, keys_are},
};
use crate::{
    domain::run::{Run, RunKey, RunWithSteps, Step},
    store::{Head, StoreError},
};

/// Reads runs by their keys.
pub(super) struct RunReader {
    seen: Seen,
}

type Runs = HashMap<RunKey, (u64, Run)>;
type Steps = HashMap<RunKey, Vec<(u32, Step)>>;

impl RunReader {
    pub(super) fn new() -> Self {
        Self { seen: Seen::default() }
    }

    /// Where the runs are. All rows of a run are read, since the newest is told apart here at less cost than in the
    /// server: they are few, short, and merged away in the background.
    pub(super) async fn heads(
        &self,
        database: &Database,
        keys: &[RunKey],
    ) -> Result<HashMap<RunKey, Head>, StoreError> {
        let mut newest: HashMap<RunKey, (u64, Head)> = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS) {
            let sql = format!("SELECT {HEADS} FROM runs WHERE {}", condition("id", keys));
            for row in database.select("heads", &sql).await? {
                let (key, version, head) = read_head(row)?;
                let kept = newest.entry(key).or_insert((version, head));
                if kept.0 < version {
                    *kept = (version, head);
                }
            }
        }
        self.seen.remember(newest.iter().map(|(key, (version, _))| (key, *version)));
        Ok(newest.into_iter().map(|(key, (_, head))| (key, head)).collect())
    }

    /// The runs with their steps.
    ///
    /// A run that is seen must have its steps, which were written before it. So steps are read after runs, except
    /// when each run's present version was seen earlier (the usual case: a poll saw it move): then both are read
    /// at once, and the steps again of those runs that have moved on since.
    pub(super) async fn get(
        &self,
        database: &Database,
        keys: &[RunKey],
    ) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        let (runs, steps) = match self.seen.all(keys) {
            Some(known) => {
                let (runs, mut steps) = try_join!(read_runs(database, keys), read_steps(database, keys))?;
                let moved: Vec<RunKey> = runs
                    .iter()
                    .filter(|(key, (version, _))| known.get(*key) != Some(version))
                    .map(|(key, _)| key.clone())
                    .collect();
                if !moved.is_empty() {
                    for key in &moved {
                        steps.remove(key);
                    }
                    steps.extend(read_steps(database, &moved).await?);
                }
                (runs, steps)
            }
            None => {
                let runs = read_runs(database, keys).await?;
                let found: Vec<RunKey> = runs.keys().cloned().collect();
                let steps = read_steps(database, &found).await?;
                (runs, steps)
            }
        };
        self.seen.remember(runs.iter().map(|(key, (version, _))| (key, *version)));
        Ok(join(runs, steps))
    }
}

fn join(runs: Runs, mut steps: Steps) -> HashMap<RunKey, RunWithSteps> {
    runs.into_iter()
        .map(|(key, (_, run))| {
            let mut steps = steps.remove(&key).unwrap_or_default();
            steps.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.node_id.cmp(&y.node_id)));
            let steps = steps.into_iter().map(|(_, step)| step).collect();
            (key, RunWithSteps { run, steps })
        })
        .collect()
}

/// `LIMIT 1 BY` rather than `FINAL`, which would read the payloads of whole granules before it looks at the keys.
async fn read_runs(database: &Database, keys: &[RunKey]) -> Result<Runs, StoreError> {
    let mut runs = Runs::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let columns = RUNS.join(", ");
        let condition = condition("id", keys);
        let sql = format!(
            "SELECT {columns} FROM runs WHERE {condition} ORDER BY version DESC LIMIT 1 BY tenant, id"
        );
        for row in database.select("runs", &sql).await? {
            let (key, version, run) = read_run(row)?;
            runs.insert(key, (version, run));
        }
    }
    Ok(runs)
}

async fn read_steps(database: &Database, keys: &[RunKey]) -> Result<Steps, StoreError> {
    let mut steps = Steps::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let columns = STEPS.join(", ");
        let condition = condition("run_id", keys);
        let sql = format!(
            "SELECT {columns} FROM steps WHERE {condition} ORDER BY version DESC LIMIT 1 BY tenant, run_id, node_id"
        );
        for row in database.select("steps", &sql).await? {
            let (key, ordinal, step) = read_step(row)?;
            steps.entry(key).or_default().push((ordinal, step));
        }
    }
    Ok(steps)
}

fn condition(column: &str, keys: &[RunKey]) -> String {
    keys_are(column, keys.iter().map(|(tenant, id)| (tenant, id.0)))
}

/// The keys of many requests, each once.
pub(super) fn union(requests: &[Vec<RunKey>]) -> Vec<RunKey> {
    let keys: HashSet<&RunKey> = requests.iter().flatten().collect();
    keys.into_iter().cloned().collect()
}

/// What each request asked for, out of the answer for all; the last one to ask takes it.
pub(super) fn share<T: Clone>(
    requests: Vec<Vec<RunKey>>,
    mut all: HashMap<RunKey, T>,
) -> Vec<HashMap<RunKey, T>> {
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
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{RunId, TenantId};

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
