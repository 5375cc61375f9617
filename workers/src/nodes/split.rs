//! `split`: makes an item of each element of a list.

use std::borrow::Cow;

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Port},
    kinds::{
        params::fields::{Keep, without},
        split::Params,
    },
    run::NodeError,
    template::InvalidTemplate,
};
use serde_json::Value;

use super::{Pure, PureStep, items::many_of_each, misfit, prepared::Prepared};
use crate::{engine::Outcome, expr::Param};

#[derive(Debug)]
pub(super) struct Split {
    params: Prepared<Params>,
    main: Port,
}

impl Split {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        Ok(Self { params: Prepared::compile(node, definition, Params::read)?, main: MAIN.into() })
    }
}

impl Pure for Split {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.params.visit(visit);
    }

    /// One item may hold thousands of elements.
    fn takes_long(&self) -> bool {
        true
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        many_of_each(step, |evaluator, index, item| {
            let rows = Rows::of(self.params.of(evaluator, index)?, item)?;
            Ok(rows.map(|row| row.map(|made| (&self.main, made))))
        })
    }
}

/// The items that are made of one.
struct Rows<'v> {
    params: Cow<'v, Params>,
    /// What stays beside each element.
    base: Item,
    /// The elements of each field.
    lists: Vec<Vec<&'v Value>>,
    next: usize,
}

impl<'v> Rows<'v> {
    fn of(params: Cow<'v, Params>, item: &'v Item) -> Result<Self, Box<NodeError>> {
        let fields = &params.field.0;
        let lists = fields.iter().map(|field| elements(field.get(item))).collect();
        let base = match &params.keep {
            Keep::All => without(fields, Cow::Borrowed(item)).into_owned(),
            keep => keep.of(item).map_err(|error| misfit(&error))?,
        };
        Ok(Self { params, base, lists, next: 0 })
    }

    fn row(&self, row: usize) -> Result<Item, Box<NodeError>> {
        if self.params.makes_items_of_objects()
            && let Some(Value::Object(element)) = self.lists.first().and_then(|list| list.get(row))
        {
            return Ok(element.clone());
        }
        let mut made = self.base.clone();
        let targets = self.params.target.as_ref().unwrap_or(&self.params.field);
        for (target, list) in targets.0.iter().zip(&self.lists) {
            if let Some(element) = list.get(row) {
                target.set(&mut made, (*element).clone()).map_err(|error| misfit(&error))?;
            }
        }
        Ok(made)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Item, Box<NodeError>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next;
        self.next += 1;
        self.lists.iter().any(|list| row < list.len()).then(|| self.row(row))
    }
}

/// A list's elements, an object's values, nothing of nothing; any other value is its own.
fn elements(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(map)) => map.values().collect(),
        Some(one) => vec![one],
    }
}
