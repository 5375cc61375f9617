//! The loops of a document, and how many iterations they may have.

use super::{Definition, Edge, Node};
use crate::{
    kinds::{
        Kind,
        loop_::{self, LOOP},
    },
    limits::{MAX_LOOP_DEPTH, above},
    loops::{Graph, InvalidLoop, Link, Loops},
    violation::{ViolationCode as Code, Violations},
    workflow::WorkflowDocument,
};

/// More nodes than this are not all named in a message.
const NAMED: usize = 12;

impl Definition {
    /// Whether a node hands out what it was given in batches, an iteration each.
    #[must_use]
    pub fn is_batching(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| node.kind == Kind::Loop && !node.disabled)
    }

    /// How many iterations the loop may have that begins at this node.
    #[must_use]
    pub fn max_iterations(&self, entry: usize) -> u32 {
        match self.nodes.get(entry) {
            Some(node) if node.kind == Kind::Loop && !node.disabled => loop_::max_iterations(&node.params),
            _ => self.max_iterations,
        }
    }
}

/// The loops; what cannot be one is noted.
pub(super) fn read(
    document: &WorkflowDocument,
    nodes: &[Option<Node>],
    edges: &[Edge],
    violations: &mut Violations,
) -> Loops {
    let is_loop =
        |node: usize| nodes[node].as_ref().is_some_and(|node| node.kind == Kind::Loop && !node.disabled);
    let link = |edge: &Edge| Link {
        source: edge.source,
        target: edge.target,
        done: is_loop(edge.source) && *edge.port != *LOOP,
    };
    let graph = Graph {
        batches: (0..document.nodes.len()).map(is_loop).collect(),
        links: edges.iter().map(link).collect(),
    };
    Loops::of(&graph).unwrap_or_else(|invalid| {
        for invalid in invalid {
            let (node, message) = told(document, edges, &invalid);
            violations.add(format!("nodes[{node}]"), Code::Cycle, message);
        }
        Loops::default()
    })
}

/// At which node, and what is wrong there.
fn told(document: &WorkflowDocument, edges: &[Edge], invalid: &InvalidLoop) -> (usize, String) {
    let name = |node: &usize| document.nodes[*node].id.as_str();
    let names = |nodes: &[usize]| {
        let named: Vec<_> = nodes.iter().take(NAMED).map(name).collect();
        let more = nodes.len().saturating_sub(NAMED);
        if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
    };
    match invalid {
        InvalidLoop::Entries { nodes, entries } if entries.is_empty() => {
            let message = format!(
                "these nodes lead back to themselves, and nothing leads to them: {}; let an edge from outside lead to \
                 the one at which the loop begins",
                names(nodes)
            );
            (nodes[0], message)
        }
        InvalidLoop::Entries { nodes, entries } => {
            let message = format!(
                "these nodes lead back to themselves, and edges from outside lead to several of them ({}): {}; a loop \
                 begins at one node, to which everything from outside leads",
                names(entries),
                names(nodes)
            );
            (nodes[0], message)
        }
        InvalidLoop::DoneLeadsBack { link } => {
            let Edge { source, port, target, .. } = &edges[*link];
            let message = format!(
                "the port `{port}` of {} leads to {}, which leads back to it; only what leaves by `{LOOP}` may come back",
                name(source),
                name(target)
            );
            (*source, message)
        }
        InvalidLoop::TooDeep { nodes } => {
            let message = above(MAX_LOOP_DEPTH + 1, "loops within loops", MAX_LOOP_DEPTH, "MAX_LOOP_DEPTH");
            (nodes[0], format!("{message}; the innermost is {}", names(nodes)))
        }
    }
}
