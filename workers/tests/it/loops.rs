//! Loops on a real worker: batches, cycles, many iterations, over crashes.

use domain::run::{RunStatus, StepStatus};
use serde_json::{Value, json};

use crate::app::{Answer, App, Task, step};

fn node(id: &str, kind: &str, params: Value) -> Value {
    json!({"id": id, "type": kind, "data": {"params": params}})
}

/// Edges such as `a.port > b`.
fn workflow(nodes: &[Value], edges: &str) -> Value {
    let edges: Vec<_> = edges
        .split(';')
        .map(|edge| {
            let (source, target) = edge.split_once('>').unwrap();
            let (source, port) = source.trim().split_once('.').unwrap_or((source.trim(), "main"));
            json!({"source": source, "sourceHandle": port, "target": target.trim()})
        })
        .collect();
    json!({"name": "Loop", "nodes": nodes, "edges": edges, "settings": {"max_iterations": 100_000}})
}

#[tokio::test]
async fn a_loop_calls_once_for_each_batch_and_a_crash_repeats_only_the_call_that_it_cut_off() {
    let mut app = App::start().await;
    app.endpoint.on("/call", &[Answer::Status(200), Answer::Never, Answer::Status(200)]);
    let document = workflow(
        &[
            node("start", "manual", json!({})),
            node("l", "loop", json!({"batch": 2})),
            node("call", "http_request", json!({"url": app.endpoint.url("/call")})),
            node(
                "back",
                "set",
                json!({
                    "keep": "none",
                    "fields": {
                        "round": "{{ $iteration }}", "of": "{{ $('l').all().length }}", "n": "{{ $('l').first().n }}"
                    }
                }),
            ),
            node("end", "set", json!({"fields": {"last": "{{ $('l').last('done').round }}"}})),
        ],
        "start > l; l.loop > call; call > back; back > l; l.done > end",
    );
    let input = json!([{"n": 1}, {"n": 2}, {"n": 3}]);
    let task = Task::new(&document).input(input);
    app.submit(&task).await;
    app.endpoint.called("/call", 2).await;
    app.crash_and_start_again().await;
    let found = app.succeeded(task.run).await;
    assert_eq!(
        json!(found.run.output),
        json!({"end": [
            {"round": 0, "of": 2, "n": 1, "last": 1},
            {"round": 0, "of": 2, "n": 1, "last": 1},
            {"round": 1, "of": 1, "n": 3, "last": 1},
        ]})
    );
    let keys = app.endpoint.keys("/call");
    assert!(
        keys.contains(&format!("{}:call:0:0", task.run)) && keys.contains(&format!("{}:call:1:0", task.run))
    );
    let call = step(&found, "call");
    assert_eq!((call.iteration.counters(), call.status), (&[1][..], StepStatus::Succeeded));
    assert_eq!(app.store.ends(task.run), 1);
}

#[tokio::test]
async fn a_run_of_many_iterations_goes_on_after_a_crash_in_the_middle() {
    let mut app = App::start().await;
    app.endpoint.on("/middle", &[Answer::Never, Answer::Status(200)]);
    let counts =
        |op: &str, right: u32| json!({"where": {"left": "{{ $iteration }}", "op": op, "right": right}});
    let document = workflow(
        &[
            node("start", "manual", json!({})),
            node("count", "set", json!({"keep": "none", "fields": {"n": "{{ $iteration }}"}})),
            node("middle", "if", counts("eq", 2_500)),
            node("call", "http_request", json!({"url": app.endpoint.url("/middle")})),
            node("more", "if", counts("lt", 3_000)),
            node("end", "set", json!({"fields": {"n": "{{ $iteration }}"}, "keep": "none"})),
        ],
        "start > count; count > middle; middle.true > call; call > more; middle.false > more; more.true > count; \
         more.false > end",
    );
    let task = Task::new(&document);
    app.submit(&task).await;
    app.endpoint.called("/middle", 1).await;
    app.crash_and_start_again().await;
    let found = app.succeeded(task.run).await;
    assert_eq!(json!(found.run.output), json!({"end": [{"n": 3_000}]}));
    assert_eq!(app.endpoint.count("/middle"), 2);
    assert_eq!(step(&found, "count").iteration.counters(), [3_000]);
    assert_eq!(found.steps.len(), 6, "of each node the newest step");
}

