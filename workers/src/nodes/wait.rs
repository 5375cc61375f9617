//! `wait`: lets its items go on later.

use std::{ops::Range, sync::Arc};

use domain::{
    definition::{Definition, Node},
    items::{MAIN, Port, input_items},
    kinds::wait::{Params, Signal, TIMEOUT},
    run::{NodeError, WaitsFor},
    template::InvalidTemplate,
    timestamp::Timestamp,
};
use serde_json::Value;

use super::{
    Pure, PureStep, compile_params,
    output::{CameFrom, OutputBuilder},
    pass_on, pass_on_by, read_evaluated,
};
use crate::{
    engine::{Later, Outcome, Wake},
    expr::Param,
    step::{StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Wait {
    params: Param,
    /// Whether it waits for a signal.
    is_signal: bool,
}

impl Wait {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        let is_signal = node.params.get("signal").is_some_and(|signal| !signal.is_null());
        Ok(Self { params: compile_params(node, definition)?, is_signal })
    }
}

impl Pure for Wait {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        visit(&self.params);
    }

    fn evaluates(&self, task: &StepTask) -> Range<usize> {
        0..usize::from(task.woken.is_none())
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        match step.task.woken.as_ref().map(|woken| &woken.by) {
            Some(Wake::Signal { data, .. }) => return answered(&step, data),
            // Its moment was the time limit of the signal.
            Some(Wake::Moment) if self.is_signal => return pass_on_by(&step, &Port::from(TIMEOUT)),
            Some(Wake::Moment | Wake::Runs) => return pass_on(&step),
            None => {}
        }
        let params = self.params.evaluate(&mut step.evaluator, 0).map_err(Box::<NodeError>::from);
        match params.and_then(|params| read_evaluated(&params, Params::read_object)) {
            Err(error) => failed_for_good(step.scope.without_env(error)),
            Ok(params) => match waits_for(params, step.scope.now) {
                None => pass_on(&step),
                Some(waits_for) => Outcome::Later(Box::new(Later { waits_for, kept: None })),
            },
        }
    }
}

/// What it waits for; `None`: its moment has come already.
fn waits_for(params: Params, now: Timestamp) -> Option<WaitsFor> {
    match params {
        Params { signal: Some(Signal { name, timeout }), .. } => {
            let until = timeout.map(|timeout| now.plus(timeout.0));
            Some(WaitsFor { until, signal: Some(name.as_str().to_owned()), runs: Vec::new() })
        }
        Params { duration, until, signal: None } => {
            let until = duration.map(|duration| now.plus(duration.0)).or(until);
            until.filter(|until| *until > now).map(WaitsFor::moment)
        }
    }
}

/// What the signal says leaves by `main`.
fn answered(step: &PureStep<'_>, data: &Arc<Value>) -> Outcome {
    let items = match input_items(data) {
        Ok(items) => items,
        Err(why) => {
            let message = format!("the signal's data cannot be items: {why}");
            return failed_for_good(NodeError::new("invalid_signal", message).into());
        }
    };
    let (main, mut output) = (Port::from(MAIN), OutputBuilder::of(step.node, &step.task.inputs));
    for item in items {
        // One answer for all that waited: its expressions saw the first of them, too.
        if let Err(above) = output.push(&main, item, CameFrom::Item(0)) {
            return failed_for_good(above);
        }
    }
    Outcome::Succeeded(output.finish())
}
