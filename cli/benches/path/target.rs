//! What is measured: `minireipaz dev`, or a cluster on a real Kafka; spoken to only from outside.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    client::Client,
    cluster::{Cluster, settings::CONNECTOR_SECRET},
    system::System,
};

/// A running system.
pub(crate) struct Target {
    api: Client,
    http: reqwest::Client,
    bridge: String,
    workers: Vec<String>,
    secret: String,
    kept: Kept,
}

/// What runs until the target is stopped.
enum Kept {
    Dev(Box<System>),
    Cluster(Box<Cluster>),
}

impl Target {
    /// `minireipaz dev` in a folder of its own.
    pub(crate) async fn dev() -> anyhow::Result<Self> {
        let system = System::start().await;
        let secret = std::fs::read_to_string(system.data().join("connector-secret"))?;
        let (bridge, worker) = (system.address("bridge"), system.address("worker"));
        let api = system.api.clone();
        Self::new(api, bridge, vec![worker], secret.trim(), Kept::Dev(Box::new(system)))
    }

    /// Apache Kafka, `ClickHouse`, the bridge, the function binaries and two workers, each a process.
    pub(crate) async fn cluster() -> anyhow::Result<Self> {
        let cluster = Cluster::start().await;
        let (bridge, workers) = (cluster.bridge_url().to_owned(), cluster.worker_urls().to_vec());
        let api = cluster.client("bench");
        Self::new(api, bridge, workers, CONNECTOR_SECRET, Kept::Cluster(Box::new(cluster)))
    }

    fn new(
        api: Client,
        bridge: String,
        workers: Vec<String>,
        secret: &str,
        kept: Kept,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .tcp_nodelay(true)
            .no_proxy()
            .timeout(Duration::from_secs(90))
            .build()?;
        Ok(Self { api, http, bridge, workers, secret: secret.to_owned(), kept })
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.kept {
            Kept::Dev(mut system) => {
                let status = system.interrupt().await;
                ensure!(status.success(), "minireipaz dev ended with {status}");
            }
            Kept::Cluster(cluster) => {
                cluster.stop().await.map_err(|failed| anyhow::anyhow!("{:?}", failed.message()))?;
            }
        }
        Ok(())
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1{path}", self.api.base());
        self.http.request(method, url).bearer_auth(self.api.token())
    }

    /// Creates a workflow; returns its id.
    pub(crate) async fn create(&self, workflow: &Value) -> anyhow::Result<String> {
        let request = self.call(Method::POST, "/workflows").json(workflow);
        let created: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(created["id"].as_str().context("id")?.to_owned())
    }

    /// Accepts a run; returns its id.
    pub(crate) async fn start_run(&self, workflow: &str) -> anyhow::Result<String> {
        let request = self.call(Method::POST, &format!("/workflows/{workflow}/runs"));
        let request = request.json(&json!({"input": {"sku": "A1", "count": 3}}));
        let run: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(run["id"].as_str().context("id")?.to_owned())
    }

    /// Waits for the run's end through the long poll.
    pub(crate) async fn follow(&self, run: &str) -> anyhow::Result<()> {
        let path = format!("/runs/{run}?wait=25");
        loop {
            let request = self.call(Method::GET, &path);
            let run: Value = request.send().await?.error_for_status()?.json().await?;
            match run["status"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("queued" | "running" | "waiting") => {}
                _ => anyhow::bail!("the run ended badly: {run}"),
            }
        }
    }

    /// Produces one record to the bridge, as a bare client would. Nothing delivers this topic.
    pub(crate) async fn produce(&self, value: &Value) -> anyhow::Result<()> {
        let url = format!("{}/v3/clusters/any/topics/bench/records", self.bridge);
        let record =
            json!({"key": {"type": "STRING", "data": "k"}, "value": {"type": "JSON", "data": value}});
        let report: Value =
            self.http.post(url).json(&record).send().await?.error_for_status()?.json().await?;
        ensure!(report["error_code"] == 200, "the bridge refused the record: {report}");
        Ok(())
    }

    /// Posts a batch of tasks to a worker, as the HTTP sink does.
    pub(crate) async fn post_tasks(&self, turn: usize, body: String) -> anyhow::Result<()> {
        let worker = &self.workers[turn % self.workers.len()];
        let request = self.http.post(format!("{worker}/tasks")).bearer_auth(&self.secret);
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

    /// A counter of the workers' `/metrics`, summed over its labels and the workers.
    pub(crate) async fn counter(&self, name: &str) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for worker in &self.workers {
            let text = self.http.get(format!("{worker}/metrics")).send().await?.text().await?;
            let of_name = |line: &&str| line.starts_with(name) && !line[name.len()..].starts_with('_');
            let values = text.lines().filter(of_name);
            sum += values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        }
        Ok(sum)
    }
}
