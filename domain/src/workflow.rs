//! The workflow document, as React Flow draws it and the API takes it.
//!
//! Unknown fields of the document, its nodes, their data and its edges are kept and given back as they came: the
//! editor stores its own things there. What a valid workflow is, [`super::definition`] says.

mod on_failure;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::{
    duration::HumanDuration,
    ids::{NodeId, TenantId, WorkflowId},
    json_text::JsonText,
    kinds::Kind,
    timestamp::Timestamp,
};
pub use on_failure::OnFailure;

type Extra = Map<String, Value>;

/// An optional part of a document that is null is as if it were missing: editors leave such parts empty.
fn null_is_missing<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A workflow as a client sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkflowDocument {
    /// What people call it: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub name: String,
    /// Whether its triggers fire by themselves.
    #[serde(default, deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub active: bool,
    /// The steps.
    #[schema(min_items = 1, max_items = 500)]
    pub nodes: Vec<NodeDocument>,
    /// What follows what.
    #[serde(default, deserialize_with = "null_is_missing")]
    #[schema(nullable, max_items = 2000)]
    pub edges: Vec<EdgeDocument>,
    /// Run settings.
    #[serde(default, deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub settings: Settings,
    /// What the editor added, `viewport` among it.
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub extra: Extra,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeDocument {
    /// Unique in the workflow.
    pub id: NodeId,
    /// The node's kind, such as `http_request`.
    #[serde(rename = "type")]
    #[schema(schema_with = kind_schema)]
    pub kind: String,
    /// What it does.
    #[serde(default, deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub data: NodeData,
    /// What the editor added, `position` among it.
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub extra: Extra,
}

fn kind_schema() -> Object {
    let names = Kind::ALL.iter().map(|kind| kind.declaration().name);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("The node's kind, such as `http_request`."))
        .enum_values(Some(names))
        .build()
}

/// A node's parameters and policies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeData {
    /// What people call it; `$('label')` finds it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The kind's parameters; strings may hold `{{ expressions }}`.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "null_is_missing")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub params: Map<String, Value>,
    /// Time limit of one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How often and when to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryDocument>,
    /// What happens after the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Whether one empty item leaves by its first port when no item leaves at all, so that what follows runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub always_output: bool,
    /// Whether it is given the first item only; a kind that tells inputs apart, the first of each input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub execute_once: bool,
    /// Whether it is left out: its items leave by its first port as they came. A disabled trigger starts nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub disabled: bool,
    /// What the editor added.
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub extra: Extra,
}

/// A node's retry policy; what is missing comes from the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryDocument {
    /// Attempts in all, the first included: 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub max_attempts: Option<u32>,
    /// Delay before the second attempt (default `1s`); later ones double, with jitter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<HumanDuration>,
    /// Longest delay (default `60s`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<HumanDuration>,
}

/// What happens when a node has failed for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The run goes on; failed items leave by `main` with an `error` field.
    Continue,
    /// The run goes on; failed items leave by the port `error`, with an `error` field.
    ErrorPort,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EdgeDocument {
    /// The edge's id, as the editor chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it starts.
    pub source: NodeId,
    /// The output port of the source; missing = `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_handle: Option<String>,
    /// Where it ends.
    pub target: NodeId,
    /// The input of the target, for kinds that tell inputs apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_handle: Option<String>,
    /// What the editor added.
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub extra: Extra,
}

