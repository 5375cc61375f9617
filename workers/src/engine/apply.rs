//! The only mutation of a run.

use std::sync::Arc;

use domain::{
    items::{self, MAIN, Ports},
    run::{FailedAttempt, NodeError, RunStatus},
    timestamp::Timestamp,
};

use super::{
    event::RunEvent,
    illegal::Illegal,
    node::{NodeRun, NodeState, Trouble},
    state::{Phase, RunState, delivered},
};

impl RunState {
    /// Takes an event into account. Equal events in equal order give equal states, always.
    ///
    /// # Errors
    /// When the event cannot follow; then nothing has changed.
    pub fn apply(&mut self, event: &RunEvent) -> Result<(), Illegal> {
        match event {
            RunEvent::Started { at } => self.begin(*at)?,
            RunEvent::Finished { status, error, at } => self.end(*status, error.as_deref(), *at)?,
            RunEvent::Triggered { node, at } => self.trigger(event, *node, *at)?,
            RunEvent::StepStarted { node, attempt, at } => {
                let run = self.step(event, *node)?;
                match run.state {
                    NodeState::Waiting { open: 0, delivering: 1.. } if *attempt == 1 => {}
                    NodeState::Retrying { next, .. } if *attempt == next => {}
                    _ => return Err(illegal(event, *node, run)),
                }
                run.state = NodeState::Running { attempt: *attempt };
                run.attempts = *attempt;
                run.started_at.get_or_insert(*at);
                self.progress.running += 1;
                self.number(*node);
            }
            RunEvent::StepSucceeded { node, attempt, at, output } => {
                self.attempt(event, *node, *attempt)?;
                self.settle(*node, NodeState::Succeeded { output: Arc::clone(output) }, *at);
                self.deliver(*node, Some(output));
            }
            RunEvent::StepRetryScheduled { node, attempt, at, due, error, partial, spared } => {
                let run = self.attempt(event, *node, *attempt)?;
                run.state = NodeState::Retrying { next: attempt.saturating_add(1), due: *due };
                run.put_aside = false;
                let before = run.trouble.take();
                let (mut history, kept) =
                    before.map_or_else(Default::default, |trouble| (trouble.error.history, trouble.partial));
                if !spared {
                    history.push(failed_attempt(error, *attempt, *at, Some(*due)));
                }
                let error = NodeError { history, ..NodeError::clone(error) };
                run.trouble = Some(Box::new(Trouble { error, partial: partial.clone().or(kept) }));
                self.progress.running -= 1;
            }
            RunEvent::StepPutAside { node, attempt, .. } => {
                self.attempt(event, *node, *attempt)?.put_aside = true;
            }
            RunEvent::StepInterrupted { node, attempt, .. } => {
                let run = self.attempt(event, *node, *attempt)?;
                run.interruptions += u32::from(!std::mem::take(&mut run.put_aside));
                run.attempts = attempt.saturating_add(1);
                run.state = NodeState::Running { attempt: run.attempts };
            }
            RunEvent::StepFailed { node, attempt, at, error, output } => {
                self.attempt(event, *node, *attempt)?;
                self.settle(*node, NodeState::Failed { error: error.clone(), output: output.clone() }, *at);
                if output.is_some() {
                    self.deliver(*node, output.as_ref());
                }
            }
            RunEvent::StepSkipped { node, at } => {
                let run = self.step(event, *node)?;
                if !matches!(run.state, NodeState::Waiting { open: 0, delivering: 0 }) {
                    return Err(illegal(event, *node, run));
                }
                self.settle(*node, NodeState::Skipped, *at);
                self.number(*node);
                self.deliver(*node, None);
            }
            RunEvent::StepCancelled { node, at } => {
                let run = self.step(event, *node)?;
                if !matches!(run.state, NodeState::Running { .. } | NodeState::Retrying { .. }) {
                    return Err(illegal(event, *node, run));
                }
                self.settle(*node, NodeState::Cancelled, *at);
            }
        }
        self.progress.revision += 1;
        if let Some(node) = event.node() {
            self.progress.nodes[node].changed = self.progress.revision;
        }
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

    fn trigger(&mut self, event: &RunEvent, node: usize, at: Timestamp) -> Result<(), Illegal> {
        let header = Arc::clone(&self.header);
        let run = self.step(event, node)?;
        if !matches!(run.state, NodeState::Waiting { open: 0, delivering: 0 }) {
            return Err(illegal(event, node, run));
        }
        let items = items::input_items(&header.input).map_err(Illegal::Input)?;
        let output = Arc::new(Ports::from([(MAIN.into(), Arc::new(items))]));
        run.attempts = 1;
        run.started_at = Some(at);
        self.number(node);
        self.settle(node, NodeState::Succeeded { output: Arc::clone(&output) }, at);
        self.deliver(node, Some(&output));
        Ok(())
    }

    /// The node, if steps may change at all.
    fn step(&mut self, event: &RunEvent, node: usize) -> Result<&mut NodeRun, Illegal> {
        debug_assert_eq!(event.node(), Some(node));
        self.ensure_started()?;
        self.progress.nodes.get_mut(node).ok_or(Illegal::UnknownNode(node))
    }

    /// The node, if that attempt is under way.
    fn attempt(&mut self, event: &RunEvent, node: usize, attempt: u32) -> Result<&mut NodeRun, Illegal> {
        let run = self.step(event, node)?;
        match run.state {
            NodeState::Running { attempt: current } if current == attempt => Ok(run),
            NodeState::Running { .. } => Err(Illegal::StaleAttempt { node, attempt }),
            _ => Err(illegal(event, node, run)),
        }
    }

    fn number(&mut self, node: usize) {
        let progress = &mut self.progress;
        let ordinal = &mut progress.nodes[node].ordinal;
        if ordinal.is_none() {
            *ordinal = Some(progress.begun);
            progress.begun += 1;
        }
    }

    fn settle(&mut self, node: usize, settled: NodeState, at: Timestamp) {
        let progress = &mut self.progress;
        let run = &mut progress.nodes[node];
        if matches!(run.state, NodeState::Running { .. }) {
            progress.running -= 1;
        }
        // A cancelled step still tells why its last attempt failed; whatever else is settled does not need it.
        if settled != NodeState::Cancelled {
            run.trouble = None;
        }
        run.state = settled;
        run.finished_at = Some(at);
        progress.unsettled -= 1;
    }

    /// Settles the edges that start from a node.
    fn deliver(&mut self, node: usize, output: Option<&Arc<Ports>>) {
        let Self { definition, progress, .. } = self;
        for &edge in &definition.nodes[node].outgoing {
            let edge = &definition.edges[edge];
            if let NodeState::Waiting { open, delivering } = &mut progress.nodes[edge.target].state {
                *open -= 1;
                *delivering +=
                    u32::from(output.is_some_and(|output| delivered(output, &edge.port).is_some()));
            }
        }
    }
}

/// An entry of an error's history.
pub(super) fn failed_attempt(
    error: &NodeError,
    attempt: u32,
    at: Timestamp,
    due: Option<Timestamp>,
) -> FailedAttempt {
    FailedAttempt {
        attempt,
        at,
        code: error.code.clone(),
        message: error.message.clone(),
        delay_ms: due.map(|due| u64::try_from(due.since(at).as_millis()).unwrap_or(u64::MAX)),
    }
}

fn illegal(event: &RunEvent, node: usize, run: &NodeRun) -> Illegal {
    Illegal::Event { event: event.name(), node, state: run.state.name() }
}
