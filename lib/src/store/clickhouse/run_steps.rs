//! Runs with some of their steps.

use super::{
    database::Database,
    run_rows::{RUN_OR_STEP, RUN_ROWS, Unread, before_iterations, step_place},
    runs::{gathered, places_statement, read_run, tell},
    sql::Text,
};
use crate::store::{Found, StoreError};
use domain::{
    ids::NodeId,
    iteration::Iteration,
    limits::{MAX_ANSWER_BYTES, MAX_ITERATIONS_SHOWN},
    run::{RunKey, RunWithSteps},
};

/// A run with the steps of one node, of the newest iterations, or of those before one of them.
pub(super) async fn get_node(
    database: &Database,
    key: &RunKey,
    node: &NodeId,
    before: Option<&Iteration>,
) -> Result<Option<Found<RunWithSteps>>, StoreError> {
    let places = [String::new(), node.as_str().to_owned()];
    let mut rows = gathered(database, database.select("runs", &places_statement(key, &places)).await?)
        .remove(key)
        .unwrap_or_default();
    let newest = rows.iter().find(|row| !row.is_of_the_run()).map(|row| row.iteration().clone());
    if let Some(newest) = newest.filter(|newest| !newest.is_outside()) {
        rows.retain(Unread::is_of_the_run);
        // What is behind the newest one is of an attempt that was lost.
        let end = match before.filter(|before| **before <= newest) {
            Some(before) => format!("place < {}", Text(&step_place(node, before))),
            None => format!("place <= {}", Text(&step_place(node, &newest))),
        };
        rows.extend(iterations(database, key, node, &end).await?);
    } else if before.is_some() {
        rows.retain(Unread::is_of_the_run);
    }
    Ok(read_run(rows, MAX_ANSWER_BYTES, |row| tell(database, key, row)))
}

/// The newest row of each of a node's newest iterations. They are read in the order of the key, from its end, and the
/// read stops once there are enough; so one that was written several times comes several times, one after the other.
async fn iterations(
    database: &Database,
    key: &RunKey,
    node: &NodeId,
    end: &str,
) -> Result<Vec<Unread>, StoreError> {
    let mut wanted_rows = MAX_ITERATIONS_SHOWN * ROWS_PER_STEP + 1;
    loop {
        let sql = iterations_statement(key, node, end, wanted_rows);
        let rows = database.select("iterations", &sql).await?;
        let complete = rows.len() < wanted_rows;
        let rows = gathered(database, rows).remove(key).unwrap_or_default();
        let mut newest: Vec<Unread> = Vec::with_capacity(MAX_ITERATIONS_SHOWN + 1);
        for row in rows {
            match newest.last_mut().filter(|known| known.iteration() == row.iteration()) {
                Some(known) if known.version() < row.version() => *known = row,
                Some(_) => {}
                None => newest.push(row),
            }
        }
        // Of the last one there may be more rows.
        if complete || newest.len() > MAX_ITERATIONS_SHOWN {
            newest.truncate(MAX_ITERATIONS_SHOWN);
            return Ok(newest);
        }
        wanted_rows = wanted_rows.saturating_mul(4);
    }
}

/// So many rows are read for each step that is wanted, at first.
const ROWS_PER_STEP: usize = 3;

pub(super) fn iterations_statement((tenant, run): &RunKey, node: &NodeId, end: &str, rows: usize) -> String {
    format!(
        "SELECT {RUN_OR_STEP} FROM {RUN_ROWS} WHERE tenant = {} AND owner_id = '{run}' AND place > {} AND {end} \
         ORDER BY place DESC LIMIT {rows}",
        Text(tenant.as_str()),
        Text(&before_iterations(node)),
    )
}

/// A run with some of its steps.
pub(super) async fn get_steps(
    database: &Database,
    key: &RunKey,
    steps: &[(NodeId, Option<Iteration>)],
) -> Result<Option<Found<RunWithSteps>>, StoreError> {
    let place = |(node, iteration): &(NodeId, Option<Iteration>)| {
        iteration.as_ref().map_or_else(|| node.as_str().to_owned(), |iteration| step_place(node, iteration))
    };
    let places: Vec<_> = std::iter::once(String::new()).chain(steps.iter().map(place)).collect();
    let rows = database.select("runs", &places_statement(key, &places)).await?;
    let rows = gathered(database, rows).remove(key).unwrap_or_default();
    Ok(read_run(rows, usize::MAX, |row| tell(database, key, row)))
}
