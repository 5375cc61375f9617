//! Inserts of facts.

use std::time::Duration;

use tokio::try_join;

use super::{
    cells::size,
    connection::InsertRow,
    database::Database,
    rows::{run_row, run_summary_row, step_row},
};
use crate::{
    batching::{BatchLimits, Load},
    store::{Facts, StoreError},
};

/// Facts as rows: written once, whatever is retried.
pub(super) struct Rows {
    runs_and_steps: Vec<InsertRow>,
    summaries: Vec<InsertRow>,
    bytes: usize,
}

impl Rows {
    pub(super) fn of(facts: &Facts) -> Result<Self, StoreError> {
        let runs = facts.runs.iter().map(|(tenant, run)| run_row(tenant, run));
        let runs_and_steps = facts.steps.iter().map(step_row).chain(runs).collect::<Result<Vec<_>, _>>()?;
        let summaries = facts
            .runs
            .iter()
            .map(|(tenant, run)| run_summary_row(tenant, run))
            .collect::<Result<Vec<_>, _>>()?;
        let bytes = runs_and_steps.iter().chain(&summaries).map(|row| size(&row.values)).sum();
        Ok(Self { runs_and_steps, summaries, bytes })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs_and_steps.is_empty()
    }
}

pub(super) fn measure(rows: &Rows) -> Load {
    Load { items: rows.runs_and_steps.len(), bytes: rows.bytes }
}

/// A batch of inserts at a time. Each makes a part in two tables, and a server with too many parts first
/// slows down and then refuses; so the more was written at once, the longer the next batch gathers.
pub(super) const LIMITS: BatchLimits = BatchLimits {
    in_flight: 1,
    batch: Load { items: 50_000, bytes: 32 << 20 },
    queue: Load { items: 500_000, bytes: 256 << 20 },
    pacing: gap,
};

/// A quarter of a millisecond for each run of ten steps, at most a quarter of a second.
fn gap(batch: Load) -> Duration {
    let micros = u64::try_from(batch.items).unwrap_or(u64::MAX).saturating_mul(23);
    Duration::from_micros(micros).min(Duration::from_millis(250))
}

/// One block for the runs with their steps, which is seen as a whole or not at all; the list's rows side by side.
pub(super) async fn insert(database: &Database, requests: Vec<Rows>) -> Result<Vec<()>, StoreError> {
    let answers = vec![(); requests.len()];
    let (mut runs_and_steps, mut summaries) = (Vec::new(), Vec::new());
    for rows in requests {
        runs_and_steps.extend(rows.runs_and_steps);
        summaries.extend(rows.summaries);
    }
    try_join!(
        database.insert("record_runs", "runs", runs_and_steps),
        database.insert("record_list", "runs_by_workflow", summaries),
    )?;
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_run_holds_nobody_up_and_a_flood_is_gathered() {
        let gap = |items| gap(Load { items, bytes: 0 });
        assert!(gap(11) < Duration::from_micros(300));
        assert!(gap(64 * 11) < Duration::from_millis(17));
        assert_eq!(gap(1_000_000), Duration::from_millis(250));
    }
}
