//! One step of a workflow, as the processor would hand it to the runner.

use std::sync::Arc;

use minireipaz::domain::{
    ids::{RunId, TenantId, WorkflowId},
    items::Items,
    run::Trigger,
    timestamp::Timestamp,
};
use serde_json::{Value, json};
use workers::{
    engine::RunHeader,
    runner::{Compiled, StepTask},
};

/// A task for a node `call` of this kind.
pub(crate) fn task(kind: &str, params: Value, items: Value) -> StepTask {
    node_task(json!({"id": "call", "type": kind, "data": {"params": params}}), items)
}

/// A task for this node, which follows a trigger.
pub(crate) fn node_task(node: Value, items: Value) -> StepTask {
    let id = node["id"].clone();
    let document = json!({
        "name": "Test",
        "nodes": [{"id": "start", "type": "manual"}, node],
        "edges": [{"source": "start", "target": id}],
    });
    let workflow = Compiled::new(&serde_json::from_value(document).unwrap()).unwrap();
    let items: Items = Arc::new(serde_json::from_value(items).unwrap());
    let run = RunHeader {
        tenant: TenantId::parse("acme").unwrap(),
        run_id: RunId(uuid::Uuid::from_u128(7)),
        attempt: 1,
        workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
        workflow_version: 1,
        trigger: Trigger::manual(),
        input: Value::Null,
        created_at: Timestamp::from_millis(1_767_225_600_000),
    };
    StepTask {
        run: Arc::new(run),
        workflow: Arc::new(workflow),
        node: 1,
        attempt: 1,
        partial: None,
        inputs: vec![(None, items)],
        outputs: Vec::new(),
    }
}
