//! Reading a run with the steps of one node alone.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Caller, FoundRun, Until,
    runs::{BRIEFLY, ReadRunError, Runs},
};
use crate::store::StoreError;
use domain::{
    ids::{NodeId, RunId},
    iteration::Iteration,
};

/// How soon the store is asked once more that was behind.
const AGAIN: Duration = Duration::from_millis(100);

impl Runs {
    /// A run as [`Self::read`] gives it, with the steps of one node alone, of its newest iterations or of those before
    /// one. Nobody waits for a node that there is not.
    ///
    /// # Errors
    /// As [`Self::read`], and when the run's workflow has no such node.
    pub async fn read_node(
        &self,
        caller: &Caller,
        id: RunId,
        (node, before): (&NodeId, Option<&Iteration>),
        until: Until,
        wait: Duration,
    ) -> Result<FoundRun, ReadRunError> {
        let deadline = Instant::now() + wait;
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut found = match self.read(caller, id, Until::Exists, Duration::ZERO).await {
            // It may come while it is waited for.
            Err(ReadRunError::NotFound(_)) if !left().is_zero() => {
                self.read(caller, id, until, left()).await?
            }
            found => found?,
        };
        self.check_node(caller, id, node, &found).await?;
        if !until.is_met(&found.head()) && !left().is_zero() {
            found = self.read(caller, id, until, left()).await?;
        }
        if before.is_none()
            && let Some(of_node) = found.of_node(node)
        {
            return Ok(of_node);
        }
        // What an answer with all outputs leaves out, the store has. It may be a little behind a run's worker.
        let key = (caller.tenant.clone(), id);
        let until = Instant::now() + BRIEFLY;
        loop {
            let stored = self.store.get_node(&key, node, before).await?.ok_or(ReadRunError::NotFound(id))?;
            let stored = FoundRun::stored(stored.map_err(StoreError::from)?);
            if !found.head().is_newer_than(&stored.head()) || Instant::now() >= until {
                return Ok(stored);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Whether a step of that node can come. While the workflow cannot be asked for its nodes, none is denied.
    async fn check_node(
        &self,
        caller: &Caller,
        id: RunId,
        node: &NodeId,
        found: &FoundRun,
    ) -> Result<(), ReadRunError> {
        let Some(brief) = found.brief().filter(|brief| !brief.has_step_of(node)) else { return Ok(()) };
        let version = ((caller.tenant.clone(), brief.workflow_id), brief.workflow_version);
        match self.workflows.outline(version).await {
            Ok(Some(outline)) if !outline.nodes.is_empty() && !outline.nodes.contains(node) => {
                Err(ReadRunError::NoNode { run: id, node: node.clone(), nodes: outline.nodes.clone() })
            }
            _ => Ok(()),
        }
    }
}
