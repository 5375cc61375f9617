//! Stop: the worker ends in order, and what is under way will not come to its end.

use super::Deciding;
use crate::engine::{event::RunEvent, illegal::Illegal};

impl Deciding<'_> {
    /// Marks what is under way, so that the next start does not take it for a crash.
    pub(in crate::engine) fn put_aside(&mut self) -> Result<(), Illegal> {
        let running: Vec<_> = self.state.running().collect();
        for (node, attempt) in running {
            if !self.state.nodes()[node].put_aside {
                self.emit(RunEvent::StepPutAside { node, attempt, at: self.now })?;
            }
        }
        Ok(())
    }
}
