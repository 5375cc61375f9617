//! The recorder: takes what the journal's outbox holds to the store.
//!
//! One call is in flight, and so many a second at most; what is committed meanwhile forms the next batch. So a lone run
//! is recorded at once, and batches grow with the load while the number of inserts does not. Tenants take turns,
//! measured in bytes. A row leaves the outbox only when the store has it, whatever fails in between.

mod ages;
mod backlog;
mod pace;
mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

pub(crate) use backlog::{Backlog, BacklogLimits, Committed, RowPlace};
use backon::{ExponentialBuilder, Retryable};
use domain::{
    dead_letter::DeadLetter,
    ids::{RunId, TenantId},
    run::{NewRun, NodeError, Run},
};
use futures_util::FutureExt;
use metrics::counter;
use minireipaz::clock::Clock;
use minireipaz::{
    resilience::Classify,
    store::{Facts, Store, StoreError},
    telemetry::names,
};
use pace::Pace;
pub(crate) use record::{Gathered, InputAt, Record, RunRecord, StepRecord};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    CONSUMER,
    backoff::doubling,
    crash_points::{CrashPoint, pass},
    journal::JournalError,
};

/// Takes rows to the store.
pub(crate) struct Recorder {
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Told the sequences of rows that the store has.
    pub(crate) confirm: Box<dyn Fn(Vec<u64>) + Send + Sync>,
}

/// Waits between attempts.
const BACKOFF: ExponentialBuilder = doubling(Duration::from_millis(100), Duration::from_secs(5));

/// After so many refusals in a row a batch is cut in two, to find the row that the store will never take.
const REFUSALS: u32 = 3;

