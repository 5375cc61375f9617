//! What a hundred thousand iterations of one pure step cost a worker.
//!
//! `cargo bench -p workers --bench loops`, some seconds. The run is handed over by HTTP as a connector does. The store takes
//! everything and keeps nothing, so the memory is the worker's and this program's; the journal is looked at all the time,
//! so what is told of it is the most that it had.

mod support;

use std::{
    collections::HashSet,
    fs,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use domain::{
    event::{Event, Payload, TaskExecute},
    ids::{RunId, TenantId, WorkflowId},
    iteration::Iteration,
    json_text::JsonText,
    limits::MAX_ITERATIONS,
    run::{RunStatus, Trigger},
    workflow::DocumentText,
};
use minireipaz::{
    auth::CallbackSecrets,
    clock::{Clock, SystemClock},
    store::Facts,
};
use serde_json::json;
use support::{CountingStore, Counts, memory};
use workers::{Worker, WorkerConfig, runner::RunnerSettings};

const SECRET: &str = "0123456789abcdef";
/// The journal's file in its folder.
const JOURNAL: &str = "journal.redb";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let config = WorkerConfig {
        listen: "127.0.0.1:0".parse()?,
        runner: RunnerSettings {
            javascript_program: Some(env!("CARGO_BIN_EXE_worker").into()),
            ..RunnerSettings::default()
        },
        ..WorkerConfig::new(folder.path(), CallbackSecrets::new(&SECRET.into(), None)?)
    };
    let seen = Arc::new(Seen::default());
    let store = Arc::new(CountingStore(Arc::clone(&seen)));
    let worker = Worker::start(config, store, Arc::new(SystemClock)).await?;
    let before = memory("VmRSS")?;
    let journal = || fs::metadata(folder.path().join(JOURNAL)).map(|file| file.len());
    let empty = journal()?;

    let began = Instant::now();
    hand_over(&worker).await?;
    let mut largest = empty;
    while seen.ended.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        largest = largest.max(journal()?);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let status = seen.ended.lock().unwrap_or_else(PoisonError::into_inner).context("it has ended")?;
    let iterations = seen.iterations.lock().unwrap_or_else(PoisonError::into_inner).len();
    anyhow::ensure!(status == RunStatus::Succeeded, "the run ended as {status}");
    anyhow::ensure!(iterations == MAX_ITERATIONS as usize, "the store was told of {iterations} iterations");
    println!(
        "loops: {iterations} iterations of one pure step in {took:.1?}, recorded: {:.0} iterations/s",
        f64::from(MAX_ITERATIONS) / took.as_secs_f64()
    );
    println!(
        "loops: {} rows of steps and {} of runs in {} inserts",
        seen.steps.load(Ordering::Acquire),
        seen.runs.load(Ordering::Acquire),
        seen.inserts.load(Ordering::Acquire)
    );
    println!(
        "loops: at most {} MiB, {} MiB more than before; the journal's file grew by {} KiB at most",
        memory("VmHWM")?,
        memory("VmHWM")?.saturating_sub(before),
        (largest - empty) / 1024
    );
    worker.stop().await;
    Ok(())
}

/// Sends the task as a connector does: a step that leads back to itself, until it lets nothing through.
async fn hand_over(worker: &Worker) -> anyhow::Result<()> {
    let again = json!({"where": {"left": "{{ $iteration }}", "op": "lt", "right": MAX_ITERATIONS - 1}});
    let document = json!({
        "name": "Round",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "again", "type": "filter", "data": {"params": again}},
        ],
        "edges": [{"source": "start", "target": "again"}, {"source": "again", "target": "again"}],
        "settings": {"max_iterations": MAX_ITERATIONS},
    });
    let created_at = SystemClock.now();
    let run_id = RunId::at(created_at, rand::random());
    let task = TaskExecute {
        run_id,
        attempt: 1,
        workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
        workflow_version: 1,
        document: DocumentText::parse(document.to_string())?,
        trigger: Trigger::manual(),
        input: JsonText::of(&json!({ "sku": "A1" }))?,
        plan: None,
        created_at,
    };
    let (id, payload) = (run_id.to_string(), Payload::TaskExecute(Box::new(task)));
    let tenant = TenantId::parse("acme")?;
    let event = serde_json::to_string(&Event { id, time: created_at, tenant, traceparent: None, payload })?;
    let answer = reqwest::Client::new()
        .post(format!("http://{}/tasks", worker.addr()))
        .bearer_auth(SECRET)
        .body(event)
        .send()
        .await?;
    answer.error_for_status().context("the worker takes the task")?;
    Ok(())
}

/// What is seen of the run.
#[derive(Default)]
struct Seen {
    inserts: AtomicUsize,
    runs: AtomicUsize,
    steps: AtomicUsize,
    iterations: Mutex<HashSet<Iteration>>,
    ended: Mutex<Option<RunStatus>>,
}

impl Counts for Seen {
    fn record(&self, facts: &Facts) {
        self.inserts.fetch_add(1, Ordering::AcqRel);
        self.runs.fetch_add(facts.runs.len(), Ordering::AcqRel);
        self.steps.fetch_add(facts.steps.len(), Ordering::AcqRel);
        let iterations = facts.steps.iter().map(|fact| &fact.step.iteration);
        let inside = iterations.filter(|iteration| !iteration.is_outside()).cloned();
        self.iterations.lock().unwrap_or_else(PoisonError::into_inner).extend(inside);
        let ended = facts.runs.iter().map(|(_, run)| run.status).find(|status| status.is_terminal());
        if ended.is_some() {
            *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = ended;
        }
    }
}
