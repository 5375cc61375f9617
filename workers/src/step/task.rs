//! What an attempt works on.

use std::sync::Arc;

use domain::{
    definition::{Definition, Node},
    items::Output,
};
use serde_json::Value;

use super::{Facilities, Inputs};
use crate::{
    engine::{Crossings, Round, RunHeader, StepKey, Woken},
    expr::Scope,
};

/// One attempt of one step.
#[derive(Debug, Clone)]
pub struct StepTask {
    /// The run.
    pub run: Arc<RunHeader>,
    /// What it runs.
    pub definition: Arc<Definition>,
    /// What people call the workflow.
    pub workflow_name: Arc<str>,
    /// Which step.
    pub step: StepKey,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// What earlier attempts left, or the step itself before it waited.
    pub kept: Option<Arc<Value>>,
    /// What its wait brought; `None`: it did not wait.
    pub woken: Option<Woken>,
    /// The items that came in.
    pub inputs: Inputs,
    /// The outputs of settled steps, by node; empty unless the node reads them.
    pub outputs: Vec<Option<Arc<Output>>>,
    /// What came out of loops and back into them; empty unless the node reads outputs.
    pub crossings: Arc<Crossings>,
    /// Where a `loop` is that has begun.
    pub round: Option<Round>,
}

impl StepTask {
    /// The node.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.definition.nodes.get(self.step.node)
    }

    /// The node's id and kind.
    pub(crate) fn name(&self) -> (&str, &'static str) {
        self.node().map_or(("", ""), |node| (node.id.as_str(), node.kind.name()))
    }

    /// What its expressions see.
    pub(crate) fn scope(&self, facilities: &Facilities) -> Scope {
        Scope {
            run: Arc::clone(&self.run),
            definition: Arc::clone(&self.definition),
            workflow_name: Arc::clone(&self.workflow_name),
            node: self.step.node,
            inputs: self.inputs.clone(),
            input: self.inputs.items(),
            outputs: self.outputs.clone(),
            crossings: Arc::clone(&self.crossings),
            iteration: (!self.step.iteration.is_outside()).then(|| self.step.iteration.count()),
            now: facilities.clock.now(),
            env: Arc::clone(&facilities.env),
            page: None,
            objects: Default::default(),
            trails: Default::default(),
        }
    }
}
