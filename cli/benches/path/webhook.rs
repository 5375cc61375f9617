//! A webhook that waits for its `respond`, beside the same workflow by `runs`.

use std::time::Instant;

use hyper::{Method, body::Bytes};
use serde_json::{Value, json};

use crate::{
    figures::{Latencies, short},
    http::Connection,
    load::{INPUT, Workload},
    ours::Ours,
    report::{heading, line},
};

/// Requests before it is measured.
const WARM_UP: usize = 50;

/// The same run, asked for in two ways in turn: by a webhook that is answered by `respond`, and by `POST …/runs?wait=20`.
pub(crate) async fn beside_runs(ours: &Ours, requests: usize) -> anyhow::Result<Value> {
    heading("A webhook with `respond`, against the same workflow by `POST …/runs?wait=20`");
    let workflow = ours.create(&document()).await?;
    let hook = ours.hook(&workflow).await?;
    let workload = ours.workload(&workflow, false);
    let Workload::Ours { base, .. } = &workload else { anyhow::bail!("only ours has webhooks") };
    let mut connection = Connection::open(base).await?;
    let (mut by_hook, mut by_runs) = (Vec::new(), Vec::new());
    for i in 0..WARM_UP + requests {
        let begun = Instant::now();
        let told = connection.call(Method::POST, &hook, None, Bytes::from_static(INPUT.as_bytes())).await?;
        let hooked = begun.elapsed();
        anyhow::ensure!(*told == *br#"{"ok":true}"#, "another answer: {}", String::from_utf8_lossy(&told));
        let begun = Instant::now();
        workload.once(&mut connection).await?;
        if i >= WARM_UP {
            by_hook.push(hooked);
            by_runs.push(begun.elapsed());
        }
    }
    let (hook, runs) = (Latencies::of(by_hook), Latencies::of(by_runs));
    let show = |latencies: &Latencies| {
        format!("p50 {} ms, p99 {} ms", short(latencies.p50()), short(latencies.p99()))
    };
    let ratio = hook.p50() / runs.p50();
    line("by `runs`", show(&runs));
    line("by webhook", show(&hook));
    line("ratio of the medians (aim: ≤ 1.5)", format!("{ratio:.2}"));
    Ok(json!({"hook_p50_ms": hook.p50(), "runs_p50_ms": runs.p50(), "ratio": ratio}))
}

/// Two triggers that lead to the same steps.
fn document() -> Value {
    let set = json!({"fields": {"n": "{{ 1 + 1 }}"}, "keep": "none"});
    json!({
        "name": "bench: webhook", "active": true,
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "hook", "type": "webhook", "data": {"params": {"respond": "respond_node"}}},
            {"id": "set", "type": "set", "data": {"params": set}},
            {"id": "answer", "type": "respond", "data": {"params": {"body": {"ok": true}}}},
        ],
        "edges": [
            {"source": "start", "target": "set"},
            {"source": "hook", "target": "set"},
            {"source": "set", "target": "answer"},
        ],
    })
}
