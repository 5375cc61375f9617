//! `respond`: says what the run answers to whoever waits for it.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use domain::{
    definition::{Definition, Node},
    kinds::{
        http_request::Headers,
        respond::{Params, Status},
    },
    run::{NodeError, RunResponse},
    template::InvalidTemplate,
};

use super::{Pure, PureStep, pass_on, prepared::Prepared};
use crate::{
    engine::Outcome,
    expr::Param,
    step::{StepTask, failed_for_good},
};

#[derive(Debug)]
pub(super) struct Respond(Prepared<Params>);

impl Respond {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        Prepared::compile(node, definition, Params::read_object).map(Self)
    }
}

impl Pure for Respond {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.0.visit(visit);
    }

    fn evaluates(&self, _: &StepTask) -> Range<usize> {
        0..1
    }

    fn run<'v>(&'v self, mut step: PureStep<'v>) -> Outcome {
        let response = self.0.of(&mut step.evaluator, 0).and_then(|params| answer(&params));
        let response = match response {
            Ok(response) => response,
            Err(error) => return failed_for_good(step.scope.without_env(error)),
        };
        match pass_on(&step) {
            Outcome::Succeeded(mut output) => {
                output.response = Some(Arc::new(response));
                Outcome::Succeeded(output)
            }
            failed => failed,
        }
    }
}

fn answer(params: &Params) -> Result<RunResponse, Box<NodeError>> {
    let Params { status: Status(status), headers: Headers(pairs), body } = params;
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        headers.entry(name.clone()).or_default().push(value.clone());
    }
    let response = RunResponse { status: *status, headers, body: body.clone().unwrap_or_default() };
    response.check().map(|()| response)
}
