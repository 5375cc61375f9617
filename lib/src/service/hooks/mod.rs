//! Webhooks: which one an address means, what may be called by it, and how it is exchanged.

mod rotations;
mod start;

use std::{sync::Arc, time::Duration};

use super::{Caller, Workflows};
use crate::{
    auth::{HookKeys, HookScope},
    clock::Clock,
    hooks::{HookSecrets, HookSecretsError, SecretFields},
    store::{Rotation, Store, StoreError},
};
use domain::{
    ids::{CredentialId, NodeId, TenantId, WorkflowId},
    kinds::webhook::Params,
    timestamp::Timestamp,
    workflow::Concurrency,
};

use rotations::Rotations;
pub use start::Delivered;

/// Longest time for which two addresses of a hook are taken.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// The use cases of webhooks.
pub struct Hooks {
    keys: Option<HookKeys>,
    secrets: Arc<dyn HookSecrets>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    workflows: Arc<Workflows>,
    rotations: Rotations,
}

/// A hook that an address means.
#[derive(Debug, Clone)]
pub struct FoundHook {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// Its node.
    pub node: NodeId,
    /// The newest version of the workflow, which is the one that runs: its parameters say how a request is answered.
    pub version: u32,
    /// What it asks for, and how it answers.
    pub params: Arc<Params>,
    /// Whether the address is the one for trying.
    pub is_test: bool,
    /// How many runs of the version may run at once.
    pub(super) concurrency: Option<Concurrency>,
}

/// A hook, as its owner sees it.
#[derive(Debug, Clone)]
pub struct HookInfo {
    /// Its node.
    pub node: NodeId,
    /// What it asks for.
    pub params: Arc<Params>,
    /// The token of its addresses.
    pub token: String,
    /// How often it was exchanged, and when last.
    pub rotation: Option<Rotation>,
}

/// The hooks of a workflow.
#[derive(Debug, Clone)]
pub struct HookList {
    /// Whether their addresses run it; those for trying do anyway.
    pub active: bool,
    /// They, in the order of the document.
    pub hooks: Vec<HookInfo>,
}

/// Why a hook's address is not told or exchanged.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// There are no webhooks here.
    #[error("there are no webhooks here: HOOK_SECRET is not set")]
    NotSetUp,
    /// There is no such workflow.
    #[error("there is no workflow {0}")]
    NoWorkflow(WorkflowId),
    /// Its newest version has no such node, or it is no webhook.
    #[error("workflow {0} has no webhook \"{1}\"")]
    NoHook(WorkflowId, NodeId),
    /// It was exchanged as often as can be counted.
    #[error("the address was exchanged too often; save the webhook as another node")]
    TooOften,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Hooks {
    /// The use cases over these parts.
    #[must_use]
    pub fn new(
        keys: Option<HookKeys>,
        secrets: Arc<dyn HookSecrets>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        workflows: Arc<Workflows>,
    ) -> Self {
        let rotations = Rotations::new(Arc::clone(&store), Arc::clone(&clock));
        Self { keys, secrets, store, clock, workflows, rotations }
    }

    /// The hook that a token means; `None`: there is none, or its workflow is not active and the address not for trying:
    /// who asks cannot tell which.
    ///
    /// It costs no read when one was made within the last second.
    ///
    /// # Errors
    /// When the store does not answer, and what it said last is too old.
    pub async fn find(&self, token: &str, is_test: bool) -> Result<Option<FoundHook>, StoreError> {
        let Some(scope) = self.keys.as_ref().and_then(|keys| keys.read(token)) else { return Ok(None) };
        let HookScope { tenant, workflow, node, rotation } = scope;
        let key = (tenant, workflow);
        let (rotations, hooks) = tokio::try_join!(self.rotations.lately(&key), self.workflows.hooks(&key))?;
        let rotated = rotations.get(&node);
        let is_taken = rotated.map_or(rotation == 0, |rotated| rotated.takes(rotation, self.clock.now()));
        let Some(hooks) = hooks.filter(|hooks| is_taken && (hooks.active || is_test)) else {
            return Ok(None);
        };
        let params = hooks.params.iter().find(|(of, _)| *of == node).map(|(_, params)| Arc::clone(params));
        let (tenant, workflow) = key;
        let (version, concurrency) = (hooks.version, hooks.concurrency);
        Ok(params.map(|params| FoundHook { tenant, workflow, node, version, params, is_test, concurrency }))
    }

    /// What a credential of a hook holds.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn secrets(
        &self,
        hook: &FoundHook,
        credential: CredentialId,
    ) -> Result<SecretFields, HookSecretsError> {
        self.secrets.get(&hook.tenant, credential).await
    }

    /// The hooks of a workflow's newest version, with their addresses.
    ///
    /// # Errors
    /// When there is no such workflow, there are no webhooks here, or the store does not answer.
    pub async fn list(&self, caller: &Caller, workflow: WorkflowId) -> Result<HookList, HookError> {
        let key = (caller.tenant.clone(), workflow);
        let keys = self.keys.as_ref().ok_or(HookError::NotSetUp)?;
        let (rotations, hooks) = tokio::try_join!(self.rotations.now(&key), self.workflows.hooks_now(&key))?;
        let hooks = hooks.ok_or(HookError::NoWorkflow(workflow))?;
        let told = hooks.params.iter().filter_map(|(node, params)| {
            let rotation = rotations.get(node).copied();
            let scope = HookScope {
                tenant: caller.tenant.clone(),
                workflow,
                node: node.clone(),
                rotation: rotation.map_or(0, |rotation| rotation.number),
            };
            let token = keys.token(&scope)?;
            Some(HookInfo { node: node.clone(), params: Arc::clone(params), token, rotation })
        });
        Ok(HookList { active: hooks.active, hooks: told.collect() })
    }

    /// Gives a hook another address. The one before is taken for `overlap` too; other processes hear of it within a second.
    ///
    /// # Errors
    /// As [`Self::list`], and when there is no such hook.
    pub async fn rotate(
        &self,
        caller: &Caller,
        workflow: WorkflowId,
        node: &NodeId,
        overlap: Duration,
    ) -> Result<HookInfo, HookError> {
        let list = self.list(caller, workflow).await?;
        let found = list.hooks.into_iter().find(|hook| hook.node == *node);
        let found = found.ok_or_else(|| HookError::NoHook(workflow, node.clone()))?;
        let number = found.rotation.map_or(0, |rotation| rotation.number);
        let number = number.checked_add(1).ok_or(HookError::TooOften)?;
        let at = self.clock.now();
        let previous_until = (!overlap.is_zero()).then(|| at.plus(overlap.min(LONGEST_OVERLAP)));
        let rotation = Rotation { number, at, previous_until };
        let key = (caller.tenant.clone(), workflow);
        self.store.rotate(&key, node, &rotation).await?;
        self.rotations.forget(&key);
        let scope =
            HookScope { tenant: caller.tenant.clone(), workflow, node: node.clone(), rotation: number };
        let token = self.keys.as_ref().and_then(|keys| keys.token(&scope)).ok_or(HookError::NotSetUp)?;
        Ok(HookInfo { token, rotation: Some(rotation), ..found })
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
