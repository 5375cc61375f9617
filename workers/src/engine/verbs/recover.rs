//! Recover: the worker has restarted.
//!
//! It starts from whatever prefix of the events has survived, and leads to what they would have led to: what was
//! decided but not yet written is decided again.

use std::sync::Arc;

use domain::{
    items::{ERROR, Item, MAIN, Ports},
    run::NodeError,
    workflow::OnError,
};
use serde_json::json;

use super::Deciding;
use crate::engine::{
    command::Timer,
    effect::Effect,
    event::RunEvent,
    illegal::Illegal,
    node::NodeState,
    state::{Phase, RunState},
};

/// How often a crash may cut off one step. A step that takes its worker down with it would do so for ever.
const MAX_INTERRUPTIONS: u32 = 5;

impl Deciding<'_> {
    pub(in crate::engine) fn recover(&mut self) -> Result<(), Illegal> {
        if self.state.progress.phase == Phase::Queued {
            return self.start();
        }
        if let Some(error) = fatal_error(self.state) {
            return self.fail_run(error);
        }
        if self.is_too_late() {
            return self.time_out();
        }
        // Neither of the above, but steps were being cancelled: only a cancel does that.
        if self.state.nodes().iter().any(|run| run.state == NodeState::Cancelled) {
            return self.cancel("the run was cancelled, and its worker stopped meanwhile".to_owned());
        }
        let running: Vec<_> = self.state.running().collect();
        let timers: Vec<_> = self.state.timers().collect();
        // Those that end first: what they lead to is not begun twice, and a run that fails begins nothing.
        let (crashing, cut_off): (Vec<_>, Vec<_>) = running.into_iter().partition(|&(node, _)| {
            let run = &self.state.nodes()[node];
            !run.put_aside && run.interruptions >= MAX_INTERRUPTIONS
        });
        for (node, attempt) in crashing {
            self.give_up(node, attempt)?;
            if self.state.is_terminal() {
                return Ok(());
            }
        }
        for (node, attempt) in cut_off {
            self.emit(RunEvent::StepInterrupted { node, attempt, at: self.now })?;
            self.execute(node, attempt.saturating_add(1));
        }
        for (timer, at) in timers {
            match timer {
                Timer::Retry { node, attempt } if at <= self.now => self.begin_attempt(node, attempt)?,
                timer => self.effect(Effect::SetTimer { timer, at }),
            }
        }
        self.settle_ready()
    }

    fn give_up(&mut self, node: usize, attempt: u32) -> Result<(), Illegal> {
        let times = self.state.nodes()[node].interruptions + 1;
        let message = format!(
            "the worker crashed {times} times while this step was running; it may need more memory than there is"
        );
        let mut error = NodeError::new("worker_crashed", message);
        let on_error = self.state.definition.nodes[node].on_error;
        let fallback = inputs_with_error(self.state, node, on_error, &error);
        error.node_id = Some(self.state.definition.nodes[node].id.clone());
        self.fail_step(node, attempt, error, fallback)
    }
}

/// The error of a step that has failed the run, when that end itself was not written.
fn fatal_error(state: &RunState) -> Option<Box<NodeError>> {
    state.nodes().iter().find_map(|run| match &run.state {
        NodeState::Failed { error, output: None } => Some(error.clone()),
        _ => None,
    })
}

/// The output of a step whose runner could not tell: every item that it was given, with the error.
fn inputs_with_error(state: &RunState, node: usize, on_error: OnError, error: &NodeError) -> Ports {
    let port = match on_error {
        OnError::Fail => return Ports::new(),
        OnError::Continue => MAIN,
        OnError::ErrorPort => ERROR,
    };
    let with_error = |item: &Item| {
        let mut item = item.clone();
        item.insert("error".to_owned(), json!({ "code": error.code, "message": error.message }));
        item
    };
    let inputs = state.inputs(node);
    let items = inputs.iter().flat_map(|(_, items)| items.iter().map(with_error)).collect();
    Ports::from([(port.into(), Arc::new(items))])
}
