//! What a run was started with.

use minireipaz::domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::Trigger,
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the task said, without the workflow's document. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Whose run it is.
    pub tenant: TenantId,
    /// The run's id.
    pub run_id: RunId,
    /// 1, or more after a worker and its disk were lost.
    pub attempt: u32,
    /// The workflow it runs.
    pub workflow_id: WorkflowId,
    /// The version it runs.
    pub workflow_version: u32,
    /// What started it.
    pub trigger: Trigger,
    /// Its input, as given.
    pub input: Value,
    /// When it was accepted.
    pub created_at: Timestamp,
}
