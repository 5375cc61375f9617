//! What the store keeps of a run, taken from its state.

use domain::{
    definition::Node,
    items::{Port, Ports},
    run::{Run, RunStatus, RunWithSteps, Step},
};
use serde_json::{Map, Value};

use super::{
    state::{Phase, RunState},
    step_run::StepRun,
};

/// The run, without its steps.
#[must_use]
pub fn run(state: &RunState) -> Run {
    Run { input: state.header().input.clone(), ..run_without_input(state) }
}

/// The run, without its steps and with `null` instead of its input.
#[must_use]
pub fn run_without_input(state: &RunState) -> Run {
    let header = state.header();
    let (started_at, finished_at, error) = match &state.progress.phase {
        Phase::Queued => (None, None, None),
        Phase::Started { at } => (Some(*at), None, None),
        Phase::Ended { started_at, error, at, .. } => (*started_at, Some(*at), error.as_deref().cloned()),
    };
    let status = state.status();
    Run {
        status,
        revision: state.revision(),
        output: (status == RunStatus::Succeeded).then(|| output(state)),
        response: state.progress.response.as_deref().cloned(),
        error,
        started_at,
        finished_at,
        ..header.new_run_without_input().queued()
    }
}

/// A step; `None` while it has neither begun nor been skipped.
#[must_use]
pub fn step(state: &RunState, node: usize, run: &StepRun) -> Option<Step> {
    let Node { id, kind, .. } = state.definition().nodes.get(node)?;
    let output = run.output();
    Some(Step {
        node_id: id.clone(),
        iteration: run.iteration().clone(),
        kind: kind.name().to_owned(),
        status: run.state().status()?,
        attempts: run.attempts(),
        started_at: run.started_at(),
        finished_at: run.finished_at(),
        output: output.map(|output| output.ports.clone()),
        lineage: output.map(|output| output.lineage.clone()).unwrap_or_default(),
        console: output.map(|output| output.console.clone()).unwrap_or_default(),
        waits_for: run.waits_for().cloned(),
        error: run.error().cloned(),
    })
}

/// The run with its steps, in the order in which they began or were skipped; of a node in a loop the one of the newest
/// iteration.
#[must_use]
pub fn run_with_steps(state: &RunState) -> RunWithSteps {
    let newest = |node| state.steps().newest(node).and_then(|run| Some((run.ordinal()?, node, run)));
    let mut begun: Vec<_> = (0..state.steps().nodes()).filter_map(newest).collect();
    begun.sort_unstable_by_key(|(ordinal, ..)| *ordinal);
    let steps = begun.into_iter().filter_map(|(_, node, run)| step(state, node, run)).collect();
    RunWithSteps::whole(run(state), steps)
}

/// The items of the last nodes, by node id: a list for a node with one port, by port for one with several. Which of
/// them it is follows from the document, not from what was delivered. Of a node in a loop those of the last iteration in
/// which it ran.
fn output(state: &RunState) -> Value {
    let definition = state.definition();
    let last = definition.nodes.iter().enumerate().filter(|(_, node)| node.outgoing.is_empty());
    let of_node = |(index, node): (usize, &Node)| {
        let output = state.steps().of(index).find_map(StepRun::output)?;
        Some((node.id.as_str().to_owned(), last_items(node, &output.ports)))
    };
    Value::Object(last.filter_map(of_node).collect::<Map<_, _>>())
}

fn last_items(node: &Node, output: &Ports) -> Value {
    let items = |port: &Port| {
        let items = output.get(port).into_iter().flat_map(|items| items.iter());
        Value::Array(items.cloned().map(Value::Object).collect())
    };
    match node.ports.as_slice() {
        [] => Value::Array(Vec::new()),
        [only] => items(only),
        several => Value::Object(several.iter().map(|port| (port.to_string(), items(port))).collect()),
    }
}
