//! What somebody wants of a run that goes on.

use std::sync::Arc;

use domain::{
    event::{CancelRun, Payload, ResumeRun},
    ids::{NodeId, RunId, SignalId, SignalName, TenantId},
    items::read_input,
    iteration::Iteration,
    limits::{MAX_SIGNAL_BYTES, above},
    measure::input_bytes,
};
use serde_json::Value;

/// Something that is wanted of a run.
#[derive(Debug)]
pub(crate) struct Control {
    /// Whose run.
    pub(crate) tenant: TenantId,
    pub(crate) run: RunId,
    pub(crate) wanted: Wanted,
    /// The record that says so.
    pub(crate) record: Vec<u8>,
}

/// What is wanted.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// That it stops.
    Cancel { reason: String },
    /// That a step of it takes a signal.
    Signal { node: NodeId, iteration: Iteration, id: SignalId, name: SignalName, data: Arc<Value> },
}

/// What is wanted of a run of another worker.
#[derive(Debug)]
pub(crate) struct ControlElsewhere {
    /// Whose the run is.
    pub(crate) owner: Arc<str>,
    pub(crate) tenant: TenantId,
    /// Its name in metrics.
    pub(crate) kind: &'static str,
    pub(crate) run: RunId,
    /// The record.
    pub(crate) record: Vec<u8>,
}

/// What a request's records want of runs.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    pub(crate) here: Vec<Control>,
    pub(crate) elsewhere: Vec<ControlElsewhere>,
}

impl Control {
    /// What an event wants of a run, with the record in which it came. `None`: nothing of a run that goes on.
    ///
    /// # Errors
    /// When a signal's data cannot be taken; the text says why.
    pub(crate) fn of(tenant: TenantId, payload: Payload, record: &str) -> Option<Result<Self, String>> {
        let (run, wanted) = match payload {
            Payload::TaskCancel(CancelRun { run_id, reason, .. }) => (run_id, Ok(Wanted::Cancel { reason })),
            Payload::TaskResume(resume) => (resume.run_id, signal(resume)),
            _ => return None,
        };
        Some(wanted.map(|wanted| Self { tenant, run, wanted, record: record.as_bytes().to_vec() }))
    }
}

impl Wanted {
    /// Its name in metrics.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => CANCEL,
            Self::Signal { .. } => SIGNAL,
        }
    }
}

/// Names in metrics.
pub(crate) const CANCEL: &str = "cancel";
pub(crate) const SIGNAL: &str = "resume";

fn signal(resume: ResumeRun) -> Result<Wanted, String> {
    let ResumeRun { run_id, node_id, iteration, signal_id, name, data, .. } = resume;
    let refused = |why: String| format!("the data of the signal {:?} for run {run_id} {why}", name.as_str());
    let data = read_input(&data).map_err(|why| refused(format!("cannot be read: {why}")))?;
    let bytes = input_bytes(&data).map_err(|too_deep| refused(format!("cannot be taken: {too_deep}")))?;
    if bytes > MAX_SIGNAL_BYTES {
        let why = above(bytes, "bytes", MAX_SIGNAL_BYTES, "MAX_SIGNAL_BYTES");
        return Err(refused(format!("cannot be taken: {why}")));
    }
    Ok(Wanted::Signal { node: node_id, iteration, id: signal_id, name, data: Arc::new(data) })
}
