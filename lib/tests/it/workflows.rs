//! Workflows: saving, reading, changing, deleting, listing.

use domain::{event::Payload, ids::TenantId, limits};
use http::Method;
use minireipaz::testing::eventually;
use serde_json::{Value, json};

use crate::app::{TestApp, acme, greeting};

#[tokio::test]
async fn what_is_saved_is_published_readable_at_once_and_given_back_with_unknown_fields() {
    let app = TestApp::start().await;
    let mut document = greeting();
    document["nodes"][0]["selected"] = json!(true);
    let saved = app.post("/api/v1/workflows", &document).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let id = saved.body["id"].as_str().unwrap();
    assert_eq!(saved.header("location"), format!("/api/v1/workflows/{id}"));
    assert_eq!(saved.header("etag"), "\"1\"");
    assert_eq!(saved.body["version"], 1);
    assert_eq!(saved.body["created_at"], saved.body["updated_at"]);

    let read = app.get(saved.header("location")).await;
    assert_eq!((read.status.as_u16(), read.header("etag")), (200, "\"1\""));
    assert_eq!(read.body, saved.body);
    assert_eq!(read.body["viewport"], document["viewport"]);
    assert_eq!(read.body["nodes"][0]["position"], document["nodes"][0]["position"]);
    assert_eq!(read.body["nodes"][0]["selected"], true);
    assert!(
        matches!(&app.bus.events()[0].payload, Payload::WorkflowSaved(event) if event.summary.id.to_string() == id)
    );
}

#[tokio::test]
async fn an_etag_that_is_known_saves_the_body() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    let known = |tag: &'static str| {
        let request = app.request(Method::GET, &path).header("if-none-match", tag);
        app.send(request.body(axum::body::Body::empty()).unwrap())
    };
    for tag in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let answer = known(tag).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (304, ""), "{tag}");
        assert_eq!(answer.header("etag"), "\"1\"");
    }
    assert_eq!(known("\"2\"").await.status, 200);
}

#[tokio::test]
async fn a_change_needs_the_version_that_it_is_based_on() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    let mut changed = app.get(&path).await.body;
    changed["name"] = json!("Greeting 2");

    let missing = app.send(app.json(Method::PUT, &path, &changed, &[])).await;
    missing.problem(428, "precondition_required");
    let wrong = app.put(&path, &changed, "\"7\"").await;
    wrong.problem(412, "version_mismatch");
    assert_eq!(wrong.body["current_version"], 1);
    app.put(&path, &changed, "\"something else\"").await.problem(412, "version_mismatch");

    let saved = app.put(&path, &changed, "\"1\"").await;
    assert_eq!((saved.status.as_u16(), saved.header("etag")), (200, "\"2\""), "{saved:?}");
    assert_eq!((&saved.body["version"], &saved.body["name"]), (&json!(2), &json!("Greeting 2")));
    assert_eq!(saved.body["created_at"], changed["created_at"]);
    // What the server sets is no part of the document: it did not come back as unknown fields.
    assert_eq!(saved.text.matches("\"created_at\"").count(), 1);
    app.put(&path, &changed, "\"1\"").await.problem(412, "version_mismatch");
    assert_eq!(app.put(&path, &changed, "*").await.body["version"], 3);
}

#[tokio::test]
async fn of_concurrent_changes_of_one_version_exactly_one_wins() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    let document = greeting();
    let changes = (0..8).map(|_| app.put(&path, &document, "\"1\""));
    let answers = futures_util::future::join_all(changes).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| {
        answer.problem(412, "version_mismatch");
    });
    assert_eq!(app.bus.calls(), 2, "nothing of the others is published");
}

#[tokio::test]
async fn of_concurrent_changes_in_several_processes_exactly_one_wins() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    let processes: Vec<_> = (0..4).map(|_| app.beside()).collect();
    for version in 1..=5 {
        let changes = processes.iter().enumerate().map(async |(n, process)| {
            let mut document = greeting();
            document["name"] = json!(format!("by {n}"));
            process.put(&path, &document, &format!("\"{version}\"")).await
        });
        let answers = futures_util::future::join_all(changes).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "{answers:?}");
        lost.iter().for_each(|answer| {
            answer.problem(412, "version_mismatch");
        });
        let read = app.get(&path).await.body;
        assert_eq!((&read["version"], &read["name"]), (&json!(version + 1), &won[0].body["name"]));
    }
}

