//! kill -9 in the middle of a run, and start again.

use std::time::Duration;

use serde_json::json;

use crate::system::{System, processes_of, read_json, repository, until};

#[tokio::test]
async fn a_run_goes_on_after_kill_9_and_steps_that_were_done_are_not_repeated() {
    let system = System::start().await;
    let workflow = system.save(&read_json(&repository("examples/slow/workflow.json"))).await;
    let run = system.run(&workflow, &json!({"ms": 1_500})).await;
    let key = until("the slow call begins", async || {
        system.calls("/slow").await.first().map(|call| call["idempotency_key"].clone())
    })
    .await;
    assert_eq!(system.calls("/echo").await.len(), 1);

    let system = system.crash_and_restart().await;
    let result = system.result(&run).await;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    assert_eq!(result["output"], json!({"last": [{"waited_ms": 1_500}]}));
    // The playground was killed too, so it has seen only what happened since.
    assert_eq!(system.calls("/echo").await.len(), 0, "a step that was done is not repeated");
    let slow = system.calls("/slow").await;
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0]["idempotency_key"], key, "the step that was under way keeps its key");
}

#[tokio::test]
async fn runs_that_were_accepted_just_before_kill_9_all_finish() {
    let system = System::start().await;
    let workflow = system.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let mut runs = Vec::new();
    for i in 0..30 {
        runs.push(system.run(&workflow, &json!({"name": format!("n{i}")})).await);
    }
    let system = system.crash_and_restart().await;
    for (i, run) in runs.iter().enumerate() {
        let result = system.result(run).await;
        assert_eq!(result["output"]["greet"][0]["name"], format!("n{i}"), "{result:#}");
    }
    let list = system.get(&format!("/workflows/{workflow}/runs?limit=200")).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 30, "each exactly once");
}

#[tokio::test]
async fn no_process_outlives_kill_9() {
    let system = System::start().await;
    let folder = system.data().to_owned();
    assert!(system.processes().len() >= 2, "the program and its ClickHouse");
    let pid = system.processes();
    for pid in pid.iter().filter(|pid| !is_clickhouse(**pid)) {
        let _ = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
    }
    until("ClickHouse stops with its parent", async || {
        let left = processes_of(&folder);
        left.iter().all(|pid| is_zombie(*pid)).then_some(())
    })
    .await;
    // What is dropped below kills the group, which must find nobody.
    tokio::time::timeout(Duration::from_secs(5), async { drop(system) }).await.unwrap();
}

fn is_clickhouse(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains("clickhouse")
}

fn is_zombie(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(") ").next().is_none_or(|rest| rest.starts_with('Z') || rest.is_empty())
}
