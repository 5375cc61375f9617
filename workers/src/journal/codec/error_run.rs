//! A run of an error workflow that is to be started.

use std::borrow::Cow;

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::RunPlan,
    trace::TraceContext,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Millis, TriggerForm, write};
use crate::{engine::RunHeader, journal::JournalError};

/// All of its header but the version, which is the newest when it is started.
#[derive(Serialize, Deserialize)]
struct ErrorRunForm<'a> {
    tenant: TenantId,
    run: RunId,
    workflow: WorkflowId,
    trigger: TriggerForm<'a>,
    input: Cow<'a, Value>,
    created: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<TraceContext>,
}

/// A row about a run that is to be started.
pub(crate) fn write_error_run(header: &RunHeader) -> Result<Vec<u8>, JournalError> {
    write(&ErrorRunForm {
        tenant: header.tenant.clone(),
        run: header.run_id,
        workflow: header.workflow_id,
        trigger: (&header.trigger).into(),
        input: Cow::Borrowed(&header.input),
        created: header.created_at.into(),
        traceparent: header.traceparent,
    })
}

/// The run that is to be started, with version 0.
pub(crate) fn read_error_run(row: &[u8]) -> Result<RunHeader, serde_json::Error> {
    let form: ErrorRunForm<'_> = serde_json::from_slice(row)?;
    Ok(RunHeader {
        tenant: form.tenant,
        run_id: form.run,
        attempt: 1,
        workflow_id: form.workflow,
        workflow_version: 0,
        trigger: form.trigger.into(),
        input: form.input.into_owned(),
        plan: RunPlan::default(),
        created_at: form.created.into(),
        traceparent: form.traceparent,
    })
}
