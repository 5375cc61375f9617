//! The load: so many clients, each with one run after the other from its acceptance to its result.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hyper::{Method, body::Bytes};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::{figures::Latencies, http::Connection};

/// What every run is given.
pub(crate) const INPUT: &str = r#"{"sku":"A1","count":3}"#;

/// How a client gets a run's result.
#[derive(Debug, Clone)]
pub(crate) enum Workload {
    /// `POST` a run and wait for its end in the same request, or, with `polls`, in requests of their own.
    Ours { base: String, token: String, workflow: String, polls: bool },
    /// One request, which is answered with the result.
    Restate { base: String },
}

#[derive(Deserialize)]
struct Run {
    id: String,
    status: String,
}

impl Workload {
    fn base(&self) -> &str {
        let (Self::Ours { base, .. } | Self::Restate { base }) = self;
        base
    }

    /// One run, to its result.
    pub(crate) async fn once(&self, connection: &mut Connection) -> anyhow::Result<()> {
        match self {
            Self::Ours { token, workflow, polls, .. } => {
                let query = if *polls { "" } else { "?wait=20" };
                let mut run = start(connection, token, workflow, query).await?;
                let path = format!("/api/v1/runs/{}?wait=25", run.id);
                while !matches!(run.status.as_str(), "succeeded") {
                    let is_under_way = matches!(run.status.as_str(), "queued" | "running" | "waiting");
                    ensure!(is_under_way, "run {} ended as {}", run.id, run.status);
                    let told = connection.call(Method::GET, &path, Some(token), Bytes::new()).await?;
                    run = serde_json::from_slice(&told)?;
                }
                Ok(())
            }
            Self::Restate { .. } => {
                let body = Bytes::from_static(INPUT.as_bytes());
                let result = connection.call(Method::POST, "/Bench/ten", None, body).await?;
                ensure!(result.starts_with(b"{"), "no result: {}", String::from_utf8_lossy(&result));
                Ok(())
            }
        }
    }

    /// Accepts a run and does not wait for it.
    pub(crate) async fn accept(&self, connection: &mut Connection) -> anyhow::Result<()> {
        let Self::Ours { token, workflow, .. } = self else { anyhow::bail!("only ours accepts") };
        start(connection, token, workflow, "").await?;
        Ok(())
    }

    /// A client's connection.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.base()).await
    }
}

async fn start(connection: &mut Connection, token: &str, workflow: &str, query: &str) -> anyhow::Result<Run> {
    let path = format!("/api/v1/workflows/{workflow}/runs{query}");
    let body = format!(r#"{{"input":{INPUT}}}"#);
    let told = connection.call(Method::POST, &path, Some(token), body.into()).await?;
    serde_json::from_slice(&told).context("the accepted run")
}

/// What clients saw.
pub(crate) struct Seen {
    pub(crate) latencies: Latencies,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Seen {
    /// Runs that came to their end.
    pub(crate) fn runs(&self) -> usize {
        self.latencies.count()
    }
}

/// Lets `clients` begin runs for so long, and waits for the last ones.
pub(crate) async fn put(workload: &Workload, clients: usize, length: Duration) -> anyhow::Result<Seen> {
    let workload = Arc::new(workload.clone());
    let mut connections = Vec::with_capacity(clients);
    for _ in 0..clients {
        connections.push(workload.connect().await?);
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        let workload = Arc::clone(&workload);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while begun.elapsed() < length {
                let started = Instant::now();
                workload.once(&mut connection).await?;
                latencies.push(started.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Ok(Seen { latencies: Latencies::of(latencies), took: begun.elapsed() })
}
