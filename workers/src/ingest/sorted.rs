//! A request's records: read, checked, and sorted into what can be run, what fails and what nobody can read.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use domain::{
    dead_letter::DeadLetter,
    event::{Event, LostRun, Payload, TaskExecute, Topic, UnreadableEvent},
    ids::TenantId,
    items::read_input,
    run::{NodeError, RunKey, RunPlan},
    trace::TraceContext,
    workflow::OnFailure,
};
use minireipaz::{ingest::Refused, store::StoreError};
use serde_json::Value;

use super::IngestState;
use crate::{
    CONSUMER,
    documents::hash_of,
    engine::RunHeader,
    journal::JournalError,
    processor::{CANCEL, Control, ControlElsewhere, Controls, Elsewhere, Rejected, SIGNAL, Sender, Task},
    spans,
    vitals::NewestTask,
};

/// A duplicate that is younger than this is recognised by the journal; an older one, the store is asked about.
const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

#[derive(Default)]
pub(super) struct SortedRecords {
    pub(super) tasks: Vec<Task>,
    pub(super) rejected: Vec<Rejected>,
    /// Tasks of other workers.
    pub(super) elsewhere: Vec<Elsewhere>,
    /// What is wanted of runs that go on.
    pub(super) controls: Controls,
    pub(super) letters: Vec<DeadLetter>,
    /// Runs that the store knows to have ended.
    pub(super) known: usize,
    /// The newest task.
    newest: Option<NewestTask>,
}

/// Why a batch cannot be judged now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the worker is stopping")]
    Stopping,
}

/// A body above this is read, and the documents in it compiled, on a thread that may be busy for long.
const LARGE_BODY: usize = 64 << 10;

/// Reads a body. Only runs that may be older than the journal's memory cost a look at the store, all in one.
pub(super) async fn read(
    state: &Arc<IngestState>,
    body: Bytes,
    sender: Sender,
) -> Result<SortedRecords, Unknown> {
    let mut sorted = if body.len() > LARGE_BODY {
        let state = Arc::clone(state);
        let read = tokio::task::spawn_blocking(move || SortedRecords::of(&state, &body, sender)).await;
        read.map_err(|_| Unknown::Stopping)?
    } else {
        SortedRecords::of(state, &body, sender)
    };
    sorted.leave_out_ended(state).await?;
    Ok(sorted)
}

impl SortedRecords {
    fn of(state: &IngestState, body: &[u8], sender: Sender) -> Self {
        let (now, mut sorted) = (state.clock.now(), Self::default());
        let letters = state.batches.read(body, now, |event, text| match event {
            Ok(event) => sorted.sort(state, event, text, sender),
            Err(unreadable) => sorted.lose(state, unreadable, text, sender),
        });
        if let Some(newest) = sorted.newest {
            state.vitals.took(newest, now);
        }
        Self { letters, ..sorted }
    }

    /// A record that is no event: the run that it asks for fails at its owner's, if it says so much.
    fn lose(
        &mut self,
        state: &IngestState,
        unreadable: UnreadableEvent,
        text: &str,
        sender: Sender,
    ) -> Result<(), Refused> {
        match unreadable.run {
            Some(lost) if lost.topic == Topic::Tasks => {
                let LostRun { tenant, run, on_failure, .. } = *lost;
                let (run_id, header) = (run.id, RunHeader::of(tenant, run));
                if sender == Sender::Connector
                    && let Some(owner) = state.peers.elsewhere(run_id)
                {
                    let (owner, record) = (Arc::clone(owner), text.as_bytes().to_vec());
                    self.elsewhere.push(Elsewhere { owner, header, record });
                    return Ok(());
                }
                let why = unreadable.reason;
                let message = format!("the run's task cannot be read: {why}; start the run again");
                let error = NodeError::new("unreadable_event", message);
                self.reject(state, (Arc::new(header), on_failure), error, text);
                Ok(())
            }
            _ => Err(unreadable.into()),
        }
    }

    fn sort(&mut self, state: &IngestState, event: Event, text: &str, sender: Sender) -> Result<(), Refused> {
        if let Payload::TaskExecute(task) = &event.payload
            && self.newest.is_none_or(|newest| newest.scheduled_at <= event.time)
        {
            self.newest = Some(NewestTask { accepted_at: task.created_at, scheduled_at: event.time });
        }
        match event.payload {
            Payload::TaskExecute(task)
                if sender == Sender::Connector
                    && let Some(owner) = state.peers.elsewhere(task.run_id) =>
            {
                let (owner, record) = (Arc::clone(owner), text.as_bytes().to_vec());
                let header = header(event.tenant, None, &task, Value::Null);
                self.elsewhere.push(Elsewhere { owner, header, record });
            }
            Payload::TaskExecute(task) => {
                // What cannot be read is ignored, as the standard asks.
                let cause = event.traceparent.and_then(|text| text.parse().ok());
                self.compile(state, event.tenant, cause, *task, text);
            }
            payload @ (Payload::TaskCancel(_) | Payload::TaskResume(_)) => {
                return self.control(state, event.tenant, payload, text, sender);
            }
            Payload::WorkflowSaved(_)
            | Payload::WorkflowDeleted(_)
            | Payload::ClockTicked(_)
            | Payload::RunRequested(_)
            | Payload::RunCancelRequested(_)
            | Payload::RunResumeRequested(_) => {
                let reason = "this event is for the scheduler: the connector of topic `workflows` must not call the worker";
                return Err(Refused { tenant: Some(event.tenant), reason: reason.to_owned() });
            }
        }
        Ok(())
    }

