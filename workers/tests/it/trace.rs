//! One trace, from the task to the last call, whatever happens on the way.

use std::collections::BTreeSet;

use domain::trace::TraceContext;
use serde_json::json;

use crate::app::{Answer, App, Task, call_workflow};

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn contexts(app: &App, path: &str) -> Vec<TraceContext> {
    app.endpoint.traces(path).iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn every_call_of_every_attempt_is_a_span_of_its_own_in_the_tasks_trace() {
    let app = App::start().await;
    app.endpoint.on("/first", &[Answer::Status(503), Answer::Status(200)]);
    let again = json!({"retry": {"max_attempts": 2, "base": "1ms"}});
    let document = call_workflow(&[
        ("first", app.endpoint.url("/first"), again),
        ("second", app.endpoint.url("/second"), json!({})),
    ]);
    let task = Task::new(&document).traceparent(GIVEN);
    app.submit(&task).await;
    app.succeeded(task.run).await;
    let given: TraceContext = GIVEN.parse().unwrap();
    let calls = [contexts(&app, "/first"), contexts(&app, "/second")].concat();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.trace_id() == given.trace_id()), "{calls:?}");
    let spans: BTreeSet<_> = calls.iter().chain([&given]).map(|call| call.span_id()).collect();
    assert_eq!(spans.len(), 4, "{spans:?}");
}

#[tokio::test]
async fn a_run_that_comes_back_after_a_crash_stays_in_its_trace() {
    let mut app = App::start().await;
    app.endpoint.on("/call", &[Answer::Never, Answer::Status(200)]);
    let task =
        Task::new(&call_workflow(&[("call", app.endpoint.url("/call"), json!({}))])).traceparent(GIVEN);
    app.submit(&task).await;
    app.endpoint.called("/call", 1).await;
    app.crash_and_start_again().await;
    app.succeeded(task.run).await;
    let given: TraceContext = GIVEN.parse().unwrap();
    let calls: Vec<_> = contexts(&app, "/call").into_iter().map(TraceContext::trace_id).collect();
    assert_eq!(calls, [given.trace_id(), given.trace_id()]);
}

#[tokio::test]
async fn a_task_without_a_trace_or_with_an_unreadable_one_gets_its_runs_own() {
    let app = App::start().await;
    let calls = call_workflow(&[
        ("first", app.endpoint.url("/first"), json!({})),
        ("second", app.endpoint.url("/second"), json!({})),
    ]);
    for task in [Task::new(&calls), Task::new(&calls).traceparent("00-nonsense")] {
        app.submit(&task).await;
        app.succeeded(task.run).await;
    }
    let [first, second] = ["/first", "/second"]
        .map(|path| contexts(&app, path).into_iter().map(TraceContext::trace_id).collect::<Vec<_>>());
    assert_eq!(first, second);
    assert_ne!(first[0], first[1]);
}

#[tokio::test]
async fn a_workflow_that_sets_the_header_itself_is_not_overruled() {
    let app = App::start().await;
    let mut document = call_workflow(&[("call", app.endpoint.url("/call"), json!({}))]);
    let own = "00-11111111111111111111111111111111-2222222222222222-00";
    document["nodes"][1]["data"]["params"]["headers"] = json!({"TraceParent": own});
    let task = Task::new(&document).traceparent(GIVEN);
    app.submit(&task).await;
    app.succeeded(task.run).await;
    assert_eq!(app.endpoint.traces("/call"), [own]);
}
