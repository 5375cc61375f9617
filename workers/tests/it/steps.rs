//! One step of a workflow, as the processor would hand it to the runner.

use std::sync::Arc;

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    items::Items,
    run::{RunPlan, Trigger},
    timestamp::Timestamp,
};
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use workers::{
    engine::{Execute, Outcome, RunHeader, StepFailure, StepKey},
    runner::{Attempt, Compiled, Inputs, Runner, RunnerSettings},
};

/// An attempt of a node `call` of this kind.
pub(crate) fn attempt(kind: &str, params: Value, items: Value) -> Attempt {
    node_attempt(json!({"id": "call", "type": kind, "data": {"params": params}}), items)
}

/// An attempt of this node, which follows a trigger.
pub(crate) fn node_attempt(node: Value, items: Value) -> Attempt {
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
        plan: RunPlan::default(),
        created_at: Timestamp::from_millis(1_767_225_600_000),
        traceparent: None,
    };
    let execute = Execute::first(StepKey::outside(1));
    Attempt::new(&Arc::new(workflow), &Arc::new(run), execute, Inputs::one(items), Vec::new())
}

/// The defaults, with the real program for JavaScript.
pub(crate) fn settings() -> RunnerSettings {
    let javascript_program = Some(env!("CARGO_BIN_EXE_worker").into());
    RunnerSettings { javascript_program, ..RunnerSettings::default() }
}

/// A runner that may call loopback addresses, as the tests' servers have.
pub(crate) fn runner() -> Runner {
    let mut settings = settings();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    Runner::new(settings, Arc::new(SystemClock)).unwrap()
}

/// What an `http_request` with these parameters makes of the items.
pub(crate) async fn run(params: Value, items: Value) -> Outcome {
    runner().run(attempt("http_request", params, items)).await
}

/// The items of `main` of a step that succeeded.
pub(crate) fn succeeded(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Succeeded(output) => json!(output.ports["main"]),
        other => panic!("{other:?}"),
    }
}

/// The failure of a step that failed.
pub(crate) fn failed(outcome: Outcome) -> StepFailure {
    match outcome {
        Outcome::Failed(failed) => *failed,
        other => panic!("{other:?}"),
    }
}
