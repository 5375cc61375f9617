//! One limit on depth and size at every entrance: what is taken can be read back, what is not names the limit.

use domain::{
    event::{Payload, Topic},
    limits,
    run::RunStatus,
    timestamp::Timestamp,
};
use minireipaz::{
    store::{Facts, RunStore, StepFact},
    testing::eventually,
};
use serde_json::{Value, json};

use crate::app::{TestApp, acme, greeting};

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

/// A document that is the greeting, with something in some place of it.
fn document(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = greeting();
    change(&mut document);
    document
}

/// Puts a value somewhere into a document.
type Put<'p> = &'p dyn Fn(&mut Value, Value);

#[tokio::test]
async fn a_document_at_the_limit_of_depth_is_saved_read_back_and_run_and_one_level_more_is_refused() {
    let app = TestApp::start().await;
    let places: [(&str, Put<'_>); 6] = [
        ("notes", &|document, value| document["notes"] = value),
        ("settings.notes", &|document, value| document["settings"] = json!({ "notes": value })),
        ("nodes[1].notes", &|document, value| document["nodes"][1]["notes"] = value),
        ("nodes[1].data.notes", &|document, value| document["nodes"][1]["data"]["notes"] = value),
        ("edges[0].notes", &|document, value| document["edges"][0]["notes"] = value),
        ("nodes[1].data.params.fields", &|document, value| {
            document["nodes"][1] = json!({"id": "end", "type": "set", "data": {"params": {"fields": value}}});
        }),
    ];
    for (path, put) in places {
        let fitting = document(|document| put(document, nested(limits::MAX_DEPTH)));
        let saved = app.post("/api/v1/workflows", &fitting).await;
        assert_eq!(saved.status, 201, "{path}: {saved:?}");
        let id = saved.body["id"].as_str().unwrap();
        let read = app.get(&format!("/api/v1/workflows/{id}")).await;
        let place = |value: &Value| value.pointer(&pointer(path)).cloned();
        assert_eq!((read.status.as_u16(), place(&read.body)), (200, place(&fitting)), "{path}");
        let run = app.run(id).await;
        assert_eq!(app.deliver_all().await.body["runs"], 1, "{path}");
        assert_eq!(app.get(&format!("/api/v1/runs/{run}")).await.body["status"], "queued");

        let deeper = document(|document| put(document, nested(limits::MAX_DEPTH + 1)));
        let refused = app.post("/api/v1/workflows", &deeper).await;
        assert!(refused.problem(422, "invalid_workflow").contains("MAX_DEPTH"), "{path}: {refused:?}");
        assert_eq!(refused.violations(), [(path, "limit")], "{refused:?}");
    }
    // Beyond what a reader takes at all.
    let refused = app.post("/api/v1/workflows", &document(|document| document["notes"] = nested(200))).await;
    assert!(refused.problem(422, "too_deep").contains("MAX_DEPTH"));
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace("[", "/").replace("].", "/").replace(['.', ']'], "/"))
}

