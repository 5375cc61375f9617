//! Branches that run at the same time, and joins that wait for them.

use minireipaz::domain::run::{RunStatus, StepStatus};
use serde_json::json;

use super::{
    rig::{Rig, call, graph, set, task},
    target::Target,
};

#[tokio::test]
async fn parallel_branches_are_really_parallel() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = graph(
        &[
            call("left", &target.url("both/left"), json!({})),
            call("right", &target.url("both/right"), json!({})),
            json!({"id": "join", "type": "merge"}),
        ],
        &[
            json!({"source": "start", "target": "left"}),
            json!({"source": "start", "target": "right"}),
            json!({"source": "left", "target": "join"}),
            json!({"source": "right", "target": "join"}),
        ],
    );
    let task = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    let joined = &found.run.output.unwrap()["join"];
    assert_eq!((&joined[0]["name"], &joined[1]["name"]), (&json!("left"), &json!("right")));
    rig.stop().await;
}

#[tokio::test]
async fn a_branch_that_is_not_taken_is_skipped_and_the_join_goes_on_without_it() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = graph(
        &[
            json!({"id": "dear", "type": "if", "data": {"params": {"where": "{{ $json.price > 10 }}"}}}),
            call("buy", &target.url("ok/buy"), json!({})),
            call("wait", &target.url("ok/wait"), json!({})),
            json!({"id": "join", "type": "merge"}),
        ],
        &[
            json!({"source": "start", "target": "dear"}),
            json!({"source": "dear", "sourceHandle": "false", "target": "buy"}),
            json!({"source": "dear", "sourceHandle": "true", "target": "wait"}),
            json!({"source": "buy", "target": "join"}),
            json!({"source": "wait", "target": "join"}),
        ],
    );
    let task = task(&document, json!({"price": 5}));
    rig.accept(std::slice::from_ref(&task)).await;
    let found = rig.end_of(&task).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    assert_eq!((target.count("buy"), target.count("wait")), (1, 0));
    let wait = found.steps.iter().find(|step| step.node_id.as_str() == "wait").unwrap();
    assert_eq!(wait.status, StepStatus::Skipped);
    rig.stop().await;
}

#[tokio::test]
async fn a_branch_that_fails_the_run_cuts_the_other_one_off() {
    let (rig, target) = (Rig::start().await, Target::start().await);
    let document = graph(
        &[
            call("slow", &target.url("held/slow"), json!({})),
            call("bad", &target.url("both/bad"), json!({})),
            set("x", "x", json!(1)),
            json!({"id": "end", "type": "fail", "data": {"params": {"message": "no"}}}),
            call("other", &target.url("both/other"), json!({})),
        ],
        &[
            json!({"source": "start", "target": "slow"}),
            json!({"source": "start", "target": "bad"}),
            json!({"source": "start", "target": "other"}),
            json!({"source": "bad", "target": "end"}),
            json!({"source": "slow", "target": "x"}),
        ],
    );
    let task = task(&document, json!({}));
    rig.accept(std::slice::from_ref(&task)).await;
    let found = rig.end_of(&task).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.message.as_str()), (RunStatus::Failed, "no"));
    let slow = found.steps.iter().find(|step| step.node_id.as_str() == "slow").unwrap();
    assert_eq!(slow.status, StepStatus::Cancelled);
    // The place that the cut off step took is free: the worker stops without waiting for it.
    rig.stop().await;
}
