//! The processes that JavaScript runs in: what they may, how they end, and what comes of their steps then.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::retry::Failure;
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;
use workers::runner::{Runner, RunnerSettings};

use crate::{
    app::{Endpoint, Task, call_workflow},
    javascript::{failure, set, settings, value},
    program::Program,
    steps::{failed, succeeded},
};

/// A runner whose processes can be told from those of other tests: their program has a name of its own.
struct Own {
    runner: Runner,
    program: PathBuf,
    _folder: TempDir,
}

impl Own {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("worker");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_worker"), &program).unwrap();
        let settings = RunnerSettings { javascript_program: Some(program.clone()), ..settings(1) };
        Self { runner: Runner::new(settings, Arc::new(SystemClock)).unwrap(), program, _folder: folder }
    }

    fn processes(&self) -> Vec<u32> {
        let program = self.program.to_str().unwrap();
        processes(|process| arguments(process).starts_with(program))
    }
}

#[tokio::test]
async fn a_process_that_dies_fails_its_step_and_another_takes_its_place() {
    let own = Own::start();
    assert_eq!(value(&own.runner, "1 + 1").await, json!(2));
    let items: Vec<_> = (0..1_000).map(|n| json!({ "n": n })).collect();
    let busy = "(() => { const t = Date.now(); while (Date.now() - t < 100); return 1 })()";
    let endless = own.runner.run(set(busy, json!(items)));
    tokio::pin!(endless);
    tokio::select! {
        outcome = &mut endless => panic!("it takes 100 s: {outcome:?}"),
        () = until("it computes", || computes(&own.processes())) => {}
    }
    let killed = own.processes();
    assert_eq!(killed.len(), 1, "one is enough for one step at a time");
    kill(&killed);
    let failed = failed(endless.await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("javascript_ended", Failure::Permanent));
    assert!(failed.error.message.contains("signal: 9"), "{}", failed.error.message);
    // One that dies while it waits costs nobody anything.
    assert_eq!(value(&own.runner, "1 + 1").await, json!(2));
    kill(&own.processes());
    until("they are gone", || own.processes().is_empty()).await;
    assert_eq!(value(&own.runner, "1 + 1").await, json!(2));
}

