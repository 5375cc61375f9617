//! Cancelling a run: the worker that has it ends it, also a step that is under way.

use std::time::Duration;

use super::{
    Caller, FoundRun, Until,
    runs::{ReadRunError, Runs},
};
use crate::bus::BusError;
use domain::{
    event::{CancelRun, Payload},
    ids::RunId,
    limits::{MAX_REASON_BYTES, above},
    run::RunStatus,
};

/// Why a run is cancelled when nobody says why.
const NO_REASON: &str = "the run was cancelled by request";

/// Why a run was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelRunError {
    /// It has ended, and that is final.
    #[error("run {run} has ended already: {status}")]
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        status: RunStatus,
    },
    /// The reason is too long.
    #[error("the reason cannot be taken: {0}")]
    LongReason(String),
    /// It is not known whether there is such a run.
    #[error(transparent)]
    Read(#[from] ReadRunError),
    /// It is not known whether the request was taken; it is safe to send it again.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl Runs {
    /// Has a run stopped, and gives it as it is now: its worker ends it as soon as it hears of it. When this returns, the
    /// bus has the request for good. A run that ends by itself before that has ended as it did.
    ///
    /// # Errors
    /// When there is no such run, it has ended, or a part does not answer.
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: RunId,
        reason: Option<String>,
    ) -> Result<FoundRun, CancelRunError> {
        let reason =
            reason.filter(|reason| !reason.trim().is_empty()).unwrap_or_else(|| NO_REASON.to_owned());
        if reason.len() > MAX_REASON_BYTES {
            let why = above(reason.len(), "bytes", MAX_REASON_BYTES, "MAX_REASON_BYTES");
            return Err(CancelRunError::LongReason(why));
        }
        let run = self.read(caller, id, Until::Exists, Duration::ZERO).await?;
        let status = run.head().status;
        if status.is_terminal() {
            return Err(CancelRunError::Ended { run: id, status });
        }
        let cancel = CancelRun { run_id: id, reason, requested_at: self.clock.now() };
        let event = caller.event(&*self.clock, Payload::RunCancelRequested(cancel));
        self.bus.publish(std::slice::from_ref(&event)).await?;
        Ok(run)
    }
}
