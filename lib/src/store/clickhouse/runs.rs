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
    run_rows::{OF_THE_RUN, RUN_OR_STEP, RUN_ROWS, RunOrStep, Unread, attempt_and_revision, read_key},
    run_steps::{get_node, get_steps},
    sql::{MAX_KEYS, Text, keys_are},
};
use crate::{
    batching::{Whose, whose},
    store::{Facts, Found, Head, Page, PageRequest, RunStore, StoreError},
};
use domain::{
    ids::{NodeId, RunId, TenantId, WorkflowId},
    iteration::Iteration,
    limits::MAX_ANSWER_BYTES,
    run::{LeftOut, Run, RunKey, RunSummary, RunWithSteps, left_out},
    timestamp::Timestamp,
};

fn whose_runs(keys: &[RunKey]) -> Whose {
    whose(keys.iter().map(|(tenant, _)| tenant))
}

#[async_trait]
impl RunStore for ClickHouse {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        let rows = Rows::of(facts)?;
        if rows.is_empty() {
            return Ok(());
        }
        Ok(self.records.submit(rows.whose.clone(), rows).await?)
    }

    fn announce(&self, runs: Vec<(TenantId, Run)>) {
        self.announcements.announce(runs);
    }

    async fn get(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.gets.submit(whose_runs(keys), keys.to_vec()).await?)
    }

    async fn get_at_any_slot(&self, key: &RunKey) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        get_at_any_slot(&self.database, key).await
    }

    async fn get_node(
        &self,
        key: &RunKey,
        node: &NodeId,
        before: Option<&Iteration>,
    ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        get_node(&self.database, key, node, before).await
    }

    async fn get_steps(
        &self,
        key: &RunKey,
        steps: &[(NodeId, Option<Iteration>)],
    ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        get_steps(&self.database, key, steps).await
    }

    async fn heads(&self, keys: &[RunKey]) -> Result<HashMap<RunKey, Found<Head>>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(self.heads.submit(whose_runs(keys), keys.to_vec()).await?)
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

/// A query's answer has so many bytes at most, unless it is about a single run: 128 MiB.
const MAX_RESULT_BYTES: usize = 128 << 20;
/// `TOO_MANY_ROWS_OR_BYTES`: what was found is above `max_result_bytes`.
const TOO_LARGE: i32 = 396;

/// The runs with their steps, as they were at one moment.
pub(super) async fn get(
    database: Arc<Database>,
    keys: Vec<RunKey>,
) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
    get_within(&database, &keys, MAX_RESULT_BYTES).await
}

