//! What a worker consists of, and how each part is started: what holds data first, then who works with it.

use std::{net::SocketAddr, sync::Arc};

use ::files::FileStore;
use minireipaz::{auth::ConnectorDoor, clock::Clock, ingest::BatchReader, store::Store, telemetry};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::{
    CONSUMER,
    callees::StoredCallees,
    config::WorkerConfig,
    documents::Documents,
    files::{self, Files},
    ingest::{self, IngestState},
    journal::Journal,
    peers::{Forwarders, HandoffQueue, Owners},
    processor::{self, Gate, GateLimits, Input, Inputs, Processor, ProcessorDeps},
    readers::{self, Readers},
    recorder::{Backlog, BacklogLimits, Recorder},
    runner::{HttpSetupError, Runner},
    step::Callees,
    supervisor::Supervisor,
};

/// Bytes of request bodies that may wait for the processor.
const QUEUED_BYTES: usize = 128 << 20;
/// Requests that may wait for the processor.
const QUEUED_REQUESTS: usize = 1_024;

/// What the parts share.
pub(super) struct Parts {
    pub(super) config: WorkerConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    journal: Arc<Journal>,
    pub(super) backlog: Arc<Backlog>,
    handoff_queue: Arc<HandoffQueue>,
    pub(super) gate: Arc<Gate>,
    documents: Arc<Documents>,
    readers: Arc<Readers>,
    pub(super) supervisor: Supervisor,
    pub(super) stop_ingest: CancellationToken,
    pub(super) stop_recorder: CancellationToken,
}

impl Parts {
    /// Opens the journal, and what is known of it in memory. The gate is closed.
    pub(super) fn open(
        mut config: WorkerConfig,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let journal = Arc::new(Journal::open(&config.data_dir)?);
        if let Some(settings) = &config.files {
            let store = Arc::new(FileStore::open(settings)?);
            config.runner.files =
                Some(Files::new(store, config.max_file_bytes_per_tenant, config.peers.count()));
        }
        let limits = BacklogLimits { rows: config.max_backlog, bytes: config.max_backlog_bytes };
        let backlog = Arc::new(Backlog::open(Arc::clone(&journal), Arc::clone(&clock), limits)?);
        let limits =
            GateLimits { requests: QUEUED_REQUESTS, bytes: QUEUED_BYTES, to_begin: config.max_queued_bytes };
        let handoff_queue = Arc::new(HandoffQueue::open(&journal)?);
        let gate = Arc::new(Gate::new(limits, Arc::clone(&backlog), Arc::clone(&handoff_queue)));
        let documents = Arc::new(Documents::new());
        let stop_ingest = CancellationToken::new();
        let readers = Arc::new(Readers::new(
            Arc::clone(&journal),
            Arc::clone(&documents),
            Arc::clone(&clock),
            (config.waiters(), readers::ENDED),
            stop_ingest.clone(),
        ));
        readers.restore()?;
        Ok(Self {
            config,
            store,
            clock,
            journal,
            backlog,
            handoff_queue,
            gate,
            documents,
            readers,
            supervisor: Supervisor::new(),
            stop_ingest,
            stop_recorder: CancellationToken::new(),
        })
    }

    /// The processor, with what executes steps; `opened` is told when the gate is open.
    pub(super) fn start_processor(&self, opened: oneshot::Sender<()>) -> Result<Processor, StartError> {
        let Self { config, .. } = self;
        let callees = StoredCallees::new(Arc::clone(&self.store), Arc::clone(&self.documents));
        let callees: Arc<dyn Callees> = Arc::new(callees);
        let clock = Arc::clone(&self.clock);
        let runner = Runner::with_callees(config.runner.clone(), clock, Arc::clone(&callees))?
            .with_earlier_runs(Arc::clone(&self.store));
        runner.warm();
        let deps = ProcessorDeps {
            journal: Arc::clone(&self.journal),
            backlog: Arc::clone(&self.backlog),
            documents: Arc::clone(&self.documents),
            gate: Arc::clone(&self.gate),
            handoff_queue: Arc::clone(&self.handoff_queue),
            readers: Arc::clone(&self.readers),
            runner,
            callees,
            clock: Arc::clone(&self.clock),
            max_steps: (config.max_steps, config.max_steps_per_tenant),
            max_runs: config.max_runs,
            max_run_bytes: config.max_run_bytes,
            max_queued_bytes: config.max_queued_bytes,
            ready: opened,
        };
        let (closed, ended) = (Arc::clone(&self.gate), self.supervisor.witness("processor"));
        let processor = processor::start(deps, move || {
            closed.set_open(false);
            ended();
        })?;
        Ok(processor)
    }

    /// What takes facts to the store, once it is ready.
    pub(super) fn start_recorder(&self, inputs: &Inputs, ready: impl Future<Output = ()> + Send + 'static) {
        let (inputs, readers) = (inputs.clone(), Arc::clone(&self.readers));
        let recorder = Recorder {
            backlog: Arc::clone(&self.backlog),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            confirm: Box::new(move |sequences: Vec<u64>| {
                readers.confirmed(&sequences);
                inputs.send(Input::Confirmed(sequences));
            }),
        };
        let stop = self.stop_recorder.clone();
        self.supervisor.spawn("recorder", async move {
            if stop.run_until_cancelled(ready).await.is_some() {
                recorder.run(stop).await;
            }
        });
    }

    /// What takes tasks to the other workers whose they are.
    pub(super) fn start_forwarders(&self, addr: SocketAddr, inputs: &Inputs) -> Result<(), StartError> {
        let peers = &self.config.peers;
        let forwarders = Forwarders {
            secret: peers.secret().clone(),
            journal: Arc::clone(&self.journal),
            handoff_queue: Arc::clone(&self.handoff_queue),
            inputs: inputs.clone(),
        };
        for forwarder in forwarders.all(peers, addr).map_err(HttpSetupError::from)? {
            self.supervisor.spawn("forwarder", forwarder.run(self.stop_recorder.clone()));
        }
        Ok(())
    }

    /// What deletes old files.
    pub(super) fn start_sweep(&self) {
        if let Some(files) = self.config.runner.files.clone() {
            let (clock, stop) = (Arc::clone(&self.clock), self.stop_recorder.clone());
            self.supervisor.spawn("sweep of files", files::sweep(files, clock, stop));
        }
    }

    /// The door: probes are answered from now on, and tasks once the gate is open.
    pub(super) fn start_ingest(&self, listener: TcpListener, inputs: &Inputs) -> Result<(), StartError> {
        let Self { config, .. } = self;
        let state = Arc::new(IngestState {
            door: ConnectorDoor::new(CONSUMER, config.secrets.clone(), Arc::clone(&self.clock)),
            gate: Arc::clone(&self.gate),
            inputs: inputs.clone(),
            peers: config.peers.clone(),
            journal: Arc::clone(&self.journal),
            documents: Arc::clone(&self.documents),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            metrics: telemetry::collect(),
            batches: BatchReader::new(CONSUMER),
            readers: Arc::clone(&self.readers),
            owners: Owners::new(config.peers.secret().clone()).map_err(HttpSetupError::from)?,
        });
        let stop = self.stop_ingest.clone();
        let door = http_server::serve(listener, ingest::router(state), config.door.clone(), stop);
        self.supervisor.spawn("ingest", door);
        Ok(())
    }
}
