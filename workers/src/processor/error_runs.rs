//! Error workflows: what is started when a run has failed; and, in the same way, what is started for an alert.
//!
//! That it is to be started is written in the commit that ends the run, under an id that follows from that run's, so it
//! starts once whatever crashes. Its workflow is read from the store by a task of the runtime, a few at a time, tenants
//! in turns; while the store does not answer, it is asked again. How many wait is bounded by the runs whose ends wait for
//! the same store (`WORKER_MAX_BACKLOG`).

use std::{sync::Arc, time::Duration};

use backon::BackoffBuilder;
use domain::{
    ids::{RunId, TenantId},
    iteration::Iteration,
    run::{Parent, Run, RunPlan, RunStatus, Trigger},
    timestamp::Timestamp,
    workflow::OnFailure,
};
use metrics::counter;
use minireipaz::{
    fair::{FairQueue, PlaceLimits},
    telemetry::names,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::{Input, Inputs, Task, core::Core, turn::Turn};
use crate::{
    backoff,
    caught::read_caught,
    crash_points::{CrashPoint, pass},
    engine::RunHeader,
    journal::{JournalError, Op, codec},
    recorder::Record,
    step::{Callee, Callees, Uncallable},
};

/// Workflows that are looked for at a time.
const LOOKS: PlaceLimits = PlaceLimits { places: 4, share: 2, waiting: usize::MAX };
/// Pauses between questions to a store that does not answer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs of error workflows that are to be started.
pub(super) struct ErrorRuns {
    queue: FairQueue<TenantId, RunId>,
    callees: Arc<dyn Callees>,
    inputs: Inputs,
    runtime: Handle,
}

/// The workflow of such a run, or why there is none.
pub(crate) struct FoundErrorRun {
    header: RunHeader,
    found: Result<Arc<Callee>, Uncallable>,
}

impl FoundErrorRun {
    pub(super) const fn tenant(&self) -> &TenantId {
        &self.header.tenant
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.found.as_ref().map_or(0, |callee| callee.document.as_str().len())
    }
}

impl std::fmt::Debug for FoundErrorRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FoundErrorRun").field("run", &self.header.run_id).finish_non_exhaustive()
    }
}

impl ErrorRuns {
    /// On threads of the current runtime.
    pub(super) fn new(callees: Arc<dyn Callees>, inputs: Inputs) -> Self {
        Self { queue: FairQueue::new(LOOKS), callees, inputs, runtime: Handle::current() }
    }

    fn look(&self, header: RunHeader) {
        let (callees, inputs) = (Arc::clone(&self.callees), self.inputs.clone());
        self.runtime.spawn(async move {
            let mut pauses = backoff::doubling(FIRST_PAUSE, LONGEST_PAUSE).build();
            let found = loop {
                match callees.newest(&header.tenant, header.workflow_id).await {
                    Err(Uncallable::Away(_, why)) => {
                        tracing::debug!(why, "an error workflow cannot be read now");
                        tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
                    }
                    found => break found,
                }
            };
            inputs.send(Input::ErrorRun(Box::new(FoundErrorRun { header, found })));
        });
    }
}

impl Core {
    /// Those that were to be started when the worker ended.
    pub(super) fn recover_error_runs(&mut self) -> Result<(), JournalError> {
        let waiting = self.journal.read()?.error_runs()?;
        self.look_for_error_runs(&waiting);
        Ok(())
    }

