//! ClickHouse is killed in the middle of many runs.

use std::collections::HashSet;

use serde_json::json;

use minireipaz::store::local::LocalClickHouse;

use minireipaz::testing::eventually;

use crate::{
    client::{read_json, repository},
    process::{command_line, signal},
    system::System,
};

/// Runs that are under way, of which most start during the outage: `E2E_OUTAGE_RUNS`.
pub async fn all_runs_are_recorded_once_although_clickhouse_was_killed_meanwhile() {
    let runs = crate::setting("E2E_OUTAGE_RUNS").and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut server = Server::start().await;
    let url = server.url();
    let system = System::start_with(&["--clickhouse-url", &url]).await;
    let workflow = system.api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let mut accepted = HashSet::new();
    for i in 0..runs {
        if i == runs / 4 {
            server.kill();
        }
        // The workflow is cached, so runs are accepted while the store is away.
        accepted.insert(system.api.run(&workflow, &json!({"name": format!("n{i}")})).await);
    }
    assert_eq!(accepted.len(), runs);
    server.start_again().await;
    let ended = eventually("all runs are recorded", async || {
        let rows = system.api.runs_of(&workflow).await?;
        let succeeded = rows.iter().filter(|row| row["status"] == "succeeded").count();
        (succeeded >= runs).then_some(rows)
    })
    .await;
    let recorded: Vec<_> = ended.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(recorded.len(), runs, "each once");
    assert_eq!(recorded.into_iter().collect::<HashSet<_>>(), accepted);
}

pub async fn dev_starts_its_own_clickhouse_again_when_somebody_kills_it() {
    let system = System::start().await;
    let workflow = system.api.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let mut processes = system.processes().into_iter();
    signal("KILL", processes.find(|pid| command_line(*pid).contains("clickhouse_server.py")).unwrap());
    let run = system.api.run(&workflow, &json!({"name": "Ada"})).await;
    let result = system.api.result(&run).await;
    assert_eq!(result["status"], "succeeded", "{result:#}");
}

/// A server of the test's own, which keeps its port and data.
struct Server {
    data: tempfile::TempDir,
    port: u16,
    running: Option<LocalClickHouse>,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = LocalClickHouse::start(data.path(), None, |_| {}).await.unwrap();
        Self { data, port: running.port(), running: Some(running) }
    }

    fn url(&self) -> String {
        self.running.as_ref().unwrap().url()
    }

    fn kill(&mut self) {
        self.running.take().unwrap().kill_hard();
    }

    async fn start_again(&mut self) {
        self.running = Some(LocalClickHouse::start(self.data.path(), Some(self.port), |_| {}).await.unwrap());
    }
}
