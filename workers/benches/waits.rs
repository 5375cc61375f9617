//! What a hundred thousand waiting runs cost a worker, and how late they are woken.
//!
//! `cargo bench -p workers --bench waits`, some three minutes. The runs are handed over by HTTP as a connector does,
//! wait until moments that lie a millisecond apart, and go on. The store takes everything and keeps nothing, so the
//! memory is the worker's and this program's.

mod support;

use std::{
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
    json_text::JsonText,
    run::{RunStatus, Trigger},
    timestamp::Timestamp,
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

const RUNS: usize = 100_000;
/// Runs a request.
const BATCH: usize = 500;
/// From the beginning to the first run's moment: time to hand all of them over.
const UNTIL_FIRST: Duration = Duration::from_secs(60);
/// Between two runs' moments.
const APART: Duration = Duration::from_millis(1);
const SECRET: &str = "0123456789abcdef";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; it has nothing to test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let secrets = CallbackSecrets::new(&SECRET.into(), None)?;
    let config = WorkerConfig {
        listen: "127.0.0.1:0".parse()?,
        max_runs: 2 * RUNS,
        runner: RunnerSettings {
            javascript_program: Some(env!("CARGO_BIN_EXE_worker").into()),
            ..RunnerSettings::default()
        },
        ..WorkerConfig::new(folder.path(), secrets)
    };
    let seen = Arc::new(Seen::default());
    let worker =
        Worker::start(config, Arc::new(CountingStore(Arc::clone(&seen))), Arc::new(SystemClock)).await?;
    let before = memory("VmRSS")?;

    let first = SystemClock.now().plus(UNTIL_FIRST);
    let began = Instant::now();
    hand_over(&worker, first).await?;
    println!("waits: {RUNS} runs handed over in {:.1?}", began.elapsed());
    seen.wait_for(&seen.waiting).await;
    anyhow::ensure!(SystemClock.now() < first, "the machine is too slow: some runs are due already");
    let waiting = memory("VmRSS")?;
    println!(
        "waits: {waiting} MiB with all of them waiting, {} MiB more than before: {} bytes a run",
        waiting.saturating_sub(before),
        (waiting.saturating_sub(before) << 20) / RUNS
    );
    seen.wait_for(&seen.ended).await;
    let mut late = seen.late.lock().unwrap_or_else(PoisonError::into_inner).clone();
    late.sort_unstable();
    let at = |percent: usize| late.get(late.len() * percent / 100).or(late.last()).copied().unwrap_or(0);
    println!(
        "waits: woken and recorded p50 {} ms, p99 {} ms, at most {} ms after their moments; {} MiB at the end",
        at(50),
        at(99),
        at(100),
        memory("VmRSS")?
    );
    worker.stop().await;
    Ok(())
}

/// Sends the tasks as a connector does.
async fn hand_over(worker: &Worker, first: Timestamp) -> anyhow::Result<()> {
    let document = json!({
        "name": "Patient",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "later", "type": "wait", "data": {"params": {"until": "{{ $json.until }}"}}},
            {"id": "done", "type": "set", "data": {"params": {"fields": {"done": true}}}},
        ],
        "edges": [{"source": "start", "target": "later"}, {"source": "later", "target": "done"}],
    });
    let document = DocumentText::parse(document.to_string())?;
    let tenant = TenantId::parse("acme")?;
    let http = reqwest::Client::new();
    let tasks: Vec<usize> = (0..RUNS).collect();
    for batch in tasks.chunks(BATCH) {
        let records = batch.iter().map(|n| {
            let created_at = SystemClock.now();
            let run_id = RunId::at(created_at, rand::random());
            let until = first.plus(APART.saturating_mul(u32::try_from(*n).unwrap_or(u32::MAX)));
            let task = TaskExecute {
                run_id,
                attempt: 1,
                workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
                workflow_version: 1,
                document: document.clone(),
                trigger: Trigger::manual(),
                input: JsonText::of(&json!({ "until": until }))?,
                created_at,
            };
            let (id, payload) = (run_id.to_string(), Payload::TaskExecute(Box::new(task)));
            let tenant = tenant.clone();
            serde_json::to_string(&Event { id, time: created_at, tenant, traceparent: None, payload })
        });
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let answer = http
            .post(format!("http://{}/tasks", worker.addr()))
            .bearer_auth(SECRET)
            .body(format!("[{}]", records.join(",")))
            .send()
            .await?;
        answer.error_for_status().context("the worker takes every batch")?;
    }
    Ok(())
}

/// What is seen of the runs.
#[derive(Default)]
struct Seen {
    waiting: AtomicUsize,
    ended: AtomicUsize,
    /// How late each run was recorded as ended, in milliseconds.
    late: Mutex<Vec<u128>>,
}

impl Seen {
    async fn wait_for(&self, count: &AtomicUsize) {
        while count.load(Ordering::Acquire) < RUNS {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Counts for Seen {
    fn record(&self, facts: &Facts) {
        let now = SystemClock.now();
        for (_, run) in &facts.runs {
            if run.status == RunStatus::Waiting {
                self.waiting.fetch_add(1, Ordering::AcqRel);
            }
            if run.status.is_terminal() {
                let until: Option<Timestamp> = run.input["until"].as_str().and_then(|text| text.parse().ok());
                let late = now.since(until.unwrap_or_default()).as_millis();
                self.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                self.ended.fetch_add(1, Ordering::AcqRel);
            }
        }
    }
}