#[tokio::test]
async fn a_process_knows_nothing_and_may_open_nothing() {
    let own = Own::start();
    assert_eq!(value(&own.runner, "1 + 1").await, json!(2));
    let process = own.processes()[0].to_string();
    let at = |name: &str| Path::new("/proc").join(&process).join(name);
    assert_eq!(fs::read(at("environ")).unwrap(), b"");
    assert_eq!(fs::read_link(at("cwd")).unwrap(), Path::new("/"));
    let open: Vec<_> = fs::read_dir(at("fd")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(open.iter().all(|name| ["0", "1", "2"].iter().any(|own| name == own)), "{open:?}");
    let limits = fs::read_to_string(at("limits")).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    for name in ["Max open files", "Max core file size", "Max file size", "Max processes"] {
        assert_eq!(limit(name), "0", "{name}");
    }
    assert_ne!(limit("Max data size"), "unlimited");
    assert_ne!(limit("Max cpu time"), "unlimited");
}

#[tokio::test]
async fn a_thousand_items_are_evaluated_and_a_process_serves_many_steps() {
    let own = Own::start();
    let items: Vec<Value> = (0..1_000).map(|n| json!({ "n": n })).collect();
    let outcome = own.runner.run(set("$json.n + $input.all().length", json!(items))).await;
    let expected: Vec<Value> = (0..1_000).map(|n| json!({ "x": n + 1_000 })).collect();
    assert_eq!(succeeded(outcome), json!(expected));
    let first = own.processes();
    for n in 0..20 {
        assert_eq!(value(&own.runner, &format!("{n} + 1")).await, json!(n + 1));
    }
    assert_eq!(own.processes(), first);
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_an_error_that_says_so_and_may_be_tried_again() {
    let javascript_program = Some("/nowhere/worker".into());
    let settings = RunnerSettings { javascript_program, ..settings(1) };
    let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
    let failed = failure(&runner, "1 + 1").await;
    assert_eq!((failed.error.code.as_str(), failed.failure), ("javascript_unavailable", Failure::Connection));
}

#[tokio::test]
async fn a_program_that_answers_nonsense_fails_the_step_only() {
    // One that ends at once may do so before it is asked anything: then another try is right.
    let at_once = [("javascript_ended", Failure::Permanent), ("javascript_unavailable", Failure::Connection)];
    for (program, allowed) in
        [("/bin/cat", &at_once[..]), ("/bin/true", &at_once), ("/bin/yes", &at_once[..1])]
    {
        let settings = RunnerSettings { javascript_program: Some(program.into()), ..settings(1) };
        let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
        let failed = failure(&runner, "1 + 1").await;
        let said = (failed.error.code.as_str(), failed.failure);
        assert!(allowed.contains(&said), "{program}: {said:?}");
    }
}

/// Waits for what another process does.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), patience).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// A workflow that computes for hours as it is, then calls.
fn computes_long(endpoint: &Endpoint) -> Task {
    let mut document = call_workflow(&[("after", endpoint.url("/after"), json!({}))]);
    let busy = "{{ (() => { const t = Date.now(); while (Date.now() - t < 100); return 1 })() }}";
    let busy = json!({"params": {"fields": {"x": busy}}, "timeout": "2h"});
    document["nodes"].as_array_mut().unwrap().push(json!({"id": "busy", "type": "set", "data": busy}));
    document["edges"] = json!([{"source": "start", "target": "busy"}, {"source": "busy", "target": "after"}]);
    Task::new(&document).input(json!(vec![json!({}); 10_000]))
}

/// A workflow whose step does not stop, and one that calls after it failed.
fn poison(endpoint: &Endpoint) -> Task {
    let mut document = call_workflow(&[("after", endpoint.url("/after"), json!({}))]);
    let stuck = "{{ [].reverse.call({length: 2**53 - 1}).length }}";
    let stuck = json!({
        "params": {"fields": {"x": stuck}}, "timeout": "1h", "on_error": "continue", "retry": {"max_attempts": 5},
    });
    document["nodes"].as_array_mut().unwrap().push(json!({"id": "stuck", "type": "set", "data": stuck}));
    document["edges"] =
        json!([{"source": "start", "target": "stuck"}, {"source": "stuck", "target": "after"}]);
    Task::new(&document).input(json!([{}]))
}

fn children(program: &Program) -> Vec<u32> {
    let parent = program.id();
    processes(|process| parent_of(process) == Some(parent) && arguments(process).contains("javascript-child"))
}

/// Whether any of the processes computes right now, or is ready to.
fn computes(processes: &[u32]) -> bool {
    processes.iter().any(|process| {
        let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        status.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('R'))
    })
}

#[tokio::test]
async fn processes_end_with_the_worker_however_it_ends() {
    for orderly in [true, false] {
        let (folder, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
        let program = Program::start(folder.path()).await;
        program.post(&[computes_long(&endpoint)]).await;
        until("it computes", || computes(&children(&program))).await;
        let left = children(&program);
        if orderly {
            assert_eq!(program.terminate().await, Some(0), "what computes does not keep it from stopping");
        } else {
            program.kill().await;
        }
        until("they are gone", || left.iter().all(|process| parent_of(*process).is_none())).await;
        assert_eq!(endpoint.count("/after"), 0);
    }
}

#[tokio::test]
async fn what_does_not_stop_holds_no_place_after_a_crash_either() {
    let (folder, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let program = Program::start(folder.path()).await;
    program.post(&[poison(&endpoint), poison(&endpoint), poison(&endpoint)]).await;
    until("it computes", || computes(&children(&program))).await;
    program.kill().await;
    let _program = Program::start(folder.path()).await;
    endpoint.called("/after", 3).await;
}

/// Processes that have not ended.
fn processes(which: impl Fn(u32) -> bool) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap();
    let all = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|process| parent_of(*process).is_some() && which(*process)).collect()
}

/// The parent of a process that has not ended.
fn parent_of(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which is in parentheses: the state, then the parent.
    let mut fields = status.rsplit_once(')')?.1.split_whitespace();
    let (state, parent) = (fields.next()?, fields.next()?);
    (state != "Z").then(|| parent.parse().ok()).flatten()
}

fn arguments(process: u32) -> String {
    fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

fn kill(processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    assert!(std::process::Command::new("kill").arg("-KILL").args(ids).status().unwrap().success());
}
