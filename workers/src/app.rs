//! The worker, put together, started and stopped.

use std::{io, net::SocketAddr, sync::Arc};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use minireipaz::{domain::clock::Clock, store::Store};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::WorkerConfig,
    documents::Documents,
    ingest::{self, Door},
    journal::{Journal, JournalError},
    processor::{self, Gate, GateLimits, Input, Inputs, Parts, Processor},
    recorder::{Backlog, Recorder},
    runner::{HttpSetupError, Runner},
};

/// Bytes of request bodies that may wait for the processor.
const QUEUED_BYTES: usize = 128 << 20;
/// Requests that may wait for the processor.
const QUEUED_REQUESTS: usize = 1_024;

/// A running worker.
pub struct Worker {
    addr: SocketAddr,
    config: WorkerConfig,
    gate: Arc<Gate>,
    backlog: Arc<Backlog>,
    processor: Processor,
    ended: watch::Receiver<bool>,
    stop_door: CancellationToken,
    stop_recorder: CancellationToken,
    tasks: TaskTracker,
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
    /// Starts a worker on the current runtime. Runs that its journal holds go on at once.
    ///
    /// # Errors
    /// When the journal cannot be opened, or the address is taken.
    pub async fn start(
        config: WorkerConfig,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let journal = Arc::new(Journal::open(&config.data_dir)?);
        let backlog = Arc::new(Backlog::open(Arc::clone(&journal), Arc::clone(&clock), config.max_backlog)?);
        let limits =
            GateLimits { requests: QUEUED_REQUESTS, bytes: QUEUED_BYTES, active_runs: config.max_runs };
        let gate = Arc::new(Gate::new(limits, Arc::clone(&backlog)));
        let documents = Arc::new(Documents::new());
        let parts = Parts {
            journal: Arc::clone(&journal),
            backlog: Arc::clone(&backlog),
            documents: Arc::clone(&documents),
            gate: Arc::clone(&gate),
            runner: Runner::new(config.runner.clone(), Arc::clone(&clock))?,
            clock: Arc::clone(&clock),
            max_steps: (config.max_steps, config.max_steps_per_tenant),
        };
        let metrics = collected();
        let (end, ended) = watch::channel(false);
        let closed = Arc::clone(&gate);
        let processor = processor::start(parts, move || {
            closed.set_open(false);
            end.send_replace(true);
        })?;

        let tasks = TaskTracker::new();
        let (stop_door, stop_recorder) = (CancellationToken::new(), CancellationToken::new());
        let confirm = {
            let inputs = processor.inputs.clone();
            Box::new(move |sequence| {
                inputs.send(Input::Confirmed(sequence));
            })
        };
        let recorder = Recorder {
            backlog: Arc::clone(&backlog),
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            confirm,
        };
        tasks.spawn(recorder.run(stop_recorder.clone()));
        let door = Arc::new(Door {
            secrets: config.secrets.clone(),
            gate: Arc::clone(&gate),
            inputs: processor.inputs.clone(),
            journal,
            documents,
            store,
            clock,
            metrics,
        });
        let router = ingest::router(door);
        let stop = stop_door.clone();
        tasks.spawn(async move {
            let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
                // An answer of a few bytes must not wait for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
            });
            let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the worker's door ended");
            }
        });
        Ok(Self { addr, config, gate, backlog, processor, ended, stop_door, stop_recorder, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until the processor ends by itself, which it does only when it cannot go on.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        // An error means that its sender is gone, so it has ended.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Stops in order: takes nothing more, lets steps finish within the grace, journals the rest, and records what
    /// the store will take. What is left goes on at the next start.
    pub async fn stop(self) {
        let Self { config, gate, backlog, processor, mut ended, stop_door, stop_recorder, tasks, .. } = self;
        gate.set_open(false);
        stop_door.cancel();
        let grace = config.grace;
        if timeout(grace, drained(&processor.inputs)).await.is_err() {
            tracing::warn!(?grace, "steps are cut off and executed again at the next start");
            processor.inputs.send(Input::Abort);
        }
        if timeout(grace, backlog.drained()).await.is_err() {
            tracing::warn!(
                rows = backlog.rows(),
                "the store did not take everything; the rest stays in the journal"
            );
        }
        processor.inputs.send(Input::Exit);
        let _ = ended.wait_for(|ended| *ended).await;
        let _ = processor.thread.join();
        stop_recorder.cancel();
        tasks.close();
        // Connections that are kept open by their clients are cut when the runtime ends.
        let _ = timeout(grace, tasks.wait()).await;
    }

    /// Ends as a crash does: nothing more is written, nobody is answered.
    pub async fn crash(self) {
        self.processor.killed.store(true, std::sync::atomic::Ordering::Release);
        self.processor.inputs.send(Input::Wake);
        self.stop_recorder.cancel();
        let mut ended = self.ended;
        let _ = ended.wait_for(|ended| *ended).await;
        let _ = self.processor.thread.join();
        self.stop_door.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Waits until no step is under way.
async fn drained(inputs: &Inputs) {
    let (sender, receiver) = oneshot::channel();
    if inputs.send(Input::Drain(sender)) {
        let _ = receiver.await;
    }
}

/// The process's metrics, unless somebody else collects them already.
fn collected() -> Option<PrometheusHandle> {
    static HANDLE: std::sync::OnceLock<Option<PrometheusHandle>> = std::sync::OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).clone()
}
