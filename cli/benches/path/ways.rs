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

/// What a function adds to the produce that it cannot do without, measured request by request in turn.
pub(crate) async fn accept(ours: &Ours, workload: &Workload, work: &Work) -> anyhow::Result<Value> {
    const WARM_UP: usize = 100;
    heading("Accepting a run, against a bare produce of as many bytes to the same bridge");
    let recorded = work.recorded().await?;
    let (path, record) = Ours::record(600);
    let (mut bare, mut api) = (Connection::open(&ours.bridge).await?, workload.connect().await?);
    let (mut posts, mut produces) = (Vec::new(), Vec::new());
    let mut accepted = 0.0;
    for i in 0..1_000 {
        let started = Instant::now();
        bare.call(Method::POST, path, None, Bytes::clone(&record)).await?;
        let produced = started.elapsed();
        let started = Instant::now();
        workload.accept(&mut api).await?;
        accepted += 1.0;
        if i >= WARM_UP {
            produces.push(produced);
            posts.push(started.elapsed());
        }
    }
    let (posts, produces) = (Latencies::of(posts), Latencies::of(produces));
    let ratio = posts.p50() / produces.p50();
    let show = |latencies: &Latencies| {
        format!("p50 {} ms, p99 {} ms", short(latencies.p50()), short(latencies.p99()))
    };
    line("bare produce", show(&produces));
    line("POST a run", show(&posts));
    line("ratio of the medians (aim: ≤ 1.3)", format!("{ratio:.2}"));
    until_recorded(work, recorded + accepted).await?;
    Ok(json!({"produce_p50_ms": produces.p50(), "post_p50_ms": posts.p50(), "ratio": ratio}))
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
