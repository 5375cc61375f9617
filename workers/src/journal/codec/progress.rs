//! How far a run has come, in one row: instead of the events that led there, of which loops may have any number.

use std::{borrow::Cow, sync::Arc};

use domain::{
    ids::RunId,
    items::{Item, Items, Output},
    run::{NodeError, RunResponse, WaitsFor},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Millis,
    error::{ErrorForm, WaitsForForm},
    event::{OutputForm, WakeForm},
    shared, write,
};
use crate::{
    engine::{
        StepState, Woken,
        kept::{Brought, Carried, KeptProgress, KeptScope, KeptStep},
    },
    journal::JournalError,
};

#[derive(Serialize, Deserialize)]
pub(super) struct ProgressForm<'a> {
    /// How many events led here.
    pub(super) revision: u64,
    /// When the run began.
    at: Millis,
    begun: u32,
    recorded: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ready: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    overfull: Option<usize>,
    #[serde(rename = "answers", default, skip_serializing_if = "Option::is_none")]
    response: Option<Cow<'a, RunResponse>>,
    steps: Vec<NodeForm<'a>>,
    scopes: Vec<ScopeForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct NodeForm<'a> {
    now: StepForm<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<StepForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StepForm<'a> {
    #[serde(rename = "i", default, skip_serializing_if = "<[u32]>::is_empty")]
    iteration: Cow<'a, [u32]>,
    #[serde(rename = "is")]
    state: StateForm<'a>,
    #[serde(rename = "a", default, skip_serializing_if = "is_zero")]
    attempts: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    interruptions: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    put_aside: bool,
    #[serde(rename = "from", default, skip_serializing_if = "Option::is_none")]
    started_at: Option<Millis>,
    #[serde(rename = "tried", default, skip_serializing_if = "Option::is_none")]
    tried_since: Option<Millis>,
    #[serde(rename = "to", default, skip_serializing_if = "Option::is_none")]
    finished_at: Option<Millis>,
    #[serde(rename = "nth", default, skip_serializing_if = "Option::is_none")]
    ordinal: Option<u32>,
    #[serde(rename = "rev", default)]
    changed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried: Option<CarriedForm<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateForm<'a> {
    Pending {
        open: u32,
        delivering: u32,
    },
    Running,
    Suspended {
        #[serde(rename = "for")]
        waits_for: WaitsForForm<'a>,
        retrying: bool,
    },
    Succeeded(OutputForm<'a>),
    Failed {
        error: ErrorForm<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<OutputForm<'a>>,
    },
    Skipped,
    Cancelled,
}

#[derive(Serialize, Deserialize)]
struct CarriedForm<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    woken: Option<(WakeForm<'a>, Vec<EndForm<'a>>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ended: Vec<EndForm<'a>>,
}

/// A run that has ended, and what came of it.
type EndForm<'a> = (RunId, Cow<'a, Value>);

#[derive(Serialize, Deserialize)]
struct ScopeForm<'a> {
    #[serde(rename = "i", default, skip_serializing_if = "<[u32]>::is_empty")]
    iteration: Cow<'a, [u32]>,
    open: usize,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    over: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    taken: usize,
    /// Whether it has begun to hand out what it was given, which its sources have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    given: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    began_with: Vec<BroughtForm<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    back: Vec<BroughtForm<'a>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    returned: Vec<BroughtForm<'a>>,
    /// What leaves it, by edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exits: Vec<(usize, Vec<Cow<'a, [Item]>>)>,
}

type BroughtForm<'a> = (u32, Cow<'a, [Item]>);

/// A row that says how far a run has come.
pub(crate) fn write_progress(progress: &KeptProgress) -> Result<Vec<u8>, JournalError> {
    write(&ProgressForm::from(progress))
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

fn list(items: &Items) -> Cow<'_, [Item]> {
    Cow::Borrowed(items.as_slice())
}

fn items(list: Cow<'_, [Item]>) -> Items {
    Arc::new(list.into_owned())
}

impl<'a> From<&'a KeptProgress> for ProgressForm<'a> {
    fn from(progress: &'a KeptProgress) -> Self {
        let KeptProgress { revision, started_at, begun, recorded, ready, overfull, response, steps, scopes } =
            progress;
        let node = |(now, last): &'a (KeptStep, Option<KeptStep>)| NodeForm {
            now: now.into(),
            last: last.as_ref().map(StepForm::from),
        };
        Self {
            revision: *revision,
            at: (*started_at).into(),
            begun: *begun,
            recorded: *recorded,
            ready: ready.clone(),
            overfull: *overfull,
            response: response.as_deref().map(Cow::Borrowed),
            steps: steps.iter().map(node).collect(),
            scopes: scopes.iter().map(ScopeForm::from).collect(),
        }
    }
}

impl From<ProgressForm<'_>> for KeptProgress {
    fn from(form: ProgressForm<'_>) -> Self {
        let ProgressForm { revision, at, begun, recorded, ready, overfull, response, steps, scopes } = form;
        let node = |NodeForm { now, last }: NodeForm<'_>| (now.into(), last.map(KeptStep::from));
        Self {
            revision,
            started_at: at.into(),
            begun,
            recorded,
            ready,
            overfull,
            response: response.map(shared),
            steps: steps.into_iter().map(node).collect(),
            scopes: scopes.into_iter().map(KeptScope::from).collect(),
        }
    }
}

