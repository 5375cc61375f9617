//! Lists of runs.
//!
//! A page is read in the order of the table's key, from its end, and the read stops once there are enough rows:
//! `FINAL` or `LIMIT 1 BY` would read all runs of the workflow first. So a run that was written several times, and is
//! not merged yet, comes several times, one after the other, and is made one here.

use uuid::Uuid;

use super::{
    cells::Reader,
    database::Database,
    run_rows::{RUN_ROWS, attempt_and_revision, list_place},
    runs,
    sql::Text,
};
use crate::store::{Cursor, Page, PageRequest, StoreError};
use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::RunSummary,
};

/// So many rows are read for each run that is wanted, at first.
const ROWS_PER_RUN: usize = 3;

pub(super) async fn list(
    database: &Database,
    tenant: &TenantId,
    workflow: WorkflowId,
    page: &PageRequest,
) -> Result<Page<RunSummary>, StoreError> {
    let limit = page.limit.clamp(1, 200) as usize;
    let mut runs = Vec::with_capacity(limit + 1);
    let mut from = page.after;
    let mut wanted_rows = limit * ROWS_PER_RUN + 1;
    loop {
        let sql = statement(tenant, workflow, from.as_ref(), wanted_rows);
        let rows = database.select("list_runs", &sql).await?;
        let complete = rows.len() < wanted_rows;
        let rows = rows.into_iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
        let found = newest_of_each(rows, complete);
        match found.last() {
            Some(last) => from = Some(place(last)),
            // One run alone has more rows than were read.
            None => wanted_rows = wanted_rows.saturating_mul(4),
        }
        runs.extend(accepted_once(database, tenant, found).await?);
        if complete || runs.len() > limit {
            return Ok(Page { next: next(&mut runs, limit, place), items: runs });
        }
    }
}

/// Leaves out entries of acceptances that a run does not go back to. A request with an `Idempotency-Key` that is sent
/// again, because its process ended before it answered, is accepted twice with two moments: the run is one, and its
/// entries are two. Other runs' ids tell their moment, so there is nothing to look up.
async fn accepted_once(
    database: &Database,
    tenant: &TenantId,
    mut found: Vec<RunSummary>,
) -> Result<Vec<RunSummary>, StoreError> {
    let named: Vec<_> = found.iter().map(|run| run.id).filter(|run| run.created_at().is_none()).collect();
    if !named.is_empty() {
        let accepted = runs::acceptances(database, tenant, &named).await?;
        found.retain(|run| accepted.get(&run.id).is_none_or(|at| *at == run.created_at));
    }
    Ok(found)
}

fn place(run: &RunSummary) -> Cursor {
    Cursor { at: run.created_at, id: run.id.0 }
}

/// Cuts `items` to a page, and tells where the next one starts.
pub(super) fn next<T>(items: &mut Vec<T>, limit: usize, place: impl Fn(&T) -> Cursor) -> Option<Cursor> {
    let more = items.len() > limit;
    items.truncate(limit);
    items.last().filter(|_| more).map(place)
}

pub(super) fn statement(
    tenant: &TenantId,
    workflow: WorkflowId,
    from: Option<&Cursor>,
    rows: usize,
) -> String {
    let tenant = Text(tenant.as_str());
    let before = from
        .map_or(String::new(), |cursor| format!(" AND place < {}", Text(&list_place(cursor.at, cursor.id))));
    format!(
        "SELECT {ENTRIES} FROM {RUN_ROWS} WHERE tenant = {tenant} AND owner_id = '{workflow}'{before} \
         ORDER BY place DESC LIMIT {rows}"
    )
}

const ENTRIES: &str =
    "place, version, owner_id, workflow_version, status, trigger, created_at, started_at, finished_at";

/// A row of [`ENTRIES`], with its version.
fn read_entry(mut row: Reader) -> Result<(u64, RunSummary), StoreError> {
    let place = row.text()?;
    let id = place.get(12..).and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or_else(|| StoreError::Decode("an entry of a list is at no place".to_owned()))?;
    let version = row.u64()?;
    let summary = RunSummary {
        id: RunId(id),
        workflow_id: WorkflowId(row.uuid()?),
        workflow_version: row.u32()?,
        status: row.name()?,
        attempt: attempt_and_revision(version).0,
        trigger: row.json()?,
        created_at: row.moment()?,
        started_at: row.optional_moment()?,
        finished_at: row.optional_moment()?,
    };
    Ok((version, summary))
}

/// The newest row of each run. Without a complete answer the last run may have more rows, so it is left out.
fn newest_of_each(rows: Vec<(u64, RunSummary)>, complete: bool) -> Vec<RunSummary> {
    let mut newest: Vec<(u64, RunSummary)> = Vec::with_capacity(rows.len());
    for (version, run) in rows {
        match newest.last_mut() {
            Some((kept, last)) if last.id == run.id => {
                if *kept < version {
                    (*kept, *last) = (version, run);
                }
            }
            _ => newest.push((version, run)),
        }
    }
    if !complete {
        newest.pop();
    }
    newest.into_iter().map(|(_, run)| run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        run::{RunStatus, Trigger},
        timestamp::Timestamp,
    };

    fn row(id: u128, version: u64) -> (u64, RunSummary) {
        let run = RunSummary {
            id: RunId(Uuid::from_u128(id)),
            workflow_id: WorkflowId(Uuid::nil()),
            workflow_version: 1,
            status: if version > 1 { RunStatus::Succeeded } else { RunStatus::Queued },
            attempt: 1,
            trigger: Trigger::manual(),
            created_at: Timestamp::from_millis(1),
            started_at: None,
            finished_at: None,
        };
        (version, run)
    }

    #[test]
    fn rows_of_one_run_become_one_and_a_last_one_that_may_go_on_is_left_out() {
        let rows = || vec![row(3, 1), row(2, 1), row(2, 2), row(1, 2), row(1, 1)];
        let ids =
            |runs: Vec<RunSummary>| runs.iter().map(|r| (r.id.0.as_u128(), r.status)).collect::<Vec<_>>();
        use RunStatus::{Queued, Succeeded};
        assert_eq!(ids(newest_of_each(rows(), true)), [(3, Queued), (2, Succeeded), (1, Succeeded)]);
        assert_eq!(ids(newest_of_each(rows(), false)), [(3, Queued), (2, Succeeded)]);
        assert!(newest_of_each(vec![row(1, 1), row(1, 2)], false).is_empty());
    }
}
