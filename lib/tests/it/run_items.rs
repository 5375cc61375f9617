//! The items of a step, by page.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    ids::NodeId,
    iteration::Iteration,
    run::{RunKey, RunStatus, Step, StepStatus},
    timestamp::Timestamp,
};
use minireipaz::store::{Facts, RunStore, StepFact};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, acme};

/// A loop around a call, and a merge behind two branches.
fn document() -> Value {
    let node = |id: &str, kind: &str| json!({"id": id, "type": kind});
    json!({
        "name": "Items",
        "nodes": [
            node("start", "manual"), node("l", "loop"), node("body", "noop"), node("end", "noop"),
            node("side", "noop"), node("both", "merge"),
        ],
        "edges": [
            {"source": "start", "target": "l"},
            {"source": "l", "sourceHandle": "loop", "target": "body"},
            {"source": "body", "target": "l"},
            {"source": "l", "sourceHandle": "done", "target": "end"},
            {"source": "start", "target": "side"},
            {"source": "start", "target": "both", "targetHandle": "left"},
            {"source": "side", "target": "both", "targetHandle": "right"},
        ],
    })
}

struct Scene {
    app: TestApp,
    run: String,
}

impl Scene {
    /// A run that has not begun.
    async fn new() -> Self {
        let app = TestApp::start().await;
        let saved = app.post("/api/v1/workflows", &document()).await;
        assert_eq!(saved.status, 201, "{saved:?}");
        let run = app.run(saved.body["id"].as_str().unwrap()).await;
        app.deliver_all().await;
        Self { app, run }
    }

    /// Records steps of the run, each with what it gave.
    async fn gave(&self, steps: &[(&str, &[u32], &str, Value)]) {
        self.app.advance(&self.run, RunStatus::Running, 1).await;
        let key: RunKey = (acme(), self.run.parse().unwrap());
        let known = self.app.store.unwatched().get(std::slice::from_ref(&key)).await.unwrap().remove(&key);
        let run = known.unwrap().unwrap().run;
        let facts = (1u32..).zip(steps).map(|(ordinal, (node, iteration, port, items))| {
            let items: Vec<_> =
                items.as_array().unwrap().iter().map(|item| item.as_object().unwrap().clone()).collect();
            let output = BTreeMap::from([(Arc::from(*port), Arc::new(items))]);
            StepFact {
                tenant: acme(),
                run_id: key.1,
                run_attempt: 1,
                revision: u64::from(ordinal),
                ordinal,
                step: Step {
                    node_id: NodeId::parse(node).unwrap(),
                    iteration: Iteration::from(iteration.to_vec()),
                    kind: "noop".to_owned(),
                    status: StepStatus::Succeeded,
                    pinned: false,
                    attempts: 1,
                    started_at: Some(Timestamp::from_millis(1)),
                    finished_at: None,
                    output: Some(output),
                    lineage: BTreeMap::default(),
                    console: Vec::new(),
                    waits_for: None,
                    signal: None,
                    error: None,
                },
            }
        });
        let facts = Facts { runs: vec![(acme(), run)], steps: facts.collect() };
        self.app.store.unwatched().record(&facts).await.unwrap();
    }

    async fn items(&self, query: &str) -> Answer {
        self.app.get(&format!("/api/v1/runs/{}/items?{query}", self.run)).await
    }

    async fn refused(&self, query: &str, status: u16, code: &str) -> String {
        self.items(query).await.problem(status, code).to_owned()
    }

    async fn page(&self, query: &str) -> Value {
        let answer = self.items(query).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.body
    }
}

fn numbers(from: u32, to: u32) -> Value {
    (from..to).map(|n| json!({ "n": n })).collect()
}

#[tokio::test]
async fn what_a_step_gave_comes_page_by_page() {
    let scene = Scene::new().await;
    scene.gave(&[("start", &[], "main", numbers(0, 250))]).await;
    let first = scene.page("node=start").await;
    assert_eq!(first["items"], numbers(0, 100));
    let rest = json!({
        "node_id": "start", "side": "out", "port": "main", "total": 250, "offset": 0, "next_offset": 100,
        "items": first["items"],
    });
    assert_eq!(first, rest);
    let last = scene.page("node=start&offset=240&limit=1000&side=out&port=main").await;
    assert_eq!((&last["items"], &last["next_offset"]), (&numbers(240, 250), &Value::Null));
}

