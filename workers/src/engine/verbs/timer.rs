//! A timer's moment has come.

use super::Deciding;
use crate::engine::{command::Timer, illegal::Illegal, node::NodeState};

impl Deciding<'_> {
    /// The clock is the caller's: what fires is due. A deadline ends the run even before it has begun.
    pub(in crate::engine) fn fire(&mut self, timer: Timer) -> Result<(), Illegal> {
        match timer {
            Timer::Deadline => self.time_out(),
            Timer::Retry { node, attempt } => {
                self.state.ensure_started()?;
                match self.state.nodes().get(node).ok_or(Illegal::UnknownNode(node))?.state {
                    NodeState::Retrying { next, .. } if next == attempt => self.begin_attempt(node, attempt),
                    _ => Err(Illegal::StaleTimer(timer)),
                }
            }
        }
    }
}
