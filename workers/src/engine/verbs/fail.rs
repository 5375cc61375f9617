//! Fail: the run cannot go on, through no step's fault alone.

use domain::run::NodeError;

use super::Deciding;
use crate::engine::illegal::Illegal;

impl Deciding<'_> {
    /// Ends the run, whether it has begun or not.
    pub(in crate::engine) fn fail(&mut self, error: Box<NodeError>) -> Result<(), Illegal> {
        self.fail_run(error)
    }
}
