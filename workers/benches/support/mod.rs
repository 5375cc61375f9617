//! A store that keeps nothing, and counts what comes.

use std::{collections::HashMap, fs, sync::Arc};

use anyhow::Context as _;
use async_trait::async_trait;
use domain::{
    alert::{Acknowledgement, Alert, AlertReport},
    credential::{Credential, CredentialKey},
    dead_letter::{DeadLetter, LetterHead},
    heartbeat::Heartbeat,
    ids::{AlertId, LetterId, NodeId, TenantId, WorkflowId},
    iteration::Iteration,
    run::{Run, RunKey, RunSummary, RunWithSteps},
    stats::RunStats,
    timestamp::Timestamp,
    workflow::{WorkflowKey, WorkflowSummary},
};
use minireipaz::store::{
    AlertStore, Claim, ClaimKey, ClaimStore, CredentialStore, DeadLetterStore, Facts, Found, FoundCredential,
    FoundWorkflow, Handled, Head, HeartbeatStore, HookStore, Page, PageRequest, Rotation, RunStore, Standing,
    StatsAsk, StatsStore, Store, StoreError, StoredCredential, StoredTokens, TriggerRow, TriggerStore,
    UsedBy, VersionKey, WorkflowChange, WorkflowStore,
};
use uuid::Uuid;

/// What is counted of what comes.
pub(crate) trait Counts: Send + Sync + 'static {
    /// The store is told this.
    fn record(&self, facts: &Facts);
}

/// A store that takes everything and keeps nothing.
pub(crate) struct CountingStore<C>(pub(crate) Arc<C>);

/// A line of what Linux says of this process's memory, such as `VmRSS`, in MiB.
pub(crate) fn memory(line: &str) -> anyhow::Result<usize> {
    let status = fs::read_to_string("/proc/self/status").context("memory is read from Linux")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let kib: usize = found.and_then(|text| text.split_whitespace().next()).context("a number")?.parse()?;
    Ok(kib / 1024)
}

#[async_trait]
impl<C: Counts> RunStore for CountingStore<C> {
    async fn record(&self, facts: &Facts) -> Result<(), StoreError> {
        self.0.record(facts);
        Ok(())
    }

    fn announce(&self, _: Vec<(TenantId, Run)>) {}

    async fn get(&self, _: &[RunKey]) -> Result<HashMap<RunKey, Found<RunWithSteps>>, StoreError> {
        Ok(HashMap::new())
    }

