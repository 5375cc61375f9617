//! Point reads of runs.

use std::collections::{HashMap, HashSet};

use super::{
    cells::Reader,
    database::Database,
    rows::{ACCEPTANCES, FACTS, HEADS, RUN_FACTS, RunOrStep, read_acceptance, read_head, read_run_or_step},
    sql::{MAX_KEYS, keys_are},
};
use crate::store::{Head, StoreError};
use domain::{
    ids::{RunId, TenantId},
    run::{Run, RunKey, RunWithSteps, Step},
    timestamp::Timestamp,
};

/// Where the runs are. All rows of a run are read, since the newest is told apart here at less cost than in the
/// server: they are few, short, and merged away in the background.
pub(super) async fn heads(database: &Database, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
    let mut newest: HashMap<RunKey, (u64, Head)> = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        for row in database.select("heads", &heads_statement(keys)).await? {
            let (key, version, head) = read_head(row)?;
            let kept = newest.entry(key).or_insert((version, head));
            if kept.0 < version {
                *kept = (version, head);
            }
        }
    }
    Ok(newest.into_iter().map(|(key, (_, head))| (key, head)).collect())
}

/// When these runs were accepted, as their newest versions say.
pub(super) async fn acceptances(
    database: &Database,
    tenant: &TenantId,
    runs: &[RunId],
) -> Result<HashMap<RunId, Timestamp>, StoreError> {
    let mut newest: HashMap<RunId, (u64, Timestamp)> = HashMap::with_capacity(runs.len());
    for runs in runs.chunks(MAX_KEYS) {
        let condition = keys_are("scope", runs.iter().map(|run| (tenant, run.0)));
        let sql = format!("SELECT {ACCEPTANCES} FROM {RUN_FACTS} WHERE {condition} AND place = ''");
        for row in database.select("acceptances", &sql).await? {
            let (run, version, at) = read_acceptance(row)?;
            // Of equal versions, whose order is by chance, the later moment: the same on every page.
            let kept = newest.entry(run).or_insert((version, at));
            *kept = (version, at).max(*kept);
        }
    }
    Ok(newest.into_iter().map(|(run, (_, at))| (run, at)).collect())
}

/// The runs with their steps, as they were at one moment.
pub(super) async fn get(
    database: &Database,
    keys: &[RunKey],
) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
    let mut runs = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        collect(database.select("runs", &runs_statement(keys)).await?, &mut runs)?;
    }
    Ok(runs)
}

pub(super) fn heads_statement(keys: &[RunKey]) -> String {
    format!("SELECT {HEADS} FROM {RUN_FACTS} WHERE {} AND place = ''", condition(keys))
}

/// `LIMIT 1 BY` rather than `FINAL`, which would read the payloads of whole granules before it looks at the keys.
pub(super) fn runs_statement(keys: &[RunKey]) -> String {
    format!(
        "SELECT {} FROM {RUN_FACTS} WHERE {} ORDER BY version DESC LIMIT 1 BY tenant, scope, place",
        FACTS.join(", "),
        condition(keys)
    )
}

fn condition(keys: &[RunKey]) -> String {
    keys_are("scope", keys.iter().map(|(tenant, id)| (tenant, id.0)))
}

type Parts = (Option<Run>, Vec<(u32, Step)>);

fn collect(rows: Vec<Reader>, into: &mut HashMap<RunKey, RunWithSteps>) -> Result<(), StoreError> {
    let mut found: HashMap<RunKey, Parts> = HashMap::new();
    for row in rows {
        let (key, row) = read_run_or_step(row)?;
        let entry = found.entry(key).or_default();
        match row {
            RunOrStep::Run(run) => entry.0 = Some(run),
            RunOrStep::Step { ordinal, step } => entry.1.push((ordinal, step)),
        }
    }
    into.extend(found.into_iter().filter_map(|(key, (run, mut steps))| {
        steps.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.node_id.cmp(&y.node_id)));
        // Steps of a run that is not recorded yet are not shown.
        Some((key, RunWithSteps { run: run?, steps: steps.into_iter().map(|(_, step)| step).collect() }))
    }));
    Ok(())
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
