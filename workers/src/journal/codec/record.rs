//! What waits in the outbox for the store.

use std::borrow::Cow;

use domain::{
    dead_letter::DeadLetter,
    ids::{NodeId, RunId, TenantId, WorkflowId},
    items::Ports,
    lineage::Lineage,
    run::{NewRun, Run, RunResponse, RunStatus, Step, StepStatus},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    Millis, TriggerForm, counters,
    error::{ErrorForm, SignalForm, WaitsForForm},
    event::no_lineage,
    write,
};
use crate::{
    journal::JournalError,
    recorder::{InputAt, Record, RunRecord, StepRecord},
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordForm<'a> {
    Run(Box<RunForm<'a>>),
    Dead(LetterForm<'a>),
}

/// A run as a commit left it, with the steps that it changed.
#[derive(Serialize, Deserialize)]
struct RunForm<'a> {
    tenant: TenantId,
    id: RunId,
    workflow: WorkflowId,
    version: u32,
    status: RunStatus,
    revision: u64,
    attempt: u32,
    trigger: TriggerForm<'a>,
    /// Missing: the run's header has it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    input: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Cow<'a, Value>>,
    #[serde(rename = "answers", default, skip_serializing_if = "Option::is_none")]
    response: Option<Cow<'a, RunResponse>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorForm<'a>>,
    created: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished: Option<Millis>,
    steps: Vec<StepForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StepForm<'a> {
    revision: u64,
    ordinal: u32,
    node: NodeId,
    #[serde(default, skip_serializing_if = "<[u32]>::is_empty")]
    iteration: Cow<'a, [u32]>,
    kind: Cow<'a, str>,
    status: StepStatus,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finished: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Cow<'a, Ports>>,
    #[serde(default, skip_serializing_if = "no_lineage")]
    lineage: Cow<'a, Lineage>,
    #[serde(rename = "said", default, skip_serializing_if = "<[String]>::is_empty")]
    console: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waits_for: Option<WaitsForForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<SignalForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct LetterForm<'a> {
    consumer: Cow<'a, str>,
    reason: Cow<'a, str>,
    record: Cow<'a, str>,
    tenant: Cow<'a, str>,
    at: Millis,
}

/// A value that is there, also when it is `null`.
fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Cow<'static, Value>>, D::Error> {
    Value::deserialize(input).map(|input| Some(Cow::Owned(input)))
}

/// A row of the outbox.
pub(crate) fn write_record(record: &Record) -> Result<Vec<u8>, JournalError> {
    write(&match record {
        Record::Run(record) => RecordForm::Run(Box::new((&**record).into())),
        Record::Dead(letter) | Record::Lost(_, letter) => RecordForm::Dead((&**letter).into()),
    })
}

/// What a row of the outbox holds.
pub(crate) fn read_record(row: &[u8]) -> Result<Record, serde_json::Error> {
    Ok(match serde_json::from_slice(row)? {
        RecordForm::Run(form) => Record::Run(Box::new((*form).into())),
        RecordForm::Dead(form) => Record::Dead(Box::new(form.into())),
    })
}

/// The end of a run, of a row of the outbox of which the payloads cannot be read.
pub(crate) struct EndedRun {
    /// Without its input.
    pub(crate) run: NewRun,
    pub(crate) revision: u64,
    pub(crate) status: RunStatus,
}

/// What can be read of a row that tells of the end of a run, whatever its payloads are; `None`: it is none.
pub(crate) fn read_ended_run(row: &[u8]) -> Option<(TenantId, EndedRun)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum BareForm<'a> {
        #[serde(borrow)]
        Run(BareRunForm<'a>),
    }
    #[derive(Deserialize)]
    struct BareRunForm<'a> {
        tenant: TenantId,
        id: RunId,
        workflow: WorkflowId,
        version: u32,
        status: RunStatus,
        revision: u64,
        attempt: u32,
        #[serde(borrow)]
        trigger: TriggerForm<'a>,
        created: Millis,
    }
    let BareForm::Run(form) = serde_json::from_slice(row).ok()?;
    let run = NewRun {
        id: form.id,
        workflow_id: form.workflow,
        workflow_version: form.version,
        attempt: form.attempt,
        trigger: form.trigger.into(),
        input: Value::Null,
        created_at: form.created.into(),
    };
    let ended = EndedRun { run, revision: form.revision, status: form.status };
    form.status.is_terminal().then_some((form.tenant, ended))
}

