//! The items of a step, by page: from the worker that has the run, else from the store.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Caller, Until,
    runs::{AT_ONCE, ReadRunError, Runs},
};
use crate::{live::ItemsAsk, store::StoreError};
use domain::{
    definition::{
        Definition,
        inputs::{GivenBy, Input, keep_first},
    },
    ids::{NodeId, RunId},
    iteration::Iteration,
    run::{ItemsPage, NoPort, RunKey, RunWithSteps, Side, Step},
};

/// A page, as who has it gave it.
#[derive(Debug)]
pub enum FoundItems {
    /// From the store.
    Stored(ItemsPage),
    /// The JSON of the run's worker.
    Live(Bytes),
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum ReadItemsError {
    /// The run, or its node, is not there, or cannot be read.
    #[error(transparent)]
    Run(#[from] ReadRunError),
    /// The node has no step in that iteration, or none at all.
    #[error(
        "the node \"{node}\" of run {run} has no step {}; its steps are listed at /api/v1/runs/{run}?node=…",
        named(iteration.as_ref())
    )]
    NoIteration {
        /// The run.
        run: RunId,
        /// The node.
        node: NodeId,
        /// The iteration, if one was asked for.
        iteration: Option<Iteration>,
    },
    /// The node has no such port, or no such input.
    #[error("the node \"{node}\" has no port \"{port}\"; it has: {}", known.join(", "))]
    NoPort {
        /// The node.
        node: NodeId,
        /// What was asked for.
        port: String,
        /// What there is.
        known: Vec<String>,
    },
    /// What an edge brought out of a loop is known to the run's worker alone.
    #[error(
        "what the node \"{source_node}\" gave in all iterations of its loop is not recorded in one piece; read what it gave \
         in each of them instead (side=out&node=…&iteration=…)"
    )]
    NotRecorded {
        /// The node from which the edge leads.
        source_node: String,
    },
}

fn named(iteration: Option<&Iteration>) -> String {
    iteration.map_or_else(|| "yet".to_owned(), |iteration| format!("of the iteration {iteration}"))
}

impl From<StoreError> for ReadItemsError {
    fn from(error: StoreError) -> Self {
        Self::Run(error.into())
    }
}

impl Runs {
    /// A page of the items of a step.
    ///
    /// # Errors
    /// When there is no such run, node, step or port; when what it was given is not known any more; when the store does
    /// not answer.
    pub async fn items(
        &self,
        caller: &Caller,
        id: RunId,
        ask: &ItemsAsk,
    ) -> Result<FoundItems, ReadItemsError> {
        let key = (caller.tenant.clone(), id);
        // Its worker knows everything first, and the newest steps; whatever it cannot tell, the store can.
        if let Some(live) = &self.live {
            let asked = tokio::time::timeout(AT_ONCE, live.items(&key, ask)).await;
            if let Ok(Ok(Some(json))) = asked {
                return Ok(FoundItems::Live(json));
            }
        }
        let wanted = [(ask.node.clone(), ask.iteration.clone())];
        let found = match self.steps(&key, &wanted).await? {
            Some(found) => found,
            None => {
                // A run that was just accepted is waited for.
                self.read(caller, id, Until::Exists, std::time::Duration::ZERO).await?;
                let found = self.steps(&key, &wanted).await?;
                found.ok_or_else(|| no_iteration(id, ask))?
            }
        };
        let version = ((caller.tenant.clone(), found.run.workflow_id), found.run.workflow_version);
        let definition = self.workflows.definition(version).await?;
        if let Some(definition) = &definition
            && definition.node(ask.node.as_str()).is_none()
        {
            let nodes = definition.nodes.iter().map(|node| node.id.clone()).collect();
            return Err(ReadRunError::NoNode { run: id, node: ask.node.clone(), nodes }.into());
        }
        let step = found.steps.into_iter().next().ok_or_else(|| no_iteration(id, ask))?;
        let place = (&step.node_id, &step.iteration);
        let page = match (ask.side, &definition) {
            (Side::Out, definition) => {
                ItemsPage::out(place, definition.as_deref(), step.output.as_ref(), ask.page())
            }
            (Side::In, Some(definition)) => {
                let given = self.given(&key, definition, &step).await?;
                ItemsPage::given(place, definition, &inputs(definition, &step, &given), ask.page())
            }
            (Side::In, None) => {
                return Err(ReadRunError::NoWorkflow(found.run.workflow_id).into());
            }
        };
        let refused = |NoPort(known)| {
            let port = ask.port.clone().unwrap_or_default();
            ReadItemsError::NoPort { node: ask.node.clone(), port, known }
        };
        Ok(FoundItems::Stored(page.map_err(refused)?))
    }

    async fn steps(
        &self,
        key: &RunKey,
        steps: &[(NodeId, Option<Iteration>)],
    ) -> Result<Option<RunWithSteps>, StoreError> {
        Ok(self.store.get_steps(key, steps).await?.transpose()?)
    }

    /// What the edges bring to a step that bring something, by edge.
    async fn given(
        &self,
        key: &RunKey,
        definition: &Definition,
        step: &Step,
    ) -> Result<Vec<(usize, domain::items::Items)>, ReadItemsError> {
        let node = definition.node(step.node_id.as_str());
        let edges = node.and_then(|node| definition.given_by(node, &step.iteration)).unwrap_or_default();
        let source = |edge: usize| &definition.nodes[definition.edges[edge].source].id;
        let mut wanted = Vec::with_capacity(edges.len());
        for (edge, by) in &edges {
            match by {
                GivenBy::Step(iteration) => wanted.push((source(*edge).clone(), Some(iteration.clone()))),
                GivenBy::Loop => {
                    return Err(ReadItemsError::NotRecorded { source_node: source(*edge).to_string() });
                }
            }
        }
        let found = if wanted.is_empty() { None } else { self.steps(key, &wanted).await? };
        let steps = found.map(|found| found.steps).unwrap_or_default();
        let brought = edges.iter().zip(&wanted).filter_map(|((edge, _), (node, iteration))| {
            let of = |step: &&Step| step.node_id == *node && Some(&step.iteration) == iteration.as_ref();
            let items = steps.iter().find(of)?.output.as_ref()?.get(&definition.edges[*edge].port)?;
            (!items.is_empty()).then(|| (*edge, Arc::clone(items)))
        });
        Ok(brought.collect())
    }
}

/// The inputs of a step, as the engine hands them to it.
fn inputs<'d>(
    definition: &'d Definition,
    step: &Step,
    given: &[(usize, domain::items::Items)],
) -> Vec<Input<'d>> {
    let Some(node) = definition.node(step.node_id.as_str()).map(|node| &definition.nodes[node]) else {
        return Vec::new();
    };
    let input = |(edge, items): &(usize, domain::items::Items)| {
        let place = node.incoming.iter().position(|incoming| incoming == edge)?;
        let name = definition.edges[*edge].input.as_deref();
        Some(Input { place: u32::try_from(place).ok()?, name, items: Arc::clone(items) })
    };
    let mut inputs: Vec<_> = given.iter().filter_map(input).collect();
    if node.execute_once && !node.disabled {
        keep_first(&mut inputs, node);
    }
    inputs
}

fn no_iteration(run: RunId, ask: &ItemsAsk) -> ReadItemsError {
    ReadItemsError::NoIteration { run, node: ask.node.clone(), iteration: ask.iteration.clone() }
}
