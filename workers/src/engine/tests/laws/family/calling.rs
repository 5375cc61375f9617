//! What a step that calls does in these laws: how often it calls whom, whether it waits, and what it makes of the ends.
//! It goes the way of the kind `call_workflow`, over outcomes that the test decides.

use std::{collections::HashMap, sync::Arc};

use domain::{
    definition::{Definition, Node},
    ids::RunId,
    items::{Item, MAIN, Ports},
    retry::Failure,
    run::{NodeError, Parent, RunEnd, RunStatus, Trigger},
    workflow::{DocumentText, OnError},
};
use serde_json::{Value, json};

use super::super::{sequential::bits, world::World};
use crate::engine::{
    Call, CalledRun, Calling, Outcome, RunHeader, RunState, StepFailure, StepKey, facts,
    tests::scenario::header,
};

/// How many runs may be above a called one.
const DEEPEST: u32 = 3;

/// The workflows of a family, and what decides about everything else.
#[derive(Debug, Clone)]
pub(super) struct Workflows {
    pub(super) all: Arc<[Arc<Definition>]>,
    pub(super) seed: u64,
}

impl Workflows {
    /// The run that nobody has called.
    pub(super) fn root(&self) -> RunHeader {
        RunHeader { workflow_version: 0, ..header(json!([{}])) }
    }

    /// What a run runs: its version says which of the workflows.
    pub(super) fn of(&self, header: &RunHeader) -> &Arc<Definition> {
        &self.all[header.workflow_version as usize]
    }

    /// What decides about the steps of a run: another number for each.
    pub(super) fn seed(&self, header: &RunHeader) -> u64 {
        let id = header.run_id.0.as_u128();
        self.seed ^ (id >> 64) as u64 ^ (id as u64).rotate_left(17)
    }
}

/// How a step calls.
pub(super) struct Manner {
    /// One run for each of the first items, or one for all.
    each: bool,
    concurrency: usize,
    pub(super) waits: bool,
}

impl Manner {
    pub(super) fn of(step: &StepKey, seed: u64) -> Self {
        let bits = bits(step, seed, 11);
        Self { each: bits & 1 != 0, concurrency: 1 + usize::from(bits & 2 != 0), waits: bits >> 2 & 3 != 0 }
    }

    /// The inputs of the runs that are called for these items.
    pub(super) fn inputs(&self, items: &[Item]) -> Vec<Vec<Item>> {
        if self.each {
            items.iter().take(3).map(|item| vec![item.clone()]).collect()
        } else {
            vec![items.to_vec()]
        }
    }
}

/// The run that is called with an input; an error if there is no such workflow, or it would be too deep.
#[expect(clippy::result_large_err, reason = "it is what a step fails with")]
pub(super) fn called(
    workflows: &Workflows,
    caller: &RunHeader,
    step: &StepKey,
    place: usize,
    items: &[Item],
) -> Result<RunHeader, NodeError> {
    let seed = workflows.seed(caller);
    let depth = caller.trigger.depth() + 1;
    let bits = bits(step, seed, 100 + place as u64);
    // The deeper, the fewer: else there would be more runs than one can look at.
    if depth > DEEPEST || !bits.is_multiple_of(2 * u64::from(depth)) {
        return Err(NodeError::new("workflow_not_found", "it is gone"));
    }
    let parent = Parent {
        run_id: caller.run_id,
        node_id: None,
        iteration: step.iteration.clone(),
        item: None,
        depth,
        waits: Manner::of(step, seed).waits,
        after_error: false,
    };
    Ok(RunHeader {
        run_id: caller.run_id.of_call(1, step.node, &step.iteration, place),
        workflow_version: u32::try_from((bits >> 8) % workflows.all.len() as u64).unwrap(),
        trigger: Trigger::workflow(parent),
        input: items.iter().cloned().map(Value::Object).collect(),
        ..header(json!(null))
    })
}

