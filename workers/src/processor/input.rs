//! What the processor is told.

use std::sync::Arc;

use domain::{
    dead_letter::DeadLetter,
    ids::{RunId, TenantId},
    run::NodeError,
    workflow::{DocumentText, OnFailure},
};
use tokio::sync::oneshot;

use super::{aside::Returned, control::Controls, error_runs::FoundErrorRun, gate::Admission};
use crate::{
    engine::{Outcome, RunHeader, StepKey},
    journal::DocumentHash,
    runner::Compiled,
};

/// Something that reaches the processor.
#[derive(Debug)]
pub(crate) enum Input {
    /// A request's records.
    Delivery(Delivery),
    /// An attempt came to its end; without an outcome it was cut off.
    Finished {
        tenant: TenantId,
        run: RunId,
        /// The run's attempt.
        run_attempt: u32,
        step: StepKey,
        attempt: u32,
        outcome: Option<Box<Outcome>>,
        /// About how much memory the outcome takes.
        bytes: usize,
    },
    /// A run was read from the journal.
    Returned(Box<Returned>),
    /// The workflow was looked for of which a run is to be started because another run failed.
    ErrorRun(Box<FoundErrorRun>),
    /// A run is to be started for an alert, in the newest version of its workflow.
    AlertRun(Box<RunHeader>),
    /// The store has these rows of the outbox.
    Confirmed(Vec<u64>),
    /// Another worker has these of its tasks.
    HandedOver { owner: Arc<str>, sequences: Vec<u64> },
    /// Look at the clock.
    Wake,
    /// Start no more steps; say when none is under way.
    Drain(oneshot::Sender<()>),
    /// Cut off all steps.
    Abort,
    /// Write what is left and end.
    Exit,
}

/// A request's records, read.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Runs to execute.
    pub(crate) tasks: Vec<Task>,
    /// Runs that cannot be executed.
    pub(crate) rejected: Vec<Rejected>,
    /// Tasks of other workers.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// What is wanted of runs that go on.
    pub(crate) controls: Controls,
    /// Records that cannot be read.
    pub(crate) letters: Vec<DeadLetter>,
    /// Answered once all that is durable.
    pub(crate) reply: oneshot::Sender<Result<Receipt, Refused>>,
    /// Room in the queue, given back with the answer.
    pub(crate) admission: Admission,
}

/// A run to execute.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) header: Arc<RunHeader>,
    pub(crate) hash: DocumentHash,
    pub(crate) document: DocumentText,
    pub(crate) workflow: Arc<Compiled>,
}

/// A task of another worker.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    /// Whose it is.
    pub(crate) owner: Arc<str>,
    /// What it is about, without its input.
    pub(crate) header: RunHeader,
    /// The record.
    pub(crate) record: Vec<u8>,
}

/// A run that this worker cannot execute: it fails, so that nobody waits for it for ever.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) header: Arc<RunHeader>,
    pub(crate) error: NodeError,
    /// What its document says of failed runs.
    pub(crate) on_failure: OnFailure,
    /// The record, for whoever looks after the system.
    pub(crate) letter: DeadLetter,
}

/// What became of a request's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Receipt {
    /// Runs that were taken.
    pub(crate) accepted: usize,
    /// Runs that were known.
    pub(crate) duplicates: usize,
    /// Runs that belong to another worker, and are taken there.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) handed_over: usize,
    /// What was wanted of runs that go on, whatever came of it.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) controls: usize,
    /// Records that went to the dead letters.
    pub(crate) dead_letters: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The journal cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;
