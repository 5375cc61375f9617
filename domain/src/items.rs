//! Items: the data that flows between nodes.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::lineage::Lineage;

/// One item: a JSON object.
pub type Item = serde_json::Map<String, Value>;

/// A list of items, shared: an output may feed many nodes, events and rows.
pub type Items = Arc<Vec<Item>>;

/// The name of an output port. A kind may let the author choose it, so it is not known to the compiler.
pub type Port = Arc<str>;

/// A node's items by output port. A port that was not taken is missing or empty.
pub type Ports = BTreeMap<Port, Items>;

/// What a step gave: its items, and beside them where each came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// The items.
    pub ports: Ports,
    /// Where they came from.
    pub lineage: Lineage,
}

/// An output whose items came from those at the same places of the only input.
impl From<Ports> for Output {
    fn from(ports: Ports) -> Self {
        Self { ports, lineage: Lineage::new() }
    }
}

/// The field of an item that stands for a file: `{"$file": {…}}`. Only the file store makes such items.
pub const FILE: &str = "$file";

/// The output port of most kinds, and the default of an edge's `sourceHandle`.
pub const MAIN: &str = "main";

/// The port of items that failed, under `on_error: error_port`.
pub const ERROR: &str = "error";

/// A run's input as items: an object is one item, a list of objects is one item each; no input
/// (`null`) is one empty item, so that a workflow without input runs.
///
/// # Errors
/// When the input is neither; the text says what it was.
pub fn input_items(input: &Value) -> Result<Vec<Item>, String> {
    match input {
        Value::Null => Ok(vec![Item::new()]),
        Value::Object(item) => Ok(vec![item.clone()]),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, value)| match value {
                Value::Object(item) => Ok(item.clone()),
                other => Err(format!("input[{i}] is {}, not an object", name_of(other))),
            })
            .collect(),
        other => Err(format!("input is {}, not an object or a list of objects", name_of(other))),
    }
}

/// The JSON type of a value in words, for messages.
#[must_use]
pub fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
