//! The system under test: `minireipaz dev` in a folder of its own, spoken to only from outside.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct System {
    child: Child,
    _data: TempDir,
    client: Client,
    functions: String,
    bridge: String,
    worker: String,
    token: String,
    secret: String,
}

impl System {
    /// Starts it and waits until it answers.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(data.path().join("bench.out"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_minireipaz"))
            .args(["dev", "--port", &port.to_string(), "--data"])
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let client = Client::builder().tcp_nodelay(true).timeout(Duration::from_secs(90)).build()?;
        let functions = format!("http://127.0.0.1:{port}");
        let mut system = Self {
            child,
            _data: data,
            client,
            functions,
            bridge: String::new(),
            worker: String::new(),
            token: String::new(),
            secret: String::new(),
        };
        system.wait_until_ready().await?;
        Ok(system)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let ping = format!("{}/api/v1/ping?deep=true", self.functions);
        let file = |name: &str| std::fs::read_to_string(self._data.path().join(name)).unwrap_or_default();
        for _ in 0..1200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("minireipaz dev ended with {status}:\n{}", file("bench.out"));
            }
            let answers =
                self.client.get(&ping).send().await.is_ok_and(|answer| answer.status().is_success());
            // The token is the last thing that a starting system writes.
            if answers && !file("token").is_empty() {
                let parts: Value = serde_json::from_str(&file("dev.json")).context("dev.json")?;
                let address = |part: &str| parts[part].as_str().map(str::to_owned).context(part.to_owned());
                (self.bridge, self.worker) = (address("bridge")?, address("worker")?);
                self.token = file("token").trim().to_owned();
                self.secret = file("connector-secret").trim().to_owned();
                return Ok(());
            }
        }
        anyhow::bail!("minireipaz dev did not answer within two minutes:\n{}", file("bench.out"))
    }

    fn call(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.token)
    }

    /// Creates a workflow; returns its id.
    pub(crate) async fn create(&self, workflow: &Value) -> anyhow::Result<String> {
        let answer =
            self.call(self.client.post(format!("{}/api/v1/workflows", self.functions)).json(workflow));
        let created: Value = answer.send().await?.error_for_status()?.json().await?;
        Ok(created["id"].as_str().context("id")?.to_owned())
    }

    /// Accepts a run; returns its id.
    pub(crate) async fn start_run(&self, workflow: &str) -> anyhow::Result<String> {
        let url = format!("{}/api/v1/workflows/{workflow}/runs", self.functions);
        let request = self.call(self.client.post(url).json(&json!({"input": {"sku": "A1", "count": 3}})));
        let run: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(run["id"].as_str().context("id")?.to_owned())
    }

    /// Waits for the run's end through the long poll.
    pub(crate) async fn follow(&self, run: &str) -> anyhow::Result<()> {
        let url = format!("{}/api/v1/runs/{run}?wait=25", self.functions);
        loop {
            let run: Value =
                self.call(self.client.get(&url)).send().await?.error_for_status()?.json().await?;
            match run["status"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("queued" | "running" | "waiting") => {}
                _ => anyhow::bail!("the run ended badly: {run}"),
            }
        }
    }

    /// Produces one record to the bridge, as a bare client would. Nothing delivers this topic.
    pub(crate) async fn produce(&self, value: &Value) -> anyhow::Result<()> {
        let url = format!("{}/v3/clusters/{}/topics/bench/records", self.bridge, "minireipaz-dev");
        let record =
            json!({"key": {"type": "STRING", "data": "k"}, "value": {"type": "JSON", "data": value}});
        let report: Value =
            self.client.post(url).json(&record).send().await?.error_for_status()?.json().await?;
        ensure!(report["error_code"] == 200, "the bridge refused the record: {report}");
        Ok(())
    }

    /// Posts a batch of tasks to the worker, as the HTTP sink does.
    pub(crate) async fn post_tasks(&self, body: String) -> anyhow::Result<()> {
        let request = self.client.post(format!("{}/tasks", self.worker)).bearer_auth(&self.secret);
        let request = request.header("content-type", "application/json").body(body);
        loop {
            let answer = request.try_clone().context("body")?.send().await?;
            if answer.status() == 429 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            answer.error_for_status()?;
            return Ok(());
        }
    }

    /// A counter of the worker's `/metrics`, summed over its labels.
    pub(crate) async fn counter(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.client.get(format!("{}/metrics", self.worker)).send().await?.text().await?;
        let of_name = |line: &&str| line.starts_with(name) && !line[name.len()..].starts_with('_');
        Ok(text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // SIGTERM first, so that ClickHouse goes with it in order.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
