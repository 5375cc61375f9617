//! The scheduler: every shape of batch, duplicates, poison, outages.

use domain::{
    event::{Event, Payload, RunRequested, Topic},
    ids::{RunId, WorkflowId},
    json_text::JsonText,
    run::{RunStatus, Trigger},
    timestamp::Timestamp,
};
use minireipaz::store::memory::Call;
use serde_json::json;

use crate::app::{TestApp, acme};

pub(crate) fn requested(workflow: &str, n: u128) -> Event {
    let at = Timestamp::from_millis(1_763_971_200_000);
    Event {
        id: format!("e{n}"),
        time: at,
        tenant: acme(),
        traceparent: None,
        payload: Payload::RunRequested(RunRequested {
            run_id: RunId::at(at, n),
            workflow_id: workflow.parse::<WorkflowId>().unwrap(),
            workflow_version: 1,
            wanted_version: None,
            trigger: Trigger::manual(),
            input: JsonText::of(&json!({"n": n})).unwrap(),
            plan: None,
            document: None,
            created_at: at,
        }),
    }
}

pub(crate) fn text(event: &Event) -> String {
    serde_json::to_string(event).unwrap()
}

#[tokio::test]
async fn every_shape_of_body_is_taken() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let (a, b) = (text(&requested(&workflow, 1)), text(&requested(&workflow, 2)));
    for (body, runs) in [
        (a.clone(), 1),
        (format!("[{a},{b}]"), 2),
        (format!("{a}\n{b}\n"), 2),
        (format!("{a}{b}"), 2),
        (serde_json::to_string(&a).unwrap(), 1),
        (format!("{a};{b}"), 2),
        (format!("{a}|{b}"), 2),
        (format!("{{\"records\":[{{\"value\":{a}}},{{\"key\":\"k\",\"value\":{b}}}]}}"), 2),
        (format!("{{\"value\":{a}}}"), 1),
        (String::new(), 0),
        ("[]".to_owned(), 0),
    ] {
        let answer = app.deliver(body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["runs"]), (200, &json!(runs)), "{body}");
    }
}

/// The same with what the function knew, and what the request names.
fn requested_version(workflow: &str, n: u128, known: u32, wanted: Option<u32>) -> Event {
    let mut event = requested(workflow, n);
    if let Payload::RunRequested(run) = &mut event.payload {
        (run.workflow_version, run.wanted_version) = (known, wanted);
    }
    event
}

fn versions_of_tasks(app: &TestApp) -> Vec<u32> {
    let version = |task: Event| match task.payload {
        Payload::TaskExecute(task) => task.workflow_version,
        other => panic!("{other:?}"),
    };
    app.bus.of_topic(Topic::Tasks).into_iter().map(version).collect()
}

#[tokio::test]
async fn a_batch_costs_one_produce_and_one_read_when_a_workflow_is_new_to_this_process() {
    let app = TestApp::start().await;
    let (one, two) = (app.workflow().await, app.workflow().await);
    let batch: Vec<_> = (0..50).map(|n| requested(if n % 2 == 0 { &one } else { &two }, n)).collect();
    for read in [1, 0, 0] {
        let (reads, calls) = (app.store.calls(Call::NEWEST), app.bus.calls());
        let answer = app.deliver(serde_json::to_string(&batch).unwrap()).await;
        assert_eq!(answer.body["runs"], 50);
        assert_eq!((app.store.calls(Call::NEWEST) - reads, app.bus.calls() - calls), (read, 1));
    }
    assert_eq!(app.bus.of_topic(Topic::Tasks).len(), 150);
    assert_eq!((app.store.calls(Call::ANNOUNCE), app.store.calls(Call::RECORD)), (3, 0));
}