/// What a step gives once its runs have ended, in the order of their places: `None`, nobody waits for it.
pub(super) fn gathered(node: &Node, ends: &[(RunId, Option<RunEnd>)]) -> (bool, Ports) {
    let mut ports: HashMap<&str, Vec<Item>> = node.ports.iter().map(|port| (&**port, Vec::new())).collect();
    let mut fails = false;
    for (run, end) in ends {
        let (port, items) = match end {
            Some(RunEnd::Succeeded(items)) => (MAIN, items.clone()),
            None => (MAIN, vec![Item::from_iter([("run".to_owned(), json!(run))])]),
            Some(RunEnd::Failed(_)) => {
                fails = true;
                let port = node.failed_port().map_or(MAIN, |port| &**port);
                (port, vec![Item::from_iter([("failed".to_owned(), json!(run))])])
            }
        };
        ports.entry(port).or_default().extend(items);
    }
    (fails, ports.into_iter().map(|(port, items)| (port.into(), Arc::new(items))).collect())
}

/// One execution of a step that calls: it starts as many runs as may be under way, or gives what came of them.
pub(super) fn execution(workflows: &Workflows, state: &RunState, step: &StepKey) -> Outcome {
    let (own, header) = (&state.definition().nodes[step.node], state.header());
    let (seed, run) = (workflows.seed(header), state.steps().get(step).unwrap());
    let manner = Manner::of(step, seed);
    let given: Vec<Item> = state.inputs(step).iter().flat_map(|input| input.items.iter().cloned()).collect();
    let inputs = manner.inputs(&given);
    let (mut called_before, mut open): (usize, Vec<usize>) =
        run.kept().map_or_else(Default::default, |kept| serde_json::from_value((**kept).clone()).unwrap());
    // It fails at first, before it has called anybody or afterwards.
    let hash = bits(step, seed, 12);
    if u64::from(run.failures()) < hash % u64::from(own.retry.max_attempts())
        && (hash >> 32 & 1 == 0 || called_before > 0)
    {
        let (error, failure) = (NodeError::new("again", "not yet"), Failure::Server { retry_after: None });
        return Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback: None }));
    }
    let id = |place: usize| header.run_id.of_call(1, step.node, &step.iteration, place);
    let ended = run.woken().into_iter().flat_map(|woken| &woken.ended);
    let ends: HashMap<RunId, RunEnd> = ended.map(|(run, end)| (*run, RunEnd::read(end).unwrap())).collect();
    open.retain(|place| !ends.contains_key(&id(*place)));
    let fails_now =
        own.on_error == OnError::Fail && ends.values().any(|end| matches!(end, RunEnd::Failed(_)));
    let room = if manner.waits { manner.concurrency.saturating_sub(open.len()) } else { 2 };
    let next: Vec<usize> = (called_before..inputs.len()).take(room).collect();
    if fails_now || next.is_empty() && open.is_empty() {
        let ends: Vec<_> =
            (0..inputs.len()).map(|place| (id(place), ends.get(&id(place)).cloned())).collect();
        let (fails, ports) = gathered(own, &ends);
        if !fails {
            return Outcome::Succeeded(ports.into());
        }
        let (error, failure) = (NodeError::new("workflow_failed", "it failed"), Failure::Permanent);
        let fallback = Some(ports.into());
        return Outcome::Failed(Box::new(StepFailure { error, failure, partial: None, fallback }));
    }
    let mut calls = Vec::new();
    for place in next {
        let start = called(workflows, header, step, place, &inputs[place]);
        if manner.waits || start.is_err() {
            open.push(place);
        }
        called_before += 1;
        let start = start.map(|header| {
            let document = DocumentText::parse("{}".to_owned()).unwrap();
            Box::new(CalledRun { header: Arc::new(header), document, hash: [0; 32] })
        });
        calls.push(Call { run: id(place), start: start.map_err(|why| Box::new(RunEnd::Failed(why.into()))) });
    }
    let waits_for = open.iter().map(|place| id(*place)).collect();
    let any = called_before < inputs.len() || own.on_error == OnError::Fail;
    let kept = Some(json!((called_before, open)));
    Outcome::Calling(Box::new(Calling { waits_for, any, calls, kept }))
}

/// What a run that has ended tells whoever waits for it, if anybody does.
pub(super) fn ends_of(world: &World) -> Option<Value> {
    let parent = world.state.header().trigger.parent.as_ref()?;
    (parent.waits && world.state.is_terminal()).then(|| RunEnd::of(&facts::run(&world.state)).to_value())
}

/// What the interpreter says of a called run, as its caller is told: `None`, it fails.
pub(super) fn end_as_told(run: RunId, given: Option<Vec<Item>>) -> RunEnd {
    let failed = || RunEnd::failed(run, RunStatus::Failed, None);
    given.map_or_else(failed, RunEnd::Succeeded)
}
