//! What a run was started with.

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{NewRun, Trigger},
    timestamp::Timestamp,
    trace::TraceContext,
};
use serde_json::Value;

/// What the task said, without the workflow's document. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHeader {
    /// Whose run it is.
    pub tenant: TenantId,
    /// The run's id.
    pub run_id: RunId,
    /// 1, or more after a worker and its disk were lost.
    pub attempt: u32,
    /// The workflow it runs.
    pub workflow_id: WorkflowId,
    /// The version it runs.
    pub workflow_version: u32,
    /// What started it.
    pub trigger: Trigger,
    /// Its input, as given.
    pub input: Value,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The span that caused the task. Part of the journal, so that a run that comes back stays in its trace.
    pub traceparent: Option<TraceContext>,
}

impl RunHeader {
    /// A run that was accepted with this, of nobody who is traced.
    #[must_use]
    pub fn of(tenant: TenantId, run: NewRun) -> Self {
        let NewRun { id, workflow_id, workflow_version, attempt, trigger, input, created_at } = run;
        Self {
            tenant,
            run_id: id,
            attempt,
            workflow_id,
            workflow_version,
            trigger,
            input,
            created_at,
            traceparent: None,
        }
    }

    /// What the run was accepted with.
    #[must_use]
    pub fn new_run(&self) -> NewRun {
        NewRun { input: self.input.clone(), ..self.new_run_without_input() }
    }

    /// The same with `null` instead of the input.
    #[must_use]
    pub fn new_run_without_input(&self) -> NewRun {
        NewRun {
            id: self.run_id,
            workflow_id: self.workflow_id,
            workflow_version: self.workflow_version,
            attempt: self.attempt,
            trigger: self.trigger.clone(),
            input: Value::Null,
            created_at: self.created_at,
        }
    }

    /// The run's own span. It follows from the run's id and attempt, so it is the same whenever it is asked for; so
    /// does the trace of a run whose cause was not traced.
    #[must_use]
    pub fn trace(&self) -> TraceContext {
        let id = self.run_id.0.as_u128();
        // The lower half, which is random or a digest.
        let span = (id as u64).wrapping_add(u64::from(self.attempt));
        self.traceparent.map_or_else(|| TraceContext::start(id, span), |cause| cause.child(span))
    }
}