#[tokio::test]
async fn the_saves_and_deletions_of_a_batch_are_one_write() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let path = format!("/api/v1/workflows/{}", app.workflow().await);
        app.put(&path, &crate::app::greeting(), "*").await;
    }
    let deleted = format!("/api/v1/workflows/{}", app.workflow().await);
    let delete = app.request(http::Method::DELETE, &deleted);
    app.send(delete.body(axum::body::Body::empty()).unwrap()).await;
    let saves = app.store.calls(Call::SAVE);
    assert_eq!(app.deliver_all().await.body["workflows"], 12);
    assert_eq!(app.store.calls(Call::SAVE) - saves, 1);
    assert_eq!(app.get("/api/v1/workflows").await.body["items"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_run_gets_the_highest_version_that_its_function_knew_or_that_has_come_by() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let other = app.beside();
    let save = async || {
        other.put(&format!("/api/v1/workflows/{workflow}"), &crate::app::greeting(), "*").await;
    };
    app.bus.take_for_scheduler();
    app.deliver(text(&requested_version(&workflow, 1, 1, None))).await;
    save().await;
    app.deliver(text(&requested_version(&workflow, 2, 2, None))).await;
    app.deliver(text(&requested_version(&workflow, 3, 1, None))).await;
    save().await;
    let saved = app.bus.take_for_scheduler();
    app.deliver(serde_json::to_string(&saved).unwrap()).await;
    let reads = app.store.calls(Call::NEWEST);
    app.deliver(text(&requested_version(&workflow, 4, 1, None))).await;
    assert_eq!(app.store.calls(Call::NEWEST), reads, "the save brought the document");
    assert_eq!(versions_of_tasks(&app), [1, 2, 2, 3]);
}

#[tokio::test]
async fn a_run_gets_the_version_that_its_request_names() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    app.put(&format!("/api/v1/workflows/{workflow}"), &crate::app::greeting(), "*").await;
    let batch = [
        requested_version(&workflow, 1, 2, Some(1)),
        requested_version(&workflow, 2, 2, None),
        requested_version(&workflow, 3, 2, Some(9)),
    ];
    let body = serde_json::to_string(&batch).unwrap();
    assert_eq!(app.deliver(body.clone()).await.body["failed"], 1);
    assert_eq!(versions_of_tasks(&app), [1, 2]);
    let Payload::RunRequested(run) = &batch[2].payload else { unreachable!() };
    let read = app.get(&format!("/api/v1/runs/{}", run.run_id)).await;
    assert_eq!(read.body["error"]["code"], "workflow_version_not_found");
    let reads = app.store.calls(Call::AT_VERSIONS);
    app.deliver(text(&batch[0])).await;
    assert_eq!(app.store.calls(Call::AT_VERSIONS), reads, "a version is read once");
}

#[tokio::test]
async fn a_run_whose_workflow_was_deleted_meanwhile_fails_although_its_version_is_known() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    assert_eq!(app.deliver(text(&requested(&workflow, 1))).await.body["runs"], 1);
    let delete = app.request(http::Method::DELETE, &format!("/api/v1/workflows/{workflow}"));
    app.send(delete.body(axum::body::Body::empty()).unwrap()).await;
    app.deliver_all().await;
    assert_eq!(app.deliver(text(&requested(&workflow, 2))).await.body["failed"], 1);
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing_that_has_happened_since() {
    let app = TestApp::start().await;
    let event = requested(&app.workflow().await, 1);
    let Payload::RunRequested(run) = &event.payload else { unreachable!() };
    let (id, body) = (run.run_id.to_string(), format!("[{0},{0}]", text(&event)));
    assert_eq!(app.deliver(body.clone()).await.body["runs"], 1, "a duplicate within a batch is one run");
    app.advance(&id, RunStatus::Succeeded, 9).await;
    assert_eq!(app.deliver(body).await.status, 200);
    let read = app.get(&format!("/api/v1/runs/{id}")).await;
    assert_eq!((&read.body["status"], &read.body["revision"]), (&json!("succeeded"), &json!(9)));
    let tasks = app.bus.of_topic(Topic::Tasks);
    assert_eq!(tasks.len(), 2);
    assert_eq!(tasks[0].id, tasks[1].id, "the worker can tell that it is the same task");
}

#[tokio::test]
async fn what_cannot_be_read_is_buried_and_takes_nothing_with_it() {
    let app = TestApp::start().await;
    let good = text(&requested(&app.workflow().await, 1));
    let foreign = r#"{"specversion":"1.0","id":"1","source":"s","type":"com.example.other","time":"2026-01-01T00:00:00Z","tenantid":"acme","data":{}}"#;
    let body = format!("{{\"broken\": \n{good}\n{foreign}\nnot json at all\n");
    let answer = app.deliver(body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["runs"], 1);
    let buried = app.store.dead_letters();
    assert_eq!(answer.body["dead_letters"], buried.len());
    assert!(buried.iter().all(|letter| letter.consumer == "scheduler" && !letter.reason.is_empty()));
    assert!(buried.iter().any(|letter| letter.record.contains("com.example.other")));
    // A task on the wrong topic is no run.
    let task = text(&app.bus.of_topic(Topic::Tasks)[0]);
    assert_eq!(
        app.deliver(task).await.body,
        json!({"runs": 0, "failed": 0, "workflows": 0, "dead_letters": 1})
    );
}

