//! A workflow version that is ready to run, and attempts of its steps.

use std::{fmt, sync::Arc};

use domain::{
    definition::Definition,
    ids::RunId,
    items::Output,
    violation::Violation,
    workflow::{OnFailure, WorkflowDocument},
};

use crate::{
    engine::{Crossings, Execute, Round, RunHeader},
    nodes::{self, Executable},
    step::{Inputs, StepTask},
};

/// A workflow version, ready to run: proven valid, and each node's expressions compiled once.
pub struct Compiled {
    definition: Arc<Definition>,
    name: Arc<str>,
    on_failure: OnFailure,
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
        let on_failure = OnFailure { name: document.name.clone(), error_workflow: definition.error_workflow };
        Ok(Self { definition: Arc::new(definition), name: document.name.as_str().into(), on_failure, nodes })
    }

    /// The workflow as the engine sees it.
    #[must_use]
    pub const fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happens when a run of it fails.
    pub(crate) const fn on_failure(&self) -> &OnFailure {
        &self.on_failure
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
            earlier: None,
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

    /// Of a node that is not executed: the run that has its output.
    #[must_use]
    pub const fn given_by(mut self, earlier: Option<RunId>) -> Self {
        self.task.earlier = earlier;
        self
    }

    pub(crate) fn executable(&self) -> Option<&Executable> {
        self.workflow.executable(self.task.step.node)
    }
}
