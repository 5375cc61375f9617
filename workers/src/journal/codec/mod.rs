//! The forms in which the journal keeps things: types of their own, so that neither the engine nor the API decides
//! what a file on a disk looks like.
//!
//! Names of fields and variants are for ever once there has been a release: journals written by older workers are
//! read by newer ones. A new fact is a new variant, or a new field with a default; the contract test holds all that
//! there are. Moments are milliseconds since the epoch: a tenth of the time that RFC 3339 takes. Variants are outer
//! keys (not inner tags), so that reading needs no intermediate tree. What is large is borrowed while it is written.

mod error;
mod error_run;
mod event;
mod header;
mod notice;
mod parent;
mod plan;
mod progress;
mod record;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use domain::{
    ids::{NodeId, RunId},
    iteration::Iteration,
    run::Trigger,
    timestamp::Timestamp,
};
pub(crate) use error_run::{read_error_run, write_error_run};
pub(crate) use event::{read_due, read_events, write_events, write_notice, write_timer};
pub(crate) use header::{read_header, read_header_without_input, write_header};
pub(crate) use notice::{DueKey, Notice, read_end, write_end};
use parent::ParentForm;
use progress::ProgressForm;
pub(crate) use progress::write_progress;
pub(crate) use record::{read_ended_run, read_record, write_record};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::JournalError;
use crate::engine::{RunEvent, kept::KeptProgress};

/// A row about what happened to a run.
pub(crate) enum Row {
    /// Events.
    Events(Vec<RunEvent>),
    /// How far it had come, instead of all events before.
    Progress(Box<KeptProgress>),
}

/// Reads a row about what happened to a run.
pub(crate) fn read_row(row: &[u8]) -> Result<Row, serde_json::Error> {
    if is_progress(row) {
        let form: ProgressForm<'_> = serde_json::from_slice(row)?;
        return Ok(Row::Progress(Box::new(form.into())));
    }
    read_events(row).map(Row::Events)
}

/// How many events a row stands for, also when one of them cannot be read.
pub(crate) fn count_events(row: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Revision {
        revision: u64,
    }
    if is_progress(row) {
        return serde_json::from_slice::<Revision>(row).ok().map(|progress| progress.revision);
    }
    serde_json::from_slice::<Vec<&RawValue>>(row).ok().map(|events| events.len() as u64)
}

/// Events are a list, progress is an object.
pub(crate) fn is_progress(row: &[u8]) -> bool {
    row.first() == Some(&b'{')
}

fn write(what: &impl Serialize) -> Result<Vec<u8>, JournalError> {
    serde_json::to_vec(what)
        .map_err(|error| JournalError::Failed(format!("a row cannot be written: {error}")))
}

/// A moment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
struct Millis(i64);

impl From<Timestamp> for Millis {
    fn from(at: Timestamp) -> Self {
        Self(at.as_millis())
    }
}

impl From<Millis> for Timestamp {
    fn from(Millis(at): Millis) -> Self {
        Self::from_millis(at)
    }
}

/// What started a run.
#[derive(Debug, Serialize, Deserialize)]
struct TriggerForm<'a> {
    kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay_of: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Box<ParentForm<'a>>>,
}

impl<'a> From<&'a Trigger> for TriggerForm<'a> {
    fn from(trigger: &'a Trigger) -> Self {
        let Trigger { kind, node, replay_of, from, parent } = trigger;
        let parent = parent.as_deref().map(|parent| Box::new(parent.into()));
        Self { kind: kind.into(), node: node.clone(), replay_of: *replay_of, from: from.clone(), parent }
    }
}

impl From<TriggerForm<'_>> for Trigger {
    fn from(TriggerForm { kind, node, replay_of, from, parent }: TriggerForm<'_>) -> Self {
        let parent = parent.map(|parent| Box::new((*parent).into()));
        Self { kind: kind.into_owned(), node, replay_of, from, parent }
    }
}

/// The counters of an iteration; nothing outside loops.
fn counters(iteration: &Iteration) -> Cow<'_, [u32]> {
    Cow::Borrowed(iteration.counters())
}

/// A shared value that is written as it is and read into a new one.
fn shared<T: Clone>(value: Cow<'_, T>) -> Arc<T> {
    Arc::new(value.into_owned())
}
