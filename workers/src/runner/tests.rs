//! What is inline, what is not, and what a panic comes to.
#![allow(clippy::needless_pass_by_value, reason = "tables give their values away")]

use minireipaz::domain::clock::SystemClock;
use serde_json::{Value, json};

use super::*;
use crate::expr::tests::{header, items};

fn task(kind: &str, params: &Value, count: usize) -> StepTask {
    let document = json!({
        "name": "Test",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "n", "type": kind, "data": {"params": params}}],
        "edges": [{"source": "start", "target": "n"}],
    });
    let workflow = Compiled::new(&serde_json::from_value(document).unwrap()).unwrap();
    let input: Vec<Value> = (0..count).map(|n| json!({ "n": n })).collect();
    StepTask {
        run: Arc::new(header()),
        workflow: Arc::new(workflow),
        node: 1,
        attempt: 1,
        partial: None,
        inputs: vec![(None, Arc::new(items(json!(input))))],
        outputs: Vec::new(),
    }
}

fn runner() -> Runner {
    Runner::new(RunnerSettings::default(), Arc::new(SystemClock)).unwrap()
}

#[test]
fn only_small_steps_that_only_compute_run_inline() {
    let inline = |kind, params: Value, count| runner().run_inline(&task(kind, &params, count)).is_some();
    assert!(inline("noop", json!({}), 1));
    assert!(inline("set", json!({"fields": {"a": "{{ $json.n }}", "b": "x {{ $now }}"}}), 10));
    assert!(!inline("set", json!({"fields": {"a": "{{ $json.n + 1 }}"}}), 1), "it needs the engine");
    assert!(!inline("set", json!({"fields": {"a": "{{ $json.n }}"}}), 1_000), "it is much");
    assert!(!inline("http_request", json!({"url": "https://a.example"}), 1), "it calls somebody");
}

#[test]
fn a_node_tells_whether_it_reads_other_nodes() {
    let reads = |params: Value| task("set", &params, 0).workflow.reads_outputs(1);
    assert!(!reads(json!({"fields": {"a": "{{ $json.a + $input.all().length }}"}})));
    assert!(reads(json!({"fields": {"a": "{{ $('start').first().a }}"}})));
    assert!(reads(json!({"fields": {"a": "x{{ 1 + $('start').first().a }}"}})));
}

#[tokio::test]
async fn a_panic_is_the_steps_and_nobody_elses() {
    let shared = Arc::clone(&runner().shared);
    let Err(Outcome::Failed(failed)) = shared.on_thread(false, || -> u8 { panic!("oops") }).await else {
        panic!("it must fail");
    };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("panic", Failure::Permanent));
    assert!(failed.error.message.contains("oops"));
    assert_eq!(shared.on_thread(true, || 5).await.ok(), Some(5));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_an_error() {
    let mut task = task("noop", &json!({}), 1);
    task.node = 9;
    assert!(runner().run_inline(&task).is_none());
    assert!(
        matches!(runner().run(task).await, Outcome::Failed(failed) if failed.error.code == "unknown_node")
    );
}