#[tokio::test]
async fn a_step_in_a_loop_is_named_by_its_iteration_and_else_it_is_the_newest() {
    let scene = Scene::new().await;
    scene
        .gave(&[
            ("start", &[], "main", numbers(0, 2)),
            ("l", &[0], "loop", numbers(0, 1)),
            ("body", &[0], "main", json!([{"of": 0}])),
            ("l", &[1], "loop", numbers(1, 2)),
            ("body", &[1], "main", json!([{"of": 1}])),
        ])
        .await;
    let newest = scene.page("node=body").await;
    assert_eq!((&newest["items"], &newest["iteration"]), (&json!([{"of": 1}]), &json!([1])));
    assert_eq!(scene.page("node=body&iteration=0").await["items"], json!([{"of": 0}]));
    // What it was given: by the loop in the same iteration, and the loop itself all, each time.
    assert_eq!(scene.page("node=body&iteration=0&side=in").await["items"], numbers(0, 1));
    assert_eq!(scene.page("node=l&iteration=1&side=in").await["items"], numbers(0, 2));
    for query in ["node=body&iteration=2", "node=body&iteration=0.0", "node=start&iteration=0", "node=end"] {
        let detail = scene.refused(query, 404, "iteration_not_found").await;
        assert!(detail.contains("has no step"), "{detail}");
    }
    // A node's iterations, the newest first, are listed with the run.
    let older = scene.app.get(&format!("/api/v1/runs/{}?node=body&before=1", scene.run)).await;
    assert_eq!(older.body["steps"].as_array().unwrap().len(), 1, "{older:?}");
    assert_eq!(older.body["steps"][0]["iteration"], json!([0]));
}

#[tokio::test]
async fn what_a_step_was_given_is_what_its_edges_brought_in_their_order() {
    let scene = Scene::new().await;
    scene
        .gave(&[
            ("start", &[], "main", numbers(0, 3)),
            ("side", &[], "main", numbers(7, 9)),
            ("both", &[], "main", json!([])),
            ("end", &[], "main", json!([])),
        ])
        .await;
    let all =
        [numbers(0, 3), numbers(7, 9)].iter().flat_map(|list| list.as_array().unwrap().clone()).collect();
    let given = scene.page("node=both&side=in").await;
    assert_eq!((&given["items"], &given["total"]), (&Value::Array(all), &json!(5)));
    assert_eq!(scene.page("node=both&side=in&port=right&offset=1").await["items"], numbers(8, 9));
    assert_eq!(scene.page("node=start&side=in").await["items"], json!([]));
    let detail = scene.refused("node=both&side=in&port=middle", 404, "port_not_found").await;
    assert!(detail.ends_with("it has: left, right"), "{detail}");
    let detail = scene.refused("node=end&side=in", 404, "input_not_recorded").await;
    assert!(detail.contains("\"l\"") && detail.contains("side=out"), "{detail}");
}

#[tokio::test]
async fn what_there_is_not_is_told_by_name() {
    let scene = Scene::new().await;
    scene.gave(&[("start", &[], "main", numbers(0, 1))]).await;
    let detail = scene.refused("node=nosuch", 404, "node_not_found").await;
    assert!(detail.contains("start, l, body"), "{detail}");
    let detail = scene.refused("node=start&port=error", 404, "port_not_found").await;
    assert!(detail.ends_with("it has: main"), "{detail}");
    for (query, name) in [
        ("", "node"),
        ("node=start&limit=0", "limit"),
        ("node=start&limit=1001", "limit"),
        ("node=start&offset=-1", "offset"),
        ("node=start&side=up", "side"),
        ("node=start&iteration=x", "iteration"),
    ] {
        let detail = scene.refused(query, 400, "invalid_parameter").await;
        assert!(detail.contains(name), "{query}: {detail}");
    }
    let nobody = "018f3c3e-0000-7000-8000-000000000000";
    scene.app.get(&format!("/api/v1/runs/{nobody}/items?node=a")).await.problem(404, "run_not_found");
    let answer = scene.app.get(&format!("/api/v1/runs/{}?before=1", scene.run)).await;
    assert!(answer.problem(400, "invalid_parameter").contains("node"), "{answer:?}");
}
