//! What a step's calls come to.

use std::collections::HashMap;

use domain::{
    definition::Node,
    ids::RunId,
    items::{Item, MAIN},
    kinds::call_workflow::Mode,
    run::RunEnd,
};
use serde_json::json;

use super::{CallWorkflow, calls::run_of};
use crate::{
    engine::Outcome,
    nodes::{
        CallContext,
        items::Failures,
        output::{CameFrom, OutputBuilder},
    },
    step::failed_for_good,
};

/// The step's outcome: in mode `each` item by item, in mode `once` as a whole.
pub(super) fn of(
    node: &CallWorkflow,
    context: &CallContext,
    own: &Node,
    count: usize,
    mut ends: HashMap<RunId, RunEnd>,
) -> Outcome {
    let CallContext { task, scope, .. } = context;
    let mut output = OutputBuilder::of(own, &task.inputs);
    let mut failures = Failures::of(own);
    let main = MAIN.into();
    for place in 0..count {
        let run = run_of(task, place);
        let from = match node.mode {
            Mode::Each => CameFrom::Item(place),
            Mode::Once if task.inputs.len() == 1 => CameFrom::Item(0),
            Mode::Once => CameFrom::Nothing,
        };
        let pushed = match ends.remove(&run) {
            Some(RunEnd::Failed(error)) if node.mode == Mode::Once => return failed_for_good(error),
            Some(RunEnd::Failed(error)) => match failures.note(place, &scope.input[place], *error) {
                Some((port, left)) => output.push(port, left, from),
                None => Ok(()),
            },
            Some(RunEnd::Succeeded(items)) => {
                items.into_iter().try_for_each(|item| output.push(&main, item, from.clone()))
            }
            // Nobody waits for it, or the step has failed already.
            None if !node.waits => output.push(&main, started(run), from),
            None => Ok(()),
        };
        if let Err(above) = pushed {
            return failed_for_good(above);
        }
    }
    failures.finish(scope.input.len(), output.finish())
}

fn started(run: RunId) -> Item {
    Item::from_iter([("run_id".to_owned(), json!(run))])
}
