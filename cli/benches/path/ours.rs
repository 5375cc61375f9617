//! Ours: `minireipaz dev`, or a cluster on a real Kafka; spoken to only from outside.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hyper::body::Bytes;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    accounting::{Accounts, Owner, Part},
    client::Client,
    cluster::{Cluster, settings::CONNECTOR_SECRET},
    load::Workload,
    system::System,
    work::Work,
};

/// A running system.
pub(crate) struct Ours {
    api: Client,
    http: reqwest::Client,
    pub(crate) bridge: String,
    workers: Vec<String>,
    secret: String,
    kept: Kept,
}

/// What runs until it is stopped.
enum Kept {
    Dev(Box<System>),
    Cluster(Box<Cluster>),
}

impl Ours {
    /// `minireipaz dev` in a folder of its own.
    pub(crate) async fn dev() -> anyhow::Result<Self> {
        Self::of_dev(System::start().await)
    }

    fn of_dev(system: System) -> anyhow::Result<Self> {
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

    /// Stops `minireipaz dev` in order, and takes the time from its next start on the same data to the result of a
    /// run.
    pub(crate) async fn restart(self, workflow: &str) -> anyhow::Result<(Self, Duration)> {
        let Kept::Dev(mut system) = self.kept else { anyhow::bail!("only dev is started again") };
        let status = system.interrupt().await;
        ensure!(status.success(), "minireipaz dev ended with {status}");
        let begun = Instant::now();
        let ours = Self::of_dev(system.restart().await)?;
        let workload = ours.workload(workflow, false);
        workload.once(&mut workload.connect().await?).await?;
        Ok((ours, begun.elapsed()))
    }

    /// Whose work its processes do.
    pub(crate) async fn accounts(&self) -> Accounts {
        let cluster = match &self.kept {
            Kept::Dev(system) => return Accounts::of(vec![(system.id(), Owner::Dev)]),
            Kept::Cluster(cluster) => cluster,
        };
        let part = |id, part| (id, Owner::Part(part));
        let mut processes = vec![
            part(cluster.functions.id(), Part::Functions),
            part(cluster.bridge.id(), Part::Bridge),
            part(cluster.kafka.id(), Part::Kafka),
        ];
        processes.extend(cluster.workers.iter().map(|worker| part(worker.id(), Part::Worker)));
        processes.extend(cluster.database.id().await.map(|id| part(id, Part::ClickHouse)));
        Accounts::of(processes)
    }

    /// The folder of `minireipaz dev`.
    pub(crate) fn folder(&self) -> anyhow::Result<&Path> {
        match &self.kept {
            Kept::Dev(system) => Ok(system.data()),
            Kept::Cluster(_) => anyhow::bail!("only dev has one folder"),
        }
    }

    /// Kills `minireipaz dev` as a power cut would; starts it again on the same data.
    pub(crate) async fn crash(self) -> anyhow::Result<(Self, Duration)> {
        let Kept::Dev(system) = self.kept else { anyhow::bail!("only dev is started again") };
        let begun = Instant::now();
        let ours = Self::of_dev(system.crash_and_restart().await)?;
        Ok((ours, begun.elapsed()))
    }

    /// The first page of a workflow's runs.
    pub(crate) async fn page(&self, workflow: &str) -> anyhow::Result<usize> {
        let page = self.call(Method::GET, &format!("/workflows/{workflow}/runs?limit=50"));
        let page: Value = page.send().await?.error_for_status()?.json().await?;
        Ok(page["items"].as_array().context("items")?.len())
    }

    /// What counts the work that is done.
    pub(crate) async fn work(&self) -> anyhow::Result<Work> {
        let database = match &self.kept {
            Kept::Dev(system) => system.address("clickhouse"),
            Kept::Cluster(cluster) => cluster.database.url(),
        };
        Work::of(&database, self.workers.clone(), self.bridge.clone()).await
    }

    /// A run of this workflow after the other.
    pub(crate) fn workload(&self, workflow: &str, polls: bool) -> Workload {
        Workload::Ours {
            base: self.api.base().to_owned(),
            token: format!("Bearer {}", self.api.token()),
            workflow: workflow.to_owned(),
            polls,
        }
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

    /// The path of a workflow's first webhook.
    pub(crate) async fn hook(&self, workflow: &str) -> anyhow::Result<String> {
        let request = self.call(Method::GET, &format!("/workflows/{workflow}/hooks"));
        let hooks: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(hooks["items"][0]["path"].as_str().context("a webhook")?.to_owned())
    }

    /// A record as a bare client would produce it to the bridge. Nothing delivers its topic.
    pub(crate) fn record(bytes: usize) -> (&'static str, Bytes) {
        let value = json!({"filler": "x".repeat(bytes)});
        let record =
            json!({"key": {"type": "STRING", "data": "k"}, "value": {"type": "JSON", "data": value}});
        ("/v3/clusters/any/topics/bench/records", record.to_string().into())
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
}

/// A workflow of a trigger and `steps` steps that compute.
pub(crate) fn chain(steps: usize) -> Value {
    let mut nodes = vec![json!({"id": "start", "type": "manual"})];
    let mut edges = Vec::new();
    for i in 0..steps {
        let source = if i == 0 { "start".to_owned() } else { format!("n{}", i - 1) };
        let fields = json!({format!("f{i}"): "{{ $json.count }}", "note": "step {{ $json.sku }}"});
        nodes.push(json!({"id": format!("n{i}"), "type": "set", "data": {"params": {"fields": fields}}}));
        edges.push(json!({"source": source, "target": format!("n{i}")}));
    }
    json!({"name": format!("bench: {steps} steps"), "nodes": nodes, "edges": edges})
}
