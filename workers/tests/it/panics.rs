//! Code that panics: the step that it was for fails, or the run, and nothing else; what it held is free again.

use domain::{
    ids::WorkflowId,
    run::{RunStatus, StepStatus},
};
use serde_json::{Value, json};

use crate::app::{App, Task, batch, call_workflow, pure_workflow, step, within};

const ALARM: WorkflowId = WorkflowId(uuid::Uuid::from_u128(88));

/// A workflow of one node whose code panics there, with these settings.
fn panicking(place: &str, kind: &str, mut data: Value, params: Value) -> Value {
    data["params"] = params;
    let id = format!("panics at {place}");
    json!({
        "name": "Panics",
        "nodes": [{"id": "start", "type": "manual"}, {"id": id, "type": kind, "data": data}],
        "edges": [{"source": "start", "target": id}],
    })
}

/// Steps that panic wherever steps are executed: on the processor's thread, on a thread of their own, with and behind
/// JavaScript, and in a call.
fn everywhere(app: &App, data: &Value) -> Vec<Value> {
    let script = json!({"fields": {"m": "{{ $json.n + 1 }}"}});
    let markup = json!({"action": "to_html", "value": "# text"});
    let call = json!({"method": "POST", "url": app.endpoint.url("/never")});
    [
        ("compute", "noop", json!({})),
        ("compute", "markdown", markup),
        ("compute", "set", script.clone()),
        ("javascript", "set", script),
        ("javascript", "http_request", json!({"url": "http://127.0.0.1/{{ 1 + 1 }}"})),
        ("javascript", "code", json!({"source": "return []"})),
        ("call", "http_request", call),
    ]
    .map(|(place, kind, params)| panicking(place, kind, data.clone(), params))
    .into()
}

/// A worker with one place for each thing.
async fn narrow() -> App {
    App::start_with(|config| {
        (config.max_steps, config.max_steps_per_tenant) = (1, 1);
        config.max_runs = 4;
        config.max_run_bytes = 64 << 20;
        config.runner.javascript_processes = 1;
    })
    .await
}

#[tokio::test]
async fn a_step_that_panics_fails_alone_and_leaves_its_place_and_its_memory() {
    let app = narrow().await;
    let again = json!({"retry": {"max_attempts": 3, "base": "1ms"}});
    for document in everywhere(&app, &again) {
        // More than there is room for at a time.
        let tasks: Vec<_> = (0..8).map(|_| Task::new(&document).input(json!({"n": 1}))).collect();
        assert_eq!(app.post(batch(&tasks)).await.receipt(), (8, 0, 0));
        for task in &tasks {
            let found = app.ended(task.run).await;
            let node = document["nodes"][1]["id"].as_str().unwrap();
            let error = found.run.error.as_ref().unwrap();
            assert_eq!(
                (found.run.status, error.code.as_str()),
                (RunStatus::Failed, "internal_error"),
                "{document}"
            );
            assert_eq!(error.node_id.as_ref().unwrap().as_str(), node);
            assert!(!error.message.contains("secret"), "what it said is nobody's: {}", error.message);
            assert_eq!(step(&found, node).attempts, 1, "it would panic again");
        }
    }
    assert_eq!(app.endpoint.count("/never"), 0);
    // Everything goes on: pure steps, calls, JavaScript.
    let url = app.endpoint.url("/{{ 'af' + 'ter' }}");
    let after = app.submit(&Task::new(&call_workflow(&[("call", url, json!({}))]))).await;
    app.all_succeeded(&[after], 2).await;
    app.all_succeeded(&[app.submit(&Task::new(&pure_workflow())).await], 3).await;
    assert_eq!(app.endpoint.count("/after"), 1);
}

#[tokio::test]
async fn a_run_goes_on_behind_a_step_that_panics_if_its_node_says_so() {
    let app = narrow().await;
    for mut document in everywhere(&app, &json!({"on_error": "continue"})) {
        let source = document["nodes"][1]["id"].clone();
        document["nodes"].as_array_mut().unwrap().push(json!({"id": "next", "type": "noop"}));
        document["edges"].as_array_mut().unwrap().push(json!({"source": source, "target": "next"}));
        let found = app.succeeded(app.submit(&Task::new(&document).input(json!({"n": 1}))).await).await;
        assert_eq!(step(&found, source.as_str().unwrap()).status, StepStatus::Failed);
        let given = json!(step(&found, "next").output.as_ref().unwrap());
        assert_eq!(given["main"][0]["error"]["code"], "internal_error", "{given}");
    }
}

#[tokio::test]
async fn a_run_over_which_the_engine_panics_fails_and_all_others_go_on_after_a_crash_too() {
    let mut app = App::start().await;
    app.save(ALARM, &pure_workflow()).await;
    let mut tasks = Vec::new();
    for place in
        ["deciding", "deciding and ending", "writing", "writing and ending", "accepting", "beginning"]
    {
        let call = json!({"method": "POST", "url": app.endpoint.url("/call")});
        let mut document = panicking(place, "http_request", json!({}), call);
        document["settings"] = json!({"error_workflow": ALARM});
        tasks.push(Task::new(&document));
        tasks.push(Task::new(&pure_workflow()));
    }
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (12, 0, 0));
    for pair in tasks.chunks(2) {
        let broken = app.ended(pair[0].run).await.run;
        let error = broken.error.unwrap();
        assert_eq!((broken.status, error.code.as_str()), (RunStatus::Failed, "internal_error"));
        assert!(!error.message.contains("secret"), "what it said is nobody's: {}", error.message);
        app.succeeded(pair[1].run).await;
        app.succeeded(pair[0].run.of_failure(1)).await;
    }
    let counted = app.get("/metrics").await.body;
    for outcome in ["failed", "put_aside"] {
        let line = format!("minireipaz_worker_broken_runs_total{{outcome=\"{outcome}\"}} ");
        let count = counted.lines().find_map(|it| it.strip_prefix(&line)).unwrap();
        // Other tests of this process count too.
        assert!(count.parse::<u64>().unwrap() >= 3, "{outcome}: {count}");
    }
    app.crash_and_start_again().await;
    assert_eq!(
        app.post(batch(&tasks)).await.receipt(),
        (0, 12, 0),
        "no start and no delivery brings it back"
    );
    app.all_succeeded(&[app.submit(&Task::new(&pure_workflow())).await], 3).await;
}

#[tokio::test]
async fn a_row_over_which_the_recorder_panics_costs_its_own_run_alone() {
    let app = App::start().await;
    let tasks: Vec<_> = (0..5).map(|_| Task::new(&pure_workflow())).collect();
    let bad = tasks[2].run;
    app.store.panic_over(bad);
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (5, 0, 0));
    let good: Vec<_> = tasks.iter().map(|task| task.run).filter(|run| *run != bad).collect();
    app.all_succeeded(&good, 3).await;
    let letters = within(
        "the dead letter",
        app.store.until(async || Some(app.store.dead_letters()).filter(|letters| !letters.is_empty())),
    )
    .await;
    assert!(letters[0].reason.contains(&bad.to_string()), "{:?}", letters[0]);
    let error = app.ended(bad).await.run.error.unwrap();
    assert!(error.message.contains("recorder panic"), "{error:?}");
}