#[tokio::test]
async fn an_input_at_its_limits_goes_all_the_way_to_a_task_and_beyond_them_is_refused_by_name() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let path = format!("/api/v1/workflows/{workflow}/runs");
    app.deliver_all().await;
    // `{"k":""}` takes 8 bytes.
    let of_size = |bytes: usize| json!({ "k": "x".repeat(bytes - 8) });
    for input in [
        nested(limits::MAX_DEPTH),
        json!([{}, nested(limits::MAX_DEPTH)]),
        of_size(limits::MAX_INPUT_BYTES),
        json!(vec![json!({}); limits::MAX_ITEMS]),
    ] {
        let started = app.post(&path, &json!({ "input": input })).await;
        assert_eq!(started.status, 202, "{}", started.text);
        let delivered = app.deliver_all().await;
        assert_eq!((&delivered.body["runs"], &delivered.body["dead_letters"]), (&json!(1), &json!(0)));
        let tasks = app.bus.of_topic(Topic::Tasks);
        let Payload::TaskExecute(task) = &tasks.last().unwrap().payload else { panic!("{tasks:?}") };
        // As the worker reads it.
        let written = serde_json::to_string(tasks.last().unwrap()).unwrap();
        assert_eq!(domain::event::read(&written).as_ref(), Ok(tasks.last().unwrap()));
        assert_eq!(task.input.read::<serde_json::Value>().unwrap(), input);
        let read = app.get(started.header("location")).await;
        assert_eq!((read.status.as_u16(), &read.body["input"]), (200, &input));
    }
    for (input, limit) in [
        (nested(limits::MAX_DEPTH + 1), "MAX_DEPTH"),
        (json!([{}, nested(limits::MAX_DEPTH + 1)]), "MAX_DEPTH"),
        (of_size(limits::MAX_INPUT_BYTES + 1), "MAX_INPUT_BYTES"),
        (json!(vec![json!({}); limits::MAX_ITEMS + 1]), "MAX_ITEMS"),
    ] {
        let refused = app.post(&path, &json!({ "input": input })).await;
        let detail = refused.problem(422, "invalid_input");
        assert!(detail.contains(limit), "{limit}: {detail}");
    }
    let body = json!({ "input": of_size(limits::MAX_BODY_BYTES) });
    assert!(app.post(&path, &body).await.problem(413, "body_too_large").contains("MAX_BODY_BYTES"));
}

#[tokio::test]
async fn a_document_at_its_limits_of_number_and_size_is_saved_and_one_more_is_refused_by_name() {
    let app = TestApp::start().await;
    let nodes = |count: usize| {
        document(|document| {
            let nodes = (0..count)
                .map(|n| json!({"id": format!("n{n}"), "type": if n == 0 { "manual" } else { "noop" }}));
            (document["nodes"], document["edges"]) = (nodes.collect(), json!([]));
        })
    };
    let edges = |count: usize| {
        let mut document = nodes(65);
        let pairs = (1..65).flat_map(|a| (a + 1..65).map(move |b| (a, b))).take(count);
        document["edges"] =
            pairs.map(|(a, b)| json!({"source": format!("n{a}"), "target": format!("n{b}")})).collect();
        document
    };
    let sized = |bytes: usize| {
        document(|document| {
            document["notes"] = json!("");
            let empty = document.to_string().len();
            document["notes"] = json!("x".repeat(bytes - empty));
        })
    };
    let attempts = |max_attempts: u32| {
        document(|document| document["nodes"][1]["data"]["retry"] = json!({ "max_attempts": max_attempts }))
    };
    for (fitting, beyond, limit) in [
        (nodes(limits::MAX_NODES), nodes(limits::MAX_NODES + 1), "MAX_NODES"),
        (edges(limits::MAX_EDGES), edges(limits::MAX_EDGES + 1), "MAX_EDGES"),
        (attempts(limits::MAX_ATTEMPTS), attempts(limits::MAX_ATTEMPTS + 1), "MAX_ATTEMPTS"),
        (
            sized(limits::MAX_DOCUMENT_BYTES - 200),
            sized(limits::MAX_DOCUMENT_BYTES + 1),
            "MAX_DOCUMENT_BYTES",
        ),
    ] {
        let saved = app.post("/api/v1/workflows", &fitting).await;
        assert_eq!(saved.status, 201, "{limit}: {}", saved.text);
        let id = saved.body["id"].as_str().unwrap();
        assert_eq!(app.get(&format!("/api/v1/workflows/{id}")).await.status, 200);
        let refused = app.post("/api/v1/workflows", &beyond).await;
        assert!(refused.problem(422, "invalid_workflow").contains(limit), "{limit}: {}", refused.text);
    }
}

