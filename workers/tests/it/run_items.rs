//! The items of a step, at the worker that has its run: what its journal has of it.

use domain::run::RunStatus;
use serde_json::{Value, json};

use crate::app::{Answer, App, SECRET, Task, step, within};

struct Page {
    status: u16,
    body: Value,
}

async fn items(app: &App, task: &Task, query: &str) -> Page {
    let url = format!("http://{}/runs/{}/items?tenant=acme&{query}", app.addr(), task.run);
    let request = reqwest::Client::new().get(url).bearer_auth(SECRET);
    let answer = within("an answer", request.send()).await.unwrap();
    let status = answer.status().as_u16();
    Page { status, body: serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default() }
}

/// A loop of calls; the second one is not answered.
async fn in_the_second_iteration() -> (App, Task) {
    let app = App::start().await;
    app.endpoint.on("/call", &[Answer::Status(200), Answer::Never, Answer::Status(200)]);
    let node =
        |id: &str, kind: &str, params: Value| json!({"id": id, "type": kind, "data": {"params": params}});
    let document = json!({
        "name": "Items",
        "nodes": [
            node("start", "manual", json!({})),
            node("l", "loop", json!({})),
            node("first", "set", json!({"fields": {"round": "{{ $iteration }}"}})),
            node("call", "http_request", json!({"url": app.endpoint.url("/call")})),
            node("end", "noop", json!({})),
        ],
        "edges": [
            {"source": "start", "target": "l"},
            {"source": "l", "sourceHandle": "loop", "target": "first"},
            {"source": "first", "target": "call"},
            {"source": "call", "target": "l"},
            {"source": "l", "sourceHandle": "done", "target": "end"},
        ],
    });
    let task = Task::new(&document).input(json!([{"n": 0}, {"n": 1}]));
    app.submit(&task).await;
    app.endpoint.called("/call", 2).await;
    (app, task)
}

#[tokio::test]
async fn what_steps_gave_and_were_given_is_read_from_the_journal_while_the_run_goes_on() {
    let (app, task) = in_the_second_iteration().await;
    app.store.set_down(true);
    let read = async |query: &str| {
        let page = items(&app, &task, query).await;
        assert_eq!(page.status, 200, "{query}: {}", page.body);
        page.body
    };
    let all = read("node=start&side=out").await;
    assert_eq!((&all["items"], &all["total"]), (&json!([{"n": 0}, {"n": 1}]), &json!(2)));
    assert_eq!(read("node=start&limit=1").await["next_offset"], 1);
    let newest = read("node=first").await;
    assert_eq!((&newest["items"], &newest["iteration"]), (&json!([{"n": 1, "round": 1}]), &json!([1])));
    assert_eq!(read("node=first&iteration=0").await["items"], json!([{"n": 0, "round": 0}]), "it is kept");
    assert_eq!(read("node=call&side=in").await["items"], newest["items"], "its attempt is under way");
    assert_eq!(read("node=l&side=in").await["items"], all["items"]);
}

#[tokio::test]
async fn what_the_worker_cannot_tell_the_store_is_asked_for() {
    let (app, task) = in_the_second_iteration().await;
    for query in [
        "node=end",
        "node=nosuch",
        "node=start&port=nosuch",
        "node=first&iteration=7",
        "node=first&iteration=0&side=in",
    ] {
        let page = items(&app, &task, query).await;
        assert_eq!((page.status, &page.body["code"]), (404, &json!("run_unknown")), "{query}");
    }
    let page = items(&app, &Task::new(&json!({})), "node=start").await;
    assert_eq!((page.status, &page.body["code"]), (404, &json!("run_unknown")));
    let page = items(&app, &task, "limit=5").await;
    assert_eq!((page.status, &page.body["code"]), (400, &json!("invalid_parameter")));
}

#[tokio::test]
async fn a_run_answers_while_it_goes_on_and_its_response_outlives_a_crash() {
    let mut app = App::start().await;
    app.endpoint.on("/slow", &[Answer::Never, Answer::Status(200)]);
    let document = json!({
        "name": "Respond",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "answer", "type": "respond", "data": {"params": {
                "status": 201, "headers": {"x-order": "{{ $json.id }}"}, "body": "{{ $json }}"
            }}},
            {"id": "slow", "type": "http_request", "data": {"params": {"url": app.endpoint.url("/slow")}}},
            {"id": "again", "type": "respond", "data": {"params": {"status": 500}}},
        ],
        "edges": [
            {"source": "start", "target": "answer"},
            {"source": "answer", "target": "slow"},
            {"source": "slow", "target": "again"},
        ],
    });
    let task = Task::new(&document).input(json!({"id": 7}));
    app.submit(&task).await;
    app.endpoint.called("/slow", 1).await;
    let url = format!("http://{}/runs/{}?tenant=acme", app.addr(), task.run);
    let request = reqwest::Client::new().get(url).bearer_auth(SECRET);
    let answer = within("an answer", request.send()).await.unwrap().text().await.unwrap();
    let shown: Value = serde_json::from_str(&answer).unwrap();
    let response = json!({"status": 201, "headers": {"x-order": ["7"]}, "body": {"id": 7}});
    assert_eq!((&shown["status"], &shown["response"]), (&json!("running"), &response));
    app.crash_and_start_again().await;
    let found = app.succeeded(task.run).await;
    assert_eq!((found.run.status, json!(found.run.response)), (RunStatus::Succeeded, response));
    assert!(step(&found, "again").console[0].contains("ignored"), "{:?}", step(&found, "again"));
}
