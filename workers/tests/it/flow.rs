//! How runs go: failures, time limits, progress.

use domain::run::{RunStatus, RunWithSteps, StepStatus};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, call_workflow, step};

/// Runs a workflow of one call that fails, and a node behind it.
async fn failing(app: &App, data: Value) -> RunWithSteps {
    let calls = [("call", app.endpoint.url("/bad"), data), ("next", app.endpoint.url("/next"), json!({}))];
    app.ended(app.submit(&Task::new(&call_workflow(&calls))).await).await
}

#[tokio::test]
async fn a_failed_step_fails_the_run_and_nothing_follows() {
    let app = App::start().await;
    app.endpoint.on("/bad", &[Answer::Status(404)]);
    let found = failing(&app, json!({})).await;
    assert_eq!(found.run.status, RunStatus::Failed);
    let error = found.run.error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.node_id.unwrap().as_str()), ("http_status", "call"));
    assert_eq!(step(&found, "call").status, StepStatus::Failed);
    assert_eq!((found.steps.len(), found.run.output), (2, None));
    assert_eq!((app.endpoint.count("/bad"), app.endpoint.count("/next")), (1, 0), "a 404 is not tried again");
}

#[tokio::test]
async fn with_continue_the_run_goes_on_with_the_error() {
    let app = App::start().await;
    app.endpoint.on("/bad", &[Answer::Status(404)]);
    let found = failing(&app, json!({"on_error": "continue"})).await;
    assert_eq!(found.run.status, RunStatus::Succeeded);
    let failed = step(&found, "call");
    assert_eq!(
        (failed.status, failed.error.as_ref().unwrap().code.as_str()),
        (StepStatus::Failed, "http_status")
    );
    assert_eq!(json!(failed.output)["main"][0]["error"]["code"], "http_status");
    assert_eq!(app.endpoint.count("/next"), 1);
}

#[tokio::test]
async fn with_an_error_port_only_the_error_branch_runs() {
    let app = App::start().await;
    app.endpoint.on("/bad", &[Answer::Status(404)]);
    let calls = [
        ("call", app.endpoint.url("/bad"), json!({"on_error": "error_port"})),
        ("good", app.endpoint.url("/good"), json!({})),
    ];
    let mut document = call_workflow(&calls);
    document["nodes"].as_array_mut().unwrap().push(json!({"id": "rescue", "type": "noop"}));
    let rescue = json!({"source": "call", "sourceHandle": "error", "target": "rescue"});
    document["edges"].as_array_mut().unwrap().push(rescue);
    let found = app.succeeded(app.submit(&Task::new(&document)).await).await;
    let rescued = json!(step(&found, "rescue").output);
    assert_eq!(rescued["main"][0]["error"]["code"], "http_status", "{rescued}");
    assert_eq!(step(&found, "good").status, StepStatus::Skipped);
    assert_eq!(app.endpoint.count("/good"), 0);
}

#[tokio::test]
async fn a_run_ends_at_its_time_limit() {
    let app = App::start().await;
    app.endpoint.on("/slow", &[Answer::Never]);
    let mut document = call_workflow(&[("slow", app.endpoint.url("/slow"), json!({}))]);
    document["settings"] = json!({"timeout": "200ms"});
    let found = app.ended(app.submit(&Task::new(&document)).await).await;
    assert_eq!(found.run.status, RunStatus::TimedOut);
    let error = found.run.error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.node_id), ("run_timeout", None));
    assert_eq!(step(&found, "slow").status, StepStatus::Cancelled);
}

#[tokio::test]
async fn a_run_that_waits_for_a_retry_ends_at_its_time_limit_too() {
    let app = App::start().await;
    app.endpoint.on("/down", &[Answer::Status(503)]);
    let retry = json!({"retry": {"max_attempts": 9, "base": "1h", "max_delay": "1h"}});
    let mut document = call_workflow(&[("down", app.endpoint.url("/down"), retry)]);
    document["settings"] = json!({"timeout": "1500ms"});
    let found = app.ended(app.submit(&Task::new(&document)).await).await;
    assert_eq!(found.run.status, RunStatus::TimedOut);
    assert_eq!(app.endpoint.count("/down"), 1);
}

#[tokio::test]
async fn an_attempt_ends_at_the_nodes_time_limit() {
    let app = App::start().await;
    app.endpoint.on("/bad", &[Answer::Never]);
    let found = failing(&app, json!({"timeout": "100ms", "retry": {"max_attempts": 2}})).await;
    assert_eq!(found.run.status, RunStatus::Failed);
    let error = found.run.error.unwrap();
    assert_eq!(error.code, "timeout");
    let history: Vec<_> = error.history.iter().map(|one| (one.attempt, one.code.as_str())).collect();
    assert_eq!(history, [(1, "timeout"), (2, "timeout")]);
    assert_eq!(app.endpoint.count("/bad"), 2);
}

#[tokio::test]
async fn a_call_is_tried_again_until_it_succeeds() {
    let app = App::start().await;
    let answers = [Answer::Status(503), Answer::Status(429), Answer::Status(200)];
    app.endpoint.on("/bad", &answers);
    let found = failing(&app, json!({"retry": {"max_attempts": 3, "base": "5ms"}})).await;
    assert_eq!(found.run.status, RunStatus::Succeeded, "{:?}", found.run.error);
    let called = step(&found, "call");
    assert_eq!((called.status, called.attempts), (StepStatus::Succeeded, 3));
    let keys = app.endpoint.keys("/bad");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn a_call_that_never_succeeds_tells_of_every_attempt() {
    let app = App::start().await;
    app.endpoint.on("/bad", &[Answer::Status(503), Answer::Status(429), Answer::Status(500)]);
    let found = failing(&app, json!({"retry": {"max_attempts": 3, "base": "5ms"}})).await;
    assert_eq!(found.run.status, RunStatus::Failed);
    let history = found.run.error.unwrap().history;
    assert_eq!(history.iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(history[0].delay_ms.is_some() && history[2].delay_ms.is_none(), "{history:?}");
    for (one, status) in history.iter().zip(["503", "429", "500"]) {
        assert!(one.message.contains(status), "{one:?}");
    }
}

#[tokio::test]
async fn a_step_is_seen_while_it_runs() {
    let app = App::start().await;
    app.endpoint.on("/held", &[Answer::Held]);
    let calls =
        [("first", app.endpoint.url("/first"), json!({})), ("held", app.endpoint.url("/held"), json!({}))];
    let run = app.submit(&Task::new(&call_workflow(&calls))).await;
    let runs = |found: &RunWithSteps| found.steps.iter().any(|step| step.node_id.as_str() == "held");
    let found = app.until("the running step", run, runs).await;
    assert_eq!((found.run.status, found.run.finished_at), (RunStatus::Running, None));
    let statuses: Vec<_> = found.steps.iter().map(|step| step.status).collect();
    assert_eq!(statuses, [StepStatus::Succeeded, StepStatus::Succeeded, StepStatus::Running]);
    app.endpoint.release();
    let ended = app.succeeded(run).await;
    assert!(ended.run.revision > found.run.revision);
}
