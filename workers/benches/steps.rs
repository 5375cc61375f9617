//! How many steps a second a worker executes, from its door to its journal: steps that only compute, and calls of a server
//! on this machine.
//!
//! `cargo bench -p workers --bench steps`. Runs are chains of ten steps; nothing is recorded, so no store is measured.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Json, Router, routing::post};
use domain::{
    event::{Event, Payload, TaskExecute},
    ids::{RunId, TenantId, WorkflowId},
    json_text::JsonText,
    run::Trigger,
    workflow::DocumentText,
};
use minireipaz::{
    auth::CallbackSecrets,
    clock::{Clock, SystemClock},
    store::memory::MemoryStore,
    telemetry::{self, names},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use workers::{Worker, WorkerConfig, runner::RunnerSettings};

const STEPS: usize = 10;
/// Runs a request.
const BATCH: usize = 100;
const SECRET: &str = "0123456789abcdef";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let mut server = JoinSet::new();
    let router = Router::new().route("/", post(|| async { Json(json!({ "ok": true })) }));
    server.spawn(async move { axum::serve(listener, router).await });

    let folder = tempfile::tempdir()?;
    let mut config = WorkerConfig {
        listen: "127.0.0.1:0".parse()?,
        runner: RunnerSettings {
            javascript_program: Some(env!("CARGO_BIN_EXE_worker").into()),
            ..RunnerSettings::default()
        },
        ..WorkerConfig::new(folder.path(), CallbackSecrets::new(&SECRET.into(), None)?)
    };
    config.runner.http.allow = "127.0.0.1".parse()?;
    let never = std::future::pending();
    let worker =
        Worker::start_before(config, Arc::new(MemoryStore::new()), Arc::new(SystemClock), never).await?;
    let params = json!({ "method": "POST", "url": url });
    measure("pure", &worker, &chain("noop", &json!({})), 20_000).await?;
    measure("HTTP", &worker, &chain("http_request", &params), 3_000).await?;
    worker.crash().await;
    Ok(())
}

async fn measure(name: &str, worker: &Worker, document: &Value, runs: usize) -> anyhow::Result<()> {
    let document = DocumentText::parse(document.to_string())?;
    let tenant = TenantId::parse("acme")?;
    let http = reqwest::Client::new();
    let finished = finished()? + runs;
    let began = Instant::now();
    for _ in 0..runs / BATCH {
        let records = (0..BATCH).map(|_| {
            let created_at = SystemClock.now();
            let run_id = RunId::at(created_at, rand::random());
            let task = TaskExecute {
                run_id,
                attempt: 1,
                workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
                workflow_version: 1,
                document: document.clone(),
                trigger: Trigger::manual(),
                input: JsonText::of(&json!({ "n": 1 }))?,
                plan: None,
                created_at,
            };
            let (id, payload) = (run_id.to_string(), Payload::TaskExecute(Box::new(task)));
            let tenant = tenant.clone();
            serde_json::to_string(&Event { id, time: created_at, tenant, traceparent: None, payload })
        });
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let url = format!("http://{}/tasks", worker.addr());
        let sent = http.post(url).bearer_auth(SECRET).body(format!("[{}]", records.join(","))).send().await?;
        sent.error_for_status().context("the worker takes every batch")?;
    }
    while self::finished()? < finished {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let took = began.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = (runs * STEPS) as f64 / took.as_secs_f64();
    println!("{name}: {per_second:.0} steps/s ({runs} runs of {STEPS} steps in {took:.1?})");
    Ok(())
}

/// How many runs have succeeded since the start.
fn finished() -> anyhow::Result<usize> {
    let metrics = telemetry::collect().context("metrics are collected")?.render();
    let line = format!("{}{{outcome=\"succeeded\"}} ", names::WORKER_RUNS_FINISHED);
    let count = metrics.lines().find_map(|found| found.strip_prefix(&line)).unwrap_or("0");
    Ok(count.parse()?)
}

/// A chain of steps of that kind.
fn chain(kind: &str, params: &Value) -> Value {
    let mut nodes = vec![json!({ "id": "0", "type": "manual" })];
    let node = |n: usize| json!({ "id": n.to_string(), "type": kind, "data": { "params": params } });
    nodes.extend((1..=STEPS).map(node));
    let edges = (1..=STEPS).map(|n| json!({ "source": (n - 1).to_string(), "target": n.to_string() }));
    json!({ "name": "bench", "nodes": nodes, "edges": edges.collect::<Vec<_>>() })
}
