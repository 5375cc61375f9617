//! The whole path, as ratios in one run: `make bench`. On `minireipaz dev`, or with the argument `cluster` on a real
//! Kafka with every part a process of its own, as the end-to-end tests start it.
//!
//! Everything runs on one machine, the load with it, so read ratios rather than milliseconds. The two sides of a
//! ratio are measured in turn, request by request, so that a drift of the machine's speed hits both.

#![allow(
    unreachable_pub,
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "parts of the end-to-end tests are used here"
)]

#[path = "../../tests/e2e/client.rs"]
mod client;
#[path = "../../tests/e2e/cluster/mod.rs"]
mod cluster;
mod figures;
#[path = "../../tests/e2e/process.rs"]
mod process;
#[path = "../../tests/e2e/system.rs"]
mod system;
mod target;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use figures::{Latencies, heading, line};
use minireipaz::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use target::Target;
use tokio::task::JoinSet;

const WARM_UP: usize = 50;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let system = Arc::new(if std::env::args().any(|argument| argument == "cluster") {
        println!("starting a cluster on a real Kafka …");
        Target::cluster().await?
    } else {
        println!("starting minireipaz dev …");
        Target::dev().await?
    });
    let ten = system.create(&chain(10)).await?;
    let one = system.create(&chain(1)).await?;
    for _ in 0..WARM_UP {
        system.follow(&system.start_run(&ten).await?).await?;
    }
    accept(&system, &one).await?;
    one_by_one(&system, "one step", &one).await?;
    one_by_one(&system, "ten steps", &ten).await?;
    many(&system, &ten, 16).await?;
    many(&system, &ten, 64).await?;
    worker_alone(&system, &chain(10)).await?;
    let system = Arc::into_inner(system).context("every client is done")?;
    system.stop().await
}

/// A workflow of a trigger and `steps` steps that compute.
fn chain(steps: usize) -> Value {
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

async fn accept(system: &Target, workflow: &str) -> anyhow::Result<()> {
    heading("accepting a run, against a bare produce of as many bytes to the same bridge");
    let payload = json!({"filler": "x".repeat(600)});
    let (mut posts, mut produces) = (Vec::new(), Vec::new());
    for i in 0..600 {
        let started = Instant::now();
        system.produce(&payload).await?;
        let produced = started.elapsed();
        let started = Instant::now();
        system.start_run(workflow).await?;
        if i >= WARM_UP {
            produces.push(produced);
            posts.push(started.elapsed());
        }
    }
    let (posts, produces) = (Latencies::of(posts), Latencies::of(produces));
    line("bare produce", &produces);
    line("POST a run", &posts);
    line("ratio of the medians (aim: ≤ 1.3)", format!("{:.2}", posts.p50() / produces.p50()));
    // Let the backlog of these runs drain before the next measurement.
    system.follow(&system.start_run(workflow).await?).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

async fn one_by_one(system: &Target, what: &str, workflow: &str) -> anyhow::Result<()> {
    heading(&format!("submit → result by long poll, one by one, {what} (aim: p50 ≤ 25 ms)"));
    let mut latencies = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        system.follow(&system.start_run(workflow).await?).await?;
        latencies.push(started.elapsed());
    }
    line("latency", Latencies::of(latencies));
    Ok(())
}

async fn many(system: &Arc<Target>, workflow: &str, clients: usize) -> anyhow::Result<()> {
    heading(&format!("submit → result by long poll, {clients} clients, ten steps"));
    let runs = 30 * clients.max(32);
    let before = counters(system).await?;
    let left = Arc::new(AtomicUsize::new(runs));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (system, workflow, left) = (system.clone(), workflow.to_owned(), left.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                let started = Instant::now();
                system.follow(&system.start_run(&workflow).await?).await?;
                latencies.push(started.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::with_capacity(runs);
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let (seconds, runs) = (started.elapsed().as_secs_f64(), f64::from(u32::try_from(runs)?));
    let after = counters(system).await?;
    line("latency", Latencies::of(latencies));
    line("throughput", format!("{:.0} runs/s, {:.0} steps/s", runs / seconds, runs * 11.0 / seconds));
    per_thousand(before, after, runs);
    Ok(())
}

async fn worker_alone(system: &Target, document: &Value) -> anyhow::Result<()> {
    heading("the worker: tasks posted in batches of 100, ten steps, to ClickHouse (aim: ≥ 1,000 runs/s)");
    let runs = 6_000;
    let batches: Vec<String> = (0..runs / 100).map(|_| batch(document, 100)).collect();
    let before = counters(system).await?;
    let started = Instant::now();
    for (turn, body) in batches.into_iter().enumerate() {
        system.post_tasks(turn, body).await?;
    }
    let accepted = started.elapsed().as_secs_f64();
    let runs = f64::from(runs);
    let mut after = counters(system).await?;
    while after.recorded - before.recorded < runs {
        tokio::time::sleep(Duration::from_millis(10)).await;
        after = counters(system).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    line("accepted, executed, durable in the journal", format!("{:.0} runs/s", runs / accepted));
    line(
        "recorded in ClickHouse",
        format!("{:.0} runs/s, {:.0} steps/s", runs / seconds, runs * 11.0 / seconds),
    );
    per_thousand(before, after, runs);
    Ok(())
}

/// A connector's batch of `count` new tasks.
fn batch(document: &Value, count: usize) -> String {
    let now = SystemClock.now();
    let task = |_| {
        let run = uuid::Uuid::now_v7();
        json!({
            "specversion": "1.0", "type": "io.minireipaz.task.execute.v1", "id": run, "source": "/bench",
            "time": now, "tenantid": "bench", "datacontenttype": "application/json",
            "data": {
                "run_id": run, "attempt": 1, "workflow_id": uuid::Uuid::nil(), "workflow_version": 1,
                "document": document.to_string(), "trigger": {"kind": "manual"}, "input": r#"{"sku": "A1", "count": 3}"#,
                "created_at": now,
            },
        })
    };
    Value::Array((0..count).map(task).collect()).to_string()
}

#[derive(Clone, Copy)]
struct Counters {
    commits: f64,
    inserts: f64,
    recorded: f64,
}

async fn counters(system: &Target) -> anyhow::Result<Counters> {
    use minireipaz::telemetry::names;
    Ok(Counters {
        commits: system.counter(names::JOURNAL_COMMITS).await?,
        inserts: system.counter(names::STORE_INSERTS).await?,
        recorded: system.counter(names::RUNS_RECORDED).await?,
    })
}

fn per_thousand(before: Counters, after: Counters, runs: f64) {
    let per = |from: f64, to: f64| (to - from) * 1_000.0 / runs;
    line("journal commits per 1,000 runs", format!("{:.0}", per(before.commits, after.commits)));
    line("ClickHouse inserts per 1,000 runs", format!("{:.0}", per(before.inserts, after.inserts)));
}

/// A setting of the end-to-end tests.
fn setting(name: &str) -> Option<String> {
    std::env::vars().find(|(found, _)| found == name).map(|(_, value)| value)
}
