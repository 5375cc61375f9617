//! What is inline, what is not, and what a panic comes to.
#![allow(clippy::needless_pass_by_value, reason = "tables give their values away")]

use minireipaz::clock::SystemClock;
use serde_json::{Value, json};

use domain::{ids::TenantId, retry::Failure};
use tokio::sync::Notify;

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
    let matches = json!({"where": {"any": [{"left": "{{ $json.n }}", "op": "matches", "right": "a"}]}});
    for kind in ["if", "filter"] {
        assert!(!inline(kind, matches.clone(), 1), "it compiles a pattern");
        assert!(inline(kind, json!({"where": {"left": "{{ $json.n }}", "op": "eq", "right": 1}}), 1));
    }
    assert!(!inline("http_request", json!({"url": "https://a.example"}), 1), "it calls somebody");
    assert!(!inline("markdown", json!({"action": "to_html", "value": "x"}), 1), "it reads markup");
    assert!(inline("crypto", json!({"action": "hash", "value": "x"}), 1));
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
    let Err(Outcome::Failed(failed)) = on_thread(|| -> u8 { panic!("oops") }).await else {
        panic!("it must fail");
    };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("internal_error", Failure::Permanent));
    assert!(!failed.error.message.contains("oops"), "what it said may be anybody's");
    assert_eq!(on_thread(|| 5).await.ok(), Some(5));
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

/// Answers, and tells of it.
struct Telling(Arc<Notify>);

impl wiremock::Respond for Telling {
    fn respond(&self, _: &wiremock::Request) -> wiremock::ResponseTemplate {
        self.0.notify_one();
        wiremock::ResponseTemplate::new(200).set_body_json(json!({"done": true}))
    }
}

#[tokio::test]
async fn calls_go_on_while_later_items_wait_for_a_place_and_are_kept_at_the_deadline() {
    let server = wiremock::MockServer::start().await;
    // An item a message: each waits for its turn.
    let javascript = JavaScriptLimits { slice: Duration::ZERO, ..JavaScriptLimits::default() };
    let mut settings = RunnerSettings { javascript, javascript_processes: 1, ..RunnerSettings::default() };
    settings.http.allow = "127.0.0.1".parse().unwrap();
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let called = Arc::new(Notify::new());
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(Telling(Arc::clone(&called)))
        .mount(&server)
        .await;

    let params = json!({"url": format!("{}/{{{{ $json.n + 1 }}}}", server.uri())});
    let attempt = node_attempt("http_request", &json!({"params": params, "timeout": "3s"}), 10_000);
    let places = Arc::clone(runner.facilities.javascript.places());
    let holding = async {
        called.notified().await;
        let _held = places.take(&TenantId::parse("other").unwrap()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = runner.run(attempt) => outcome,
        () = holding => unreachable!("it holds the only place"),
    };
    let Outcome::Failed(failed) = outcome else { panic!("it must time out") };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Timeout));
    let called = server.received_requests().await.unwrap().len();
    assert!((1..10_000).contains(&called), "{called}");
    let done = failed.partial.expect("what is done is kept")["items"].as_object().unwrap().len();
    assert_eq!(done, called, "all that was called is kept");
}

#[tokio::test]
async fn an_operand_that_is_not_reached_cannot_fail_although_all_are_evaluated_ahead() {
    let wrong = json!({"left": "{{ $json.none.toFixed(1) }}", "op": "eq", "right": "1"});
    let endless = json!({"left": "{{ (() => { for (;;) {} })() }}", "op": "eq", "right": "1"});
    let reached = json!({"left": "{{ $json.n + 1 }}", "op": "eq", "right": 1});
    for (unreached, limited) in [(wrong, false), (endless, true)] {
        let params = json!({"where": {"any": [reached, unreached]}});
        let outcome = runner().run(node_attempt("filter", &json!({ "params": params }), 1)).await;
        let Outcome::Succeeded(output) = outcome else { panic!("limited: {limited}: {outcome:?}") };
        assert_eq!(output.ports["main"].len(), 1);
    }
}

#[tokio::test]
async fn what_takes_long_lines_up_again_and_comes_to_the_same() {
    let slice = Duration::ZERO;
    let javascript = JavaScriptLimits { slice, ..JavaScriptLimits::default() };
    let runner =
        Runner::new(RunnerSettings { javascript, ..RunnerSettings::default() }, Arc::new(SystemClock));
    let params = json!({"fields": {"a": "{{ $json.n + 1 }}", "b": "{{ $input.all()[$itemIndex].n * 2 }}"}});
    let Outcome::Succeeded(output) = runner.unwrap().run(attempt("set", &params, 20)).await else {
        panic!("it succeeds")
    };
    let expected: Vec<Value> = (0..20).map(|n| json!({"n": n, "a": n + 1, "b": n * 2})).collect();
    assert_eq!(json!(output.ports["main"]), json!(expected));
}

#[tokio::test]
async fn values_above_the_limit_are_refused_by_its_name() {
    let params = json!({"where": "{{ 'x'.repeat(4e6) }}"});
    let Outcome::Failed(failed) = runner().run(attempt("filter", &params, 10)).await else {
        panic!("it fails")
    };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("limit", Failure::Permanent));
    assert!(failed.error.message.contains("MAX_JAVASCRIPT_OUTPUT_BYTES"), "{}", failed.error.message);
}

#[tokio::test]
async fn who_waits_too_long_for_a_place_may_try_again_and_nobody_waits_without_bounds() {
    let settings = RunnerSettings { javascript_processes: 1, ..RunnerSettings::default() };
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let places = Arc::clone(runner.facilities.javascript.places());
    let _held = places.try_take(&TenantId::parse("other").unwrap()).unwrap();
    let data = json!({"params": {"fields": {"a": "{{ $json.n + 1 }}"}}, "timeout": "50ms"});
    let Outcome::Failed(failed) = runner.run(node_attempt("set", &data, 1)).await else { panic!("it waits") };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Timeout));

    let waiting: Vec<_> = (0..places.limits().waiting)
        .map(|_| {
            let (places, tenant) = (Arc::clone(&places), header().tenant);
            let mut waits = Box::pin(async move { places.take(&tenant).await });
            assert!(futures_util::FutureExt::now_or_never(&mut waits).is_none());
            waits
        })
        .collect();
    let Outcome::Failed(failed) = runner.run(node_attempt("set", &data, 1)).await else { panic!("no room") };
    assert_eq!(failed.error.code, "javascript_busy");
    assert!(failed.error.message.contains(&waiting.len().to_string()), "{}", failed.error.message);
}
