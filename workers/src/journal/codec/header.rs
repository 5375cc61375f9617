//! What a run was started with.

use std::borrow::Cow;

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::RunPlan,
    trace::TraceContext,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use super::{Millis, TriggerForm, plan::PlanForm, write};
use crate::{
    engine::RunHeader,
    journal::{DocumentHash, JournalError},
};

#[derive(Serialize, Deserialize)]
struct HeaderForm<'a> {
    /// The SHA-256 of the document.
    document: Hex,
    tenant: TenantId,
    run: RunId,
    attempt: u32,
    workflow: WorkflowId,
    version: u32,
    trigger: TriggerForm<'a>,
    input: Cow<'a, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<PlanForm<'a>>,
    created: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<TraceContext>,
}

/// A run's row.
pub(crate) fn write_header(document: &DocumentHash, header: &RunHeader) -> Result<Vec<u8>, JournalError> {
    write(&HeaderForm {
        document: Hex(*document),
        tenant: header.tenant.clone(),
        run: header.run_id,
        attempt: header.attempt,
        workflow: header.workflow_id,
        version: header.workflow_version,
        trigger: (&header.trigger).into(),
        input: Cow::Borrowed(&header.input),
        plan: PlanForm::of(&header.plan),
        created: header.created_at.into(),
        traceparent: header.traceparent,
    })
}

/// The hash of a run's document, and its header.
pub(crate) fn read_header(row: &[u8]) -> Result<(DocumentHash, RunHeader), serde_json::Error> {
    let form: HeaderForm<'_> = serde_json::from_slice(row)?;
    let header = RunHeader {
        tenant: form.tenant,
        run_id: form.run,
        attempt: form.attempt,
        workflow_id: form.workflow,
        workflow_version: form.version,
        trigger: form.trigger.into(),
        input: form.input.into_owned(),
        plan: form.plan.map_or_else(RunPlan::default, RunPlan::from),
        created_at: form.created.into(),
        traceparent: form.traceparent,
    };
    Ok((form.document.0, header))
}

/// What a row says whose run's input, or its plan, cannot be read: the run can be ended in its tenant's name.
pub(crate) fn read_header_without_input(row: &[u8]) -> Result<(DocumentHash, RunHeader), serde_json::Error> {
    // Fields that are not named here are passed over, however they are nested.
    #[derive(Deserialize)]
    struct Bare<'a> {
        document: Hex,
        tenant: TenantId,
        run: RunId,
        attempt: u32,
        workflow: WorkflowId,
        version: u32,
        #[serde(borrow)]
        trigger: TriggerForm<'a>,
        created: Millis,
    }
    let bare: Bare<'_> = serde_json::from_slice(row)?;
    let header = RunHeader {
        tenant: bare.tenant,
        run_id: bare.run,
        attempt: bare.attempt,
        workflow_id: bare.workflow,
        workflow_version: bare.version,
        trigger: bare.trigger.into(),
        input: Value::Null,
        plan: RunPlan::default(),
        created_at: bare.created.into(),
        traceparent: None,
    };
    Ok((bare.document.0, header))
}

/// Bytes as hexadecimal digits.
struct Hex(DocumentHash);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = |byte: &u8| {
            [byte >> 4, byte & 0xf].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        };
        serializer.serialize_str(&self.0.iter().flat_map(digits).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        let mut bytes = DocumentHash::default();
        if text.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(D::Error::custom("a hash has 64 hexadecimal digits"));
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(D::Error::custom)?;
        }
        Ok(Self(bytes))
    }
}
