//! What starts runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Parent;
use crate::ids::{NodeId, RunId};

/// The kind of trigger of a test run.
pub const TEST: &str = "test";

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trigger {
    /// The kind of the trigger node: `manual`, `schedule`, `webhook`, …; `test` for a test run; `workflow` when a step
    /// of another run called it, `error` when another run failed, `alert` when an error keeps coming back: they begin at the
    /// node `manual`. A replay has that of the run that it replays.
    pub kind: String,
    /// The trigger node at which it begins: a workflow may have several. Missing when none gives its input, as in a test
    /// of what pins lead to, and as long as nobody has looked at the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The run that this one replays; missing otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<RunId>,
    /// The node from which on it is replayed; missing when that is the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NodeId>,
    /// The run that started it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Parent>>,
}

impl Trigger {
    /// Somebody asked for it.
    #[must_use]
    pub fn manual() -> Self {
        Self::of("manual")
    }

    /// Somebody tries something out.
    #[must_use]
    pub fn test() -> Self {
        Self::of(TEST)
    }

    /// A trigger of that kind.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), node: None, replay_of: None, from: None, parent: None }
    }

    /// That trigger node, of that kind.
    #[must_use]
    pub fn at(kind: &str, node: NodeId) -> Self {
        Self { node: Some(node), ..Self::of(kind) }
    }

    /// The same with the node at which the run begins, if it has one.
    #[must_use]
    pub fn beginning_at(self, node: Option<NodeId>) -> Self {
        Self { node, ..self }
    }

    /// A step of another run called it.
    #[must_use]
    pub fn workflow(parent: Parent) -> Self {
        Self { parent: Some(Box::new(parent)), ..Self::of("workflow") }
    }

    /// Another run failed.
    #[must_use]
    pub fn error(parent: Parent) -> Self {
        Self { parent: Some(Box::new(parent)), ..Self::of("error") }
    }

    /// An error of another workflow's runs keeps coming back; the parent is the run that met it last.
    #[must_use]
    pub fn alert(parent: Parent) -> Self {
        Self { parent: Some(Box::new(parent)), ..Self::of("alert") }
    }

    /// The kind of the node at which the run begins.
    #[must_use]
    pub fn node_kind(&self) -> &str {
        match self.kind.as_str() {
            "workflow" | "error" | "alert" => "manual",
            kind => kind,
        }
    }

    /// Whether both say the same, whatever the node is called by now in the version that would run.
    #[must_use]
    pub fn is_for_the_same(&self, other: &Self) -> bool {
        let Self { kind, node, replay_of, from, parent } = self;
        let single = self.node_kind() == "manual" || self.is_test();
        *kind == other.kind
            && (single || *node == other.node)
            && (*replay_of, from, parent) == (other.replay_of, &other.from, &other.parent)
    }

    /// How many runs are above it.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.parent.as_ref().map_or(0, |parent| parent.depth)
    }

    /// The run that waits for this one to end.
    #[must_use]
    pub fn waiting_caller(&self) -> Option<RunId> {
        self.parent.as_ref().filter(|parent| parent.waits).map(|parent| parent.run_id)
    }

    /// Whether it is an error workflow's run, or one that such a run has called.
    #[must_use]
    pub fn is_after_error(&self) -> bool {
        self.parent.as_ref().is_some_and(|parent| parent.after_error)
    }

    /// Whether somebody only tries the workflow: such a run keeps no other from running, and none keeps it.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.kind == TEST
    }
}

/// What a workflow lacks that the run cannot begin in.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trigger of the kind {:?}", self.node_kind())?;
        self.node.as_ref().map_or(Ok(()), |node| write!(f, " at the node {node}"))
    }
}