impl<'a> From<&'a RunRecord> for RunForm<'a> {
    fn from(RunRecord { tenant, run, input, steps }: &'a RunRecord) -> Self {
        Self {
            tenant: tenant.clone(),
            id: run.id,
            workflow: run.workflow_id,
            version: run.workflow_version,
            status: run.status,
            revision: run.revision,
            attempt: run.attempt,
            trigger: (&run.trigger).into(),
            input: (*input == InputAt::Here).then_some(Cow::Borrowed(&run.input)),
            output: run.output.as_ref().map(Cow::Borrowed),
            response: run.response.as_ref().map(Cow::Borrowed),
            error: run.error.as_ref().map(ErrorForm::from),
            created: run.created_at.into(),
            started: run.started_at.map(Millis::from),
            finished: run.finished_at.map(Millis::from),
            steps: steps.iter().map(StepForm::from).collect(),
        }
    }
}

impl From<RunForm<'_>> for RunRecord {
    fn from(form: RunForm<'_>) -> Self {
        let input = if form.input.is_some() { InputAt::Here } else { InputAt::Header };
        let run = Run {
            id: form.id,
            workflow_id: form.workflow,
            workflow_version: form.version,
            status: form.status,
            waits_for: None,
            revision: form.revision,
            attempt: form.attempt,
            trigger: form.trigger.into(),
            input: form.input.map(Cow::into_owned).unwrap_or_default(),
            output: form.output.map(Cow::into_owned),
            response: form.response.map(Cow::into_owned),
            error: form.error.map(Into::into),
            created_at: form.created.into(),
            started_at: form.started.map(Into::into),
            finished_at: form.finished.map(Into::into),
        };
        let steps = form.steps.into_iter().map(StepRecord::from).collect();
        Self { tenant: form.tenant, run, input, steps }
    }
}

impl<'a> From<&'a StepRecord> for StepForm<'a> {
    fn from(StepRecord { revision, ordinal, step }: &'a StepRecord) -> Self {
        Self {
            revision: *revision,
            ordinal: *ordinal,
            node: step.node_id.clone(),
            iteration: counters(&step.iteration),
            kind: step.kind.as_str().into(),
            status: step.status,
            pinned: step.pinned,
            attempts: step.attempts,
            started: step.started_at.map(Millis::from),
            finished: step.finished_at.map(Millis::from),
            output: step.output.as_ref().map(Cow::Borrowed),
            lineage: Cow::Borrowed(&step.lineage),
            console: Cow::Borrowed(&step.console),
            waits_for: step.waits_for.as_ref().map(WaitsForForm::from),
            signal: step.signal.as_ref().map(SignalForm::from),
            error: step.error.as_ref().map(ErrorForm::from),
        }
    }
}

impl From<StepForm<'_>> for StepRecord {
    fn from(form: StepForm<'_>) -> Self {
        let step = Step {
            node_id: form.node,
            iteration: form.iteration.into_owned().into(),
            kind: form.kind.into_owned(),
            status: form.status,
            pinned: form.pinned,
            attempts: form.attempts,
            started_at: form.started.map(Into::into),
            finished_at: form.finished.map(Into::into),
            output: form.output.map(Cow::into_owned),
            lineage: form.lineage.into_owned(),
            console: form.console.into_owned(),
            waits_for: form.waits_for.map(Into::into),
            signal: form.signal.map(Into::into),
            error: form.error.map(Into::into),
        };
        Self { revision: form.revision, ordinal: form.ordinal, step }
    }
}

impl<'a> From<&'a DeadLetter> for LetterForm<'a> {
    fn from(letter: &'a DeadLetter) -> Self {
        let DeadLetter { consumer, reason, record, tenant, at } = letter;
        Self {
            consumer: consumer.into(),
            reason: reason.into(),
            record: record.into(),
            tenant: tenant.into(),
            at: (*at).into(),
        }
    }
}

impl From<LetterForm<'_>> for DeadLetter {
    fn from(form: LetterForm<'_>) -> Self {
        Self {
            consumer: form.consumer.into_owned(),
            reason: form.reason.into_owned(),
            record: form.record.into_owned(),
            tenant: form.tenant.into_owned(),
            at: form.at.into(),
        }
    }
}
