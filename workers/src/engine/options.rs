//! What a node's options mean, whatever its kind: `always_output`, `execute_once`.

use std::{collections::HashSet, sync::Arc};

use domain::{
    definition::Node,
    items::{Item, Items, MAIN, Output, Ports},
    lineage::Origins,
};

use super::state::Input;

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

/// `execute_once`: the first item of all; where a kind tells inputs apart, of each input.
pub(super) fn keep_first(inputs: &mut Vec<Input<'_>>, node: &Node) {
    if node.kind.declaration().inputs.is_empty() {
        inputs.truncate(1);
    } else {
        let mut seen = HashSet::new();
        inputs.retain(|input| input.name.is_none_or(|name| seen.insert(name)));
    }
    inputs.iter_mut().for_each(|input| first_only(&mut input.items));
}

/// What a trigger gives of the run's input.
pub(super) fn triggered(node: &Node, items: Vec<Item>) -> Output {
    let mut items = Arc::new(items);
    if node.execute_once {
        first_only(&mut items);
    }
    always(node, Output::from(Ports::from([(MAIN.into(), items)])))
}

fn first_only(items: &mut Items) {
    if items.len() > 1 {
        *items = Arc::new(items.iter().take(1).cloned().collect());
    }
}
