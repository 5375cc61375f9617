//! What the door takes, what it refuses, and what becomes of records that nobody can run.

use std::time::Duration;

use domain::run::RunStatus;
use minireipaz::testing::converted;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::app::{App, SECRET, Task, batch, pure_workflow, within};

fn tasks(count: usize) -> Vec<Task> {
    (0..count).map(|n| Task::new(&pure_workflow()).input(json!({"n": n}))).collect()
}

/// Makes a body of records.
type Shape = fn(&[String]) -> String;

#[tokio::test]
async fn every_shape_that_a_connector_can_send_is_taken() {
    let app = App::start().await;
    let shapes: [(&str, Shape); 12] = [
        ("an object", |records| records[0].clone()),
        ("an array", |records| format!("[{}]", records.join(","))),
        ("lines", |records| records.join("\n")),
        ("objects without a separator", |records| records.concat()),
        ("objects with commas", |records| records.join(",")),
        ("objects with semicolons", |records| records.join(";")),
        ("objects with bars", |records| records.join("|")),
        ("wrapped values", |records| format!("[{{\"value\":{}}}]", records.join("},{\"value\":"))),
        ("a produce request", |records| {
            format!("{{\"records\":[{{\"value\":{}}}]}}", records.join("},{\"value\":"))
        }),
        ("values that were converted", |records| {
            let converted: Vec<_> = records.iter().map(|record| converted(record)).collect();
            converted.join("\n")
        }),
        ("an array of strings", |records| json!(records).to_string()),
        ("a string that holds an array", |records| {
            Value::String(format!("[{}]", records.join(","))).to_string()
        }),
    ];
    for (name, shape) in shapes {
        let tasks = tasks(if name == "an object" { 1 } else { 3 });
        let records: Vec<_> = tasks.iter().map(Task::json).collect();
        let receipt = app.post(shape(&records)).await.receipt();
        assert_eq!(receipt, (tasks.len() as u64, 0, 0), "{name}");
        for (n, task) in tasks.iter().enumerate() {
            let found = app.succeeded(task.run).await;
            assert_eq!(found.run.output, Some(json!({"last": [{"n": n, "copy": n}]})), "{name}");
        }
    }
}

#[tokio::test]
async fn a_converter_on_the_way_changes_neither_the_document_nor_the_input() {
    let app = App::start().await;
    let mut workflow = pure_workflow();
    let given: Value = serde_json::from_str(r#"{"z": -0.0, "n": 12345678901234567890, "a": 1.5}"#).unwrap();
    workflow["nodes"][1]["data"]["params"]["fields"]["fixed"] = given.clone();
    let task = Task::new(&workflow).input(given.clone());
    assert_eq!(app.post(converted(&task.json())).await.receipt(), (1, 0, 0));
    let found = app.succeeded(task.run).await;
    assert_eq!(found.run.input.to_string(), given.to_string());
    let output = &found.run.output.unwrap()["last"][0];
    assert_eq!(output["fixed"].to_string(), given.to_string());
    assert_eq!((&output["copy"], output["z"].to_string().as_str()), (&given["n"], "-0.0"));
}

#[tokio::test]
async fn a_record_without_an_end_swallows_none_of_a_batch() {
    let app = App::start().await;
    let tasks = tasks(20);
    let mut records: Vec<_> = tasks.iter().map(Task::json).collect();
    let cut = records[0][..300].to_owned();
    records.insert(3, cut);
    assert_eq!(app.post(format!("[{}]", records.join(","))).await.receipt(), (20, 0, 1));
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
}

#[tokio::test]
async fn a_body_without_a_single_event_is_counted_and_kept() {
    let app = App::start().await;
    let count = async || {
        let metrics = app.get("/metrics").await.body;
        let line = metrics.lines().find(|line| line.starts_with("minireipaz_unreadable_bodies_total"));
        line.unwrap().rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    let before = count().await;
    let good = Task::new(&pure_workflow());
    assert_eq!(app.post(format!("{}\nrubbish", good.json())).await.receipt(), (1, 0, 1));
    assert_eq!(app.post("[]").await.receipt(), (0, 0, 0));
    for body in ["{specversion=1.0, id=1}", r#"{"topic":"tasks","value":{"a":1}}"#, ";;;"] {
        assert_eq!(app.post(body).await.receipt(), (0, 0, 1), "{body}");
    }
    // Other workers of this process may count too.
    assert!(count().await >= before + 3);
}

#[tokio::test]
async fn a_run_whose_input_nobody_can_read_fails_and_says_so() {
    let app = App::start().await;
    let mut task = Task::new(&pure_workflow());
    task.input_text(format!("[{{\"a\":{}{}}}]", "[".repeat(500), "]".repeat(500)));
    assert_eq!(app.post(task.json()).await.receipt(), (0, 0, 1));
    let found = app.ended(task.run).await;
    let error = found.run.error.unwrap();
    assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "invalid_input"));
    assert!(error.message.contains("cannot be read"), "{}", error.message);
}