#[tokio::test]
async fn text_and_numbers_arrive_as_they_were_sent() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    app.deliver_all().await;
    let numbers = "[9223372036854775807,-9223372036854775808,18446744073709551615,12345678901234567890,1000000000000000000001,-0.0,0.12345678901234567890,1e+400]";
    let body =
        format!(r#"{{"input":{{"half":"nice \ud83d","whole":"\ud83d\ude00","\udc00":1,"n":{numbers}}}}}"#);
    let request = app
        .request(http::Method::POST, &format!("/api/v1/workflows/{workflow}/runs"))
        .header("content-type", "application/json");
    let started = app.send(request.body(body.into()).unwrap()).await;
    assert_eq!(started.status, 202, "{}", started.text);
    app.deliver_all().await;
    let read = app.get(started.header("location")).await;
    let n: Value = serde_json::from_str(numbers).unwrap();
    let expected = json!({"half": "nice \u{fffd}", "whole": "😀", "\u{fffd}": 1, "n": n});
    for answer in [&started, &read] {
        assert_eq!(answer.body["input"], expected);
        assert!(answer.text.contains(numbers), "{}", answer.text);
    }
    // As the worker gets it.
    let tasks = app.bus.of_topic(Topic::Tasks);
    assert!(serde_json::to_string(&tasks).unwrap().contains(numbers));
}

#[tokio::test]
async fn an_answer_about_a_run_leaves_the_largest_outputs_out_and_gives_them_one_node_at_a_time() {
    let app = TestApp::start().await;
    let run = app.run(&app.workflow().await).await;
    app.deliver_all().await;
    let path = format!("/api/v1/runs/{run}");
    assert!(app.get(&path).await.body.get("left_out").is_none());
    let most = limits::MAX_STEP_OUTPUT_BYTES;
    let steps = (0..).zip([100, most, most, most, most, 200]).map(|(ordinal, bytes)| {
        let output = json!({"main": [{"t": "x".repeat(bytes - 24)}]});
        let step = json!({
            "node_id": format!("n {ordinal}"), "kind": "noop", "status": "succeeded", "attempts": 1, "output": output
        });
        let (run_id, step) = (run.parse().unwrap(), serde_json::from_value(step).unwrap());
        StepFact { tenant: acme(), run_id, run_attempt: 1, revision: 3, ordinal, step }
    });
    app.store.record(&Facts { runs: Vec::new(), steps: steps.collect() }).await.unwrap();
    let whole = app.get(&path).await;
    assert!(whole.text.len() < limits::MAX_ANSWER_BYTES + 10_000);
    let left_out = &whole.body["left_out"];
    assert_eq!((left_out.as_array().unwrap().len(), &left_out[0]["bytes"]), (1, &json!(most - 5)));
    let node = left_out[0]["node_id"].as_str().unwrap();
    let one = app.get(&format!("{path}?node={}", node.replace(' ', "%20"))).await.body;
    assert_eq!((one["steps"].as_array().unwrap().len(), &one["steps"][0]["node_id"]), (1, &json!(node)));
    assert!(one["steps"][0]["output"]["main"][0]["t"].is_string() && one.get("left_out").is_none());
    let nothing = app.get(&format!("{path}?node=end")).await.body;
    assert_eq!((&nothing["steps"], &nothing["id"]), (&json!([]), &json!(run)));
    let later = format!("{path}?node=end&wait=25&after=0");
    let waited = app.get(&later);
    let moved = async {
        eventually("it is waited for", async || app.state.runs.waiters() == 1).await;
        app.advance(&run, RunStatus::Succeeded, 4).await;
    };
    let (waited, ()) = tokio::join!(waited, moved);
    assert_eq!((&waited.body["status"], &waited.body["steps"]), (&json!("succeeded"), &json!([])));
    for query in ["node=", "node=%01", "node=a&node=b"] {
        app.get(&format!("{path}?{query}")).await.problem(400, "invalid_parameter");
    }
    let unknown = format!("/api/v1/runs/{}?node=a", domain::ids::RunId::at(Timestamp::from_millis(1), 1));
    app.get(&unknown).await.problem(404, "run_not_found");
}
