//! One execution of a step that calls: what has ended, and what is started next.

use std::{collections::HashMap, sync::Arc};

use domain::{
    ids::{RunId, WorkflowId},
    items::Item,
    kinds::call_workflow::Mode,
    limits::{MAX_CALL_CONCURRENCY, MAX_CALL_DEPTH, MAX_INPUT_BYTES, above},
    measure::input_bytes,
    retry::Failure,
    run::{NodeError, Parent, RunEnd, RunPlan, Trigger},
    workflow::OnError,
};
use serde_json::{Value, json};

use super::{CallWorkflow, asking, kept::Kept, outcome};
use crate::{
    engine::{Call, CalledRun, Calling, Outcome, RunHeader},
    nodes::CallContext,
    step::{Callee, StepTask, Uncallable, failed, failed_for_good, unknown_node},
};

/// Inputs of so many bytes are handed over in one commit; the next runs are started once one has ended.
const CALL_BYTES: usize = 4 << 20;

pub(super) async fn run(node: &CallWorkflow, context: CallContext) -> Outcome {
    let task = &context.task;
    let Some(own) = task.node() else { return unknown_node(task) };
    let mut kept = match Kept::read(task.kept.as_deref()) {
        Ok(kept) => kept,
        Err(why) => return failed_for_good(NodeError::new("kept_unreadable", why).into()),
    };
    let count = match node.mode {
        Mode::Once => usize::from(!task.inputs.is_empty()),
        Mode::Each => task.inputs.len(),
    };
    let ends = ends(task);
    kept.open.retain(|place| !ends.contains_key(&run_of(task, *place)));
    let fails = own.on_error == OnError::Fail && ends.values().any(|end| matches!(end, RunEnd::Failed(_)));
    if fails {
        return outcome::of(node, &context, own, count, ends);
    }
    let most = if node.waits { node.concurrency } else { MAX_CALL_CONCURRENCY };
    let next: Vec<usize> = (kept.called..count).take(most.saturating_sub(kept.open.len())).collect();
    let calls = match calls(node, &context, &next).await {
        Ok(calls) => calls,
        Err(outcome) => return *outcome,
    };
    if calls.is_empty() && kept.open.is_empty() {
        return outcome::of(node, &context, own, count, ends);
    }
    let started = next.iter().zip(&calls).filter(|(_, call)| node.waits || call.start.is_err());
    kept.open.extend(started.map(|(place, _)| *place));
    kept.called += calls.len();
    let waits_for = kept.open.iter().map(|place| run_of(task, *place)).collect();
    let any = kept.called < count || own.on_error == OnError::Fail;
    Outcome::Calling(Box::new(Calling { waits_for, any, calls, kept: kept.to_value() }))
}

/// The run that is called for the item at that place.
pub(super) fn run_of(task: &StepTask, place: usize) -> RunId {
    let (run, step) = (&task.run, &task.step);
    run.run_id.of_call(run.attempt, step.node, &step.iteration, place)
}

/// What came of the runs that have ended.
fn ends(task: &StepTask) -> HashMap<RunId, RunEnd> {
    let ended = task.woken.iter().flat_map(|woken| &woken.ended);
    let read = |end: &Value| {
        RunEnd::read(end).unwrap_or_else(|| {
            let why = "what came of the called run cannot be read";
            RunEnd::Failed(Box::new(NodeError::new("journal_unreadable", why)))
        })
    };
    ended.map(|(run, end)| (*run, read(end))).collect()
}

/// The calls for these items, or for the first of them, one at least.
async fn calls(
    node: &CallWorkflow,
    context: &CallContext,
    places: &[usize],
) -> Result<Vec<Call>, Box<Outcome>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let (mut calls, mut bytes) = (Vec::new(), 0);
    for (place, workflow) in places.iter().zip(asking::workflows(node, context, places).await?) {
        let start = match workflow {
            Ok(workflow) => start(node, context, *place, workflow).await?,
            Err(error) => Err(error),
        };
        if let Ok((_, size)) = &start {
            bytes += size;
        }
        let start = start.map(|(run, _)| run).map_err(|error| Box::new(RunEnd::Failed(error)));
        calls.push(Call { run: run_of(&context.task, *place), start });
        if bytes >= CALL_BYTES {
            break;
        }
    }
    Ok(calls)
}

type Started = Result<(Box<CalledRun>, usize), Box<NodeError>>;

/// The run for an item, and how many bytes its input has.
async fn start(
    node: &CallWorkflow,
    context: &CallContext,
    place: usize,
    workflow: WorkflowId,
) -> Result<Started, Box<Outcome>> {
    let CallContext { facilities, task, .. } = context;
    let callee = match facilities.callees.newest(&task.run.tenant, workflow).await {
        Ok(callee) => callee,
        Err(away @ Uncallable::Away(..)) => {
            return Err(Box::new(failed(away.to_error(), Failure::Connection)));
        }
        Err(why) => return Ok(Err(why.to_error().into())),
    };
    Ok(called_run(node, context, place, workflow, &callee))
}

fn called_run(
    node: &CallWorkflow,
    context: &CallContext,
    place: usize,
    workflow: WorkflowId,
    callee: &Callee,
) -> Started {
    let CallContext { facilities, task, scope, trace, .. } = context;
    let depth = task.run.trigger.depth() + 1;
    if depth > MAX_CALL_DEPTH {
        let message = format!(
            "the workflows call each other more than {MAX_CALL_DEPTH} levels deep (MAX_CALL_DEPTH); does one of them call \
             itself without an end?"
        );
        let details = json!({ "limit": "MAX_CALL_DEPTH", "most": MAX_CALL_DEPTH });
        return Err(NodeError::new("limit", message).with_details(details).into());
    }
    let item = (node.mode == Mode::Each).then(|| u32::try_from(place).unwrap_or(u32::MAX));
    let object = |item: &Item| Value::Object(item.clone());
    let input = match node.mode {
        Mode::Once => scope.input.iter().map(object).collect(),
        Mode::Each => scope.input.get(place).map(object).unwrap_or_default(),
    };
    let bytes = input_bytes(&input).map_err(|too_deep| NodeError::new("limit", too_deep.to_string()))?;
    if bytes > MAX_INPUT_BYTES {
        let why = above(bytes, "bytes", MAX_INPUT_BYTES, "MAX_INPUT_BYTES");
        let message = format!(
            "the input of the called run is too large: {why}; hand on less, or call it for each item"
        );
        let details = json!({ "limit": "MAX_INPUT_BYTES", "most": MAX_INPUT_BYTES });
        return Err(NodeError::new("limit", message).with_details(details).into());
    }
    let parent = Parent {
        run_id: task.run.run_id,
        node_id: task.node().map(|node| node.id.clone()),
        iteration: task.step.iteration.clone(),
        item,
        depth,
        waits: node.waits,
        after_error: task.run.trigger.is_after_error(),
    };
    let header = RunHeader {
        tenant: task.run.tenant.clone(),
        run_id: run_of(task, place),
        attempt: 1,
        workflow_id: workflow,
        workflow_version: callee.version,
        trigger: Trigger::workflow(parent).beginning_at(callee.begins_at()),
        input,
        plan: RunPlan::default(),
        created_at: facilities.clock.now(),
        traceparent: Some(*trace),
    };
    let (header, document) = (Arc::new(header), callee.document.clone());
    Ok((Box::new(CalledRun { header, document, hash: callee.hash }), bytes))
}