    async fn get_at_any_slot(&self, _: &RunKey) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        Err(not_asked())
    }

    async fn get_node(
        &self,
        _: &RunKey,
        _: &NodeId,
        _: Option<&Iteration>,
    ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        Err(not_asked())
    }

    async fn get_steps(
        &self,
        _: &RunKey,
        _: &[(NodeId, Option<Iteration>)],
    ) -> Result<Option<Found<RunWithSteps>>, StoreError> {
        Err(not_asked())
    }

    async fn heads(&self, _: &[RunKey]) -> Result<HashMap<RunKey, Found<Head>>, StoreError> {
        Ok(HashMap::new())
    }

    async fn list(
        &self,
        _: &TenantId,
        _: WorkflowId,
        _: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> WorkflowStore for CountingStore<C> {
    async fn save(&self, _: &[WorkflowChange]) -> Result<(), StoreError> {
        Err(not_asked())
    }

    async fn newest(&self, _: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, FoundWorkflow>, StoreError> {
        Err(not_asked())
    }

    async fn at_versions(&self, _: &[VersionKey]) -> Result<HashMap<VersionKey, FoundWorkflow>, StoreError> {
        Err(not_asked())
    }

    async fn list(&self, _: &TenantId, _: &PageRequest) -> Result<Page<WorkflowSummary>, StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> TriggerStore for CountingStore<C> {
    async fn put_triggers(&self, _: &[TriggerRow]) -> Result<(), StoreError> {
        Err(not_asked())
    }

    async fn due_triggers(&self, _: Timestamp, _: usize) -> Result<Vec<TriggerRow>, StoreError> {
        Err(not_asked())
    }

    async fn triggers_of(&self, _: &[WorkflowKey]) -> Result<Vec<TriggerRow>, StoreError> {
        Err(not_asked())
    }

    async fn list_triggers(
        &self,
        _: &TenantId,
        _: Option<WorkflowId>,
        _: &PageRequest,
    ) -> Result<Page<TriggerRow>, StoreError> {
        Err(not_asked())
    }

    async fn standings(&self, _: &[WorkflowKey]) -> Result<HashMap<WorkflowKey, Standing>, StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> ClaimStore for CountingStore<C> {
    async fn claim(&self, _: &ClaimKey, _: &Claim) -> Result<bool, StoreError> {
        Err(not_asked())
    }

    async fn withdraw(&self, _: &ClaimKey, _: &Claim) -> Result<(), StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> CredentialStore for CountingStore<C> {
    async fn save_credential(&self, _: &TenantId, _: &StoredCredential) -> Result<(), StoreError> {
        Err(not_asked())
    }

    async fn delete_credential(&self, _: &CredentialKey, _: u32, _: Timestamp) -> Result<(), StoreError> {
        Err(not_asked())
    }

    async fn credential(&self, _: &CredentialKey) -> Result<Option<FoundCredential>, StoreError> {
        Err(not_asked())
    }

    async fn save_tokens(&self, _: &CredentialKey, _: &StoredTokens) -> Result<(), StoreError> {
        Err(not_asked())
    }

    async fn tokens(&self, _: &CredentialKey) -> Result<Option<StoredTokens>, StoreError> {
        Err(not_asked())
    }

    async fn list_credentials(&self, _: &TenantId, _: &PageRequest) -> Result<Page<Credential>, StoreError> {
        Err(not_asked())
    }

    async fn count_credentials(&self, _: &TenantId) -> Result<u64, StoreError> {
        Err(not_asked())
    }

    async fn used_by(&self, _: &CredentialKey, _: usize) -> Result<Vec<UsedBy>, StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> DeadLetterStore for CountingStore<C> {
    async fn bury(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        Err(StoreError::Unavailable(format!("{} dead letters", letters.len())))
    }

    async fn letters(&self, _: Option<&TenantId>, _: &PageRequest) -> Result<Page<LetterHead>, StoreError> {
        Err(not_asked())
    }

    async fn letter(&self, _: Option<&TenantId>, _: LetterId) -> Result<Option<DeadLetter>, StoreError> {
        Err(not_asked())
    }

    async fn handle_letter(
        &self,
        _: Option<&TenantId>,
        _: LetterId,
        _: &Handled<'_>,
    ) -> Result<(), StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> StatsStore for CountingStore<C> {
    async fn run_stats(&self, _: &StatsAsk) -> Result<RunStats, StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> HeartbeatStore for CountingStore<C> {
    async fn beat(&self, _: &Heartbeat) -> Result<(), StoreError> {
        Ok(())
    }

    async fn heartbeats(&self, _: Timestamp) -> Result<Vec<Heartbeat>, StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> AlertStore for CountingStore<C> {
    async fn report(&self, _: &[AlertReport]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn acknowledge(&self, _: &Acknowledgement) -> Result<(), StoreError> {
        Err(not_asked())
    }

    async fn alerts(
        &self,
        _: &TenantId,
        _: &PageRequest,
        _: bool,
        _: Timestamp,
    ) -> Result<Page<Alert>, StoreError> {
        Err(not_asked())
    }

    async fn alert(&self, _: &TenantId, _: AlertId, _: Timestamp) -> Result<Option<Alert>, StoreError> {
        Ok(None)
    }

    async fn newest_alert(&self, _: &TenantId, _: Uuid, _: Timestamp) -> Result<Option<Alert>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl<C: Counts> HookStore for CountingStore<C> {
    async fn rotations(&self, _: &WorkflowKey) -> Result<HashMap<NodeId, Rotation>, StoreError> {
        Err(not_asked())
    }

    async fn rotate(&self, _: &WorkflowKey, _: &NodeId, _: &Rotation) -> Result<(), StoreError> {
        Err(not_asked())
    }
}

#[async_trait]
impl<C: Counts> Store for CountingStore<C> {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn not_asked() -> StoreError {
    StoreError::Unavailable("a worker does not ask for that".to_owned())
}
