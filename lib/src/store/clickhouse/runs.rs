//! Runs and their steps.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

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
use crate::store::{Facts, Found, Head, Page, PageRequest, RunStore, StoreError, UnreadableRow};
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

    fn announce(&self, runs: Vec<(TenantId, Run)>) {
        self.announcements.announce(runs);
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.gets.submit(keys.to_vec()).await?)
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<Head>>, StoreError> {
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
) -> Result<HashMap<RunKey, Found<Head>>, StoreError> {
    let mut newest: HashMap<RunKey, (u64, Found<Head>)> = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        for row in database.select("heads", &heads_statement(keys)).await? {
            let Some((key, version, head)) = database.unreadable.readable("heads", read_head(row)) else {
                continue;
            };
            if let Err(why) = &head {
                database.unreadable.tell(name_of(&key), why);
            }
            match newest.entry(key) {
                Entry::Vacant(free) => {
                    free.insert((version, head));
                }
                Entry::Occupied(mut kept) if kept.get().0 < version => {
                    *kept.get_mut() = (version, head);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    Ok(newest.into_iter().map(|(key, (_, head))| (key, head)).collect())
}

/// A run in messages.
fn name_of((tenant, run): &RunKey) -> String {
    format!("run {run} of tenant {tenant}")
}

pub(super) fn heads_statement(keys: &[RunKey]) -> String {
    format!("SELECT {HEADS} FROM {RUN_ROWS} WHERE {} AND place = ''", condition(keys))
}

const HEADS: &str = "tenant, owner_id, version, status";

/// A row of [`HEADS`]: of which run it is, its version, and what it says.
fn read_head(mut row: Reader) -> Found<(RunKey, u64, Found<Head>)> {
    let key = (row.tenant()?, RunId(row.uuid()?));
    let version = row.u64()?;
    let (attempt, revision) = attempt_and_revision(version);
    Ok((key, version, row.name().map(|status| Head { attempt, revision, status })))
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
            let row = read_acceptance(row);
            let Some((run, version, at)) = database.unreadable.readable("acceptances", row) else { continue };
            // Of equal versions, whose order is by chance, the later moment: the same on every page.
            let kept = newest.entry(run).or_insert((version, at));
            *kept = (version, at).max(*kept);
        }
    }
    Ok(newest.into_iter().map(|(run, (_, at))| (run, at)).collect())
}

const ACCEPTANCES: &str = "owner_id, version, created_at";

/// A row of [`ACCEPTANCES`]: when a run was accepted, as this version of it says.
fn read_acceptance(mut row: Reader) -> Found<(RunId, u64, Timestamp)> {
    Ok((RunId(row.uuid()?), row.u64()?, row.moment()?))
}

/// The runs with their steps, as they were at one moment.
pub(super) async fn get(
    database: Arc<Database>,
    keys: Vec<RunKey>,
) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
    let mut runs = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let rows = database.select("runs", &runs_statement(keys)).await?;
        let rows =
            rows.into_iter().filter_map(|row| database.unreadable.readable("runs", read_run_or_step(row)));
        runs.extend(collect(rows));
    }
    for (key, run) in &runs {
        if let Err(why) = run {
            database.unreadable.tell(name_of(key), why);
        }
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
struct Gathering {
    run: Option<Run>,
    steps: Vec<(u32, Step)>,
    /// Why one of the rows cannot be read: then the run cannot, for it would not be whole.
    unreadable: Option<UnreadableRow>,
}

impl Gathering {
    /// `None`: only steps are there. They are not shown before their run is recorded.
    fn whole(self) -> Option<Found<RunWithSteps>> {
        let Self { run, mut steps, unreadable } = self;
        if let Some(why) = unreadable {
            return Some(Err(why));
        }
        steps.sort_by(|(a, x), (b, y)| (a, &x.node_id, &x.iteration).cmp(&(b, &y.node_id, &y.iteration)));
        Some(Ok(RunWithSteps { run: run?, steps: steps.into_iter().map(|(_, step)| step).collect() }))
    }
}

fn collect(
    rows: impl Iterator<Item = (RunKey, Found<RunOrStep>)>,
) -> impl Iterator<Item = (RunKey, Found<RunWithSteps>)> {
    let mut gathered: HashMap<RunKey, Gathering> = HashMap::new();
    for (key, row) in rows {
        let entry = gathered.entry(key).or_default();
        match row {
            Ok(RunOrStep::Run(run)) => entry.run = Some(run),
            Ok(RunOrStep::Step { ordinal, step }) => entry.steps.push((ordinal, step)),
            Err(why) => entry.unreadable = Some(why),
        }
    }
    gathered.into_iter().filter_map(|(key, run)| Some((key, run.whole()?)))
}
