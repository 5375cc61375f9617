//! What lies before a node, and after it.

use crate::definition::Definition;

/// The node and all that leads to it. From a node that `ends` it is not followed further back.
pub(super) fn leading_to(definition: &Definition, node: usize, ends: impl Fn(usize) -> bool) -> Vec<bool> {
    walk(definition, node, |node| {
        let incoming = if ends(node) { &[] } else { definition.nodes[node].incoming.as_slice() };
        incoming.iter().map(|edge| definition.edges[*edge].source).collect()
    })
}

/// The node and all that it leads to.
pub(super) fn after(definition: &Definition, node: usize) -> Vec<bool> {
    walk(definition, node, |node| {
        definition.nodes[node].outgoing.iter().map(|edge| definition.edges[*edge].target).collect()
    })
}

fn walk(definition: &Definition, from: usize, next: impl Fn(usize) -> Vec<usize>) -> Vec<bool> {
    let mut seen = vec![false; definition.nodes.len()];
    let mut ahead = vec![from];
    while let Some(node) = ahead.pop() {
        if !std::mem::replace(&mut seen[node], true) {
            ahead.extend(next(node));
        }
    }
    seen
}
