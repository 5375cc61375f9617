//! `rename`: gives fields other names.

use std::time::Instant;

use domain::{
    definition::{Definition, Node},
    items::{Item, MAIN, Port},
    kinds::{
        params::{condition::Patterns, lists::ByPath, path::FieldPath},
        rename::{Change, Params, replaced},
    },
    limits::MAX_STEP_OUTPUT_BYTES,
    run::NodeError,
    template::InvalidTemplate,
};
use serde_json::Value;

use super::{Pure, PureStep, items::each_item, misfit, output::within, prepared::Prepared};
use crate::{engine::Outcome, expr::Param, step::timeout_error};

#[derive(Debug)]
pub(super) struct Rename {
    params: Prepared<Params>,
    main: Port,
}

impl Rename {
    pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Self, InvalidTemplate> {
        Ok(Self { params: Prepared::compile(node, definition, Params::read_object)?, main: MAIN.into() })
    }
}

impl Pure for Rename {
    fn params<'p>(&'p self, visit: &mut dyn FnMut(&'p Param)) {
        self.params.visit(visit);
    }

    /// With regular expressions, which are compiled.
    fn takes_long(&self) -> bool {
        self.params.known().is_none_or(|params| !params.patterns.0.is_empty())
    }

    fn run<'v>(&'v self, step: PureStep<'v>) -> Outcome {
        let (deadline, limit) = (step.deadline, step.node.timeout);
        let mut patterns = Patterns::new(false);
        each_item(step, |evaluator, index, item| {
            let params = self.params.of(evaluator, index)?;
            let mut made = item.clone();
            rename_fields(&params.fields, &mut made)?;
            let mut budget = Budget::default();
            for change in &params.patterns.0 {
                if Instant::now() >= deadline {
                    return Err(timeout_error(limit).into());
                }
                made = budget.changed(made, change, &mut patterns)?;
            }
            Ok(Some((&self.main, made)))
        })
    }
}

/// All are taken out before any is put back, so that names may be exchanged.
fn rename_fields(fields: &ByPath<FieldPath>, item: &mut Item) -> Result<(), Box<NodeError>> {
    let taken: Vec<_> = fields.0.iter().filter_map(|(old, new)| Some((new, old.take(item)?))).collect();
    for (new, value) in taken {
        new.set(item, value).map_err(|error| misfit(&error))?;
    }
    Ok(())
}

/// What new names of one item come to, in bytes: no more is made than may leave.
#[derive(Debug, Default)]
struct Budget(usize);

impl Budget {
    fn changed(
        &mut self,
        item: Item,
        change: &Change,
        patterns: &mut Patterns,
    ) -> Result<Item, Box<NodeError>> {
        let regex = patterns
            .find(&change.pattern.0)
            .map_err(|error| NodeError::new("invalid_pattern", error.to_string()))?;
        let mut rename = |name: &str| {
            let made = replaced(name, regex, &change.replace, MAX_STEP_OUTPUT_BYTES);
            let bytes = made.as_ref().map_or(usize::MAX, |made| made.as_ref().map_or(0, String::len));
            self.0 = self.0.saturating_add(bytes);
            within("MAX_STEP_OUTPUT_BYTES", "bytes", self.0, MAX_STEP_OUTPUT_BYTES)?;
            Ok(made.ok().flatten())
        };
        changed(item, change.depth.map_or(usize::MAX, |depth| depth.0 as usize), &mut rename)
    }
}

/// What a name becomes; `None`: it stays.
type NewName<'r> = &'r mut dyn FnMut(&str) -> Result<Option<String>, Box<NodeError>>;

/// The object with other names, `depth` levels down.
fn changed(map: Item, depth: usize, rename: NewName<'_>) -> Result<Item, Box<NodeError>> {
    let mut made = Item::with_capacity(map.len());
    for (name, value) in map {
        let value = within_value(value, depth, rename)?;
        made.insert(rename(&name)?.unwrap_or(name), value);
    }
    Ok(made)
}

fn within_value(value: Value, depth: usize, rename: NewName<'_>) -> Result<Value, Box<NodeError>> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(value) };
    Ok(match value {
        Value::Object(map) => Value::Object(changed(map, depth, rename)?),
        Value::Array(list) => {
            let list = list.into_iter().map(|inner| within_value(inner, depth, rename));
            Value::Array(list.collect::<Result<_, _>>()?)
        }
        leaf => leaf,
    })
}
