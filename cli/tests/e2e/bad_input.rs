//! Bad input: each its own problem document, and nothing half-done.

use std::{sync::Arc, time::Duration};

use domain::timestamp::Timestamp;
use minireipaz::clock::ManualClock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, read_json, repository, request_of};

fn node(id: &str, kind: &str) -> Value {
    json!({"id": id, "type": kind, "data": {}})
}

fn edge(source: &str, target: &str) -> Value {
    json!({"source": source, "target": target})
}

fn workflow(nodes: &[Value], edges: &[Value]) -> Value {
    json!({"name": "Bad", "nodes": nodes, "edges": edges})
}

pub async fn a_workflow_that_is_wrong_is_refused_with_all_its_violations_and_not_saved(api: Client) {
    let (start, end) = (node("start", "manual"), node("end", "noop"));
    let cases = [
        (workflow(&[start.clone(), node("x", "teleport")], &[]), vec![("nodes[1].type", "unknown_kind")]),
        (
            workflow(
                &[start.clone(), end.clone(), node("more", "noop")],
                &[edge("start", "end"), edge("start", "more"), edge("end", "more"), edge("more", "end")],
            ),
            vec![("nodes[1]", "cycle")],
        ),
        (
            workflow(&[start.clone(), end], &[edge("start", "nowhere")]),
            vec![("edges[0].target", "dangling_edge")],
        ),
        (
            workflow(&[start.clone(), node("again", "manual")], &[]),
            vec![("nodes[1].type", "duplicate_trigger")],
        ),
        (
            workflow(&[start, node("x", "teleport"), node("call", "http_request")], &[edge("gone", "call")]),
            vec![
                ("nodes[1].type", "unknown_kind"),
                ("nodes[2].data.params.url", "required"),
                ("edges[0].source", "dangling_edge"),
            ],
        ),
    ];
    for (document, expected) in cases {
        let answer = api.post("/workflows", &document).await;
        answer.is_problem(422, "invalid_workflow");
        let violations = answer.body["violations"].as_array().unwrap();
        for (path, code) in expected {
            let found =
                violations.iter().any(|violation| violation["path"] == path && violation["code"] == code);
            assert!(found, "{path} {code}: {violations:#?}");
        }
    }
    let list = api.get("/workflows").await;
    assert_eq!(list.body["items"], json!([]), "nothing was saved");
}

pub async fn a_request_that_is_wrong_has_a_problem_of_its_own(api: Client) {
    let json_text = |path: &str, body: String| {
        let request = api.authorized(Method::POST, path);
        api.send(request.header("content-type", "application/json").body(body))
    };
    json_text("/workflows", "{\"name\": ".into()).await.is_problem(400, "invalid_json");
    let large = json_text("/workflows", format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20))).await;
    assert_eq!(large.status, 413, "{:#}", large.body);
    assert!(large.body["detail"].as_str().unwrap().contains("1"), "names the limit: {:#}", large.body);
    api.send(api.request(Method::GET, "/workflows")).await.is_problem(401, "token_missing");
    let earlier = Timestamp::from_millis(1_700_000_000_000);
    let issuer = api.identity().issuer();
    let expired =
        issuer.with_clock(Arc::new(ManualClock::at(earlier))).token(&request_of(api.tenant())).unwrap();
    let old = api.send(api.request(Method::GET, "/workflows").bearer_auth(expired)).await;
    old.is_problem(401, "token_expired");
    assert_eq!(api.get("/nowhere").await.status, 404);
    let patch = api.authorized(Method::PATCH, "/workflows");
    assert_eq!(api.send(patch).await.status, 405);
    assert_eq!(api.get("/workflows").await.body["items"], json!([]), "nothing was saved");
}

pub async fn what_belongs_to_another_tenant_is_as_if_it_did_not_exist(api: Client) {
    let mine = api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let run = api.run(&mine, &json!({"name": "Ada"})).await;
    api.result(&run).await;
    let stranger = api.of(&format!("{}-other", api.tenant()));
    for path in [format!("/workflows/{mine}"), format!("/runs/{run}"), format!("/workflows/{mine}/runs")] {
        let answer = stranger.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {:#}", answer.body);
    }
    assert_eq!(stranger.post(&format!("/workflows/{mine}/runs"), &json!({})).await.status, 404);
    let delete = stranger.authorized(Method::DELETE, &format!("/workflows/{mine}"));
    assert_eq!(stranger.send(delete).await.status, 404);
    assert_eq!(api.get(&format!("/workflows/{mine}")).await.status, 200);
}

pub async fn a_wrong_version_and_a_reused_key_change_nothing(api: Client) {
    let document = read_json(&repository("examples/hello/workflow.json"));
    let id = api.save(&document).await;
    let put = |version: &str| {
        let request = api.authorized(Method::PUT, &format!("/workflows/{id}"));
        api.send(request.header("if-match", version.to_owned()).json(&document))
    };
    assert_eq!(put("\"7\"").await.status, 412);
    assert_eq!(api.get(&format!("/workflows/{id}")).await.body["version"], 1);

    let start = |name: &str| {
        let request = api.authorized(Method::POST, &format!("/workflows/{id}/runs"));
        let request = request.header("idempotency-key", "order-1").json(&json!({"input": {"name": name}}));
        api.send(request.timeout(Duration::from_secs(30)))
    };
    let first = start("Ada").await;
    assert_eq!(first.status, 202, "{:#}", first.body);
    assert_eq!(start("Ada").await.id(), first.id(), "the same key is the same run");
    start("Eve").await.is_problem(422, "idempotency_key_reused");
    assert_eq!(api.result(&first.id()).await["output"]["greet"][0]["name"], "Ada");
    let runs = api.get(&format!("/workflows/{id}/runs")).await;
    assert_eq!(runs.body["items"].as_array().unwrap().len(), 1);
}
