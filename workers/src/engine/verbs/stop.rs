//! Stop: the worker ends in order, and what is under way will not come to its end.

use super::Deciding;
use crate::engine::{event::StepChange, illegal::Illegal};

impl Deciding<'_> {
    /// Marks what is under way, so that the next start does not take it for a crash.
    pub(in crate::engine) fn put_aside(&mut self) -> Result<(), Illegal> {
        let running: Vec<_> = self.state.running().collect();
        for (step, attempt) in running {
            if !self.step(&step)?.is_put_aside() {
                self.change(&step, attempt, StepChange::PutAside)?;
            }
        }
        Ok(())
    }
}
