//! What a node's options mean, whatever its kind: `always_output`, `execute_once` of a trigger.

use std::sync::Arc;

use domain::{
    definition::{Node, inputs::first_only},
    items::{Item, MAIN, Output, Ports},
    lineage::Origins,
};

/// `always_output`: where no item leaves, one empty item leaves by the first port.
pub(super) fn always(node: &Node, mut output: Output) -> Output {
    if node.always_output
        && output.ports.values().all(|items| items.is_empty())
        && let Some(port) = node.first_port()
    {
        output.ports.insert(Arc::clone(port), Arc::new(vec![Item::new()]));
        // It came from nowhere.
        output.lineage.insert(Arc::clone(port), Arc::new(vec![Origins::new()]));
    }
    output
}

/// What a trigger gives of the run's input.
pub(super) fn triggered(node: &Node, items: Vec<Item>) -> Output {
    let mut items = Arc::new(items);
    if node.execute_once {
        first_only(&mut items);
    }
    always(node, Output::from(Ports::from([(MAIN.into(), items)])))
}
