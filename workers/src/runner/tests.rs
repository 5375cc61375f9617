//! What is inline, what is not, and what a panic comes to.
#![allow(clippy::needless_pass_by_value, reason = "tables give their values away")]

use minireipaz::clock::SystemClock;
use serde_json::{Value, json};

use domain::retry::Failure;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    engine::{Execute, StepKey},
    expr::tests::{header, items},
};

fn attempt(kind: &str, params: &Value, count: usize) -> Attempt {
    node_attempt(kind, &json!({ "params": params }), count)
}

fn node_attempt(kind: &str, data: &Value, count: usize) -> Attempt {
    let document = json!({
        "name": "Test",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "n", "type": kind, "data": data}],
        "edges": [{"source": "start", "target": "n"}],
    });
    let workflow = Compiled::new(&serde_json::from_value(document).unwrap()).unwrap();
    let input: Vec<Value> = (0..count).map(|n| json!({ "n": n })).collect();
    let inputs = Inputs::one(Arc::new(items(json!(input))));
    let execute = Execute::first(StepKey::outside(1));
    Attempt::new(&Arc::new(workflow), &Arc::new(header()), execute, inputs, Vec::new())
}

fn runner() -> Runner {
    Runner::new(RunnerSettings::default(), Arc::new(SystemClock)).unwrap()
}

#[test]
fn only_small_steps_that_only_compute_run_inline() {
    let inline = |kind, params: Value, count| runner().run_inline(&attempt(kind, &params, count)).is_some();
    assert!(inline("noop", json!({}), 1));
    assert!(inline("set", json!({"fields": {"a": "{{ $json.n }}", "b": "x {{ $now }}"}}), 10));
    assert!(!inline("set", json!({"fields": {"a": "{{ $json.n + 1 }}"}}), 1), "it needs the engine");
    assert!(!inline("set", json!({"fields": {"a": "{{ $json.n }}"}}), 1_000), "it is much");
    assert!(!inline("http_request", json!({"url": "https://a.example"}), 1), "it calls somebody");
}

#[test]
fn a_node_tells_whether_it_reads_other_nodes() {
    let reads = |params: Value| attempt("set", &params, 0).workflow.reads_outputs(1);
    assert!(!reads(json!({"fields": {"a": "{{ $json.a + $input.all().length }}"}})));
    assert!(reads(json!({"fields": {"a": "{{ $('start').first().a }}"}})));
    assert!(reads(json!({"fields": {"a": "x{{ 1 + $('start').first().a }}"}})));
}

#[tokio::test]
async fn a_panic_is_the_steps_and_nobody_elses() {
    let facilities = Arc::clone(&runner().facilities);
    let Err(Outcome::Failed(failed)) = facilities.on_thread(false, || -> u8 { panic!("oops") }).await else {
        panic!("it must fail");
    };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("panic", Failure::Permanent));
    assert!(failed.error.message.contains("oops"));
    assert_eq!(facilities.on_thread(true, || 5).await.ok(), Some(5));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_an_error() {
    let mut attempt = attempt("noop", &json!({}), 1);
    attempt.task.step.node = 9;
    assert!(runner().run_inline(&attempt).is_none());
    assert!(
        matches!(runner().run(attempt).await, Outcome::Failed(failed) if failed.error.code == "unknown_node")
    );
}

/// Answers, and holds the only place for JavaScript from its first answer on.
struct Holding {
    places: Arc<Semaphore>,
    held: std::sync::Mutex<Option<tokio::sync::OwnedSemaphorePermit>>,
}

impl wiremock::Respond for Holding {
    fn respond(&self, _: &wiremock::Request) -> wiremock::ResponseTemplate {
        let mut held = self.held.lock().unwrap();
        if held.is_none() {
            *held = Arc::clone(&self.places).try_acquire_owned().ok();
            assert!(held.is_some(), "the place is free between two evaluations");
        }
        wiremock::ResponseTemplate::new(200).set_body_json(json!({"done": true}))
    }
}

#[tokio::test]
async fn calls_go_on_while_later_items_wait_for_a_place_and_are_kept_at_the_deadline() {
    let server = wiremock::MockServer::start().await;
    let mut settings = RunnerSettings { javascript_threads: 1, ..RunnerSettings::default() };
    settings.http.allow = "127.0.0.1".parse().unwrap();
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let holding =
        Holding { places: Arc::clone(runner.facilities.javascript.places()), held: Default::default() };
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(holding).mount(&server).await;

    let params = json!({"url": format!("{}/{{{{ $json.n + 1 }}}}", server.uri())});
    let attempt = node_attempt("http_request", &json!({"params": params, "timeout": "2s"}), 100);
    let Outcome::Failed(failed) = runner.run(attempt).await else { panic!("it must time out") };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Timeout));
    let called = server.received_requests().await.unwrap().len();
    let done = failed.partial.expect("what is done is kept")["items"].as_object().unwrap().len();
    assert_eq!(done, called, "all that was called is kept");
}