#[tokio::test]
async fn a_record_without_an_end_swallows_none_of_a_batch() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let mut batch: Vec<_> = (0..20).map(|n| text(&requested(&workflow, n))).collect();
    let cut = batch[0][..200].to_owned();
    batch.insert(3, cut);
    let answer = app.deliver(format!("[{}]", batch.join(","))).await;
    assert_eq!((&answer.body["runs"], &answer.body["dead_letters"]), (&json!(20), &json!(1)));
}

#[tokio::test]
async fn a_body_that_holds_no_record_at_all_is_kept() {
    let app = TestApp::start().await;
    assert_eq!(app.deliver(";;;").await.body["dead_letters"], 1);
    assert_eq!(app.store.dead_letters()[0].record, ";;;");
}

#[tokio::test]
async fn a_run_of_a_workflow_that_is_gone_fails_and_says_so() {
    let app = TestApp::start().await;
    let event = requested("018f3c3e-0000-7000-8000-000000000000", 1);
    let answer = app.deliver(text(&event)).await;
    assert_eq!(answer.body, json!({"runs": 0, "failed": 1, "workflows": 0, "dead_letters": 0}));
    let Payload::RunRequested(run) = &event.payload else { unreachable!() };
    let read = app.get(&format!("/api/v1/runs/{}", run.run_id)).await;
    assert_eq!(read.body["status"], "failed");
    assert_eq!(read.body["error"]["code"], "workflow_not_found");
    assert!(read.body["finished_at"].is_string());
    assert!(app.bus.of_topic(Topic::Tasks).is_empty());
}

#[tokio::test]
async fn a_task_that_the_bus_will_never_take_fails_its_run_only() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let mut large = requested(&workflow, 2);
    if let Payload::RunRequested(run) = &mut large.payload {
        run.input = JsonText::of(&json!({"text": "x".repeat(5_000)})).unwrap();
    }
    app.bus.refuse_above(4_000);
    let batch = vec![requested(&workflow, 1), large, requested(&workflow, 3)];
    let answer = app.deliver(serde_json::to_string(&batch).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&answer.body["runs"], &answer.body["failed"]), (&json!(2), &json!(1)));
    let Payload::RunRequested(run) = &batch[1].payload else { unreachable!() };
    let read = app.get(&format!("/api/v1/runs/{}", run.run_id)).await;
    assert_eq!(
        (&read.body["status"], &read.body["error"]["code"]),
        (&json!("failed"), &json!("task_refused"))
    );
    assert!(read.body["error"]["message"].as_str().unwrap().contains("max.message.bytes"));
    assert_eq!(app.bus.of_topic(Topic::Tasks).len(), 2);
}

#[tokio::test]
async fn an_outage_sends_the_batch_back_and_it_goes_through_later() {
    let app = TestApp::start().await;
    let body = text(&requested(&app.workflow().await, 1));
    app.store.set_down(true);
    let refused = app.deliver(body.clone()).await;
    refused.problem(503, "store_unavailable");
    assert!(!refused.header("retry-after").is_empty());
    assert!(app.bus.of_topic(Topic::Tasks).is_empty());
    app.store.set_down(false);
    app.store.fail_writes(true);
    app.deliver("broken").await.problem(503, "store_unavailable");
    app.store.fail_writes(false);
    app.bus.set_down(true);
    app.deliver(body.clone()).await.problem(503, "bus_unavailable");
    app.bus.set_down(false);
    assert_eq!(app.deliver(body).await.body["runs"], 1);
}

#[tokio::test]
async fn a_run_of_a_known_workflow_goes_to_the_workers_while_the_store_is_away() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    app.deliver(text(&requested(&workflow, 1))).await;
    app.store.set_down(true);
    assert_eq!(app.deliver(text(&requested(&workflow, 2))).await.body["runs"], 1);
    app.store.set_down(false);
    app.store.hang(Call::ANNOUNCE);
    assert_eq!(app.deliver(text(&requested(&workflow, 3))).await.body["runs"], 1);
    assert_eq!(app.bus.of_topic(Topic::Tasks).len(), 3);
}

