//! `set`: makes, changes and removes fields of every item.

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Port},
    kinds::{
        params::{At, Reader, path::FieldPath},
        set::{Fields, Params},
    },
    run::NodeError,
    template::InvalidTemplate,
    violation::Violations,
};

use super::{Pure, PureStep, compile_params, items::each_item, misfit, read_evaluated};
use crate::{
    engine::Outcome,
    expr::{Evaluator, Param},
};

#[derive(Debug)]
pub(super) struct Set {
    plan: Plan,
    main: Port,
}

#[derive(Debug)]
enum Plan {
    /// Where fields go and what stays is known before the run; only the values are not.
    Known { shape: Params, fields: Vec<(FieldPath, Param)> },
    /// All of it is evaluated for each item.
    Open(Param),
}

impl Set {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        // What is wrong was found when the workflow was read.
        let mut violations = Violations::new();
        let mut reader = Reader::proven(&mut violations);
        let plan = match Params::read_object(&node.params, &At::root("params"), &mut reader) {
            None => Plan::Open(compile_params(node, definition)?),
            Some(mut shape) => {
                let Fields(fields) = std::mem::take(&mut shape.fields);
                let compiled =
                    fields.into_iter().map(|(path, value)| Ok((path, Param::compile(&value, definition)?)));
                Plan::Known { fields: compiled.collect::<Result<_, _>>()?, shape }
            }
        };
        Ok(Self { plan, main: MAIN.into() })
    }

    fn apply<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        index: usize,
        item: &Item,
    ) -> Result<Item, Box<NodeError>> {
        match &self.plan {
            Plan::Known { shape, fields } => {
                let mut made = shape.kept(item).map_err(|error| misfit(&error))?;
                for (path, param) in fields {
                    let value = param.evaluate(evaluator, index)?.into_owned();
                    path.set(&mut made, value).map_err(|error| misfit(&error))?;
                }
                Ok(made)
            }
            Plan::Open(param) => {
                let value = param.evaluate(evaluator, index)?;
                let params = read_evaluated(&value, Params::read_object)?;
                let mut made = params.kept(item).map_err(|error| misfit(&error))?;
                for (path, value) in params.fields.0 {
                    path.set(&mut made, value).map_err(|error| misfit(&error))?;
                }
                Ok(made)
            }
        }
    }
}

impl Pure for Set {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        match &self.plan {
            Plan::Known { fields, .. } => fields.iter().for_each(|(_, param)| visit(param)),
            Plan::Open(param) => visit(param),
        }
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        each_item(step, |evaluator, index, item| Ok(Some((&self.main, self.apply(evaluator, index, item)?))))
    }
}
