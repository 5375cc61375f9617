//! The only mutation of a run.

use std::sync::Arc;

use domain::{
    items::{self, Output},
    measure::{error_bytes, output_bytes},
    run::{NodeError, RunStatus},
    timestamp::Timestamp,
};

use super::{
    event::{RunEvent, StepChange, StepEvent},
    flow::Flow,
    illegal::Illegal,
    options::triggered,
    state::{Phase, RunState},
    step_run::StepState,
};

/// What a step gives that ends so, in bytes of compact JSON.
pub(super) fn given(output: Option<&Output>, error: Option<&NodeError>) -> usize {
    output.map_or(0, output_bytes) + error.map_or(0, error_bytes)
}

impl RunState {
    /// Takes an event into account. Equal events in equal order give equal states, always.
    ///
    /// # Errors
    /// When the event cannot follow; then nothing has changed.
    pub fn apply(&mut self, event: &RunEvent) -> Result<(), Illegal> {
        match event {
            RunEvent::Started { at } => self.begin(*at)?,
            RunEvent::Step(event) => self.change(event)?,
            RunEvent::Finished { status, error, at } => self.end(*status, error.as_deref(), *at)?,
        }
        self.progress.revision += 1;
        Ok(())
    }

    fn begin(&mut self, at: Timestamp) -> Result<(), Illegal> {
        self.ensure_not_ended()?;
        if self.progress.phase != Phase::Queued {
            return Err(Illegal::AlreadyStarted);
        }
        self.progress.phase = Phase::Started { at };
        Ok(())
    }

    fn end(&mut self, status: RunStatus, error: Option<&NodeError>, at: Timestamp) -> Result<(), Illegal> {
        let started_at = match &self.progress.phase {
            Phase::Ended { status, .. } => return Err(Illegal::Terminal(*status)),
            Phase::Queued => None,
            Phase::Started { at } => Some(*at),
        };
        let complete = self.is_complete();
        if !status.is_terminal() || (status == RunStatus::Succeeded && !complete) {
            return Err(Illegal::End(status));
        }
        self.progress.phase = Phase::Ended { started_at, status, error: error.cloned().map(Box::new), at };
        Ok(())
    }

    /// What happened to a step, and what that means for the run.
    fn change(&mut self, event: &StepEvent) -> Result<(), Illegal> {
        self.ensure_started()?;
        let node = event.step.node;
        let Self { header, progress, definition } = self;
        let step = progress.steps.get_mut(&event.step);
        let step = step.ok_or_else(|| Illegal::UnknownStep(event.step.clone()))?;
        let (was_running, was_live) = (step.state == StepState::Running, step.state.is_live());
        step.apply(event, || {
            let items = items::input_items(&header.input).map_err(Illegal::Input)?;
            Ok(Arc::new(triggered(&definition.nodes[event.step.node], items)))
        })?;
        step.changed = progress.revision + 1;
        progress.changes.nodes.insert(node);
        let (is_running, is_live) = (step.state == StepState::Running, step.state.is_live());
        progress.running = progress.running - usize::from(was_running) + usize::from(is_running);
        if is_live && !was_live {
            progress.live.insert(node);
        } else if was_live && !is_live {
            progress.live.remove(&node);
        }
        if step.ordinal.is_none() {
            step.ordinal = Some(progress.begun);
            progress.begun += 1;
            // Nearly always the first.
            if let Some(place) = progress.ready.iter().position(|ready| *ready == node) {
                progress.ready.remove(place);
            }
        }
        if step.state.is_settled() {
            step.bytes = given(step.output().map(Arc::as_ref), step.error());
            progress.given = progress.given.saturating_add(step.bytes);
            progress.recorded = progress.recorded.saturating_add(step.bytes);
            if progress.response.is_none()
                && let Some(output) = step.output()
            {
                progress.response.clone_from(&output.response);
            }
            if step.state == StepState::Skipped || step.output().is_some() {
                Flow::new(&self.definition, progress).settled(node);
            } else {
                // It ends its run, which is complete all the same if it was the last.
                progress.scopes[self.definition.loops.scope_of(node)].open -= 1;
            }
        } else if event.change == StepChange::Started && self.definition.is_batching(node) {
            self.hand_out(event);
        }
        Ok(())
    }

    /// A `loop` begins with what it was given.
    fn hand_out(&mut self, event: &StepEvent) {
        if event.step.iteration.count() == 0 {
            let brought = self.brought_into(event.step.node);
            Flow::new(&self.definition, &mut self.progress).given(event.step.node, brought);
        }
    }
}
