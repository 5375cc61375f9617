//! Give way: the run's workflow has a limit of runs, and another one runs instead.

use domain::run::{NodeError, RunStatus};

use super::Deciding;
use crate::engine::illegal::Illegal;

impl Deciding<'_> {
    /// Ends the run as cancelled, whether it has begun or not.
    pub(in crate::engine) fn give_way(&mut self, error: Box<NodeError>) -> Result<(), Illegal> {
        self.end(RunStatus::Cancelled, Some(error))
    }
}
