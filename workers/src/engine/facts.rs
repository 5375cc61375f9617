//! What the store keeps of a run, taken from its state.

use std::collections::BTreeSet;

use domain::{
    definition::Node,
    items::{MAIN, Ports},
    run::{Run, RunStatus, RunWithSteps, Step, StepStatus},
};
use serde_json::{Map, Value};

use super::{
    event::RunEvent,
    node::{NodeRun, NodeState},
    state::{Phase, RunState},
};

/// The run, without its steps.
#[must_use]
pub fn run(state: &RunState) -> Run {
    let header = state.header();
    let (started_at, finished_at, error) = match &state.progress.phase {
        Phase::Queued => (None, None, None),
        Phase::Started { at } => (Some(*at), None, None),
        Phase::Ended { started_at, error, at, .. } => (*started_at, Some(*at), error.as_deref().cloned()),
    };
    let status = state.status();
    Run {
        id: header.run_id,
        workflow_id: header.workflow_id,
        workflow_version: header.workflow_version,
        status,
        revision: state.revision(),
        attempt: header.attempt,
        trigger: header.trigger.clone(),
        input: header.input.clone(),
        output: (status == RunStatus::Succeeded).then(|| output(state)),
        error,
        created_at: header.created_at,
        started_at,
        finished_at,
    }
}

/// A node's step; `None` while the node has neither begun nor been skipped.
#[must_use]
pub fn step(state: &RunState, node: usize) -> Option<Step> {
    let run = state.nodes().get(node)?;
    let Node { id, kind, .. } = &state.definition().nodes[node];
    Some(Step {
        node_id: id.clone(),
        iteration: Default::default(),
        kind: kind.name.to_owned(),
        status: step_status(run)?,
        attempts: run.attempts(),
        started_at: run.started_at(),
        finished_at: run.finished_at(),
        output: run.output().map(|output| Ports::clone(output)),
        lineage: Default::default(),
        waits_for: None,
        error: run.error().cloned(),
    })
}

/// The nodes with a step, in the order in which they began or were skipped.
#[must_use]
pub fn begun(state: &RunState) -> Vec<usize> {
    let mut begun: Vec<_> = state
        .nodes()
        .iter()
        .enumerate()
        .filter_map(|(node, run)| run.ordinal().map(|ordinal| (ordinal, node)))
        .collect();
    begun.sort_unstable();
    begun.into_iter().map(|(_, node)| node).collect()
}

/// The run with its steps, in the order in which they began or were skipped.
#[must_use]
pub fn run_with_steps(state: &RunState) -> RunWithSteps {
    let steps = begun(state).into_iter().filter_map(|node| step(state, node)).collect();
    RunWithSteps { run: run(state), steps }
}

/// The nodes that have changed since the run was at that revision, in the definition's order.
pub fn changed_since(state: &RunState, revision: u64) -> impl Iterator<Item = usize> {
    state.nodes().iter().enumerate().filter(move |(_, run)| run.changed() > revision).map(|(node, _)| node)
}

/// The nodes that these events change, each once.
#[must_use]
pub fn changed_by(events: &[RunEvent]) -> BTreeSet<usize> {
    events.iter().filter_map(RunEvent::node).collect()
}

const fn step_status(run: &NodeRun) -> Option<StepStatus> {
    match run.state() {
        NodeState::Waiting { .. } => None,
        NodeState::Running { .. } => Some(StepStatus::Running),
        NodeState::Retrying { .. } => Some(StepStatus::Retrying),
        NodeState::Succeeded { .. } => Some(StepStatus::Succeeded),
        NodeState::Failed { .. } => Some(StepStatus::Failed),
        NodeState::Skipped => Some(StepStatus::Skipped),
        NodeState::Cancelled => Some(StepStatus::Cancelled),
    }
}

/// The items of the last nodes, by node id.
fn output(state: &RunState) -> Value {
    let definition = state.definition();
    let last = definition.nodes.iter().enumerate().filter(|(_, node)| node.outgoing.is_empty());
    let of_node = |(index, node): (usize, &Node)| {
        let items = last_items(node, state.output(index)?);
        Some((node.id.as_str().to_owned(), Value::Array(items)))
    };
    Value::Object(last.filter_map(of_node).collect::<Map<_, _>>())
}

/// The items of `main`; of a kind that has none, the items of all its ports, in its order of ports.
fn last_items(node: &Node, output: &Ports) -> Vec<Value> {
    let ports = (node.kind.ports)(&node.params);
    let has_main = ports.iter().any(|port| port == MAIN);
    let taken = ports.iter().filter(|port| !has_main || *port == MAIN);
    taken
        .filter_map(|port| output.get(port.as_str()))
        .flat_map(|items| items.iter().cloned().map(Value::Object))
        .collect()
}