impl Recorder {
    /// Records until `stop`. What is not confirmed then stays in the journal.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let backlog = Arc::clone(&self.backlog);
        stop.run_until_cancelled(self.record_all()).await;
        backlog.left_alone().await;
    }

    async fn record_all(self) {
        let mut pace = Pace::default();
        loop {
            self.backlog.wait().await;
            sleep_until(pace.next(Instant::now())).await;
            let taken = (|| self.backlog.take()).retry(BACKOFF).notify(|error, pause| {
                tracing::error!(%error, retry_in = ?pause, "the outbox cannot be read; trying again");
            });
            if let Ok(records) = taken.await {
                self.record(records).await;
            }
        }
    }

    async fn record(&self, rows: Vec<Committed>) {
        let mut places = Vec::with_capacity(rows.len());
        let mut gathered = Gathered::default();
        for Committed { place, record } in rows {
            places.push(place);
            gathered.add(record);
        }
        pass(CrashPoint::BeforeRecord);
        let ended = gathered.ended();
        let inputs = self.inputs(gathered.without_input()).await;
        let (facts, letters) = gathered.into_facts(inputs);
        if !letters.is_empty() {
            self.bury(&letters).await;
        }
        // Halves of halves: a stack instead of recursion.
        let mut parts = vec![facts];
        while let Some(part) = parts.pop() {
            if !(part.runs.is_empty() && part.steps.is_empty())
                && let Err(error) = self.record_part(&part).await
            {
                self.part(part, &error, &mut parts).await;
            }
        }
        pass(CrashPoint::Recorded);
        counter!(names::RUNS_RECORDED).increment(ended);
        // The processor hears of it first: who stops once the backlog is drained must not overtake it, or the next
        // start would record these rows again.
        (self.confirm)(places.iter().map(|place| place.sequence).collect());
        pass(CrashPoint::Confirmed);
        self.backlog.confirm(&places);
    }

    /// The inputs of runs whose rows do not have them.
    async fn inputs(&self, runs: Vec<RunId>) -> HashMap<RunId, Value> {
        let told = |error: &JournalError, pause| {
            tracing::error!(%error, retry_in = ?pause, "the journal cannot be read; trying again");
        };
        // It is tried until it succeeds.
        (|| self.backlog.inputs(runs.clone())).retry(BACKOFF).notify(told).await.unwrap_or_default()
    }

    /// Tries until the store has them.
    ///
    /// # Errors
    /// When it refuses them for good.
    async fn record_part(&self, facts: &Facts) -> Result<(), StoreError> {
        let mut refusals = 0;
        let may_pass = |error: &StoreError| {
            refusals = if error.failure().is_retryable() { 0 } else { refusals + 1 };
            counter!(names::WORKER_RECORD_FAILURES).increment(1);
            refusals < REFUSALS
        };
        let told = |error: &StoreError, pause| {
            tracing::warn!(%error, runs = facts.runs.len(), retry_in = ?pause, "facts are not recorded yet");
        };
        (|| self.insert(facts)).retry(BACKOFF).when(may_pass).notify(told).await
    }

    /// A panic over one row is a refusal of it: else each start would end with the same row.
    async fn insert(&self, facts: &Facts) -> Result<(), StoreError> {
        let recorded = AssertUnwindSafe(self.store.record(facts)).catch_unwind().await;
        let panicked =
            |_| Err(StoreError::Unwritable("it made the recorder panic, which is a bug".to_owned()));
        recorded.unwrap_or_else(panicked)
    }

    /// Cuts a refused batch in two; a single run that is refused becomes a dead letter. Where the store refuses
    /// everything it refuses dead letters too, so nothing is given up then.
    async fn part(&self, mut facts: Facts, error: &StoreError, parts: &mut Vec<Facts>) {
        if facts.runs.len() > 1 {
            let runs = facts.runs.split_off(facts.runs.len() / 2);
            let ids: HashSet<RunId> = runs.iter().map(|(_, run)| run.id).collect();
            let (steps, rest) = facts.steps.into_iter().partition(|step| ids.contains(&step.run_id));
            parts.push(Facts { runs, steps });
            parts.push(Facts { runs: facts.runs, steps: rest });
            return;
        }
        let Some((tenant, run)) = facts.runs.first() else {
            // Steps of runs of which the end follows.
            let (steps, runs) = (facts.steps.len(), facts.steps.first().map(|step| step.run_id));
            tracing::error!(%error, steps, run.id = ?runs, "the store refuses steps of a run");
            return;
        };
        tracing::error!(%error, run.id = %run.id, "the store refuses the facts of run {}", run.id);
        let record =
            serde_json::to_vec(&(run, facts.steps.iter().map(|fact| &fact.step).collect::<Vec<_>>()));
        let reason = format!("the store refuses what happened to run {}: {error}", run.id);
        let record = record.unwrap_or_default();
        self.bury(&[DeadLetter::new(CONSUMER, &reason, &record, tenant.as_str(), self.clock.now())]).await;
        if run.status.is_terminal() {
            self.record_bare_end(tenant, run, error).await;
        }
    }

    /// Records the end of a run without anything that it was given or gave, so that nobody waits for it for ever.
    async fn record_bare_end(&self, tenant: &TenantId, run: &Run, error: &StoreError) {
        let message =
            format!("the run ended as {}, and the store refuses what happened to it: {error}", run.status);
        let Run {
            id,
            workflow_id,
            workflow_version,
            revision,
            attempt,
            started_at,
            finished_at,
            created_at,
            ..
        } = *run;
        let bare = NewRun {
            id,
            workflow_id,
            workflow_version,
            attempt,
            trigger: run.trigger.clone(),
            input: Value::Null,
            created_at,
        };
        let failed = bare.failed(NodeError::new("not_recorded", message), revision, self.clock.now());
        let facts = Facts::of_runs(vec![(tenant.clone(), Run { started_at, finished_at, ..failed })]);
        if let Err(error) = self.record_part(&facts).await {
            tracing::error!(%error, run.id = %id, "the store refuses even the end of run {id}");
        }
    }

    async fn bury(&self, letters: &[DeadLetter]) {
        let told = |error: &StoreError, pause| {
            counter!(names::WORKER_RECORD_FAILURES).increment(1);
            tracing::warn!(%error, letters = letters.len(), retry_in = ?pause, "dead letters are not recorded yet");
        };
        // It is tried until it succeeds.
        let _ = (|| self.store.bury(letters)).retry(BACKOFF).notify(told).await;
    }
}
