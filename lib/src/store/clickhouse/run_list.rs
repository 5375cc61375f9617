//! Lists of runs.
//!
//! A page is read in the order of the table's key, from its end, and the read stops once there are enough rows:
//! `FINAL` or `LIMIT 1 BY` would read all runs of the workflow first. So a run that was written several times, and is
//! not merged yet, comes several times, one after the other, and is made one here.
//!
//! Rows in order are a merge of all parts of the table, and even with nothing to give each part costs some 2 ms. So a page
//! is first looked for in one day: parts of other days are passed over by their index (ten million runs, 13 parts: 8 ms
//! instead of 27).

use std::time::Duration;

use uuid::Uuid;

use super::{
    cells::Reader,
    database::Database,
    run_rows::{RUN_ROWS, attempt_and_revision, list_place},
    runs,
    sql::Text,
};
use crate::clock::{Clock as _, SystemClock};
use crate::store::{Cursor, Found, Page, PageRequest, StoreError, UnreadableRow};
use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::RunSummary,
    timestamp::Timestamp,
};

/// So many rows are read for each run that is wanted, at first.
const ROWS_PER_RUN: usize = 3;

/// Where a page is looked for first: so long before where it begins.
const NEAR: Duration = Duration::from_hours(24);

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
    let begins = from.map_or_else(|| SystemClock.now(), |cursor| cursor.at);
    let mut since = Some(begins.minus(NEAR));
    loop {
        let sql = statement(tenant, workflow, (since, from.as_ref()), wanted_rows);
        let rows = database.select("list_runs", &sql).await?;
        let complete = rows.len() < wanted_rows;
        let rows = rows
            .into_iter()
            .filter_map(|row| database.unreadable.readable("a list of runs", read_entry(workflow, row)));
        let found = newest_of_each(rows, complete);
        match found.last() {
            Some((last, _)) => from = Some(*last),
            None if complete => {}
            // One run alone has more rows than were read.
            None => wanted_rows = wanted_rows.saturating_mul(4),
        }
        for (place, run) in &found {
            if let Err(why) = run {
                database.unreadable.tell(format_args!("run {} in a list", place.id), why);
            }
        }
        runs.extend(accepted_once(database, tenant, found).await?);
        if runs.len() > limit || complete && since.take().is_none() {
            return Ok(Page::of(runs, limit));
        }
    }
}

/// Leaves out entries of acceptances that a run does not go back to. A request with an `Idempotency-Key` that is sent
/// again, because its process ended before it answered, is accepted twice with two moments: the run is one, and its
/// entries are two. Other runs' ids tell their moment, so there is nothing to look up.
async fn accepted_once(
    database: &Database,
    tenant: &TenantId,
    mut found: Vec<(Cursor, Found<RunSummary>)>,
) -> Result<Vec<(Cursor, Found<RunSummary>)>, StoreError> {
    let named = found.iter().map(|(place, _)| RunId(place.id)).filter(|run| run.created_at().is_none());
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        let accepted = runs::acceptances(database, tenant, &named).await?;
        found.retain(|(place, run)| {
            let listed = run.as_ref().map_or(place.at, |run| run.created_at);
            accepted.get(&RunId(place.id)).is_none_or(|at| *at == listed)
        });
    }
    Ok(found)
}

pub(super) fn statement(
    tenant: &TenantId,
    workflow: WorkflowId,
    (since, from): (Option<Timestamp>, Option<&Cursor>),
    rows: usize,
) -> String {
    let tenant = Text(tenant.as_str());
    let since =
        since.map_or(String::new(), |at| format!(" AND place >= {}", Text(&list_place(at, Uuid::nil()))));
    let before = from
        .map_or(String::new(), |cursor| format!(" AND place < {}", Text(&list_place(cursor.at, cursor.id))));
    format!(
        "SELECT {ENTRIES} FROM {RUN_ROWS} WHERE tenant = {tenant} AND owner_id = '{workflow}'{since}{before} \
         ORDER BY place DESC LIMIT {rows}"
    )
}

/// What is in the key and in the place is not read.
const ENTRIES: &str = "place, version, workflow_version, status, trigger, started_at, finished_at";

