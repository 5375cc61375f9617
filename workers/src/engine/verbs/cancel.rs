//! Cancel: somebody wants the run to stop.

use domain::run::{NodeError, RunStatus};

use super::Deciding;
use crate::engine::illegal::Illegal;

impl Deciding<'_> {
    /// Ends the run, whether it has begun or not.
    pub(in crate::engine) fn cancel(&mut self, reason: String) -> Result<(), Illegal> {
        self.end(RunStatus::Cancelled, Some(Box::new(NodeError::new("cancelled", reason))))
    }
}
