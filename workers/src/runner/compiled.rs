//! A workflow version that is ready to run, and attempts of its steps.

use std::{fmt, sync::Arc};

use domain::{definition::Definition, items::Output, violation::Violation, workflow::WorkflowDocument};

use crate::{
    engine::{Crossings, Execute, Round, RunHeader},
    nodes::{self, Executable},
    step::{Inputs, StepTask},
};

/// A workflow version, ready to run: proven valid, and each node's expressions compiled once.
pub struct Compiled {
    definition: Arc<Definition>,
    name: Arc<str>,
    nodes: Vec<Executable>,
}

impl Compiled {
    /// Compiles a document that was saved. That takes no longer than to read it: no expression is parsed, and no
    /// pattern compiled.
    ///
    /// # Errors
    /// All violations, each with its path. A saved document has none.
    pub fn new(document: &WorkflowDocument) -> Result<Self, Vec<Violation>> {
        let definition = Definition::of_saved(document)?;
        let nodes = nodes::compile(&definition)?;
        Ok(Self { definition: Arc::new(definition), name: document.name.as_str().into(), nodes })
    }

    /// The workflow as the engine sees it.
    #[must_use]
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
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

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("name", &self.name).field("nodes", &self.nodes.len()).finish()
    }
}

/// One attempt of one step of a compiled workflow.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What is run.
    pub workflow: Arc<Compiled>,
    /// The attempt's data.
    pub task: StepTask,
}

impl Attempt {
    /// What the engine asks for, with the items that came in. `outputs` are those of settled steps, by node; they may
    /// be left out unless [`Compiled::reads_outputs`].
    #[must_use]
    pub fn new(
        workflow: &Arc<Compiled>,
        run: &Arc<RunHeader>,
        execute: Execute,
        inputs: Inputs,
        outputs: Vec<Option<Arc<Output>>>,
    ) -> Self {
        let Execute { step, attempt, kept, woken } = execute;
        let task = StepTask {
            run: Arc::clone(run),
            definition: Arc::clone(&workflow.definition),
            workflow_name: Arc::clone(&workflow.name),
            step,
            attempt,
            kept,
            woken,
            inputs,
            outputs,
            crossings: Arc::default(),
            round: None,
        };
        Self { workflow: Arc::clone(workflow), task }
    }

    /// What came out of loops and back into them: who follows items back needs that.
    #[must_use]
    pub fn crossing(mut self, crossings: Crossings) -> Self {
        self.task.crossings = Arc::new(crossings);
        self
    }

    /// Of a `loop`: where it is.
    #[must_use]
    pub fn in_round(mut self, round: Option<Round>) -> Self {
        self.task.round = round;
        self
    }

    pub(crate) fn executable(&self) -> Option<&Executable> {
        self.workflow.executable(self.task.step.node)
    }
}
