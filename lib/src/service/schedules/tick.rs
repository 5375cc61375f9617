//! What is due is started.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    SchedulerError, Schedules,
    triggers::{Triggers, decide, gone},
};
use crate::store::{Next, TriggerRow};
use domain::workflow::WorkflowKey;

/// So many schedules are looked at at once.
const PAGE: usize = 2_000;
/// So long a look takes at most; what is due still is the next one's. A function has less than half a minute.
const LONGEST: Duration = Duration::from_secs(12);
/// When a schedule is looked at again whose workflow cannot be read now.
const LATER: Duration = Duration::from_mins(1);

impl Schedules {
    /// Starts all that is due: where nothing is, this is one read. Gives how many occurrences were started.
    ///
    /// # Errors
    /// When not all of it is known to be durable; what was decided is decided again then, to the same runs.
    pub async fn tick(&self) -> Result<usize, SchedulerError> {
        let begun = Instant::now();
        let mut started = 0;
        while begun.elapsed() < LONGEST {
            let due = self.store.due_triggers(self.clock.now(), PAGE).await?;
            if due.is_empty() {
                break;
            }
            started += self.look_at(due).await?;
        }
        Ok(started)
    }

    async fn look_at(&self, due: Vec<TriggerRow>) -> Result<usize, SchedulerError> {
        let keys: HashSet<WorkflowKey> = due.iter().map(TriggerRow::workflow).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let standings = self.store.standings(&keys).await?;
        let now = self.clock.now();
        let (mut rows, mut starts) = (Vec::with_capacity(due.len()), Vec::new());
        let mut behind: HashMap<WorkflowKey, u32> = HashMap::new();
        for row in due {
            match standings.get(&row.workflow()) {
                Some(standing) if standing.deleted => {
                    rows.push(gone(&row, standing.version.max(row.workflow_version)));
                }
                Some(standing) if standing.version > row.workflow_version => {
                    behind.insert(row.workflow(), standing.version);
                }
                Some(_) => rows.push(decide(row, now, &mut starts)),
                None => rows.push(later(row, now)),
            }
        }
        if !behind.is_empty() {
            rows.extend(self.catch_up(behind, now, &mut starts).await?);
        }
        self.start(&starts).await?;
        self.put(&rows).await?;
        Ok(starts.len())
    }

    /// The triggers of workflows that were saved again, of which their rows know nothing yet.
    async fn catch_up(
        &self,
        behind: HashMap<WorkflowKey, u32>,
        now: domain::timestamp::Timestamp,
        starts: &mut Vec<super::Occurrence>,
    ) -> Result<Vec<TriggerRow>, SchedulerError> {
        let keys: Vec<_> = behind.keys().cloned().collect();
        let known = self.store.triggers_of(&keys).await?;
        let (all, more) = self.advanced(known.clone(), Vec::new(), behind).await?;
        starts.extend(more);
        let moved: Vec<_> = all.into_values().flat_map(Triggers::into_changed).collect();
        let stuck = known.into_iter().filter(|row| row.due() <= now);
        let stuck: Vec<_> = stuck.filter(|row| !moved.iter().any(|moved| moved.key == row.key)).collect();
        Ok(moved.into_iter().chain(stuck.into_iter().map(|row| later(row, now))).collect())
    }
}

/// The trigger, to be looked at again in a while.
fn later(mut row: TriggerRow, now: domain::timestamp::Timestamp) -> TriggerRow {
    tracing::warn!(
        workflow.id = %row.key.workflow, node.id = %row.key.node, tenant = row.key.tenant.as_str(),
        "a schedule is due whose workflow cannot be read now; it is looked at again in a minute"
    );
    row.next = row.next.map(|Next { planned, .. }| Next { planned, due: now.plus(LATER) });
    row.revision = row.revision.saturating_add(1);
    row
}
