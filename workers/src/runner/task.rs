//! What the processor hands over, and the workflow it belongs to.

use std::{fmt, sync::Arc};

use domain::{
    definition::Definition,
    items::{Items, Ports},
    violation::Violation,
    workflow::WorkflowDocument,
};
use serde_json::Value;

use crate::{
    engine::RunHeader,
    nodes::{self, Executable},
};

/// A workflow version, ready to run: proven valid, and each node's expressions compiled once.
pub struct Compiled {
    definition: Arc<Definition>,
    name: Arc<str>,
    nodes: Vec<Executable>,
}

impl Compiled {
    /// Compiles a document.
    ///
    /// # Errors
    /// All violations, each with its path. A saved document has none.
    pub fn new(document: &WorkflowDocument) -> Result<Self, Vec<Violation>> {
        let definition = Definition::new(document)?;
        let nodes = nodes::compile(&definition)?;
        Ok(Self { definition: Arc::new(definition), name: document.name.as_str().into(), nodes })
    }

    /// The workflow as the engine sees it.
    #[must_use]
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Whether the node's expressions may read other nodes' outputs: if not, [`StepTask::outputs`] may be empty.
    #[must_use]
    pub fn reads_outputs(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|executable| executable.traits().reads_outputs)
    }

    pub(crate) fn executable(&self, node: usize) -> Option<&Executable> {
        self.nodes.get(node)
    }
}

impl StepTask {
    /// The node's id and kind.
    pub(crate) fn name(&self) -> (&str, &'static str) {
        let node = self.workflow.definition.nodes.get(self.node);
        node.map_or(("", ""), |node| (node.id.as_str(), node.kind.name))
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("name", &self.name).field("nodes", &self.nodes.len()).finish()
    }
}

/// One attempt of one node.
#[derive(Debug, Clone)]
pub struct StepTask {
    /// The run.
    pub run: Arc<RunHeader>,
    /// What it runs.
    pub workflow: Arc<Compiled>,
    /// The node.
    pub node: usize,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// What earlier attempts left.
    pub partial: Option<Arc<Value>>,
    /// The items that came in, by edge in edge order, with the input that the edge leads to.
    pub inputs: Vec<(Option<String>, Items)>,
    /// The outputs of settled nodes, by node; may be empty unless [`Compiled::reads_outputs`].
    pub outputs: Vec<Option<Arc<Ports>>>,
}
