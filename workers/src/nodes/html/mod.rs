//! `html`: takes values out of HTML, and makes tables of items.

mod extract;
mod selector;
mod table;

use domain::{
    definition::{Definition, Node},
    kinds::html::Action,
    template::InvalidTemplate,
};

use super::{Pure, transform::EachItem};

/// The action is no expression, so it is known.
pub(super) fn compile(node: &Node, definition: &Definition) -> Result<Box<dyn Pure>, InvalidTemplate> {
    let action = node.params.get("action").and_then(serde_json::Value::as_str);
    Ok(if action == Some(Action::Table.as_str()) {
        Box::new(table::Table::compile(node, definition)?)
    } else {
        Box::new(EachItem::<extract::Extract>::compile(node, definition)?)
    })
}
