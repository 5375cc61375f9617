//! What follows once a step is settled: the nodes behind it run or are skipped, or the run is complete.

use domain::{
    limits::{MAX_ITEMS, MAX_RUN_OUTPUT_BYTES, MAX_RUN_RECORDED_BYTES, MAX_RUN_STEPS, MAX_STEP_OUTPUT_BYTES},
    run::{NodeError, RunStatus},
    violation::Violation,
};
use serde_json::json;

use super::Deciding;
use crate::engine::{
    effect::{Effect, Execute},
    event::StepChange,
    illegal::Illegal,
    key::StepKey,
    step_state::StepState,
};

impl Deciding<'_> {
    /// Goes on at the trigger, or after a recovery from wherever the run is.
    pub(super) fn settle_all(&mut self) -> Result<(), Illegal> {
        let course = match &*self.state.course {
            Ok(course) => course,
            Err(violations) => return self.fail_run(Box::new(does_not_fit(violations))),
        };
        if course.trigger().is_none() && !course.needs_no_trigger() {
            let header = &self.state.header;
            let message =
                format!("version {} of the workflow has no {}", header.workflow_version, header.trigger);
            return self.fail_run(Box::new(NodeError::new("no_trigger", message)));
        }
        self.settle_ready()
    }

    /// Goes on with every node whose inputs are settled. Those that are skipped settle others, which come behind them: a
    /// list instead of recursion, since a chain may be as long as a workflow.
    pub(super) fn settle_ready(&mut self) -> Result<(), Illegal> {
        while let Some(node) = self.state.progress.ready.front().copied() {
            if let Some(error) = self.above_limit(node) {
                return self.fail_run(error);
            }
            let (course, run) = (self.state.course(), self.state.steps().now(node));
            let step = StepKey { node, iteration: run.iteration().clone() };
            let reached = matches!(run.state(), StepState::Pending { delivering: 1.., .. });
            if course.is_some_and(|course| course.gives(node, run.iteration(), reached)) {
                self.change(&step, 0, StepChange::Pinned)?;
            } else if course.is_some_and(|course| course.is_left_out(node) || course.pinned(node).is_some()) {
                self.change(&step, 0, StepChange::Skipped)?;
            } else if reached {
                self.change(&step, 1, StepChange::Started)?;
                self.effect(Effect::Execute(Execute::first(step)));
            } else if self.is_pulled(node) {
                match self.change(&step, 1, StepChange::Triggered) {
                    Err(Illegal::Input(message)) => {
                        return self.fail_run(Box::new(NodeError::new("invalid_input", message)));
                    }
                    changed => changed?,
                }
            } else {
                self.change(&step, 0, StepChange::Skipped)?;
            }
        }
        if self.state.is_complete() {
            return self.end(RunStatus::Succeeded, None);
        }
        Ok(())
    }

    /// Whether it is the trigger that started the run.
    fn is_pulled(&self, node: usize) -> bool {
        self.state.course().is_some_and(|course| course.trigger() == Some(node))
    }

    /// Why the run cannot go on with this node.
    pub(super) fn above_limit(&self, node: usize) -> Option<Box<NodeError>> {
        let error = self.too_many_iterations(node).or_else(|| self.too_much_leaves_a_loop());
        let error = error.or_else(|| {
            let progress = &self.state.progress;
            if progress.given > MAX_RUN_OUTPUT_BYTES {
                let what = format!("what the run's steps gave and its loops keep, {} bytes,", progress.given);
                return Some(limit(&what, "MAX_RUN_OUTPUT_BYTES", MAX_RUN_OUTPUT_BYTES, "hand on less data"));
            }
            if progress.recorded > MAX_RUN_RECORDED_BYTES {
                let what = format!("what the steps of all iterations gave, {} bytes,", progress.recorded);
                let advice = "hand on less data in the loops";
                return Some(limit(&what, "MAX_RUN_RECORDED_BYTES", MAX_RUN_RECORDED_BYTES, advice));
            }
            let steps = progress.begun as usize;
            (progress.begun >= MAX_RUN_STEPS).then(|| {
                let what = format!("what the run would have, more than {steps} steps,");
                limit(&what, "MAX_RUN_STEPS", MAX_RUN_STEPS as usize, "let the loops have fewer iterations")
            })
        });
        error.map(|error| {
            let node_id =
                error.node_id.clone().or_else(|| Some(self.state.definition.nodes[node].id.clone()));
            Box::new(NodeError { node_id, ..error })
        })
    }

    fn too_many_iterations(&self, node: usize) -> Option<NodeError> {
        let definition = &self.state.definition;
        let scope = definition.loops.entered_at(node)?;
        let (run, most) = (&self.state.progress.scopes[scope], definition.max_iterations(node));
        let nothing_left = run.given.as_ref().is_some_and(|given| run.taken >= given.items.len());
        if run.iteration.count() < most || nothing_left {
            return None;
        }
        let id = &definition.nodes[node].id;
        let setting = if definition.is_batching(node) {
            "its parameter `max_iterations`"
        } else {
            "`settings.max_iterations` of the workflow"
        };
        let message = format!(
            "the loop that begins at {id} needs more than {most} iterations, its limit; {setting} sets it"
        );
        let details = json!({ "limit": "max_iterations", "most": most });
        Some(NodeError::new("max_iterations", message).with_details(details))
    }

    fn too_much_leaves_a_loop(&self) -> Option<NodeError> {
        let definition = &self.state.definition;
        let edge = &definition.edges[self.state.progress.overfull?];
        let (source, target) = (&definition.nodes[edge.source].id, &definition.nodes[edge.target].id);
        let message = format!(
            "what the edge from {source} (port `{}`) to {target} brings in all iterations of its loop is above the limit of \
             {MAX_ITEMS} items (MAX_ITEMS) or {MAX_STEP_OUTPUT_BYTES} bytes (MAX_STEP_OUTPUT_BYTES); let the loop give less",
            edge.port
        );
        let details = json!({ "limit": "MAX_ITEMS", "most": MAX_ITEMS });
        let node_id = Some(source.clone());
        Some(NodeError { node_id, ..NodeError::new("limit", message).with_details(details) })
    }
}

/// Why a run cannot go on at all: its plan asks for what its workflow does not have.
fn does_not_fit(violations: &[Violation]) -> NodeError {
    let said: Vec<_> = violations.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
    let message = format!("what was asked for does not fit the workflow: {}", said.join("; "));
    NodeError::new("invalid_plan", message)
}

fn limit(what: &str, name: &str, most: usize, advice: &str) -> NodeError {
    let message = format!("{what} is above the limit of {most} ({name}); {advice}");
    NodeError::new("limit", message).with_details(json!({ "limit": name, "most": most }))
}
