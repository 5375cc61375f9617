//! What has to be done once the events are durable.

use std::sync::Arc;

use domain::timestamp::Timestamp;
use serde_json::Value;

use super::{command::Timer, event::RunEvent};

/// What must be written and, only then, done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// To be written in one piece.
    pub events: Vec<RunEvent>,
    /// To be performed in order.
    pub effects: Vec<Effect>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Run an attempt of a node, and report it with [`super::Command::StepFinished`].
    Execute {
        /// The node.
        node: usize,
        /// The attempt's number.
        attempt: u32,
        /// What earlier attempts left, see [`super::StepFailure::partial`].
        partial: Option<Arc<Value>>,
    },
    /// Stop the node's attempt; its outcome is of no interest any more.
    Abort {
        /// The node.
        node: usize,
    },
    /// Set a timer, or set it anew.
    SetTimer {
        /// Its key.
        timer: Timer,
        /// When to fire; at once if that is past.
        at: Timestamp,
    },
    /// Forget a timer.
    CancelTimer(Timer),
}
