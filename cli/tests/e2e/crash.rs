//! kill -9 in the middle of a run, and start again.

use std::time::Duration;

use serde_json::json;

use minireipaz::testing::eventually;

use crate::{
    client::{read_json, repository},
    process::{command_line, processes_of, signal},
    system::System,
};

pub async fn a_run_goes_on_after_kill_9_and_steps_that_were_done_are_not_repeated() {
    let system = System::start().await;
    let workflow = system.api.save(&read_json(&repository("examples/slow/workflow.json"))).await;
    let run = system.api.run(&workflow, &json!({"ms": 1_500})).await;
    let key = eventually("the slow call begins", async || {
        system.api.calls("/slow").await.first().map(|call| call["idempotency_key"].clone())
    })
    .await;
    assert_eq!(system.api.calls("/echo").await.len(), 1);

    let system = system.crash_and_restart().await;
    let result = system.api.result(&run).await;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    assert_eq!(result["output"], json!({"last": [{"waited_ms": 1_500}]}));
    // The playground was killed too, so it has seen only what happened since.
    assert_eq!(system.api.calls("/echo").await.len(), 0, "a step that was done is not repeated");
    let slow = system.api.calls("/slow").await;
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0]["idempotency_key"], key, "the step that was under way keeps its key");
}

pub async fn runs_that_were_accepted_just_before_kill_9_all_finish() {
    let system = System::start().await;
    let workflow = system.api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let mut runs = Vec::new();
    for i in 0..30 {
        runs.push(system.api.run(&workflow, &json!({"name": format!("n{i}")})).await);
    }
    let system = system.crash_and_restart().await;
    for (i, run) in runs.iter().enumerate() {
        let result = system.api.result(run).await;
        assert_eq!(result["output"]["greet"][0]["name"], format!("n{i}"), "{result:#}");
    }
    let list = system.api.get(&format!("/workflows/{workflow}/runs?limit=200")).await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 30, "each exactly once");
}

pub async fn no_process_outlives_kill_9() {
    let system = System::start().await;
    let folder = system.data().to_owned();
    assert!(system.processes().len() >= 2, "the program and its ClickHouse");
    for pid in system.processes().into_iter().filter(|pid| !command_line(*pid).contains("clickhouse")) {
        signal("KILL", pid);
    }
    eventually("ClickHouse stops with its parent", async || processes_of(&folder).is_empty()).await;
    // What is dropped below kills the group, which must find nobody.
    tokio::time::timeout(Duration::from_secs(5), async { drop(system) }).await.unwrap();
}
