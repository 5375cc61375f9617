//! What has to be done once the events are durable.

use std::sync::Arc;

use domain::{ids::RunId, timestamp::Timestamp};
use serde_json::Value;

use super::{
    command::{CalledRun, Timer},
    event::{RunEvent, Wake},
    key::StepKey,
};

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
    /// Run an attempt of a step, or go on with it, and report it with [`super::Command::StepFinished`].
    Execute(Execute),
    /// Stop the step's attempt; its outcome is of no interest any more.
    Abort(StepKey),
    /// Set a timer, or set it anew.
    SetTimer {
        /// Its key.
        timer: Timer,
        /// When to fire; at once if that is past.
        at: Timestamp,
    },
    /// Forget a timer.
    CancelTimer(Timer),
    /// Start another run, in the same commit.
    StartRun(Box<CalledRun>),
    /// Cancel runs that were called, since nobody waits for them any more.
    CancelRuns(Vec<RunId>),
}

impl Execute {
    /// The first attempt of a step.
    #[must_use]
    pub const fn first(step: StepKey) -> Self {
        Self { step, attempt: 1, kept: None, woken: None }
    }
}

/// An attempt of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Execute {
    /// Which step.
    pub step: StepKey,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// What earlier attempts left, or the step itself before it waited.
    pub kept: Option<Arc<Value>>,
    /// What its wait brought; `None`: it did not wait.
    pub woken: Option<Woken>,
}

/// What a step's wait brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Woken {
    /// Why it goes on.
    pub by: Wake,
    /// The runs that have ended of those that it waited for, in that order, and what came of each; whatever woke it.
    pub ended: Vec<(RunId, Arc<Value>)>,
}

impl From<Wake> for Woken {
    fn from(by: Wake) -> Self {
        Self { by, ended: Vec::new() }
    }
}
