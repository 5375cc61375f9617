//! One step of a workflow, as the processor would hand it to the runner.

use std::sync::Arc;

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    items::Items,
    run::Trigger,
    timestamp::Timestamp,
};
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use workers::{
    engine::{Outcome, RunHeader, StepFailure},
    runner::{Compiled, Runner, RunnerSettings, StepTask},
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
        traceparent: None,
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

/// A runner that may call loopback addresses, as the tests' servers have.
pub(crate) fn runner() -> Runner {
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    Runner::new(settings, Arc::new(SystemClock)).unwrap()
}

/// What an `http_request` with these parameters makes of the items.
pub(crate) async fn run(params: Value, items: Value) -> Outcome {
    runner().run(task("http_request", params, items)).await
}

/// The items of `main` of a step that succeeded.
pub(crate) fn succeeded(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Succeeded(ports) => json!(ports["main"]),
        Outcome::Failed(failed) => panic!("{:?}", failed.error),
    }
}

/// The failure of a step that failed.
pub(crate) fn failed(outcome: Outcome) -> StepFailure {
    match outcome {
        Outcome::Failed(failed) => *failed,
        Outcome::Succeeded(ports) => panic!("{ports:?}"),
    }
}
