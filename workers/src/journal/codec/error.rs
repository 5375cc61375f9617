//! Errors, what a step waits for, and the signal that it was given.

use std::borrow::Cow;

use domain::{
    ids::{NodeId, RunId, SignalId},
    run::{FailedAttempt, GivenSignal, NodeError, WaitsFor},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Millis;

/// An error.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorForm<'a> {
    code: Cow<'a, str>,
    message: Cow<'a, str>,
    #[serde(rename = "node", default, skip_serializing_if = "Option::is_none")]
    node_id: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<Cow<'a, Value>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<AttemptForm<'a>>,
}

/// An attempt that failed.
#[derive(Debug, Serialize, Deserialize)]
struct AttemptForm<'a> {
    #[serde(rename = "a")]
    attempt: u32,
    at: Millis,
    code: Cow<'a, str>,
    message: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
}

impl<'a> From<&'a NodeError> for ErrorForm<'a> {
    fn from(error: &'a NodeError) -> Self {
        let NodeError { code, message, node_id, details, history } = error;
        Self {
            code: code.into(),
            message: message.into(),
            node_id: node_id.clone(),
            details: details.as_ref().map(Cow::Borrowed),
            history: history.iter().map(AttemptForm::from).collect(),
        }
    }
}

impl From<ErrorForm<'_>> for NodeError {
    fn from(form: ErrorForm<'_>) -> Self {
        let ErrorForm { code, message, node_id, details, history } = form;
        Self {
            code: code.into_owned(),
            message: message.into_owned(),
            node_id,
            details: details.map(Cow::into_owned),
            history: history.into_iter().map(FailedAttempt::from).collect(),
        }
    }
}

impl<'a> From<&'a FailedAttempt> for AttemptForm<'a> {
    fn from(failed: &'a FailedAttempt) -> Self {
        let FailedAttempt { attempt, at, code, message, delay_ms } = failed;
        Self {
            attempt: *attempt,
            at: (*at).into(),
            code: code.into(),
            message: message.into(),
            delay_ms: *delay_ms,
        }
    }
}

impl From<AttemptForm<'_>> for FailedAttempt {
    fn from(form: AttemptForm<'_>) -> Self {
        let AttemptForm { attempt, at, code, message, delay_ms } = form;
        Self { attempt, at: at.into(), code: code.into_owned(), message: message.into_owned(), delay_ms }
    }
}

/// What a step waits for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WaitsForForm<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "<[RunId]>::is_empty")]
    runs: Cow<'a, [RunId]>,
}

impl<'a> From<&'a WaitsFor> for WaitsForForm<'a> {
    fn from(waits_for: &'a WaitsFor) -> Self {
        let WaitsFor { until, signal, runs } = waits_for;
        Self {
            until: until.map(Millis::from),
            signal: signal.as_deref().map(Cow::Borrowed),
            runs: runs.as_slice().into(),
        }
    }
}

impl From<WaitsForForm<'_>> for WaitsFor {
    fn from(WaitsForForm { until, signal, runs }: WaitsForForm<'_>) -> Self {
        Self { until: until.map(Into::into), signal: signal.map(Cow::into_owned), runs: runs.into_owned() }
    }
}

/// A signal that a step was given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SignalForm<'a> {
    name: Cow<'a, str>,
    id: SignalId,
    at: Millis,
}

impl<'a> From<&'a GivenSignal> for SignalForm<'a> {
    fn from(GivenSignal { name, id, at }: &'a GivenSignal) -> Self {
        Self { name: name.into(), id: *id, at: (*at).into() }
    }
}

impl From<SignalForm<'_>> for GivenSignal {
    fn from(SignalForm { name, id, at }: SignalForm<'_>) -> Self {
        Self { name: name.into_owned(), id, at: at.into() }
    }
}
