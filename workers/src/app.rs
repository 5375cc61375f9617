//! The worker, put together, started and stopped.

mod parts;

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::files::OpenError;
use domain::run::RunStatus;
use metrics::{counter, gauge};
use minireipaz::{
    clock::Clock,
    store::Store,
    telemetry::{self, names},
};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use self::parts::Parts;
use crate::{
    config::WorkerConfig,
    journal::JournalError,
    processor::{Gate, Input, Inputs, Processor, begin_broken_at_zero, begin_controls_at_zero},
    recorder::Backlog,
    runner::HttpSetupError,
    supervisor::Supervisor,
};

/// What all parts have to end when they were told to, also when the grace is used up: the journal is free only then.
const CLOSING: Duration = Duration::from_secs(1);

/// A running worker.
pub struct Worker {
    addr: SocketAddr,
    config: WorkerConfig,
    gate: Arc<Gate>,
    backlog: Arc<Backlog>,
    processor: Processor,
    supervisor: Supervisor,
    stop_ingest: CancellationToken,
    stop_recorder: CancellationToken,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its HTTP client cannot be set up.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// Its file store cannot be used.
    #[error(transparent)]
    Files(#[from] OpenError),
    /// It could not go on with the runs of its journal.
    #[error("the worker could not go on with the runs of its journal; its log says why")]
    Recovery,
    /// It cannot listen.
    #[error("the worker cannot listen on {address}: {source}; set WORKER_LISTEN to a free address")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl Worker {
    /// Starts a worker on the current runtime. When this returns, the runs of its journal go on and new ones are
    /// let in.
    ///
    /// # Errors
    /// When the journal cannot be opened, or the address is taken.
    pub async fn start(
        config: WorkerConfig,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        Self::start_before(config, store, clock, async {}).await
    }

    /// Starts a worker whose store is not ready yet: nothing is recorded before `ready`, all else begins.
    ///
    /// # Errors
    /// As [`Worker::start`].
    pub async fn start_before(
        config: WorkerConfig,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ready: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        // Before anything is counted.
        telemetry::collect();
        begin_at_zero();
        let parts = Parts::open(config, store, clock)?;
        let (opened, open) = oneshot::channel();
        let processor = parts.start_processor(opened, addr)?;
        parts.start_recorder(&processor.inputs, ready);
        parts.start_forwarders(addr, &processor.inputs)?;
        parts.start_ingest(listener, &processor.inputs)?;
        parts.start_sweep();
        parts.start_alerts(&processor.inputs);
        parts.start_keeping_tokens();
        parts.start_clock();
        // Probes are answered meanwhile.
        open.await.map_err(|_| StartError::Recovery)?;
        let Parts { config, gate, backlog, supervisor, stop_ingest, stop_recorder, .. } = parts;
        Ok(Self { addr, config, gate, backlog, processor, supervisor, stop_ingest, stop_recorder })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until a part of it ends by itself, which each does only when it cannot go on.
    pub async fn ended(&self) {
        let part = self.supervisor.ended().await;
        tracing::error!(part, "the worker's {part} has ended");
    }

    /// Looks at the clock: for clocks that are moved by hand.
    pub fn wake(&self) {
        self.processor.inputs.send(Input::Wake);
    }

    /// Stops in order: takes nothing more, lets steps finish, journals the rest, and records what the store will take.
    /// All that together has the grace, and a moment to end; what is left goes on at the next start.
    pub async fn stop(self) {
        let Self { config, gate, backlog, processor, supervisor, stop_ingest, stop_recorder, .. } = self;
        gate.set_open(false);
        stop_ingest.cancel();
        let grace = config.grace;
        let until = Instant::now() + grace;
        if timeout_at(until, drained(&processor.inputs)).await.is_err() {
            tracing::warn!(?grace, "steps are cut off and executed again at the next start");
            processor.inputs.send(Input::Abort);
        }
        if timeout_at(until, backlog.drained()).await.is_err() {
            let rows = backlog.rows();
            tracing::warn!(rows, "the store did not take everything; the rest stays in the journal");
        }
        processor.inputs.send(Input::Exit);
        joined(processor).await;
        stop_recorder.cancel();
        // Connections that are kept open by their clients are cut when the runtime ends.
        let _ = timeout_at(until.max(Instant::now() + CLOSING), supervisor.finished()).await;
    }

    /// Ends as a crash does: nothing more is written, nobody is answered.
    pub async fn crash(self) {
        let Self { processor, supervisor, stop_ingest, stop_recorder, .. } = self;
        processor.killed.store(true, Ordering::Release);
        processor.inputs.send(Input::Wake);
        stop_recorder.cancel();
        joined(processor).await;
        stop_ingest.cancel();
        supervisor.finished().await;
    }
}

/// Waits for the processor's end, so that the journal is free for the next worker.
async fn joined(processor: Processor) {
    let thread = processor.thread;
    if !matches!(tokio::task::spawn_blocking(move || thread.join()).await, Ok(Ok(()))) {
        tracing::error!("the processor panicked");
    }
}

/// Waits until no step is under way.
async fn drained(inputs: &Inputs) {
    let (sender, receiver) = oneshot::channel();
    if inputs.send(Input::Drain(sender)) {
        let _ = receiver.await;
    }
}

/// A counter that is there from the start shows its first increase.
fn begin_at_zero() {
    for outcome in ["accepted", "duplicate", "handed_over", "dead_letter"] {
        counter!(names::WORKER_TASKS, names::OUTCOME => outcome).increment(0);
    }
    begin_controls_at_zero();
    begin_broken_at_zero();
    for status in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled, RunStatus::TimedOut] {
        counter!(names::WORKER_RUNS_FINISHED, names::OUTCOME => status.as_str()).increment(0);
    }
    for outcome in ["started", "not_started"] {
        counter!(names::WORKER_ERROR_WORKFLOWS, names::OUTCOME => outcome).increment(0);
    }
    for outcome in ["raised", "announced", "not_announced"] {
        counter!(names::WORKER_ALERTS, names::OUTCOME => outcome).increment(0);
    }
    for outcome in ["renewed", "refused", "failed"] {
        counter!(names::WORKER_CREDENTIAL_RENEWALS, names::OUTCOME => outcome).increment(0);
    }
    for outcome in ["answered", "unknown", "asked_elsewhere", "refused"] {
        counter!(names::WORKER_READS, names::OUTCOME => outcome).increment(0);
    }
    for outcome in ["succeeded", "failed"] {
        counter!(names::WORKER_STEPS, names::OUTCOME => outcome).increment(0);
    }
    for name in [
        names::JOURNAL_FAILURES,
        names::JOURNAL_UNREADABLE_ROWS,
        names::STORE_UNREADABLE_ROWS,
        names::RUNS_RECORDED,
        names::WORKER_HANDOFF_FAILURES,
        names::WORKER_RECORD_FAILURES,
        names::WORKER_FILES_SWEPT,
        names::WORKER_HOST_BREAKERS_OPENED,
        names::WORKER_JAVASCRIPT_ENDED,
    ] {
        counter!(name).increment(0);
    }
    gauge!(names::WORKER_HANDOFF_ROWS).increment(0.0);
    gauge!(names::WORKER_WAITERS).increment(0.0);
}
