//! What has happened to a run, and its timers.

use std::{borrow::Cow, sync::Arc};

use domain::{
    ids::RunId,
    items::{Output, Ports},
    lineage::Lineage,
    run::{RunResponse, RunStatus},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Millis, counters,
    error::{ErrorForm, WaitsForForm},
    shared, write,
};
use crate::{
    engine::{AttemptFailure, RunEvent, StepChange, StepEvent, StepKey, Suspension, Timer, Wake},
    journal::JournalError,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventForm<'a> {
    Started {
        at: Millis,
    },
    Step(StepForm<'a>),
    Finished {
        status: RunStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorForm<'a>>,
        at: Millis,
    },
}

#[derive(Serialize, Deserialize)]
struct StepForm<'a> {
    #[serde(rename = "n")]
    node: usize,
    #[serde(rename = "i", default, skip_serializing_if = "<[u32]>::is_empty")]
    iteration: Cow<'a, [u32]>,
    #[serde(rename = "a")]
    attempt: u32,
    at: Millis,
    change: ChangeForm<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeForm<'a> {
    Triggered,
    Started,
    Succeeded(OutputForm<'a>),
    Suspended(SuspensionForm<'a>),
    RunEnded {
        run: RunId,
        end: Cow<'a, Value>,
    },
    Resumed(WakeForm<'a>),
    PutAside,
    Interrupted,
    Failed {
        error: ErrorForm<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<OutputForm<'a>>,
    },
    Skipped,
    Cancelled,
}

#[derive(Serialize, Deserialize)]
pub(super) struct OutputForm<'a> {
    #[serde(rename = "out")]
    ports: Cow<'a, Ports>,
    #[serde(rename = "from", default, skip_serializing_if = "no_lineage")]
    lineage: Cow<'a, Lineage>,
    #[serde(rename = "said", default, skip_serializing_if = "<[String]>::is_empty")]
    console: Cow<'a, [String]>,
    #[serde(rename = "answers", default, skip_serializing_if = "Option::is_none")]
    response: Option<Box<Cow<'a, RunResponse>>>,
}

#[derive(Serialize, Deserialize)]
struct SuspensionForm<'a> {
    #[serde(rename = "for")]
    waits_for: WaitsForForm<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorForm<'a>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    spared: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WakeForm<'a> {
    Moment,
    Signal(Cow<'a, Value>),
    Runs,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimerForm<'a> {
    Wake {
        #[serde(rename = "n")]
        node: usize,
        #[serde(rename = "i", default, skip_serializing_if = "<[u32]>::is_empty")]
        iteration: Cow<'a, [u32]>,
    },
    Begin,
    Deadline,
}

/// A row of events.
pub(crate) fn write_events(events: &[RunEvent]) -> Result<Vec<u8>, JournalError> {
    write(&events.iter().map(EventForm::from).collect::<Vec<_>>())
}

/// The events of a row.
pub(crate) fn read_events(row: &[u8]) -> Result<Vec<RunEvent>, serde_json::Error> {
    let forms: Vec<EventForm<'_>> = serde_json::from_slice(row)?;
    Ok(forms.into_iter().map(RunEvent::from).collect())
}

/// A timer's key.
pub(crate) fn write_timer(timer: &Timer) -> Result<Vec<u8>, JournalError> {
    write(&match timer {
        Timer::Wake(StepKey { node, iteration }) => {
            TimerForm::Wake { node: *node, iteration: counters(iteration) }
        }
        Timer::Begin => TimerForm::Begin,
        Timer::Deadline => TimerForm::Deadline,
    })
}

/// The timer of a key.
pub(crate) fn read_timer(key: &[u8]) -> Result<Timer, serde_json::Error> {
    Ok(match serde_json::from_slice(key)? {
        TimerForm::Wake { node, iteration } => Timer::Wake(step_key(node, iteration)),
        TimerForm::Begin => Timer::Begin,
        TimerForm::Deadline => Timer::Deadline,
    })
}

fn step_key(node: usize, iteration: Cow<'_, [u32]>) -> StepKey {
    StepKey { node, iteration: iteration.into_owned().into() }
}

#[expect(clippy::ptr_arg, reason = "serde's signature")]
pub(super) fn no_lineage(lineage: &Cow<'_, Lineage>) -> bool {
    lineage.is_empty()
}

impl<'a> From<&'a RunEvent> for EventForm<'a> {
    fn from(event: &'a RunEvent) -> Self {
        match event {
            RunEvent::Started { at } => Self::Started { at: (*at).into() },
            RunEvent::Step(StepEvent { step, attempt, at, change }) => Self::Step(StepForm {
                node: step.node,
                iteration: counters(&step.iteration),
                attempt: *attempt,
                at: (*at).into(),
                change: change.into(),
            }),
            RunEvent::Finished { status, error, at } => Self::Finished {
                status: *status,
                error: error.as_deref().map(ErrorForm::from),
                at: (*at).into(),
            },
        }
    }
}

impl From<EventForm<'_>> for RunEvent {
    fn from(form: EventForm<'_>) -> Self {
        match form {
            EventForm::Started { at } => Self::Started { at: at.into() },
            EventForm::Step(StepForm { node, iteration, attempt, at, change }) => Self::Step(StepEvent {
                step: step_key(node, iteration),
                attempt,
                at: at.into(),
                change: change.into(),
            }),
            EventForm::Finished { status, error, at } => {
                Self::Finished { status, error: error.map(|error| Box::new(error.into())), at: at.into() }
            }
        }
    }
}

impl<'a> From<&'a StepChange> for ChangeForm<'a> {
    fn from(change: &'a StepChange) -> Self {
        match change {
            StepChange::Triggered => Self::Triggered,
            StepChange::Started => Self::Started,
            StepChange::Succeeded { output } => Self::Succeeded((&**output).into()),
            StepChange::Suspended(suspension) => Self::Suspended((&**suspension).into()),
            StepChange::RunEnded { run, end } => Self::RunEnded { run: *run, end: Cow::Borrowed(end) },
            StepChange::Resumed { by } => Self::Resumed(by.into()),
            StepChange::PutAside => Self::PutAside,
            StepChange::Interrupted => Self::Interrupted,
            StepChange::Failed { error, output } => {
                Self::Failed { error: (&**error).into(), output: output.as_deref().map(OutputForm::from) }
            }
            StepChange::Skipped => Self::Skipped,
            StepChange::Cancelled => Self::Cancelled,
        }
    }
}