impl<'a> From<&'a KeptStep> for StepForm<'a> {
    fn from(step: &'a KeptStep) -> Self {
        Self {
            iteration: super::counters(&step.iteration),
            state: (&step.state).into(),
            attempts: step.attempts,
            interruptions: step.interruptions,
            put_aside: step.put_aside,
            started_at: step.started_at.map(Millis::from),
            tried_since: step.tried_since.map(Millis::from),
            finished_at: step.finished_at.map(Millis::from),
            ordinal: step.ordinal,
            changed: step.changed,
            carried: step.carried.as_deref().map(CarriedForm::from),
        }
    }
}

impl From<StepForm<'_>> for KeptStep {
    fn from(form: StepForm<'_>) -> Self {
        Self {
            iteration: form.iteration.into_owned().into(),
            state: form.state.into(),
            attempts: form.attempts,
            interruptions: form.interruptions,
            put_aside: form.put_aside,
            started_at: form.started_at.map(Into::into),
            tried_since: form.tried_since.map(Into::into),
            finished_at: form.finished_at.map(Into::into),
            ordinal: form.ordinal,
            changed: form.changed,
            carried: form.carried.map(|carried| Box::new(carried.into())),
        }
    }
}

impl<'a> From<&'a StepState> for StateForm<'a> {
    fn from(state: &'a StepState) -> Self {
        match state {
            StepState::Pending { open, delivering } => Self::Pending { open: *open, delivering: *delivering },
            StepState::Running => Self::Running,
            StepState::Suspended { waits_for, retrying } => {
                Self::Suspended { waits_for: (&**waits_for).into(), retrying: *retrying }
            }
            StepState::Succeeded { output } => Self::Succeeded((&**output).into()),
            StepState::Failed { error, output } => {
                Self::Failed { error: (&**error).into(), output: output.as_deref().map(OutputForm::from) }
            }
            StepState::Skipped => Self::Skipped,
            StepState::Cancelled => Self::Cancelled,
        }
    }
}

impl From<StateForm<'_>> for StepState {
    fn from(form: StateForm<'_>) -> Self {
        match form {
            StateForm::Pending { open, delivering } => Self::Pending { open, delivering },
            StateForm::Running => Self::Running,
            StateForm::Suspended { waits_for, retrying } => {
                Self::Suspended { waits_for: Box::new(WaitsFor::from(waits_for)), retrying }
            }
            StateForm::Succeeded(output) => Self::Succeeded { output: output.into() },
            StateForm::Failed { error, output } => Self::Failed {
                error: Box::new(NodeError::from(error)),
                output: output.map(Arc::<Output>::from),
            },
            StateForm::Skipped => Self::Skipped,
            StateForm::Cancelled => Self::Cancelled,
        }
    }
}

impl<'a> From<&'a Carried> for CarriedForm<'a> {
    fn from(carried: &'a Carried) -> Self {
        let Carried { error, kept, woken, ended } = carried;
        let ends = |ended: &'a [(RunId, Arc<Value>)]| {
            ended.iter().map(|(run, end)| (*run, Cow::Borrowed(&**end))).collect::<Vec<_>>()
        };
        Self {
            error: error.as_ref().map(ErrorForm::from),
            kept: kept.as_deref().map(Cow::Borrowed),
            woken: woken.as_ref().map(|woken| ((&woken.by).into(), ends(&woken.ended))),
            ended: ends(ended),
        }
    }
}

impl From<CarriedForm<'_>> for Carried {
    fn from(form: CarriedForm<'_>) -> Self {
        let CarriedForm { error, kept, woken, ended } = form;
        let ends = |ended: Vec<EndForm<'_>>| {
            ended.into_iter().map(|(run, end)| (run, shared(end))).collect::<Vec<_>>()
        };
        Self {
            error: error.map(NodeError::from),
            kept: kept.map(shared),
            woken: woken.map(|(by, ended)| Woken { by: by.into(), ended: ends(ended) }),
            ended: ends(ended),
        }
    }
}

impl<'a> From<&'a KeptScope> for ScopeForm<'a> {
    fn from(scope: &'a KeptScope) -> Self {
        let KeptScope { iteration, open, over, taken, given, began_with, back, returned, exits } = scope;
        let brought = |all: &'a [Brought]| {
            all.iter().map(|brought| (brought.place, list(&brought.items))).collect::<Vec<_>>()
        };
        Self {
            iteration: super::counters(iteration),
            open: *open,
            over: *over,
            taken: *taken,
            given: *given,
            began_with: brought(began_with),
            back: brought(back),
            returned: brought(returned),
            exits: exits.iter().map(|(edge, lists)| (*edge, lists.iter().map(list).collect())).collect(),
        }
    }
}

impl From<ScopeForm<'_>> for KeptScope {
    fn from(form: ScopeForm<'_>) -> Self {
        let brought = |all: Vec<BroughtForm<'_>>| {
            all.into_iter().map(|(place, list)| Brought { place, items: items(list) }).collect::<Vec<_>>()
        };
        let exits = form.exits.into_iter();
        Self {
            iteration: form.iteration.into_owned().into(),
            open: form.open,
            over: form.over,
            taken: form.taken,
            given: form.given,
            began_with: brought(form.began_with),
            back: brought(form.back),
            returned: brought(form.returned),
            exits: exits.map(|(edge, lists)| (edge, lists.into_iter().map(items).collect())).collect(),
        }
    }
}