    /// Has the workflows looked for of runs that are to be started, which the journal holds.
    pub(super) fn look_for_error_runs(&mut self, runs: &[(RunId, TenantId)]) {
        for (run, tenant) in runs {
            // Any number may wait.
            let _ = self.error_runs.queue.push(tenant, *run);
        }
        while let Some((tenant, run)) = self.error_runs.queue.next(|_, _| true) {
            let row = self.journal.read().and_then(|snapshot| snapshot.error_run(run));
            let header = match row {
                Ok(Some(row)) => read_caught(|| codec::read_error_run(&row)),
                Ok(None) => Err("it is not there".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            match header {
                Ok(header) => self.error_runs.look(header),
                Err(why) => {
                    tracing::error!(run.id = %run, why, "run {run} of an error workflow cannot be started");
                    self.error_runs.queue.give_back(&tenant);
                }
            }
        }
    }

    /// Has a run started because of an alert.
    pub(super) fn intend_alert_run(&mut self, turn: &mut Turn, header: &RunHeader) {
        if let Err(error) = intend(turn, header) {
            let run = header.run_id;
            tracing::error!(%error, run.id = %run, "run {run} for an alert cannot be written down");
        }
    }

    /// Starts a run whose workflow was looked for. One that cannot be is told of and forgotten: nothing is started for
    /// it in turn.
    pub(super) fn start_error_run(&mut self, turn: &mut Turn, found: FoundErrorRun) {
        let FoundErrorRun { header, found } = found;
        pass(CrashPoint::ErrorRunFound);
        self.error_runs.queue.give_back(&header.tenant);
        // Whoever stops begins nothing; the journal has it.
        if self.draining() {
            return;
        }
        let (run, workflow_id) = (header.run_id, header.workflow_id);
        let started = found.map_err(|why| why.to_string()).and_then(|callee| {
            let Callee { version, document, hash, .. } = &*callee;
            let workflow = self.documents.compile(hash, document)?;
            let trigger = header.trigger.clone().beginning_at(callee.begins_at());
            let header = Arc::new(RunHeader { workflow_version: *version, trigger, ..header });
            let task = Task { header, hash: *hash, document: document.clone(), workflow };
            self.start_new(turn, task).map_err(|error| error.to_string())
        });
        let outcome = if started.is_ok() { "started" } else { "not_started" };
        counter!(names::WORKER_ERROR_WORKFLOWS, names::OUTCOME => outcome).increment(1);
        if let Err(why) = started {
            tracing::warn!(
                run.id = %run, workflow.id = %workflow_id, why,
                "workflow {workflow_id} cannot be started after an error; check `settings.error_workflow` and `settings.alert_workflow`"
            );
        }
        turn.commit.ops.push(Op::ErrorRunDone { run });
        self.look_for_error_runs(&[]);
    }
}

/// Has the error workflow of a run started, if it has one: the run's end is the last record of the turn so far.
pub(super) fn intend_error_run(
    turn: &mut Turn,
    on_failure: &OnFailure,
    header: &RunHeader,
) -> Result<(), JournalError> {
    let Some(Record::Run(ended)) = turn.records.last() else { return Ok(()) };
    let Some(started) = error_run(on_failure, header, &ended.run, turn.now) else { return Ok(()) };
    intend(turn, &started)
}

/// Has a run started, of which the version is not known yet.
fn intend(turn: &mut Turn, header: &RunHeader) -> Result<(), JournalError> {
    let (run, tenant) = (header.run_id, header.tenant.clone());
    let row = codec::write_error_run(header)?;
    turn.commit.ops.push(Op::ErrorRun { run, tenant: tenant.clone(), header: row });
    turn.error_runs.push((run, tenant));
    Ok(())
}

/// What is started for a run that has ended; its version is not known yet. `None`: nothing is.
fn error_run(on_failure: &OnFailure, header: &RunHeader, run: &Run, now: Timestamp) -> Option<RunHeader> {
    if !matches!(run.status, RunStatus::Failed | RunStatus::TimedOut) || header.trigger.is_after_error() {
        return None;
    }
    let own = header.workflow_id;
    let workflow_id = on_failure.error_workflow.filter(|other| *other != own)?;
    let error = run.error.as_ref();
    let parent = Parent {
        run_id: run.id,
        node_id: error.and_then(|error| error.node_id.clone()),
        iteration: Iteration::outside(),
        item: None,
        depth: header.trigger.depth() + 1,
        waits: false,
        after_error: true,
    };
    let input = json!({
        "run": {
            "id": run.id,
            "workflow_id": own,
            "workflow_version": run.workflow_version,
            "status": run.status,
            "attempt": run.attempt,
            "error": error.map(|error| json!({
                "code": error.code, "message": error.message, "node_id": error.node_id, "details": error.details,
            })),
            "created_at": run.created_at,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
        },
        "workflow": { "id": own, "name": on_failure.name },
        "trigger": header.trigger,
    });
    Some(RunHeader {
        tenant: header.tenant.clone(),
        run_id: run.id.of_failure(run.attempt),
        attempt: 1,
        workflow_id,
        workflow_version: 0,
        trigger: Trigger::error(parent),
        input,
        plan: RunPlan::default(),
        created_at: now,
        traceparent: Some(header.trace()),
    })
}
