//! How runs go: branches, failures, time limits, progress, and the worker's orderly end.

use std::time::Duration;

use minireipaz::domain::run::{RunStatus, RunWithSteps, StepStatus};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, batch, call_workflow, step};

/// Runs a workflow of one call that fails, and a node behind it.
async fn failing(app: &App, data: Value) -> RunWithSteps {
    let calls = [("call", app.endpoint.url("/bad"), data), ("next", app.endpoint.url("/next"), json!({}))];
    app.ended(app.submit(&Task::new(&call_workflow(&calls))).await).await
}

#[tokio::test]
async fn branches_run_at_the_same_time_and_meet_again() {
    let app = App::start().await;
    for path in ["/left", "/right"] {
        app.endpoint.on(path, &[Answer::Together(2)]);
    }
    let call = |id: &str| json!({"id": id, "type": "http_request", "data": {"params": {"url": app.endpoint.url(&format!("/{id}"))}}});
    let edge = |source: &str, target: &str| json!({"source": source, "target": target});
    let document = json!({
        "name": "Branches",
        "nodes": [{"id": "start", "type": "manual"}, call("left"), call("right"), {"id": "join", "type": "merge"}],
        "edges": [edge("start", "left"), edge("start", "right"), edge("left", "join"), edge("right", "join")],
    });
    let found = app.succeeded(app.submit(&Task::new(&document)).await).await;
    assert_eq!(found.run.output, Some(json!({"join": [{"path": "/left"}, {"path": "/right"}]})));
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

#[tokio::test]
async fn a_worker_that_is_stopped_lets_its_steps_finish() {
    let mut app = App::start_with(|config| (config.max_steps, config.max_steps_per_tenant) = (8, 8)).await;
    app.endpoint.on("/a", &[Answer::Held]);
    let calls = [("a", app.endpoint.url("/a"), json!({})), ("b", app.endpoint.url("/b"), json!({}))];
    let tasks: Vec<_> = (0..40).map(|_| Task::new(&call_workflow(&calls))).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (40, 0, 0));
    app.endpoint.called("/a", 8).await;
    let stop = app.stop();
    tokio::pin!(stop);
    assert!(futures_util::poll!(&mut stop).is_pending(), "steps are under way");
    app.endpoint.release();
    stop.await;
    let (a, b) = (app.endpoint.count("/a"), app.endpoint.count("/b"));
    assert!(a < 40, "no more steps are begun");
    app.start_again().await;
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
    assert_eq!((app.endpoint.count("/a"), app.endpoint.count("/b")), (40, 40), "before: {a} and {b}");
}

#[tokio::test]
async fn steps_that_outlast_the_grace_are_executed_again_at_the_next_start() {
    let mut app = App::start_with(|config| config.grace = Duration::from_millis(50)).await;
    app.endpoint.on("/slow", &[Answer::Never, Answer::Status(200)]);
    let task = Task::new(&call_workflow(&[("slow", app.endpoint.url("/slow"), json!({}))]));
    app.submit(&task).await;
    app.endpoint.called("/slow", 1).await;
    app.stop().await;
    app.start_again().await;
    app.succeeded(task.run).await;
    let keys = app.endpoint.keys("/slow");
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
}