#[tokio::test]
async fn a_run_whose_task_nobody_can_read_fails_and_says_so_and_one_that_is_known_goes_on() {
    let app = App::start().await;
    let edited = |task: &Task, edit: &dyn Fn(&mut Value)| {
        let mut record: Value = serde_json::from_str(&task.json()).unwrap();
        edit(&mut record);
        record.to_string()
    };
    let edits: [&dyn Fn(&mut Value); 4] = [
        &|event| event["type"] = json!("io.minireipaz.task.execute.v9"),
        &|event| event["data"]["document"] = json!({"name": "no text"}),
        &|event| event["data"]["trigger"] = json!(7),
        &|event| event["specversion"] = json!("2.0"),
    ];
    for edit in edits {
        let task = Task::new(&pure_workflow());
        let record = edited(&task, edit);
        assert_eq!(app.post(record.clone()).await.receipt(), (0, 0, 1));
        let found = app.ended(task.run).await;
        let error = found.run.error.unwrap();
        assert_eq!((found.run.status, error.code.as_str()), (RunStatus::Failed, "unreadable_event"));
        assert!(error.message.contains("start the run again"), "{}", error.message);
        assert_eq!(app.post(record.clone()).await.receipt(), (0, 1, 0), "it is known");
        assert_eq!(app.store.dead_letters().last().unwrap().tenant, "acme");

        let known = Task::new(&pure_workflow());
        app.succeeded(app.submit(&known).await).await;
        assert_eq!(app.post(edited(&known, edit)).await.receipt(), (0, 1, 0));
        assert_eq!(app.store.ends(known.run), 1);
    }
}

