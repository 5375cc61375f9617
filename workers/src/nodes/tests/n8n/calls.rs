//! HTTP Request: what an answer becomes.

use std::sync::Arc;

use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::{attempt, ports};
use crate::{
    engine::Outcome,
    runner::{Runner, RunnerSettings},
};

async fn called(server: &MockServer, at: &str, more: Value) -> Outcome {
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let mut params = json!({"url": format!("{}/{at}", server.uri())});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let node = json!({"type": "http_request", "data": {"params": params, "on_error": "error_port"}});
    runner.run(attempt(&node, &[(None, json!([{"n": 1}]))])).await
}

#[tokio::test]
async fn http_request() {
    let server = MockServer::start().await;
    for (at, answer) in [
        ("list", ResponseTemplate::new(200).set_body_json(json!([{"a": 1}, {"a": 2}]))),
        ("one", ResponseTemplate::new(201).set_body_json(json!({"a": 1}))),
        ("text", ResponseTemplate::new(200).set_body_string("hello")),
        ("gone", ResponseTemplate::new(404).set_body_json(json!({"why": "gone"}))),
    ] {
        Mock::given(path(format!("/{at}"))).respond_with(answer).mount(&server).await;
    }
    for (at, more, expected, lineage) in [
        // A list is an item for each of its elements, a text is in `data`.
        ("list", json!({}), json!([{"a": 1}, {"a": 2}]), json!({"main": [[[0, 0]], [[0, 0]]]})),
        ("one", json!({}), json!([{"a": 1}]), json!({})),
        ("text", json!({}), json!([{"data": "hello"}]), json!({})),
        // Never error.
        ("gone", json!({"accept_status": "any"}), json!([{"why": "gone"}]), json!({})),
    ] {
        match called(&server, at, more).await {
            Outcome::Succeeded(output) => {
                assert_eq!(ports(&output)["main"], expected, "{at}");
                assert_eq!(json!(output.lineage), lineage, "{at}");
            }
            other => panic!("{at}: {other:?}"),
        }
    }
    // Include response headers and status.
    let full = called(&server, "one", json!({"response": {"full": true}})).await;
    let Outcome::Succeeded(output) = full else { panic!("{full:?}") };
    let item = ports(&output)["main"][0].clone();
    assert_eq!((&item["status"], &item["body"]), (&json!(201), &json!({"a": 1})));
    assert_eq!(item["headers"]["content-type"], "application/json");
    // An error status is an error, with what was answered.
    let Outcome::Failed(failed) = called(&server, "gone", json!({})).await else { panic!("404") };
    let left = ports(failed.fallback.as_ref().unwrap());
    assert_eq!(
        (&left["error"][0]["n"], &left["error"][0]["error"]["details"]["status"]),
        (&json!(1), &json!(404))
    );
}