impl From<ChangeForm<'_>> for StepChange {
    fn from(form: ChangeForm<'_>) -> Self {
        match form {
            ChangeForm::Triggered => Self::Triggered,
            ChangeForm::Started => Self::Started,
            ChangeForm::Succeeded(output) => Self::Succeeded { output: output.into() },
            ChangeForm::Suspended(suspension) => Self::Suspended(Box::new(suspension.into())),
            ChangeForm::RunEnded { run, end } => Self::RunEnded { run, end: shared(end) },
            ChangeForm::Resumed(by) => Self::Resumed { by: by.into() },
            ChangeForm::PutAside => Self::PutAside,
            ChangeForm::Interrupted => Self::Interrupted,
            ChangeForm::Failed { error, output } => {
                Self::Failed { error: Box::new(error.into()), output: output.map(Into::into) }
            }
            ChangeForm::Skipped => Self::Skipped,
            ChangeForm::Cancelled => Self::Cancelled,
        }
    }
}

impl<'a> From<&'a Output> for OutputForm<'a> {
    fn from(Output { ports, lineage, console, response }: &'a Output) -> Self {
        Self {
            ports: Cow::Borrowed(ports),
            lineage: Cow::Borrowed(lineage),
            console: Cow::Borrowed(console),
            response: response.as_deref().map(|response| Box::new(Cow::Borrowed(response))),
        }
    }
}

impl From<OutputForm<'_>> for Arc<Output> {
    fn from(OutputForm { ports, lineage, console, response }: OutputForm<'_>) -> Self {
        Self::new(Output {
            ports: ports.into_owned(),
            lineage: lineage.into_owned(),
            console: console.into_owned(),
            response: response.map(|response| shared(*response)),
        })
    }
}

impl<'a> From<&'a Suspension> for SuspensionForm<'a> {
    fn from(Suspension { waits_for, kept, failure }: &'a Suspension) -> Self {
        Self {
            waits_for: waits_for.into(),
            kept: kept.as_deref().map(Cow::Borrowed),
            error: failure.as_ref().map(|failure| (&*failure.error).into()),
            spared: failure.as_ref().is_some_and(|failure| failure.spared),
        }
    }
}

impl From<SuspensionForm<'_>> for Suspension {
    fn from(form: SuspensionForm<'_>) -> Self {
        let SuspensionForm { waits_for, kept, error, spared } = form;
        Self {
            waits_for: waits_for.into(),
            kept: kept.map(shared),
            failure: error.map(|error| AttemptFailure { error: Box::new(error.into()), spared }),
        }
    }
}

impl<'a> From<&'a Wake> for WakeForm<'a> {
    fn from(wake: &'a Wake) -> Self {
        match wake {
            Wake::Moment => Self::Moment,
            Wake::Signal(data) => Self::Signal(Cow::Borrowed(data)),
            Wake::Runs => Self::Runs,
        }
    }
}

impl From<WakeForm<'_>> for Wake {
    fn from(form: WakeForm<'_>) -> Self {
        match form {
            WakeForm::Moment => Self::Moment,
            WakeForm::Signal(data) => Self::Signal(shared(data)),
            WakeForm::Runs => Self::Runs,
        }
    }
}
