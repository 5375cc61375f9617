//! `switch`: sends every item to the port of a case that holds for it.

use domain::{
    definition::{Definition, Node},
    items::{Item, Port},
    kinds::{
        params::condition::{Comparer, Rules},
        switch::{Case, Params},
    },
    run::NodeError,
};

use super::{
    Pure, PureStep, Unready,
    condition::{Compiled, read_saved},
    items::each_item,
};
use crate::{
    engine::Outcome,
    expr::{Evaluator, Param},
};

#[derive(Debug)]
pub(super) struct Switch {
    cases: Vec<(Port, Compiled)>,
    fallback: Option<Port>,
    all_matching: bool,
    rules: Rules,
}

impl Switch {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, Unready> {
        let Params { cases, fallback, all_matching, types, ignore_case } =
            read_saved(node, Params::read_object)?;
        let compiled = cases
            .0
            .into_iter()
            .map(|Case { port, condition }| Ok((port.0, Compiled::compile(condition, definition)?)));
        Ok(Self {
            cases: compiled.collect::<Result<_, Unready>>()?,
            fallback: fallback.map(|port| port.0),
            all_matching,
            rules: Rules { types, ignore_case },
        })
    }

    /// By which ports an item leaves. Behind the first case that holds none is asked unless all are.
    fn ports<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        index: usize,
        comparer: &mut Comparer,
    ) -> Result<Vec<&'v Port>, Box<NodeError>> {
        let mut ports = Vec::new();
        for (port, condition) in &self.cases {
            let holds = condition.holds(evaluator, index, comparer).map_err(|mut error| {
                error.message = format!("case {port:?}: {}", error.message);
                error
            })?;
            if holds {
                ports.push(port);
                if !self.all_matching {
                    break;
                }
            }
        }
        if ports.is_empty() {
            ports.extend(&self.fallback);
        }
        Ok(ports)
    }
}

impl Pure for Switch {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.cases.iter().for_each(|(_, condition)| condition.params(visit));
    }

    fn takes_long(&self) -> bool {
        self.cases.iter().any(|(_, condition)| condition.matches_patterns())
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let mut comparer = Comparer::new(self.rules);
        each_item(step, |evaluator, index, item: &'v Item| {
            let ports = self.ports(evaluator, index, &mut comparer)?;
            Ok(ports.into_iter().map(move |port| (port, item.clone())))
        })
    }
}