    /// Something is wanted of a run that goes on, here or at another worker.
    fn control(
        &mut self,
        state: &IngestState,
        tenant: TenantId,
        payload: Payload,
        text: &str,
        sender: Sender,
    ) -> Result<(), Refused> {
        let (run, kind) = match &payload {
            Payload::TaskCancel(cancel) => (cancel.run_id, CANCEL),
            Payload::TaskResume(resume) => (resume.run_id, SIGNAL),
            _ => return Ok(()),
        };
        if sender == Sender::Connector
            && let Some(owner) = state.peers.elsewhere(run)
        {
            let (owner, record) = (Arc::clone(owner), text.as_bytes().to_vec());
            self.controls.elsewhere.push(ControlElsewhere { owner, tenant, kind, run, record });
            return Ok(());
        }
        match Control::of(tenant.clone(), payload, text) {
            Some(Ok(control)) => self.controls.here.push(control),
            Some(Err(reason)) => return Err(Refused { tenant: Some(tenant), reason }),
            None => {}
        }
        Ok(())
    }

    fn compile(
        &mut self,
        state: &IngestState,
        tenant: TenantId,
        cause: Option<TraceContext>,
        task: TaskExecute,
        text: &str,
    ) {
        let (input, unreadable) = match read_input(&task.input) {
            Ok(input) => (input, None),
            Err(error) => {
                let why = format!("the run's input cannot be read: {error}");
                (Value::Null, Some(NodeError::new("invalid_input", why)))
            }
        };
        let (plan, unreadable) = match RunPlan::read(task.plan.as_ref()) {
            Ok(plan) => (plan, unreadable),
            Err(error) => {
                let why = format!("the run's pins, or what else was asked for, cannot be read: {error}");
                (RunPlan::default(), Some(NodeError::new("invalid_plan", why)))
            }
        };
        let header = Arc::new(RunHeader { plan, ..header(tenant, cause, &task, input) });
        let document = task.document;
        if let Some(error) = unreadable {
            let on_failure = OnFailure::said_by(document.as_str());
            return self.reject(state, (header, on_failure), error, text);
        }
        let hash = hash_of(&document);
        match state.documents.compile(&hash, &document) {
            Ok(workflow) => self.tasks.push(Task { header, hash, document, workflow }),
            Err(why) => {
                let on_failure = OnFailure::said_by(document.as_str());
                self.reject(state, (header, on_failure), NodeError::new("invalid_workflow", why), text);
            }
        }
    }

    /// The run fails, and its task is kept for people.
    fn reject(
        &mut self,
        state: &IngestState,
        (header, on_failure): (Arc<RunHeader>, OnFailure),
        error: NodeError,
        text: &str,
    ) {
        let span = spans::about_run(&header);
        let why = error.message.as_str();
        tracing::warn!(parent: &span, why, "run {} cannot be executed and fails", header.run_id);
        let letter =
            DeadLetter::new(CONSUMER, why, text.as_bytes(), header.tenant.as_str(), state.clock.now());
        self.rejected.push(Rejected { header, error, on_failure, letter });
    }

    /// Leaves out runs that ended so long ago that the journal has forgotten them.
    async fn leave_out_ended(&mut self, state: &IngestState) -> Result<(), Unknown> {
        let now = state.clock.now();
        // A run that was sent again may have ended with another worker meanwhile.
        let fresh = |header: &RunHeader| {
            header.attempt == 1 && header.run_id.created_at().is_some_and(|made| now.since(made) < REMEMBERED)
        };
        let headers = self.tasks.iter().map(|task| &task.header);
        let headers = headers.chain(self.rejected.iter().map(|rejected| &rejected.header));
        let mut asked: Vec<RunKey> = Vec::new();
        let old: Vec<_> = headers.filter(|header| !fresh(header)).collect();
        if old.is_empty() {
            return Ok(());
        }
        {
            let snapshot = state.journal.read()?;
            for header in old {
                let run = header.run_id;
                if snapshot.header(run)?.is_none() && snapshot.finished(run, now)?.is_none() {
                    asked.push((header.tenant.clone(), run));
                }
            }
        }
        if asked.is_empty() {
            return Ok(());
        }
        let heads = state.store.heads(&asked).await?;
        let ended = |header: &RunHeader| {
            // One that cannot be read may not have ended: it is run once more, with the same keys.
            let head = heads.get(&(header.tenant.clone(), header.run_id)).and_then(|head| head.as_ref().ok());
            head.is_some_and(|head| {
                head.status.is_terminal() && head.status.last_attempt(head.attempt) >= header.attempt
            })
        };
        let before = self.tasks.len() + self.rejected.len();
        self.tasks.retain(|task| !ended(&task.header));
        self.rejected.retain(|rejected| !ended(&rejected.header));
        self.known = before - self.tasks.len() - self.rejected.len();
        Ok(())
    }
}

fn header(tenant: TenantId, cause: Option<TraceContext>, task: &TaskExecute, input: Value) -> RunHeader {
    RunHeader {
        tenant,
        run_id: task.run_id,
        attempt: task.attempt,
        workflow_id: task.workflow_id,
        workflow_version: task.workflow_version,
        trigger: task.trigger.clone(),
        input,
        plan: RunPlan::default(),
        created_at: task.created_at,
        traceparent: cause,
    }
}
