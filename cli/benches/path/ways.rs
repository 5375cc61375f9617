//! Parts of the path: accepting a run, the worker alone, starting again.

use std::time::{Duration, Instant};

use hyper::{Method, body::Bytes};
use minireipaz::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::{
    figures::{Latencies, Rounds, short},
    http::Connection,
    load::Workload,
    ours::Ours,
    report::{heading, line},
    work::Work,
};

/// What a function adds to the produce that it cannot do without: a produce and a POST in turn, by clients who each do
/// so. One client finds cores that sleep, and waking them is most of what both take; many find them awake.
pub(crate) async fn accept(ours: &Ours, workload: &Workload, work: &Work) -> anyhow::Result<Value> {
    heading("Accepting a run, against a bare produce of as many bytes to the same bridge");
    let mut told = Vec::new();
    for clients in [1_u32, 16] {
        let recorded = work.recorded().await?;
        let seen = (0..clients).map(|_| in_turn(ours, workload, 1_600 / clients));
        let (mut posts, mut produces) = (Vec::new(), Vec::new());
        for (produced, posted) in futures_util::future::try_join_all(seen).await?.into_iter().flatten() {
            produces.push(produced);
            posts.push(posted);
        }
        let (posts, produces) = (Latencies::of(posts), Latencies::of(produces));
        let ratio = posts.p50() / produces.p50();
        let show = |latencies: &Latencies| {
            format!("p50 {} ms, p99 {} ms", short(latencies.p50()), short(latencies.p99()))
        };
        line(&format!("{clients} clients, bare produce"), show(&produces));
        line(&format!("{clients} clients, POST a run"), show(&posts));
        line("ratio of the medians (aim: ≤ 1.3)", format!("{ratio:.2}"));
        told.push(json!({
            "clients": clients, "produce_p50_ms": produces.p50(), "post_p50_ms": posts.p50(), "ratio": ratio,
        }));
        until_recorded(work, recorded + f64::from(clients * (1_600 / clients))).await?;
    }
    Ok(Value::Array(told))
}

/// How long produces and POSTs took, without those of the first tenth.
async fn in_turn(ours: &Ours, workload: &Workload, times: u32) -> anyhow::Result<Vec<(Duration, Duration)>> {
    let (path, record) = Ours::record(600);
    let (mut bare, mut api) = (Connection::open(&ours.bridge).await?, workload.connect().await?);
    let mut seen = Vec::new();
    for i in 0..times {
        let started = Instant::now();
        bare.call(Method::POST, path, None, Bytes::clone(&record)).await?;
        let produced = started.elapsed();
        let started = Instant::now();
        workload.accept(&mut api).await?;
        if i >= times / 10 {
            seen.push((produced, started.elapsed()));
        }
    }
    Ok(seen)
}

/// Tasks straight to the worker, without anything before it.
pub(crate) async fn worker_alone(ours: &Ours, document: &Value, work: &Work) -> anyhow::Result<Value> {
    heading(
        "The worker alone: tasks posted in batches of 100, ten steps, to ClickHouse (aim: ≥ 1,000 runs/s)",
    );
    let runs = 6_000;
    let batches: Vec<String> = (0..runs / 100).map(|_| batch(document, 100)).collect();
    let before = work.recorded().await?;
    let started = Instant::now();
    for (turn, body) in batches.into_iter().enumerate() {
        ours.post_tasks(turn, body).await?;
    }
    let runs = f64::from(runs);
    let accepted = runs / started.elapsed().as_secs_f64();
    until_recorded(work, before + runs).await?;
    let recorded = runs / started.elapsed().as_secs_f64();
    line("accepted, executed, durable in the journal", format!("{} runs/s", short(accepted)));
    line("recorded in ClickHouse", format!("{} runs/s", short(recorded)));
    Ok(json!({"executed_per_s": accepted, "recorded_per_s": recorded}))
}

/// `minireipaz dev` on the data that the load has left: from the start of the process to the result of a run.
pub(crate) async fn restarts(mut ours: Ours, workflow: &str, rounds: usize) -> anyhow::Result<(Ours, Value)> {
    heading("minireipaz dev, started again on this data, to the result of a first run");
    let mut taken = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let (again, took) = ours.restart(workflow).await?;
        ours = again;
        taken.push(took.as_secs_f64() * 1e3);
    }
    let taken = Rounds::of(taken);
    line("start to result", format!("{} ms", taken.with_spread()));
    Ok((ours, taken.json()))
}

pub(crate) async fn until_recorded(work: &Work, runs: f64) -> anyhow::Result<()> {
    while work.recorded().await? < runs {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// A connector's batch of `count` new tasks.
pub(crate) fn batch(document: &Value, count: usize) -> String {
    let now = SystemClock.now();
    let task = |_| {
        let run = uuid::Uuid::now_v7();
        json!({
            "specversion": "1.0", "type": "io.minireipaz.task.execute.v1", "id": run, "source": "/bench",
            "time": now, "tenantid": "bench", "datacontenttype": "application/json",
            "data": {
                "run_id": run, "attempt": 1, "workflow_id": uuid::Uuid::nil(), "workflow_version": 1,
                "document": document.to_string(), "trigger": {"kind": "manual"}, "input": crate::load::INPUT,
                "created_at": now,
            },
        })
    };
    Value::Array((0..count).map(task).collect()).to_string()
}