/// Settings of every run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Settings {
    /// Time limit of a run, waits included, from when a worker began it (default `30d`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How long a run may wait to begin, from its acceptance (default `7d`): while no worker is there, or none has room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<HumanDuration>,
    /// How many iterations a cycle may have that is no `loop` node's: 1 to 100,000 (default 1,000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100_000)]
    pub max_iterations: Option<u32>,
    /// How many runs of this workflow may run at once, of all or of each key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// A workflow that is started, once, when a run ends as `failed` or `timed_out`, but not when it is itself an error
    /// workflow's run or called by one. It begins at its `manual` trigger with one item: `{run: {id, workflow_id,
    /// workflow_version, status, attempt, error: {code, message, node_id, details}, created_at, started_at,
    /// finished_at}, workflow: {id, name}, trigger}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_workflow: Option<WorkflowId>,
    /// The workflow that is started once when an alert about this one is raised: an error of it keeps coming back. It begins
    /// at its `manual` trigger with one item: `{alert: {id, pattern: {workflow_id, node_id, code, status, host}, message,
    /// raised_at, last_seen_at, count}, run: {id}, workflow: {id, name}}`. Alerts about what it does itself start nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert_workflow: Option<WorkflowId>,
    /// What the editor added.
    #[serde(flatten)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub extra: Extra,
}

/// A limit on concurrent runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// At most this many: 1 to 10,000. A run counts from when it begins until it has ended, also while it waits.
    #[schema(minimum = 1, maximum = 10_000)]
    pub limit: u32,
    /// Where in the input the key stands that runs are counted by, such as `customer.id`: a text, a number or a boolean;
    /// of a list of items, in the first one. Runs without one, or all if this is missing, are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^(\\\.|[^.])+(\.(\\\.|[^.])+){0,31}$")]
    pub key: Option<String>,
    /// What happens above it.
    #[serde(default, deserialize_with = "null_is_missing")]
    #[schema(nullable)]
    pub above: AboveLimit,
}

/// What happens to a run above the limit, as its own version says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AboveLimit {
    /// It waits, in the order of acceptance, and for no longer than `start_timeout`.
    #[default]
    Queue,
    /// It ends at once as `cancelled`, with the error `concurrency_skipped`.
    Skip,
    /// The oldest run of its key ends as `cancelled`, with the error `concurrency_replaced`, and this one begins.
    CancelOldest,
}

/// A version of a workflow, as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Workflow {
    /// Its id.
    pub id: WorkflowId,
    /// 1, 2, …; the `ETag`.
    pub version: u32,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When this version was saved.
    pub updated_at: Timestamp,
    /// What it does.
    #[serde(flatten)]
    pub document: WorkflowDocument,
}

/// A row of a list of workflows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkflowSummary {
    /// Its id.
    pub id: WorkflowId,
    /// What people call it.
    pub name: String,
    /// Whether its triggers fire.
    pub active: bool,
    /// The newest version.
    pub version: u32,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When the newest version was saved.
    pub updated_at: Timestamp,
}

/// A version of a workflow, as events and rows carry it: the document stays text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredWorkflow {
    /// What lists show of it.
    pub summary: WorkflowSummary,
    /// The document.
    pub document: DocumentText,
}

impl StoredWorkflow {
    /// The version as the API shows it.
    ///
    /// # Errors
    /// When the text is not a document.
    pub fn read(&self) -> Result<Workflow, serde_json::Error> {
        let WorkflowSummary { id, version, created_at, updated_at, .. } = self.summary;
        Ok(Workflow { id, version, created_at, updated_at, document: self.document.read()? })
    }
}

/// A workflow document as JSON text: stored, sent and journalled without being read and written again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentText(JsonText);

impl DocumentText {
    /// The text of a document.
    ///
    /// # Errors
    /// Never for a document that was read from JSON.
    pub fn of(document: &WorkflowDocument) -> Result<Self, serde_json::Error> {
        JsonText::of(document).map(Self)
    }

    /// A text that is JSON.
    ///
    /// # Errors
    /// When it is not.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        JsonText::parse(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The document.
    ///
    /// # Errors
    /// When the text is not a document.
    pub fn read(&self) -> Result<WorkflowDocument, serde_json::Error> {
        self.0.read()
    }
}

/// A workflow's key: ids are only unique and only visible within a tenant.
pub type WorkflowKey = (TenantId, WorkflowId);