/// Runs that are too large to be read together are read by halves, so that this process has room for each answer.
pub(super) async fn get_within(
    database: &Database,
    keys: &[RunKey],
    most: usize,
) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
    let mut runs = HashMap::with_capacity(keys.len());
    let mut parts: Vec<&[RunKey]> = keys.chunks(MAX_KEYS).collect();
    while let Some(keys) = parts.pop() {
        let mut sql = runs_statement(keys);
        if keys.len() > 1 {
            sql.push_str(&format!(" SETTINGS max_result_bytes = {most}"));
        }
        match database.select("runs", &sql).await {
            Ok(rows) => runs.extend(read_runs(database, rows)),
            Err(StoreError::Server { code: TOO_LARGE, .. }) if keys.len() > 1 => {
                let (one, other) = keys.split_at(keys.len() / 2);
                parts.extend([one, other]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

/// The run with that id but for its owner slot.
async fn get_at_any_slot(
    database: &Database,
    key: &RunKey,
) -> Result<Option<Found<RunWithSteps>>, StoreError> {
    let rows = database.select("runs", &any_slot_statement(key)).await?;
    Ok(read_runs(database, rows).into_values().next())
}

/// A search by the key: the server orders ids by their second halves, in which these ones are side by side. Ids whose
/// second halves are among theirs by chance are sorted out by the first ones.
pub(super) fn any_slot_statement((tenant, id): &RunKey) -> String {
    let (first, last) = id.at_any_slot();
    rows_statement(&format!(
        "tenant = {} AND owner_id >= toUUID('{first}') AND owner_id <= toUUID('{last}') \
         AND startsWith(toString(owner_id), {})",
        Text(tenant.as_str()),
        Text(&first.to_string()[..ALL_BUT_SLOT])
    ))
}

/// So many characters of an id as text are before its owner slot.
const ALL_BUT_SLOT: usize = 32;

pub(super) fn places_statement(key: &RunKey, places: &[String]) -> String {
    let places: Vec<_> = places.iter().map(|place| Text(place).to_string()).collect();
    let condition = condition(std::slice::from_ref(key));
    rows_statement(&format!("{condition} AND place IN ({})", places.join(", ")))
}

pub(super) fn gathered(database: &Database, rows: Vec<Reader>) -> HashMap<RunKey, Vec<Unread>> {
    let mut gathered: HashMap<RunKey, Vec<Unread>> = HashMap::new();
    for row in rows {
        if let Some((key, row)) = database.unreadable.readable("runs", read_key(row)) {
            gathered.entry(key).or_default().push(row);
        }
    }
    gathered
}

fn read_runs(database: &Database, rows: Vec<Reader>) -> HashMap<RunKey, Found<RunWithSteps>> {
    let read = |(key, rows): (RunKey, Vec<Unread>)| {
        let run = read_run(rows, MAX_ANSWER_BYTES, |row| tell(database, &key, row))?;
        Some((key, run))
    };
    gathered(database, rows).into_iter().filter_map(read).collect()
}

/// Tells of a row that cannot be read, or not as a whole.
pub(super) fn tell(database: &Database, key: &RunKey, row: &RunOrStep) {
    match row {
        RunOrStep::Run(Err(why)) => database.unreadable.tell(name_of(key), why),
        RunOrStep::Step { step, unreadable: Some(why), .. } => {
            let whose = format_args!("step {:?} of {}", step.node_id.as_str(), name_of(key));
            database.unreadable.tell(whose, why);
        }
        RunOrStep::Run(Ok(_)) | RunOrStep::Step { unreadable: None, .. } => {}
    }
}

pub(super) fn runs_statement(keys: &[RunKey]) -> String {
    rows_statement(&format!("{} AND {OF_THE_RUN}", condition(keys)))
}

/// The newest row of each place. `LIMIT 1 BY` rather than `FINAL`, which would read the payloads of whole
/// granules before it looks at the keys.
fn rows_statement(condition: &str) -> String {
    format!(
        "SELECT {RUN_OR_STEP} FROM {RUN_ROWS} WHERE {condition} ORDER BY version DESC \
         LIMIT 1 BY tenant, owner_id, place"
    )
}

fn condition(keys: &[RunKey]) -> String {
    keys_are("owner_id", keys.iter().map(|(tenant, id)| (tenant, id.0)))
}

/// A run and its steps, of all of their rows. `None`: only steps are there, which are not shown before their run is
/// recorded. What is left out, for outputs to be no more than `most` bytes, is not read at all.
pub(super) fn read_run(
    rows: Vec<Unread>,
    most: usize,
    tell: impl Fn(&RunOrStep),
) -> Option<Found<RunWithSteps>> {
    let sizes: Vec<_> = rows.iter().map(Unread::output_bytes).collect();
    let leaves_out = left_out(&sizes, most);
    let (mut run, mut steps, mut left_out) = (None, Vec::new(), Vec::new());
    for ((mut row, bytes), out) in rows.into_iter().zip(sizes).zip(leaves_out) {
        if out {
            row.leave_out_output();
        }
        let row = row.read();
        tell(&row);
        let (node_id, iteration) = match &row {
            RunOrStep::Run(_) => (None, Iteration::default()),
            RunOrStep::Step { step, .. } => (Some(step.node_id.clone()), step.iteration.clone()),
        };
        let ordinal = match row {
            RunOrStep::Run(read) => {
                run = Some(read);
                None
            }
            RunOrStep::Step { ordinal, step, .. } => {
                steps.push((ordinal, step));
                Some(ordinal)
            }
        };
        if out {
            left_out.push((ordinal, LeftOut { node_id, iteration, bytes }));
        }
    }
    steps.sort_by(|(a, x), (b, y)| (a, &x.node_id, &x.iteration).cmp(&(b, &y.node_id, &y.iteration)));
    left_out.sort_by(|(a, x), (b, y)| (a, &x.node_id, &x.iteration).cmp(&(b, &y.node_id, &y.iteration)));
    let steps = steps.into_iter().map(|(_, step)| step).collect();
    let left_out = left_out.into_iter().map(|(_, left_out)| left_out).collect();
    Some(run?.map(|run| RunWithSteps { run, steps, left_out }))
}
