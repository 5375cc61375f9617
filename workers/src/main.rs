//! The program `worker`: brings the database up to date, runs until it is told to stop, and stops in order.
//!
//! Exit codes: 0 after it was told to stop, 1 when it cannot start or go on, 64 when its settings are wrong.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use backon::{ExponentialBuilder, Retryable};
use minireipaz::clock::SystemClock;
use minireipaz::{
    config::Env,
    resilience::Classify,
    store::{
        StoreConfig, StoreError,
        clickhouse::{self, ClickHouse},
    },
    telemetry::{self, LogConfig},
};
use tokio::signal::unix::{SignalKind, signal};
use workers::{Worker, WorkerConfig, runner::javascript_child};

/// Half of the CPU that the system's allocator takes; measured in docs/performance.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Wrong settings: `EX_USAGE` of sysexits.
const WRONG_SETTINGS: u8 = 64;

fn main() -> ExitCode {
    if let Some(ended) = javascript_child() {
        return ended;
    }
    let mut env = Env::process();
    let log = LogConfig::from_env(&mut env);
    #[cfg(feature = "crash-points")]
    workers::arm_crash_point(env.optional("WORKER_CRASH_AT"));
    let settings = WorkerConfig::from_env(&mut env).zip(StoreConfig::from_env(&mut env));
    let (worker, store) = match env.finish(settings) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(WRONG_SETTINGS);
        }
    };
    if let Err(error) = telemetry::init(&log) {
        eprintln!("{error}");
        return ExitCode::from(WRONG_SETTINGS);
    }
    telemetry::log_panics();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run(worker, store));
    // Threads that still compute for steps that were cut off are not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry::flush();
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the worker cannot start");
            ExitCode::FAILURE
        }
    }
}

/// Runs until a signal (`true`) or until the worker cannot go on (`false`).
async fn run(config: WorkerConfig, store: StoreConfig) -> anyhow::Result<bool> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be received")?;
    // Before anything that counts.
    telemetry::collect();
    let database = Arc::new(ClickHouse::new(&store)?);
    let clock = Arc::new(SystemClock);
    let worker = Worker::start_before(config, database, clock, migrated(store)).await?;
    tracing::info!(address = %worker.addr(), "the worker listens on {}", worker.addr());
    let told = tokio::select! {
        _ = terminate.recv() => true,
        _ = interrupt.recv() => true,
        () = worker.ended() => false,
    };
    tracing::info!("stopping");
    worker.stop().await;
    tracing::info!("stopped");
    Ok(told)
}

/// Brings the database up to date, however long it is away. Runs go on meanwhile; nothing is recorded.
async fn migrated(config: StoreConfig) {
    let pauses = ExponentialBuilder::new()
        .with_factor(2.0)
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times();
    let told = |error: &StoreError, pause| {
        if error.failure().is_retryable() {
            tracing::warn!(%error, retry_in = ?pause, "the database cannot be brought up to date yet");
        } else {
            tracing::error!(%error, retry_in = ?pause, "the database refuses to be brought up to date");
        }
    };
    // It is tried until it succeeds.
    let _ = (|| clickhouse::migrate(&config)).retry(pauses).notify(told).await;
}
