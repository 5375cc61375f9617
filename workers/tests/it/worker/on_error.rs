//! What happens after the last attempt.

use minireipaz::domain::run::{RunStatus, StepStatus};
use serde_json::{Value, json};

use super::{
    rig::{Rig, call, graph, set, task},
    target::Target,
};

fn document(target: &Target, on_error: &str) -> Value {
    let mut edges =
        vec![json!({"source": "start", "target": "call"}), json!({"source": "call", "target": "after"})];
    if on_error == "error_port" {
        edges.push(json!({"source": "call", "sourceHandle": "error", "target": "rescue"}));
    } else {
        edges.push(json!({"source": "start", "target": "rescue"}));
    }
    graph(
        &[
            call("call", &target.url("status/404"), json!({"on_error": on_error})),
            set("after", "after", json!(true)),
            set("rescue", "rescued", json!(true)),
        ],
        &edges,
    )
}

async fn ended(on_error: &str) -> (RunStatus, Vec<(String, StepStatus)>, Value) {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let task = task(&document(&target, on_error), json!({"a": 1}));
    rig.accept(std::slice::from_ref(&task)).await;
    let found = rig.end_of(&task).await;
    assert_eq!(target.count("404"), 1, "a 4xx is not tried again");
    rig.stop().await;
    let steps = found.steps.into_iter().map(|step| (step.node_id.to_string(), step.status)).collect();
    (found.run.status, steps, found.run.output.unwrap_or_default())
}

fn status(steps: &[(String, StepStatus)], node: &str) -> StepStatus {
    steps.iter().find(|(id, _)| id == node).map(|(_, status)| *status).unwrap()
}

#[tokio::test]
async fn by_default_the_run_fails() {
    let (run, steps, _) = ended("fail").await;
    assert_eq!(run, RunStatus::Failed);
    assert_eq!(status(&steps, "call"), StepStatus::Failed);
    assert!(!steps.iter().any(|(id, _)| id == "after"));
}

#[tokio::test]
async fn with_continue_failed_items_go_on_by_main() {
    let (run, steps, output) = ended("continue").await;
    assert_eq!(run, RunStatus::Succeeded);
    assert_eq!(status(&steps, "call"), StepStatus::Failed);
    assert_eq!(status(&steps, "after"), StepStatus::Succeeded);
    assert_eq!(output["after"][0]["error"]["code"], "http_status", "{output}");
}

#[tokio::test]
async fn with_an_error_port_failed_items_leave_by_it() {
    let (run, steps, output) = ended("error_port").await;
    assert_eq!(run, RunStatus::Succeeded);
    assert_eq!(status(&steps, "after"), StepStatus::Skipped);
    assert_eq!(status(&steps, "rescue"), StepStatus::Succeeded);
    assert_eq!(output["rescue"][0]["rescued"], true, "{output}");
    assert_eq!(output["rescue"][0]["error"]["code"], "http_status", "{output}");
}
