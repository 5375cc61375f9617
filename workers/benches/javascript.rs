//! How many expressions a second steps evaluate: natively, and by JavaScript in a warm process.
//!
//! `cargo bench -p workers --bench javascript`. Each figure is for whole steps, from their input to their output.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    items::Item,
    run::{RunPlan, Trigger},
    timestamp::Timestamp,
};
use minireipaz::clock::SystemClock;
use serde_json::json;
use tokio::task::JoinSet;
use workers::{
    engine::{Execute, Outcome, RunHeader, StepKey},
    runner::{Attempt, Compiled, Inputs, Runner, RunnerSettings},
};

const LONG_ENOUGH: Duration = Duration::from_secs(2);
const NOW: Timestamp = Timestamp::from_millis(1_763_971_200_000);
const NATIVE: &str = "{{ $json.price }}";
const JAVASCRIPT: &str = "{{ $json.price * $json.count }}";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let settings = RunnerSettings {
        javascript_program: Some(env!("CARGO_BIN_EXE_worker").into()),
        ..RunnerSettings::default()
    };
    let runner = Runner::new(settings, Arc::new(SystemClock))?;
    for (name, expression, items) in [
        ("a path", NATIVE, 1),
        ("a path, 1,000 items", NATIVE, 1_000),
        ("JavaScript", JAVASCRIPT, 1),
        ("JavaScript, 10 items", JAVASCRIPT, 10),
        ("JavaScript, 1,000 items", JAVASCRIPT, 1_000),
    ] {
        let attempt = attempt(expression, items)?;
        measure(name, &runner, &attempt, items).await;
    }
    let attempt = attempt(JAVASCRIPT, 1)?;
    together("JavaScript, 8 steps at a time", &runner, &attempt, 8).await;
    Ok(())
}

async fn measure(name: &str, runner: &Runner, attempt: &Attempt, items: u32) {
    run(runner, attempt).await;
    let (begun, mut steps) = (Instant::now(), 0);
    while begun.elapsed() < LONG_ENOUGH {
        run(runner, attempt).await;
        steps += 1;
    }
    report(name, begun.elapsed(), steps, items);
}

async fn together(name: &str, runner: &Runner, attempt: &Attempt, steps_at_a_time: usize) {
    let (begun, mut steps, mut running) = (Instant::now(), 0, JoinSet::new());
    while begun.elapsed() < LONG_ENOUGH {
        while running.len() < steps_at_a_time {
            let (runner, attempt) = (runner.clone(), attempt.clone());
            running.spawn(async move { run(&runner, &attempt).await });
        }
        running.join_next().await;
        steps += 1;
    }
    report(name, begun.elapsed(), steps, 1);
}

fn report(name: &str, took: Duration, steps: u32, items: u32) {
    let per_second = f64::from(steps) * f64::from(items) / took.as_secs_f64();
    println!("{name}: {per_second:.0} expressions/s ({:?} a step)", took / steps);
}

/// As the processor runs it: what takes microseconds at once.
async fn run(runner: &Runner, attempt: &Attempt) {
    let outcome = match runner.run_inline(attempt) {
        Some(outcome) => outcome,
        None => runner.run(attempt.clone()).await,
    };
    assert!(matches!(black_box(outcome), Outcome::Succeeded(_)), "it succeeds");
}

/// An attempt of a node that sets one field of so many items.
fn attempt(expression: &str, items: u32) -> anyhow::Result<Attempt> {
    let params = json!({"fields": {"total": expression}});
    let document = json!({
        "name": "bench",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "total", "type": "set", "data": {"params": params}}],
        "edges": [{"source": "start", "target": "total"}],
    });
    let workflow = Compiled::new(&serde_json::from_value(document)?)
        .map_err(|violations| anyhow::anyhow!("{violations:?}"))?;
    let items: Vec<Item> = (0..items)
        .map(|n| serde_json::from_value(json!({"sku": format!("A{n}"), "price": 12.5, "count": n})))
        .collect::<Result<_, _>>()?;
    let run = RunHeader {
        tenant: TenantId::parse("acme")?,
        run_id: RunId::at(NOW, 1),
        attempt: 1,
        workflow_id: WorkflowId::at(NOW, 2),
        workflow_version: 1,
        trigger: Trigger::manual(),
        input: json!(null),
        plan: RunPlan::default(),
        created_at: NOW,
        traceparent: None,
    };
    let execute = Execute::first(StepKey::outside(1));
    Ok(Attempt::new(&Arc::new(workflow), &Arc::new(run), execute, Inputs::one(Arc::new(items)), Vec::new()))
}
