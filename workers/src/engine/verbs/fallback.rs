//! With what a run goes on after a step that could not say so itself.

use std::sync::Arc;

use domain::{
    definition::Node,
    items::{ERROR, Item, Output, Ports, error_field},
    limits::{MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    lineage::{Lineage, Origin, Origins},
    measure::{item_bytes, value_bytes},
    run::NodeError,
};
use serde_json::Value;

use crate::engine::Input;

/// Every item that the step was given, with the error in it: items do not vanish. When that is more than a step may
/// emit, one item that tells of the error.
pub(super) fn inputs_with_error(node: &Node, inputs: &[Input<'_>], error: &NodeError) -> Output {
    let Some(port) = node.failed_port() else { return Output::default() };
    let count = inputs.iter().map(|input| input.items.len()).sum();
    let error = error_field(error);
    if !fits(inputs, count, &error) {
        let item = Item::from_iter([(ERROR.to_owned(), error)]);
        return Output {
            ports: Ports::from([(Arc::clone(port), Arc::new(vec![item]))]),
            lineage: Lineage::from([(Arc::clone(port), Arc::new(vec![Origins::new()]))]),
            ..Output::default()
        };
    }
    let mut items = Vec::with_capacity(count);
    for item in inputs.iter().flat_map(|input| input.items.iter()) {
        let mut item = item.clone();
        item.insert(ERROR.to_owned(), error.clone());
        items.push(item);
    }
    let mut output = Output::from(Ports::from([(Arc::clone(port), Arc::new(items))]));
    if inputs.len() > 1 {
        let origins = inputs.iter().flat_map(|input| {
            (0u32..).zip(input.items.iter()).map(|(item, _)| vec![Origin { input: input.place, item }])
        });
        output.lineage.insert(Arc::clone(port), Arc::new(origins.collect()));
    }
    output
}

fn fits(inputs: &[Input<'_>], count: usize, error: &Value) -> bool {
    /// `"error":` and commas.
    const AROUND: usize = 10;
    // Of a step without inputs nothing is lost, but somebody should hear of the error.
    if count == 0 || count > MAX_ITEMS {
        return false;
    }
    let Ok(each) = value_bytes(error) else { return false };
    let mut bytes = count.saturating_mul(each + AROUND);
    for item in inputs.iter().flat_map(|input| input.items.iter()) {
        if bytes > MAX_STEP_OUTPUT_BYTES {
            return false;
        }
        let Ok(size) = item_bytes(item) else { return false };
        bytes += size;
    }
    bytes <= MAX_STEP_OUTPUT_BYTES
}
