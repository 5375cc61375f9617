//! ClickHouse is killed in the middle of many runs.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::system::{System, read_json, repository, until};

/// Runs that are under way, of which half start during the outage. `E2E_OUTAGE_RUNS`.
fn runs() -> usize {
    std::env::vars()
        .find(|(name, _)| name == "E2E_OUTAGE_RUNS")
        .and_then(|(_, n)| n.parse().ok())
        .unwrap_or(100)
}

#[tokio::test]
async fn all_runs_are_recorded_once_although_clickhouse_was_killed_meanwhile() {
    let mut server = Server::start().await;
    let url = server.url();
    let system = System::start_with(&["--clickhouse-url", &url]).await;
    let workflow = system.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let mut accepted = HashSet::new();
    for i in 0..runs() {
        if i == runs() / 4 {
            server.kill();
        }
        // The workflow is cached, so runs are accepted while the store is away.
        accepted.insert(system.run(&workflow, &json!({"name": format!("n{i}")})).await);
    }
    assert_eq!(accepted.len(), runs());
    server.start_again().await;
    let ended = until("all runs are recorded", async || {
        let rows = all_runs(&system, &workflow).await?;
        let ended = rows.iter().filter(|row| row["status"] == "succeeded").count();
        (ended >= runs()).then_some(rows)
    })
    .await;
    let recorded: Vec<_> = ended.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(recorded.len(), runs(), "each once");
    assert_eq!(recorded.into_iter().collect::<HashSet<_>>(), accepted);
}

#[tokio::test]
async fn dev_starts_its_own_clickhouse_again_when_somebody_kills_it() {
    let system = System::start().await;
    let workflow = system.save(&read_json(&repository("examples/hello/workflow.json"))).await;
    let server = system.processes().into_iter().find(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("clickhouse_server.py")
    });
    let status = std::process::Command::new("kill").args(["-KILL", &server.unwrap().to_string()]).status();
    assert!(status.unwrap().success());
    let run = system.run(&workflow, &json!({"name": "Ada"})).await;
    let result = system.result(&run).await;
    assert_eq!(result["status"], "succeeded", "{result:#}");
}

/// Every row of the workflow's list of runs; none when it cannot be read now.
async fn all_runs(system: &System, workflow: &str) -> Option<Vec<Value>> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = system.get(&format!("/workflows/{workflow}/runs?limit=200{cursor}")).await;
        if page.status != 200 {
            return None;
        }
        rows.extend(page.body["items"].as_array()?.iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(rows),
        }
    }
}

use minireipaz::store::local::LocalClickHouse;

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
