//! Loops: which parts of a workflow lead back to themselves, and what belongs to them.
//!
//! Every strongly connected part of the graph is a loop with one entry, and so is a `loop` node that nothing leads back
//! to. Its body is what is on the way back, with what is reached only from there and does not lead out again: a dead
//! end is part of each iteration. By the `done` edges of a `loop` node its body is left. What stays strongly connected
//! without the entry is a loop inside the loop.
//!
//! Own Tarjan (`components`) rather than a library: the parts of a subgraph that shrinks with every level are wanted,
//! and the tree of scopes is the larger part of the work in any case.

mod components;
mod find;
#[cfg(test)]
mod tests;

use super::limits::MAX_LOOP_DEPTH;

/// A graph, as far as loops are concerned.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// For each node, whether it is a loop by its kind: it goes on with what it was given until that is used up.
    pub batches: Vec<bool>,
    /// The edges.
    pub links: Vec<Link>,
}

/// An edge of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The node it starts from.
    pub source: usize,
    /// The node it leads to.
    pub target: usize,
    /// Whether it leaves the loop that its source is: it carries what came back in the end.
    pub done: bool,
}

/// The loops of a workflow: a tree of scopes.
#[derive(Debug, Clone)]
pub struct Loops {
    /// The first is the whole workflow, each comes after the one around it.
    scopes: Vec<Scope>,
    /// The innermost scope of each node.
    scope_of: Vec<usize>,
    /// How each edge leads.
    routes: Vec<Route>,
}

/// A loop, or the whole workflow.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The scope around it; its own place for the whole workflow.
    pub parent: usize,
    /// How many loops it is in, itself among them: the length of its iterations' paths.
    pub depth: usize,
    /// Where it begins; `None`: the whole workflow.
    pub entry: Option<usize>,
    /// Its nodes in the definition's order, the entry among them, without those of the loops inside it.
    pub nodes: Vec<usize>,
    /// The loops inside it, without those inside them.
    pub inner: Vec<usize>,
    /// The edges that leave it, from whatever depth.
    pub exits: Vec<usize>,
}

/// How an edge leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The outermost loop that it leaves.
    pub leaves: Option<usize>,
    /// The scope in whose iteration it is followed: what is there when it leaves no loop, or has left it.
    pub scope: usize,
    /// Where in that scope it leads.
    pub to: Destination,
}

/// Where an edge leads in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// A node of the scope, in the same iteration.
    Node,
    /// The scope's own entry, in its next iteration.
    Back,
    /// The entry of a loop in the scope, in its first iteration.
    Into,
}

/// Why a graph has no loops that could be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidLoop {
    /// A part that leads back to itself, and that does not begin at one node.
    Entries {
        /// Its nodes.
        nodes: Vec<usize>,
        /// Those to which something leads from outside.
        entries: Vec<usize>,
    },
    /// What comes back in the end leads into its own loop.
    DoneLeadsBack {
        /// The edge.
        link: usize,
    },
    /// Loops within loops, more than [`MAX_LOOP_DEPTH`].
    TooDeep {
        /// The innermost one's nodes.
        nodes: Vec<usize>,
    },
}

/// The scope that is the whole workflow.
pub const WHOLE: usize = 0;

/// A workflow without nodes.
impl Default for Loops {
    fn default() -> Self {
        Self { scopes: vec![Scope::new(WHOLE, 0, None)], scope_of: Vec::new(), routes: Vec::new() }
    }
}

impl Loops {
    /// The loops of a graph whose links are between its nodes.
    ///
    /// # Errors
    /// Every part that cannot be a loop.
    pub fn of(graph: &Graph) -> Result<Self, Vec<InvalidLoop>> {
        find::scopes(graph)
    }

    /// The scopes: the whole workflow first, each after the one around it.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Whether there is no loop at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.scopes.len() < 2
    }

    /// The innermost scope of a node.
    #[must_use]
    pub fn scope_of(&self, node: usize) -> usize {
        self.scope_of.get(node).copied().unwrap_or(WHOLE)
    }

    /// The loop that begins at a node.
    #[must_use]
    pub fn entered_at(&self, node: usize) -> Option<usize> {
        let scope = self.scope_of(node);
        (self.scopes[scope].entry == Some(node)).then_some(scope)
    }

    /// How an edge leads.
    #[must_use]
    pub fn route(&self, edge: usize) -> Route {
        self.routes[edge]
    }

    /// How many loops two nodes are in together.
    #[must_use]
    pub fn shared_depth(&self, one: usize, other: usize) -> usize {
        self.scopes[self.common(self.scope_of(one), self.scope_of(other))].depth
    }

    /// The innermost scope that both are in.
    fn common(&self, mut one: usize, mut other: usize) -> usize {
        while one != other {
            // A scope comes after the one around it.
            if one > other {
                one = self.scopes[one].parent;
            } else {
                other = self.scopes[other].parent;
            }
        }
        one
    }
}

impl Scope {
    const fn new(parent: usize, depth: usize, entry: Option<usize>) -> Self {
        Self { parent, depth, entry, nodes: Vec::new(), inner: Vec::new(), exits: Vec::new() }
    }
}
