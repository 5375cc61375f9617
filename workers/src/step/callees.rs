//! Workflows that are run because a run asks for them.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    definition::Definition,
    ids::{NodeId, TenantId, WorkflowId},
    run::NodeError,
    workflow::DocumentText,
};
use serde_json::json;

/// A version of a workflow that can be called.
#[derive(Debug, Clone)]
pub(crate) struct Callee {
    /// Its version.
    pub(crate) version: u32,
    /// Its document.
    pub(crate) document: DocumentText,
    /// The hash of that text.
    pub(crate) hash: [u8; 32],
    /// What it runs.
    pub(crate) definition: Arc<Definition>,
}

impl Callee {
    /// The node at which a run of it begins that another run starts.
    pub(crate) fn begins_at(&self) -> Option<NodeId> {
        self.definition.trigger("manual").map(|node| self.definition.nodes[node].id.clone())
    }
}

/// Why a workflow cannot be called.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Uncallable {
    /// The store did not answer: it may later.
    #[error("the workflow {0} cannot be read now: {1}")]
    Away(WorkflowId, String),
    /// There is none.
    #[error(
        "the workflow {0} does not exist, or was deleted; choose the id of one that is there, of the same tenant"
    )]
    Missing(WorkflowId),
    /// What is stored of it cannot be run.
    #[error("the workflow {0} cannot be run: {1}; save it again")]
    Invalid(WorkflowId, String),
    /// It cannot be begun by another run.
    #[error(
        "the workflow {0} has no `manual` trigger, at which called runs begin; add one that is not disabled"
    )]
    NoTrigger(WorkflowId),
}

impl Uncallable {
    /// As an error of the step that calls it.
    pub(crate) fn to_error(&self) -> NodeError {
        let (code, workflow) = match self {
            Self::Away(workflow, _) => ("store_unavailable", workflow),
            Self::Missing(workflow) => ("workflow_not_found", workflow),
            Self::Invalid(workflow, _) => ("invalid_workflow", workflow),
            Self::NoTrigger(workflow) => ("no_trigger", workflow),
        };
        NodeError::new(code, self.to_string()).with_details(json!({ "workflow_id": workflow }))
    }
}

/// Where workflows are found that can be called.
#[async_trait]
pub(crate) trait Callees: Send + Sync {
    /// The newest version of a tenant's workflow.
    async fn newest(&self, tenant: &TenantId, workflow: WorkflowId) -> Result<Arc<Callee>, Uncallable>;
}

/// A worker without a store, as tests of single steps have it.
pub(crate) struct NoCallees;

#[async_trait]
impl Callees for NoCallees {
    async fn newest(&self, _: &TenantId, workflow: WorkflowId) -> Result<Arc<Callee>, Uncallable> {
        Err(Uncallable::Missing(workflow))
    }
}
