//! Inserts of facts.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    ids::{NodeId, RunId, TenantId},
    run::{Run, Step},
};
use tokio_util::task::TaskTracker;

use super::{
    connection::InsertRow,
    database::Database,
    run_rows::{RUN_ROWS, entry_row, run_row, step_place, step_row},
};
use crate::{
    batching::{BatchLimits, Coalescer, Load, Whose, whose},
    store::{Facts, StepFact, StoreError},
};

/// Facts as rows: written once, whatever is retried.
pub(super) struct Rows {
    rows: Vec<InsertRow>,
    bytes: usize,
    pub(super) whose: Whose,
}

impl Rows {
    pub(super) fn of(facts: &Facts) -> Result<Self, StoreError> {
        let runs = facts.runs.iter().map(|(tenant, run)| run_row(tenant, run));
        let entries = facts.runs.iter().map(|(tenant, run)| entry_row(tenant, run));
        let steps = step_rows(&facts.steps)?;
        let rows = steps.into_iter().map(Ok).chain(runs).chain(entries).collect::<Result<Vec<_>, _>>()?;
        let bytes = rows.iter().map(InsertRow::size).sum();
        let tenants = facts.steps.iter().map(|step| &step.tenant);
        let whose = whose(tenants.chain(facts.runs.iter().map(|(tenant, _)| tenant)));
        Ok(Self { rows, bytes, whose })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A row for each step; of a node in a loop one for the step of each iteration, and one for the newest of them, so that
/// who reads a run reads none of the others.
fn step_rows(steps: &[StepFact]) -> Result<Vec<InsertRow>, StoreError> {
    let mut rows = Vec::with_capacity(steps.len());
    let mut newest: HashMap<(&TenantId, RunId, &NodeId), &StepFact> = HashMap::new();
    for fact in steps {
        let Step { node_id, iteration, .. } = &fact.step;
        rows.push(step_row(fact, &step_place(node_id, iteration))?);
        if !iteration.is_outside() {
            let known = newest.entry((&fact.tenant, fact.run_id, node_id)).or_insert(fact);
            if (fact.run_attempt, fact.revision) > (known.run_attempt, known.revision) {
                *known = fact;
            }
        }
    }
    for fact in newest.into_values() {
        rows.push(step_row(fact, fact.step.node_id.as_str())?);
    }
    Ok(rows)
}

/// A batch of inserts at a time. Each makes a part, and a server with too many parts first
/// slows down and then refuses; so the more was written at once, the longer the next batch gathers.
const LIMITS: BatchLimits = BatchLimits {
    in_flight: 1,
    batch: Load { items: 50_000, bytes: 32 << 20 },
    queue: Load { items: 500_000, bytes: 256 << 20 },
    pacing: gap,
};

/// A quarter of a millisecond for each run of ten steps, at most a quarter of a second.
fn gap(batch: Load) -> Duration {
    let micros = u64::try_from(batch.items).unwrap_or(u64::MAX).saturating_mul(21);
    Duration::from_micros(micros).min(Duration::from_millis(250))
}

/// Gathers writes of many callers.
pub(super) fn writes(database: &Arc<Database>) -> Coalescer<Rows, (), StoreError> {
    let database = Arc::clone(database);
    Coalescer::new(LIMITS, measure, move |requests| {
        let database = Arc::clone(&database);
        async move { insert(&database, requests).await }
    })
}

/// Runs that are announced: an insert now and then, for which nobody waits.
pub(super) struct Announcements {
    gathered: Arc<Coalescer<Rows, (), StoreError>>,
    tasks: TaskTracker,
}

/// Between two inserts of one process. The server gathers those of all processes.
const BETWEEN_ANNOUNCEMENTS: Duration = Duration::from_millis(500);

/// More than half of what may wait is not announced while the database is away.
const ANNOUNCED: BatchLimits = BatchLimits {
    in_flight: 1,
    batch: Load { items: 20_000, bytes: 8 << 20 },
    queue: Load { items: 40_000, bytes: 16 << 20 },
    pacing: |_| BETWEEN_ANNOUNCEMENTS,
};

impl Announcements {
    pub(super) fn new(database: &Arc<Database>) -> Self {
        let database = Arc::clone(database);
        let gathered = Coalescer::new(ANNOUNCED, measure, move |requests| {
            let database = Arc::clone(&database);
            async move {
                let answers = vec![(); requests.len()];
                database.insert_some_time("announce_runs", RUN_ROWS, joined(requests)).await?;
                Ok(answers)
            }
        });
        Self { gathered: Arc::new(gathered), tasks: TaskTracker::new() }
    }

    pub(super) fn announce(&self, runs: Vec<(TenantId, Run)>) {
        let gathered = Arc::clone(&self.gathered);
        self.tasks.spawn(async move {
            let told = match Rows::of(&Facts::of_runs(runs)) {
                Ok(rows) => gathered.submit(rows.whose.clone(), rows).await.map_err(StoreError::from),
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                tracing::warn!(%error, "runs are not announced; they show once a worker has begun them");
            }
        });
    }
}

fn measure(rows: &Rows) -> Load {
    Load { items: rows.rows.len(), bytes: rows.bytes }
}

fn joined(requests: Vec<Rows>) -> Vec<InsertRow> {
    let mut rows = Vec::with_capacity(requests.iter().map(|request| request.rows.len()).sum());
    rows.extend(requests.into_iter().flat_map(|request| request.rows));
    rows
}

/// One block for the runs with their steps and entries, which is seen as a whole or not at all.
async fn insert(database: &Database, requests: Vec<Rows>) -> Result<Vec<()>, StoreError> {
    let answers = vec![(); requests.len()];
    database.insert("record_runs", RUN_ROWS, joined(requests)).await?;
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_run_holds_nobody_up_and_a_flood_is_gathered() {
        let gap = |items| gap(Load { items, bytes: 0 });
        assert!(gap(12) < Duration::from_micros(300));
        assert!(gap(64 * 12) < Duration::from_millis(17));
        assert_eq!(gap(1_000_000), Duration::from_millis(250));
    }
}
