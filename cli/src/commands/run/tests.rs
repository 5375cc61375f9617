use std::{fs, path::PathBuf};

use clap::Parser as _;
use tempfile::TempDir;

use super::*;
use crate::{
    args::Args,
    commands::Command,
    fake::{self, Fake, RUN, Running, WORKFLOW, step},
};

fn document() -> Value {
    json!({"name": "Hello", "nodes": [{"id": "start", "type": "manual"}], "edges": []})
}

fn stored(version: u32) -> Value {
    let mut stored = document();
    stored["id"] = json!(WORKFLOW);
    stored["version"] = json!(version);
    stored["created_at"] = json!("2026-11-20T10:00:00.000Z");
    stored["updated_at"] = json!("2026-11-20T10:00:00.000Z");
    stored
}

fn list(names: &[&str], next: Option<&str>) -> Value {
    let items: Vec<_> = names
        .iter()
        .map(|name| {
            let mut row = stored(1);
            row["name"] = json!(name);
            row["active"] = json!(false);
            row
        })
        .collect();
    json!({"items": items, "next_cursor": next})
}

fn ending(fake: Fake, status: &str) -> Fake {
    let mut ended = fake::run(status, 5);
    ended["steps"] = json!([step("start", status)]);
    fake.on(&format!("POST /workflows/{WORKFLOW}/runs"), 202, &fake::run("queued", 1)).on(
        &format!("GET /runs/{RUN}"),
        200,
        &ended,
    )
}

fn existing() -> Fake {
    Fake::new().on("GET /workflows", 200, &list(&["Hello"], None)).on(
        &format!("GET /workflows/{WORKFLOW}"),
        200,
        &stored(3),
    )
}

fn file(dir: &TempDir, name: &str, value: &Value) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, value.to_string()).unwrap();
    path
}

fn args(file: PathBuf, fake: &Running) -> RunArgs {
    RunArgs {
        file,
        input: None,
        until: None,
        only: None,
        pins: None,
        idempotency_key: None,
        json: false,
        expect: None,
        server: fake.args(),
    }
}

#[tokio::test]
async fn a_workflow_of_a_new_name_is_created_and_run() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::new()
        .on("GET /workflows", 200, &list(&["Other"], Some("next")))
        .on("GET /workflows", 200, &list(&["Another"], None))
        .on("POST /workflows", 201, &stored(1));
    let fake = ending(fake, "succeeded").start().await;
    let mut args = args(file(&dir, "flow.json", &document()), &fake);
    args.input = Some(r#"{"name": "Ada"}"#.to_owned());
    args.idempotency_key = Some("k".to_owned());
    run(args).await.unwrap();
    let requests = fake.requests();
    assert_eq!(requests[1].query, "limit=200&cursor=next");
    assert_eq!(requests[2].body, document());
    assert_eq!(requests[3].body, json!({"input": {"name": "Ada"}}));
    assert_eq!(requests[3].headers["idempotency-key"], "k");
    assert_eq!(requests[3].headers["authorization"], "Bearer t");
}

#[tokio::test]
async fn the_same_document_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let fake = ending(existing(), "succeeded").start().await;
    // What the server added does not make it another document.
    run(args(file(&dir, "flow.json", &stored(2)), &fake)).await.unwrap();
    assert!(!fake.lines().iter().any(|line| line.starts_with("PUT") || line == "POST /workflows"));
}

#[tokio::test]
async fn another_document_of_the_same_name_replaces_the_version_that_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let put = format!("PUT /workflows/{WORKFLOW}");
    let fake = ending(existing().on(&put, 200, &stored(4)), "succeeded").start().await;
    let mut changed = document();
    changed["active"] = json!(true);
    run(args(file(&dir, "flow.json", &changed), &fake)).await.unwrap();
    let requests = fake.requests();
    let update = requests.iter().find(|request| request.line == put).unwrap();
    assert_eq!(update.headers["if-match"], "\"3\"");
    assert_eq!(update.body, changed);
}

#[tokio::test]
async fn a_run_that_fails_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let fake = ending(existing(), "failed").start().await;
    let failure = run(args(file(&dir, "flow.json", &document()), &fake)).await.unwrap_err();
    assert!(matches!(failure, Failure::Run), "{failure:?}");
}

#[tokio::test]
async fn an_output_is_compared_with_the_expected_one() {
    let dir = tempfile::tempdir().unwrap();
    for (greeting, equal) in [("Hello", true), ("Goodbye", false)] {
        let fake = ending(existing(), "succeeded").start().await;
        let mut args = args(file(&dir, "flow.json", &document()), &fake);
        args.expect = Some(file(&dir, "expected.json", &json!({"greet": [{"greeting": greeting}]})));
        assert_eq!(run(args).await.is_ok(), equal, "{greeting}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_json_is_named_before_anything_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::new().start().await;
    let path = dir.path().join("flow.json");
    fs::write(&path, "{\n  oops").unwrap();
    let failure = run(args(path, &fake)).await.unwrap_err();
    assert!(
        failure.to_string().contains("flow.json is not what it should be: key must be a string at line 2"),
        "{failure}"
    );
    assert!(fake.requests().is_empty());
}

#[test]
fn an_input_is_json_or_the_name_of_a_file() {
    assert_eq!(read_input(None).unwrap(), json!({}));
    assert_eq!(read_input(Some(r#"{"a": 1}"#)).unwrap(), json!({"a": 1}));
    let error = read_input(Some("{a: 1}")).unwrap_err().to_string();
    assert!(error.contains("quote it"), "{error}");
    let error = read_input(Some("@/nowhere.json")).unwrap_err().to_string();
    assert!(error.contains("/nowhere.json"), "{error}");
}

#[test]
fn a_run_that_failed_or_gave_something_else_is_a_failure() {
    let output = json!({"end": [{"a": 1}]});
    assert!(judge(RunStatus::Succeeded, Some(&json!({"end": [{"a": 1.0}]})), Some(&output)).is_ok());
    assert!(judge(RunStatus::Succeeded, Some(&json!({"end": []})), Some(&output)).is_err());
    assert!(judge(RunStatus::Failed, None, None).is_err());
}

#[test]
fn a_run_is_described_by_its_options() {
    let args = Args::parse_from([
        "minireipaz",
        "run",
        "f.json",
        "--input",
        "{}",
        "--json",
        "--idempotency-key",
        "k",
        "--url",
        "http://h:1",
    ]);
    let Command::Run(run) = args.command else { panic!("not a run") };
    assert_eq!((run.input.as_deref(), run.json), (Some("{}"), true));
    assert_eq!(run.server.url.map(String::from).as_deref(), Some("http://h:1/"));
}

#[tokio::test]
async fn a_part_of_a_workflow_is_tested_with_the_pins_of_a_file() {
    let dir = TempDir::new().unwrap();
    let fake = ending(existing(), "succeeded").start().await;
    let pins = json!({ "start": [{ "n": 1 }] });
    let args = RunArgs {
        until: Some("end".to_owned()),
        pins: Some(file(&dir, "pins.json", &pins)),
        ..args(file(&dir, "flow.json", &document()), &fake)
    };
    run(args).await.unwrap();
    let started = fake.requests().into_iter().find(|request| request.line.starts_with("POST")).unwrap();
    assert_eq!(started.body, json!({ "input": {}, "until": "end", "pins": pins }));
}