#[tokio::test]
async fn a_loop_that_needs_more_iterations_than_it_may_fails_its_run_by_name() {
    let app = App::start().await;
    let document = workflow(
        &[
            node("start", "manual", json!({})),
            node("l", "loop", json!({"max_iterations": 2})),
            node("body", "noop", json!({})),
        ],
        "start > l; l.loop > body; body > l",
    );
    let input = json!([{"n": 1}, {"n": 2}, {"n": 3}]);
    let found = app.ended(app.submit(&Task::new(&document).input(input)).await).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "max_iterations"));
    assert!(error.message.contains("more than 2 iterations"), "{}", error.message);
}

/// The number that stands beside an item, or that there is none any more.
fn of(found: &domain::run::RunWithSteps) -> Value {
    let items = found.run.output.as_ref().unwrap()["end"].as_array().unwrap().iter();
    items.map(|item| item.get("of").cloned().unwrap_or_else(|| item["error"]["message"].clone())).collect()
}

/// `end` asks of each of its items which item of `asked` it came from; what fails leaves as well.
fn asks(asked: &str) -> Value {
    let params = json!({"fields": {"of": format!("{{{{ $('{asked}').item.n }}}}")}});
    json!({"id": "end", "type": "set", "data": {"params": params, "on_error": "continue"}})
}

#[tokio::test]
async fn an_item_is_followed_back_into_the_last_iteration_of_a_loop_and_not_into_a_wrong_one() {
    let app = App::start().await;
    let over = |asked: &str, edges: &str| {
        let nodes = [
            node("start", "manual", json!({})),
            node("l", "loop", json!({})),
            node("body", "set", json!({"fields": {"m": "{{ $('l').item.n }}"}})),
            asks(asked),
        ];
        workflow(&nodes, edges)
    };
    let input = json!([{"n": 10}, {"n": 11}, {"n": 12}]);
    // Behind `done`, and over an edge that leaves the loop; the back edge stands before the one that leads in.
    for edges in [
        "start > l; l.loop > body; body > l; l.done > end",
        "body > l; start > l; l.loop > body; body > end; l.done > end",
    ] {
        for asked in ["body", "start"] {
            let task = Task::new(&over(asked, edges)).input(input.clone());
            app.submit(&task).await;
            let found = of(&app.succeeded(task.run).await);
            let found = found.as_array().unwrap();
            assert_eq!(found.len() % 3, 0, "{found:?}");
            for three in found.chunks(3) {
                assert_eq!(three[2], 12, "{asked} {edges}: {found:?}");
                for earlier in &three[..2] {
                    let said = earlier.as_str().unwrap_or_default();
                    assert!(said.contains("an earlier iteration of the node \"body\""), "{asked}: {found:?}");
                }
            }
        }
    }
    // Within an iteration, and before the loop, everything is there.
    let task = Task::new(&over("start", "start > l; l.loop > body; body > l; start > end")).input(input);
    app.submit(&task).await;
    assert_eq!(of(&app.succeeded(task.run).await), json!([10, 11, 12]));
}

#[tokio::test]
async fn an_item_is_not_followed_back_over_the_rounds_of_a_cycle() {
    let app = App::start().await;
    let document = |rounds: u32| {
        let more = json!({"where": {"left": "{{ $iteration }}", "op": "lt", "right": rounds - 1}});
        let nodes = [
            node("start", "manual", json!({})),
            node("ask", "set", json!({"fields": {"round": "{{ $iteration }}"}})),
            node("more", "if", more),
            asks("start"),
        ];
        workflow(&nodes, "start > ask; ask > more; more.true > ask; more.false > end")
    };
    let input = json!([{"n": 10}, {"n": 11}]);
    let once = Task::new(&document(1)).input(input.clone());
    let twice = Task::new(&document(2)).input(input);
    app.submit(&once).await;
    app.submit(&twice).await;
    assert_eq!(of(&app.succeeded(once.run).await), json!([10, 11]));
    let found = of(&app.succeeded(twice.run).await);
    let said = found[0].as_str().unwrap_or_default();
    assert!(said.contains("an earlier iteration of the node \"more\""), "{found:?}");
}
