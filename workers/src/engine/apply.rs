//! The only mutation of a run.

use std::sync::Arc;

use domain::{
    items::{self, Output},
    measure::{error_bytes, output_bytes},
    run::{NodeError, RunStatus},
    timestamp::Timestamp,
};

use super::{
    event::{RunEvent, StepEvent},
    illegal::Illegal,
    key::StepKey,
    options::triggered,
    state::{Phase, RunState, delivered},
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
        let complete = self.progress.unsettled == 0;
        if !status.is_terminal() || (status == RunStatus::Succeeded && !complete) {
            return Err(Illegal::End(status));
        }
        self.progress.phase = Phase::Ended { started_at, status, error: error.cloned().map(Box::new), at };
        Ok(())
    }

    /// What happened to a step, and what that means for the run.
    fn change(&mut self, event: &StepEvent) -> Result<(), Illegal> {
        self.ensure_started()?;
        let Self { header, progress, definition } = self;
        let step = progress.steps.get_mut(&event.step);
        let step = step.ok_or_else(|| Illegal::UnknownStep(event.step.clone()))?;
        let was_running = step.state == StepState::Running;
        step.apply(event, || {
            let items = items::input_items(&header.input).map_err(Illegal::Input)?;
            Ok(Arc::new(triggered(&definition.nodes[event.step.node], items)))
        })?;
        step.changed = progress.revision + 1;
        let is_running = step.state == StepState::Running;
        progress.running = progress.running - usize::from(was_running) + usize::from(is_running);
        if step.ordinal.is_none() {
            step.ordinal = Some(progress.begun);
            progress.begun += 1;
        }
        if step.state.is_settled() {
            progress.unsettled -= 1;
            progress.given =
                progress.given.saturating_add(given(step.output().map(Arc::as_ref), step.error()));
            let (skipped, output) = (step.state == StepState::Skipped, step.output().cloned());
            if skipped || output.is_some() {
                self.deliver(&event.step, output.as_deref());
            }
        }
        Ok(())
    }

    /// Settles the edges that start from a step.
    fn deliver(&mut self, step: &StepKey, output: Option<&Output>) {
        let Self { definition, progress, .. } = self;
        for &edge in &definition.nodes[step.node].outgoing {
            let edge = &definition.edges[edge];
            let target = StepKey { node: edge.target, iteration: step.iteration.clone() };
            if let Some(target) = progress.steps.get_mut(&target)
                && let StepState::Pending { open, delivering } = &mut target.state
            {
                *open -= 1;
                *delivering +=
                    u32::from(output.is_some_and(|output| delivered(&output.ports, &edge.port).is_some()));
            }
        }
    }
}
