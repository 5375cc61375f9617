//! `set`: makes, changes and removes fields of every item.

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN},
    nodes::{
        fields::Fields,
        path::{FieldPath, PathError},
        set::{Keep, Shape, read_fields, read_shape},
    },
    run::NodeError,
    template::{InvalidTemplate, has_expression},
    violation::Violations,
};
use serde_json::{Map, Value};

use super::{Pure, PureStep, Traits, items::each_item, read_evaluated};
use crate::{
    engine::Outcome,
    expr::{Evaluator, Param},
};

#[derive(Debug)]
pub(super) struct Set {
    shape: Known<Shape>,
    fields: Known<Vec<(FieldPath, Param)>>,
}

/// What is known before the run, or else what it is evaluated from.
#[derive(Debug)]
enum Known<T> {
    Now(T),
    Later(Param),
}

impl Set {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        let part = |names: &[&str]| -> Map<String, Value> {
            let named = node.params.iter().filter(|(name, _)| names.contains(&name.as_str()));
            named.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let mut violations = Violations::new();
        let shape = part(&["keep", "remove"]);
        let shape = if shape.values().any(has_expression) {
            Known::Later(Param::compile(&Value::Object(shape), definition)?)
        } else {
            let read = read_shape(&mut Fields::of_document(&shape, "params", &mut violations));
            Known::Now(read.unwrap_or(Shape { keep: Keep::All, remove: Vec::new() }))
        };
        let fields = part(&["fields"]);
        let fields = if fields.get("fields").is_some_and(|value| value.is_string()) {
            Known::Later(Param::compile(&Value::Object(fields), definition)?)
        } else {
            let read = read_fields(&mut Fields::of_document(&fields, "params", &mut violations));
            let compiled =
                read.into_iter().map(|(path, value)| Ok((path, Param::compile(value, definition)?)));
            Known::Now(compiled.collect::<Result<_, _>>()?)
        };
        Ok(Self { shape, fields })
    }

    fn apply<'v>(
        &'v self,
        evaluator: &mut Evaluator<'v>,
        index: usize,
        item: &Item,
    ) -> Result<Item, Box<NodeError>> {
        let mut made = match &self.shape {
            Known::Now(shape) => shape.apply(item),
            Known::Later(param) => {
                let value = param.evaluate(evaluator, index)?;
                read_evaluated(&value, read_shape)?.apply(item)
            }
        }
        .map_err(|error| misfit(&error))?;
        match &self.fields {
            Known::Now(fields) => {
                for (path, param) in fields {
                    let value = param.evaluate(evaluator, index)?.into_owned();
                    path.set(&mut made, value).map_err(|error| misfit(&error))?;
                }
            }
            Known::Later(param) => {
                let value = param.evaluate(evaluator, index)?;
                let fields = read_evaluated(&value, |fields| {
                    let read = read_fields(fields).into_iter();
                    Some(read.map(|(path, value)| (path, value.clone())).collect::<Vec<_>>())
                })?;
                for (path, value) in fields {
                    path.set(&mut made, value).map_err(|error| misfit(&error))?;
                }
            }
        }
        Ok(made)
    }
}

fn misfit(error: &PathError) -> Box<NodeError> {
    Box::new(NodeError::new("invalid_path", error.to_string()))
}

impl Pure for Set {
    fn traits(&self) -> Traits {
        let mut params = Vec::new();
        if let Known::Later(param) = &self.shape {
            params.push(param);
        }
        match &self.fields {
            Known::Later(param) => params.push(param),
            Known::Now(fields) => params.extend(fields.iter().map(|(_, param)| param)),
        }
        Traits::of(params)
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        each_item(step, &[MAIN], |evaluator, index, item| Ok((MAIN, self.apply(evaluator, index, item)?)))
    }
}
