//! A replay from a node: what the run gives again, and what of the earlier run it takes over.

use std::collections::BTreeSet;

use super::reach::{after, leading_to};
use crate::{
    definition::Definition,
    ids::NodeId,
    loops::WHOLE,
    violation::{Violation, ViolationCode as Code, Violations},
};

/// What is known of a node's newest step in the earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It gave an output, also when it had failed and its run went on.
    Gave,
    /// It was skipped.
    Skipped,
    /// It has no output: it failed, was cancelled or did not begin.
    Nothing,
}

/// The nodes whose outputs a run takes over that replays an earlier one from a node.
///
/// They are all that gave something and do not come after it. The node and what comes after it is executed, and so is what had not come to its end beside it.
///
/// # Errors
/// When there is no such node, it is in a loop, or what lies before it cannot be taken over; each says what to do.
pub fn taken_over(
    definition: &Definition,
    from: &NodeId,
    earlier: impl Fn(&NodeId) -> Earlier,
) -> Result<BTreeSet<NodeId>, Vec<Violation>> {
    let mut violations = Violations::new();
    let Some(node) = definition.node(from.as_str()) else {
        let message = format!("the workflow has no node {from} in the version that would run");
        violations.add("from", Code::UnknownNode, message);
        return Err(violations.into_vec());
    };
    if let Some(entry) = entry_of_the_loop_around(definition, node) {
        let message = format!("{from} is in a loop; replay from its beginning, {entry}, or from the start");
        violations.add("from", Code::InLoop, message);
        return Err(violations.into_vec());
    }
    let (again, before) = (after(definition, node), leading_to(definition, node, |_| false));
    check_loops(definition, &again, &mut violations);
    let mut taken = BTreeSet::new();
    for (index, other) in definition.nodes.iter().enumerate().filter(|(index, _)| !again[*index]) {
        if is_in_a_body(definition, index) || other.kind.declaration().trigger {
            continue;
        }
        match earlier(&other.id) {
            Earlier::Gave => drop(taken.insert(other.id.clone())),
            Earlier::Nothing if before[index] => {
                let message = format!(
                    "{} lies before {from} and gave nothing in the earlier run; replay from it, or from the start",
                    other.id
                );
                violations.add("from", Code::InvalidValue, message);
            }
            Earlier::Nothing | Earlier::Skipped => {}
        }
    }
    violations.or(taken)
}

/// Where the outermost loop begins that a node is in; `None`: it is in none, or it is that node itself.
fn entry_of_the_loop_around(definition: &Definition, node: usize) -> Option<&NodeId> {
    let loops = &definition.loops;
    let mut scope = loops.scope_of(node);
    if scope == WHOLE {
        return None;
    }
    while loops.scopes()[scope].parent != WHOLE {
        scope = loops.scopes()[scope].parent;
    }
    let entry = loops.scopes()[scope].entry?;
    (entry != node).then(|| &definition.nodes[entry].id)
}

fn is_in_a_body(definition: &Definition, node: usize) -> bool {
    entry_of_the_loop_around(definition, node).is_some()
}

/// A loop that is not gone through again must be a `loop` node that only its own port leaves: what it gave is one output.
fn check_loops(definition: &Definition, again: &[bool], violations: &mut Violations) {
    let outermost = definition.loops.scopes().iter().skip(1).filter(|scope| scope.parent == WHOLE);
    for scope in outermost {
        let Some(entry) = scope.entry.filter(|entry| !again[*entry]) else { continue };
        let leaves_by_itself = scope.exits.iter().all(|edge| definition.edges[*edge].source == entry);
        if !(definition.is_batching(entry) && leaves_by_itself) {
            let id = &definition.nodes[entry].id;
            let message = format!(
                "what the loop that begins at {id} gave cannot be taken over; replay from {id}, or from the start"
            );
            violations.add("from", Code::InLoop, message);
        }
    }
}