#[tokio::test]
async fn while_another_process_is_saving_a_change_waits_briefly_and_is_then_sent_away() {
    let app = TestApp::start().await;
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    let (other, mut theirs) = (app.beside(), greeting());
    theirs["name"] = json!("theirs");
    app.bus.halt();
    let document = greeting();
    let saving = app.put(&path, &document, "\"1\"");
    let calls = app.bus.calls();
    let meanwhile = async {
        eventually("the event is handed to the bus", async || app.bus.calls() > calls).await;
        let refused = other.put(&path, &theirs, "\"1\"").await;
        refused.problem(503, "workflow_busy");
        assert_eq!(refused.header("retry-after"), "1");
        app.bus.open();
    };
    let (saved, ()) = tokio::join!(saving, meanwhile);
    assert_eq!(saved.status, 200);
    other.put(&path, &theirs, "\"1\"").await.problem(412, "version_mismatch");
    assert_eq!(other.put(&path, &theirs, "\"2\"").await.status, 200);
}

#[tokio::test]
async fn a_deleted_workflow_is_gone_and_its_runs_stay() {
    let app = TestApp::start().await;
    let id = app.workflow().await;
    let path = format!("/api/v1/workflows/{id}");
    let run = app.run(&id).await;
    app.deliver_all().await;
    let delete = |tag: &'static str| {
        let request = app.request(Method::DELETE, &path).header("if-match", tag);
        app.send(request.body(axum::body::Body::empty()).unwrap())
    };
    delete("\"2\"").await.problem(412, "version_mismatch");
    let deleted = delete("\"1\"").await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
    app.get(&path).await.problem(404, "workflow_not_found");
    delete("*").await.problem(404, "workflow_not_found");
    app.put(&path, &greeting(), "*").await.problem(404, "workflow_not_found");
    app.post(&format!("{path}/runs"), &json!({})).await.problem(404, "workflow_not_found");
    let runs = app.get(&format!("{path}/runs")).await;
    assert_eq!(runs.body["items"][0]["id"], run);
    assert!(app.get("/api/v1/workflows").await.body["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_nothing_is_saved() {
    let app = TestApp::start().await;
    let document = json!({
        "name": "",
        "nodes": [
            {"id": "a", "type": "manual"},
            {"id": "b", "type": "manual"},
            {"id": "c", "type": "teleport"},
            {"id": "d", "type": "noop"},
            {"id": "e", "type": "noop"}
        ],
        "edges": [
            {"source": "a", "target": "nowhere"},
            {"source": "d", "target": "e"},
            {"source": "e", "target": "d"}
        ]
    });
    let answer = app.post("/api/v1/workflows", &document).await;
    answer.problem(422, "invalid_workflow");
    let found = answer.violations();
    for expected in [
        ("name", "invalid_value"),
        ("nodes[1].type", "duplicate_trigger"),
        ("nodes[2].type", "unknown_kind"),
        ("edges[0].target", "dangling_edge"),
        ("nodes[3]", "cycle"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is missing in {found:?}");
    }
    assert_eq!(app.bus.calls(), 0);

    let shapes = json!({"nodes": [{"type": "manual"}], "edges": [{"source": 1, "target": "x"}]});
    let answer = app.post("/api/v1/workflows", &shapes).await;
    answer.problem(422, "invalid_workflow");
    assert_eq!(
        answer.violations(),
        [("name", "required"), ("nodes[0].id", "required"), ("edges[0].source", "invalid_type")]
    );
    // A change of what is not valid leaves the version that there is.
    let path = format!("/api/v1/workflows/{}", app.workflow().await);
    app.put(&path, &document, "*").await.problem(422, "invalid_workflow");
    assert_eq!(app.get(&path).await.body["version"], 1);
}

#[tokio::test]
async fn a_first_delay_above_the_longest_is_refused_and_a_short_longest_delay_is_not() {
    let app = TestApp::start().await;
    let retrying = |retry: Value| {
        let mut document = greeting();
        document["nodes"][0]["data"] = json!({"retry": retry});
        document
    };
    for retry in [json!({"base": "2m"}), json!({"base": "2s", "max_delay": "1s"})] {
        let answer = app.post("/api/v1/workflows", &retrying(retry)).await;
        let detail = answer.problem(422, "invalid_workflow");
        assert!(detail.contains("is above the longest"), "{detail}");
        assert_eq!(answer.violations(), [("nodes[0].data.retry.base", "invalid_value")]);
    }
    for retry in [json!({"max_delay": "500ms"}), json!({"base": "2m", "max_delay": "2m"})] {
        assert_eq!(app.post("/api/v1/workflows", &retrying(retry)).await.status, 201);
    }
}

#[tokio::test]
async fn a_document_above_its_limit_is_refused_with_the_limit() {
    let app = TestApp::start().await;
    let mut document = greeting();
    document["notes"] = json!("x".repeat(limits::MAX_DOCUMENT_BYTES));
    let answer = app.post("/api/v1/workflows", &document).await;
    let detail = answer.problem(422, "invalid_workflow");
    assert!(detail.contains(&limits::MAX_DOCUMENT_BYTES.to_string()), "{detail}");
}

#[tokio::test]
async fn lists_come_in_pages_without_gaps_or_repetitions() {
    let app = TestApp::start().await;
    let mut saved = Vec::new();
    for _ in 0..7 {
        saved.push(app.workflow().await);
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/workflows?limit=3".to_owned();
    loop {
        let page = app.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/api/v1/workflows?limit=3&cursor={cursor}");
    }
    seen.sort();
    saved.sort();
    assert_eq!(seen, saved);
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=AAAA", "cursor"),
        ("cursor=", "cursor"),
    ] {
        let answer = app.get(&format!("/api/v1/workflows?{query}")).await;
        answer.problem(400, "invalid_parameter");
        assert_eq!(answer.violations(), [(name, "invalid_parameter")], "{query}");
    }
}

#[tokio::test]
async fn a_foreign_tenants_workflow_is_like_one_that_does_not_exist() {
    let app = TestApp::start().await;
    let id = app.workflow().await;
    let foreign = |method: Method, path: String, body: Value| {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", app.token_of("other")))
            .header("content-type", "application/json")
            .header("if-match", "*")
            .header("x-request-id", "same");
        app.send(request.body(axum::body::Body::from(body.to_string())).unwrap())
    };
    let unknown = "018f3c3e-0000-7000-8000-000000000000";
    for (method, rest, body) in [
        (Method::GET, "", json!(null)),
        (Method::PUT, "", greeting()),
        (Method::DELETE, "", json!(null)),
        (Method::GET, "/runs", json!(null)),
        (Method::POST, "/runs", json!({})),
    ] {
        let theirs = foreign(method.clone(), format!("/api/v1/workflows/{id}{rest}"), body.clone()).await;
        let none = foreign(method.clone(), format!("/api/v1/workflows/{unknown}{rest}"), body).await;
        theirs.problem(404, "workflow_not_found");
        assert_eq!(theirs.text.replace(&id, unknown), none.text, "{method} {rest}");
    }
    assert!(
        foreign(Method::GET, "/api/v1/workflows".into(), json!(null)).await.text.contains("\"items\":[]")
    );
    assert_eq!(app.get(&format!("/api/v1/workflows/{id}")).await.status, 200);
    assert!(app.bus.events().iter().all(|event| event.tenant == acme()));
    assert_ne!(acme(), TenantId::parse("other").unwrap());
}

#[tokio::test]
async fn a_save_stands_when_the_row_cannot_be_written_and_fails_when_the_bus_is_down() {
    let app = TestApp::start().await;
    app.store.fail_writes(true);
    let id = app.workflow().await;
    let path = format!("/api/v1/workflows/{id}");
    assert_eq!(app.get(&path).await.status, 200, "this process knows what it has saved");
    // A run would not find its workflow in the store.
    app.post(&format!("{path}/runs"), &json!({})).await.problem(503, "store_unavailable");
    app.store.fail_writes(false);
    assert_eq!(app.post(&format!("{path}/runs"), &json!({})).await.status, 202);

    app.bus.set_down(true);
    let refused = app.put(&path, &greeting(), "*").await;
    refused.problem(503, "bus_unavailable");
    assert!(!refused.header("retry-after").is_empty());
    assert!(!refused.text.contains("tested"), "what failed inside is for the log");
    assert_eq!(app.get(&path).await.body["version"], 1);
    app.store.set_down(true);
    app.get(&path).await.problem(503, "store_unavailable");
}
