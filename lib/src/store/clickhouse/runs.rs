//! Runs and their steps.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;

use super::{
    ClickHouse,
    cells::Reader,
    database::Database,
    recorder::Rows,
    run_list,
    run_rows::{RUN_OR_STEP, RUN_ROWS, RunOrStep, attempt_and_revision, read_run_or_step},
    sql::{MAX_KEYS, keys_are},
};
use crate::store::{Facts, Head, Page, PageRequest, RunStore, StoreError};
use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{Run, RunKey, RunSummary, RunWithSteps, Step},
    timestamp::Timestamp,
};

#[async_trait]
impl RunStore for ClickHouse {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        let rows = Rows::of(facts)?;
        if rows.is_empty() {
            return Ok(());
        }
        Ok(self.records.submit(rows).await?)
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.gets.submit(keys.to_vec()).await?)
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Head>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.heads.submit(keys.to_vec()).await?)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        workflow: WorkflowId,
        page: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        run_list::list(&self.database, tenant, workflow, page).await
    }
}

/// Where the runs are. All rows of a run are read, since the newest is told apart here at less cost than in the
/// server: they are few, short, and merged away in the background.
pub(super) async fn heads(
    database: Arc<Database>,
    keys: Vec<RunKey>,
) -> Result<HashMap<RunKey, Head>, StoreError> {
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

pub(super) fn heads_statement(keys: &[RunKey]) -> String {
    format!("SELECT {HEADS} FROM {RUN_ROWS} WHERE {} AND place = ''", condition(keys))
}

const HEADS: &str = "tenant, owner_id, version, status";

/// A row of [`HEADS`], with its version.
fn read_head(mut row: Reader) -> Result<(RunKey, u64, Head), StoreError> {
    let key = (row.tenant()?, RunId(row.uuid()?));
    let version = row.u64()?;
    let (attempt, revision) = attempt_and_revision(version);
    Ok((key, version, Head { attempt, revision, status: row.name()? }))
}

/// When these runs were accepted, as their newest versions say.
pub(super) async fn acceptances(
    database: &Database,
    tenant: &TenantId,
    runs: &[RunId],
) -> Result<HashMap<RunId, Timestamp>, StoreError> {
    let mut newest: HashMap<RunId, (u64, Timestamp)> = HashMap::with_capacity(runs.len());
    for runs in runs.chunks(MAX_KEYS) {
        let condition = keys_are("owner_id", runs.iter().map(|run| (tenant, run.0)));
        let sql = format!("SELECT {ACCEPTANCES} FROM {RUN_ROWS} WHERE {condition} AND place = ''");
        for row in database.select("acceptances", &sql).await? {
            let (run, version, at) = read_acceptance(row)?;
            // Of equal versions, whose order is by chance, the later moment: the same on every page.
            let kept = newest.entry(run).or_insert((version, at));
            *kept = (version, at).max(*kept);
        }
    }
    Ok(newest.into_iter().map(|(run, (_, at))| (run, at)).collect())
}

const ACCEPTANCES: &str = "owner_id, version, created_at";

/// A row of [`ACCEPTANCES`]: when a run was accepted, as this version of it says.
fn read_acceptance(mut row: Reader) -> Result<(RunId, u64, Timestamp), StoreError> {
    Ok((RunId(row.uuid()?), row.u64()?, row.moment()?))
}

/// The runs with their steps, as they were at one moment.
pub(super) async fn get(
    database: Arc<Database>,
    keys: Vec<RunKey>,
) -> Result<HashMap<RunKey, RunWithSteps>, StoreError> {
    let mut runs = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        collect(database.select("runs", &runs_statement(keys)).await?, &mut runs)?;
    }
    Ok(runs)
}

/// `LIMIT 1 BY` rather than `FINAL`, which would read the payloads of whole granules before it looks at the keys.
pub(super) fn runs_statement(keys: &[RunKey]) -> String {
    format!(
        "SELECT {RUN_OR_STEP} FROM {RUN_ROWS} WHERE {} ORDER BY version DESC \
         LIMIT 1 BY tenant, owner_id, place, iteration",
        condition(keys)
    )
}

fn condition(keys: &[RunKey]) -> String {
    keys_are("owner_id", keys.iter().map(|(tenant, id)| (tenant, id.0)))
}

/// A run and its steps, as their rows come.
#[derive(Default)]
struct Found {
    run: Option<Run>,
    steps: Vec<(u32, Step)>,
}

fn collect(rows: Vec<Reader>, into: &mut HashMap<RunKey, RunWithSteps>) -> Result<(), StoreError> {
    let mut found: HashMap<RunKey, Found> = HashMap::new();
    for row in rows {
        let (key, row) = read_run_or_step(row)?;
        let entry = found.entry(key).or_default();
        match row {
            RunOrStep::Run(run) => entry.run = Some(run),
            RunOrStep::Step { ordinal, step } => entry.steps.push((ordinal, step)),
        }
    }
    into.extend(found.into_iter().filter_map(|(key, Found { run, mut steps })| {
        steps.sort_by(|(a, x), (b, y)| (a, &x.node_id, &x.iteration).cmp(&(b, &y.node_id, &y.iteration)));
        // Steps of a run that is not recorded yet are not shown.
        Some((key, RunWithSteps { run: run?, steps: steps.into_iter().map(|(_, step)| step).collect() }))
    }));
    Ok(())
}