#[tokio::test]
async fn nobody_is_let_in_without_the_secret() {
    let app = App::start().await;
    let task = Task::new(&pure_workflow());
    for secret in [None, Some("another secret of some length"), Some("")] {
        let reply = app.post_as(secret, task.json()).await;
        assert_eq!((reply.status, reply.retry_after.as_deref()), (401, None), "{secret:?}");
        assert!(reply.body.contains("CONNECTOR_SECRET") && !reply.body.contains(SECRET), "{}", reply.body);
    }
    assert_eq!(app.post(task.json()).await.receipt(), (1, 0, 0), "nothing of it was taken before");
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() {
    let app = App::start().await;
    let mut stream = TcpStream::connect(app.addr()).await.unwrap();
    let head =
        "POST /tasks HTTP/1.1\r\nHost: w\r\nAuthorization: Bearer wrong\r\nContent-Length: 9000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    within("an answer", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let app = App::start().await;
    let reply = app.post(" ".repeat((16 << 20) + 1)).await;
    assert_eq!((reply.status, reply.retry_after.as_deref()), (413, None), "{reply:?}");
    assert!(reply.body.contains("at most 16777216 bytes"), "{}", reply.body);
}

#[tokio::test]
async fn poison_becomes_dead_letters_and_its_neighbours_run() {
    let app = App::start().await;
    let good = tasks(2);
    let foreign = json!({
        "specversion": "1.0", "id": "1", "source": "s", "time": "2026-01-01T00:00:00Z", "tenantid": "acme",
        "type": "io.minireipaz.run.requested.v1",
        "data": {
            "run_id": good[0].run, "workflow_id": good[0].run, "workflow_version": 1,
            "trigger": {"kind": "manual"}, "input": "null", "created_at": "2026-01-01T00:00:00Z",
        },
    });
    let mut unknown = foreign.clone();
    unknown["type"] = json!("com.example.other");
    let body = format!(
        "{}\n{{\"broken\": \n{unknown}\n{foreign}\n\"plain text\"\n17\n{}",
        good[0].json(),
        good[1].json()
    );
    assert_eq!(app.post(body).await.receipt(), (2, 0, 5));
    for task in &good {
        app.succeeded(task.run).await;
    }
    let letters = within(
        "the dead letters",
        app.store.until(async || Some(app.store.dead_letters()).filter(|letters| letters.len() == 5)),
    )
    .await;
    let reasons =
        ["not JSON", "unknown event type", "is for the scheduler", "holds no JSON", "not a CloudEvent"];
    // Those of a tenant and those of nobody take turns.
    let found = reasons.map(|reason| letters.iter().find(|letter| letter.reason.contains(reason)));
    let found = found.map(|letter| letter.unwrap_or_else(|| panic!("{letters:?}")));
    assert!(found.iter().all(|letter| letter.consumer == "worker"));
    assert_eq!((found[0].record.as_str(), found[0].tenant.as_str()), ("{\"broken\":", ""));
    assert_eq!((found[2].record.as_str(), found[2].tenant.as_str()), (&*foreign.to_string(), "acme"));
}

#[tokio::test]
async fn a_dead_letter_is_buried_once_although_the_worker_stops_in_order() {
    let mut app = App::start().await;
    for round in 1..=5 {
        assert_eq!(app.post("poison").await.receipt(), (0, 0, 1));
        app.stop().await;
        assert_eq!(app.store.dead_letters().len(), round, "stop waits for what the store takes");
        app.start_again().await;
        app.succeeded(app.submit(&Task::new(&pure_workflow())).await).await;
        assert_eq!(app.store.dead_letters().len(), round);
    }
}

#[tokio::test]
async fn a_task_whose_workflow_is_not_valid_is_a_run_that_failed() {
    let app = App::start().await;
    let cycle =
        json!({"name": "Bad", "nodes": [{"id": "a", "type": "noop"}, {"id": "b", "type": "teleport"}]});
    let bad = [Task::new(&cycle), Task::new(&json!({"nodes": 7}))];
    let good = Task::new(&pure_workflow());
    let reply = app.post(batch([&bad[0], &bad[1], &good, &bad[0]])).await;
    assert_eq!(reply.receipt(), (1, 1, 2), "what cannot run is kept for people too, once");
    app.succeeded(good.run).await;
    for (task, said) in bad.iter().zip(["teleport", "not a workflow"]) {
        let found = app.ended(task.run).await;
        assert_eq!((found.run.status, found.steps.len()), (RunStatus::Failed, 0));
        let error = found.run.error.unwrap();
        assert_eq!(error.code, "invalid_workflow");
        assert!(error.message.contains(said), "{}", error.message);
        assert!(found.run.finished_at.is_some());
    }
    assert_eq!(app.post(batch(&bad)).await.receipt(), (0, 2, 0), "they are known now");
    assert_eq!(app.store.ends(bad[0].run), 1);
}

#[tokio::test]
async fn an_input_that_is_no_list_of_objects_fails_the_run() {
    let app = App::start().await;
    let found = app.ended(app.submit(&Task::new(&pure_workflow()).input(json!(7))).await).await;
    assert_eq!(
        (found.run.status, found.run.error.unwrap().code.as_str()),
        (RunStatus::Failed, "invalid_input")
    );
}

#[tokio::test]
async fn an_empty_body_is_an_empty_batch() {
    let app = App::start().await;
    for body in ["", "[]", " \n"] {
        assert_eq!(app.post(body).await.receipt(), (0, 0, 0));
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_nothing_with_it() {
    let app = App::start().await;
    let task = Task::new(&pure_workflow());
    let mut stream = TcpStream::connect(app.addr()).await.unwrap();
    let body = task.json();
    let head = format!(
        "POST /tasks HTTP/1.1\r\nHost: w\r\nX-API-KEY: {SECRET}\r\nContent-Length: {}\r\n\r\n{}",
        body.len() + 1,
        body
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let next = app.submit(&Task::new(&pure_workflow())).await;
    app.succeeded(next).await;
    assert!(app.find(task.run).await.is_none(), "half a body is no batch");
    let age = Duration::from_secs(5);
    assert_eq!(app.post(Task::aged(&pure_workflow(), age).json()).await.receipt(), (1, 0, 0));
}

#[tokio::test]
async fn a_task_is_recorded_with_its_steps_in_order_and_computing_needs_one_record() {
    let app = App::start().await;
    let names: Vec<_> = (0..9).map(|n| format!("n{n}")).collect();
    let set = |n: &String| json!({"id": n, "type": "set", "data": {"params": {"fields": {n: n}}}});
    let mut nodes = vec![json!({"id": "start", "type": "manual"})];
    nodes.extend(names.iter().map(set));
    let edge = |pair: &[Value]| json!({"source": pair[0]["id"], "target": pair[1]["id"]});
    let edges: Vec<_> = nodes.windows(2).map(edge).collect();
    let document = json!({"name": "Ten", "nodes": nodes, "edges": edges});
    let run = app.submit(&Task::new(&document).input(json!({"a": 1}))).await;
    let found = app.succeeded(run).await;
    let steps: Vec<_> = found.steps.iter().map(|step| step.node_id.as_str()).collect();
    assert_eq!(steps, ["start", "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"]);
    let output = &found.run.output.unwrap()["n8"][0];
    assert_eq!((&output["a"], &output["n8"]), (&json!(1), &json!("n8")));
    assert_eq!(app.store.statuses(run), [RunStatus::Succeeded]);
}

#[tokio::test]
async fn a_body_of_rubbish_fills_neither_memory_nor_disk() {
    let app = App::start().await;
    assert_eq!(app.post("x\n".repeat(5_000)).await.status, 200);
    let letters = within(
        "the letters",
        app.store.until(async || Some(app.store.dead_letters()).filter(|letters| letters.len() > 1_000)),
    )
    .await;
    assert_eq!(letters.len(), 1_001);
    let last = &letters[1_000].reason;
    assert!(last.starts_with("4000 more records of the same body cannot be read either"), "{last}");
    assert!(last.contains("its records 1001 to 5000; the first of them: not JSON"), "{last}");
}

#[tokio::test]
async fn a_large_batch_is_taken_whole_and_counted() {
    let app = App::start().await;
    let filler = "x".repeat(10_000);
    let tasks: Vec<_> =
        (0..100).map(|n| Task::new(&pure_workflow()).input(json!({"n": n, "filler": filler}))).collect();
    assert_eq!(app.post(batch(&tasks)).await.receipt(), (100, 0, 0));
    app.all_succeeded(&tasks.iter().map(|task| task.run).collect::<Vec<_>>(), 3).await;
    let metrics = app.get("/metrics").await;
    assert!(metrics.body.contains("minireipaz_worker_runs_finished_total"), "{metrics:?}");
    assert_eq!((app.get("/healthz").await.status, app.get("/readyz").await.status), (200, 200));
}