/// A row of [`ENTRIES`].
struct Entry {
    place: Cursor,
    version: u64,
    run: Found<RunSummary>,
}

fn read_entry(workflow: WorkflowId, mut row: Reader) -> Found<Entry> {
    let place = read_place(&row.text()?)?;
    let version = row.u64()?;
    let run = read_summary(workflow, place, attempt_and_revision(version).0, row);
    Ok(Entry { place, version, run })
}

fn read_summary(workflow_id: WorkflowId, place: Cursor, attempt: u32, mut row: Reader) -> Found<RunSummary> {
    Ok(RunSummary {
        id: RunId(place.id),
        workflow_id,
        workflow_version: row.u32()?,
        status: row.name()?,
        attempt,
        trigger: row.json()?,
        created_at: place.at,
        started_at: row.optional_moment()?,
        finished_at: row.optional_moment()?,
    })
}

/// What [`list_place`] wrote.
fn read_place(place: &str) -> Found<Cursor> {
    let read = || {
        let (at, id) = place.split_at_checked(12)?;
        let at = Timestamp::from_millis(i64::from_str_radix(at, 16).ok()?);
        Some(Cursor { at, id: Uuid::try_parse(id).ok()? })
    };
    read().ok_or_else(|| UnreadableRow("an entry of a list is at no place".to_owned()))
}

/// The newest row of each run, with its place. Without a complete answer the last run may have more rows, so it is left
/// out.
fn newest_of_each(rows: impl Iterator<Item = Entry>, complete: bool) -> Vec<(Cursor, Found<RunSummary>)> {
    let mut newest: Vec<Entry> = Vec::new();
    for row in rows {
        match newest.last_mut() {
            Some(last) if last.place.id == row.place.id => {
                if last.version < row.version {
                    *last = row;
                }
            }
            _ => newest.push(row),
        }
    }
    if !complete {
        newest.pop();
    }
    newest.into_iter().map(|Entry { place, run, .. }| (place, run)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::run::{RunStatus, Trigger};

    fn row(id: u128, version: u64) -> Entry {
        let place = Cursor { at: Timestamp::from_millis(1), id: Uuid::from_u128(id) };
        let run = RunSummary {
            id: RunId(place.id),
            workflow_id: WorkflowId(Uuid::nil()),
            workflow_version: 1,
            status: if version > 1 { RunStatus::Succeeded } else { RunStatus::Queued },
            attempt: 1,
            trigger: Trigger::manual(),
            created_at: place.at,
            started_at: None,
            finished_at: None,
        };
        Entry { place, version, run: Ok(run) }
    }

    #[test]
    fn rows_of_one_run_become_one_and_a_last_one_that_may_go_on_is_left_out() {
        let rows =
            || [(3, 1), (2, 1), (2, 2), (1, 2), (1, 1)].into_iter().map(|(id, version)| row(id, version));
        let ids = |runs: Vec<(Cursor, Found<RunSummary>)>| {
            runs.into_iter().map(|(place, run)| (place.id.as_u128(), run.unwrap().status)).collect::<Vec<_>>()
        };
        use RunStatus::{Queued, Succeeded};
        assert_eq!(ids(newest_of_each(rows(), true)), [(3, Queued), (2, Succeeded), (1, Succeeded)]);
        assert_eq!(ids(newest_of_each(rows(), false)), [(3, Queued), (2, Succeeded)]);
        assert!(newest_of_each([row(1, 1), row(1, 2)].into_iter(), false).is_empty());
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_the_list_goes_on_after_a_row_that_cannot_be_read() {
        let place = Cursor { at: Timestamp::from_millis(1_795_500_000_123), id: Uuid::from_u128(7) };
        assert_eq!(read_place(&list_place(place.at, place.id)), Ok(place));
        for text in ["", "0", "00000000000g00000000000000000000000000000001", "0000000000010"] {
            assert!(read_place(text).is_err(), "{text}");
        }
        let unreadable = Entry { run: Err(UnreadableRow("x".to_owned())), ..row(2, 1) };
        let found = newest_of_each([row(3, 1), unreadable, row(1, 1)].into_iter(), false);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].0.id.as_u128(), 2, "the next page begins after it");
    }
}