#[tokio::test]
async fn a_run_gets_the_newest_version_also_when_it_comes_in_the_same_batch() {
    let app = TestApp::start().await;
    app.store.fail_writes(true);
    let saved = app.post("/api/v1/workflows", &crate::app::greeting()).await;
    app.store.fail_writes(false);
    let id = saved.body["id"].as_str().unwrap();
    let mut batch = vec![requested(id, 1)];
    batch.extend(app.bus.take_for_scheduler());
    let answer = app.deliver(serde_json::to_string(&batch).unwrap()).await;
    assert_eq!(answer.body, json!({"runs": 1, "failed": 0, "workflows": 1, "dead_letters": 0}));
    assert_eq!(app.get(&format!("/api/v1/workflows/{id}")).await.status, 200);
    // Its deletion, delivered twice.
    let delete = app.request(http::Method::DELETE, &format!("/api/v1/workflows/{id}"));
    app.send(delete.body(axum::body::Body::empty()).unwrap()).await;
    let deletion = serde_json::to_string(&app.bus.take_for_scheduler()).unwrap();
    for _ in 0..2 {
        assert_eq!(app.deliver(deletion.clone()).await.body["workflows"], 1);
    }
    app.get(&format!("/api/v1/workflows/{id}")).await.problem(404, "workflow_not_found");
}

/// A record as somebody writes it who is not one of our functions.
fn edited(event: &Event, edit: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut record = serde_json::to_value(event).unwrap();
    edit(&mut record);
    record.to_string()
}

#[tokio::test]
async fn a_run_whose_request_cannot_be_read_fails_and_says_so_and_its_record_is_kept() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let records = [
        ("invalid_input", edited(&requested(&workflow, 1), |event| event["data"]["input"] = json!(deep))),
        (
            "unreadable_event",
            edited(&requested(&workflow, 2), |event| event["data"]["input"] = json!({"a": 1})),
        ),
        ("unreadable_event", edited(&requested(&workflow, 3), |event| event["data"]["trigger"] = json!(7))),
        (
            "unreadable_event",
            edited(&requested(&workflow, 4), |event| event["type"] = json!("io.minireipaz.run.requested.v9")),
        ),
        ("unreadable_event", edited(&requested(&workflow, 5), |event| event["time"] = json!("yesterday"))),
        ("unreadable_event", edited(&requested(&workflow, 6), |event| event["specversion"] = json!("2.0"))),
        (
            "unreadable_event",
            edited(&requested(&workflow, 7), |event| event["data"]["x"] = json!("@deep"))
                .replace("\"@deep\"", &deep)
                .replace("\"input\"", "\"put\""),
        ),
    ];
    let good = text(&requested(&workflow, 8));
    let all = records.iter().map(|(_, record)| record.as_str()).chain([good.as_str()]);
    let body = format!("[{}]", all.collect::<Vec<_>>().join(","));
    for _ in 0..2 {
        let report = app.deliver(body.clone()).await;
        assert_eq!(report.body, json!({"runs": 1, "failed": 7, "workflows": 0, "dead_letters": 7}));
    }
    for (n, (code, _)) in (1..).zip(&records) {
        let Payload::RunRequested(run) = requested(&workflow, n).payload else { unreachable!() };
        let read = app.get(&format!("/api/v1/runs/{}", run.run_id)).await;
        assert_eq!(
            (&read.body["status"], &read.body["error"]["code"]),
            (&json!("failed"), &json!(code)),
            "{n}"
        );
        assert_eq!(read.body["workflow_id"], json!(workflow), "{n}");
        let message = read.body["error"]["message"].as_str().unwrap();
        assert!(message.contains("start the run again"), "{message}");
    }
    let letters = app.store.dead_letters();
    assert!(letters.iter().all(|letter| letter.tenant == "acme"), "{letters:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_nothing_that_is_known_of_its_run() {
    let app = TestApp::start().await;
    let workflow = app.workflow().await;
    let event = requested(&workflow, 1);
    let Payload::RunRequested(run) = &event.payload else { unreachable!() };
    let (id, body) = (run.run_id.to_string(), edited(&event, |event| event["data"]["trigger"] = json!(7)));
    app.deliver(text(&event)).await;
    app.advance(&id, RunStatus::Running, 4).await;
    app.deliver(body).await;
    assert_eq!(app.get(&format!("/api/v1/runs/{id}")).await.body["status"], "running");
}
