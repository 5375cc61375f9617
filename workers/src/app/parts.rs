//! What a worker consists of, and how each part is started: what holds data first, then who works with it.

use std::{net::SocketAddr, sync::Arc};

use ::files::FileStore;
use minireipaz::{
    auth::ConnectorDoor,
    bus::rest_proxy::RestProxy,
    clock::Clock,
    fair::{PlaceLimits, Places},
    ingest::BatchReader,
    store::Store,
    telemetry,
};
use tokio::{net::TcpListener, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::{
    CONSUMER,
    alerts::{Alerts, Reporter, announcements},
    callees::StoredCallees,
    clock::{self, ClockSettings},
    config::WorkerConfig,
    credentials,
    documents::Documents,
    files::{self, Files},
    heartbeat::Heart,
    ingest::{self, IngestState},
    journal::Journal,
    peers::{Forwarders, HandoffQueue, Owners},
    processor::{self, Gate, GateLimits, Input, Inputs, Processor, ProcessorDeps},
    readers::{self, Readers},
    recorder::{Backlog, BacklogLimits, Recorder},
    runner::{HttpSetupError, Runner},
    step::Callees,
    supervisor::Supervisor,
    vitals::Vitals,
};

/// Bytes of request bodies that may wait for the processor.
const QUEUED_BYTES: usize = 128 << 20;
/// Credentials that are tried, and codes that are exchanged, at a time; of a tenant's half of them, and so many wait.
const TRIALS: PlaceLimits = PlaceLimits::halves(16, 32);
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
    alerts: Arc<Alerts>,
    vitals: Arc<Vitals>,
    callees: Arc<dyn Callees>,
    runner: Runner,
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
        let alerts = Arc::new(Alerts::new(&config.alerts, config.peers.count()));
        let callees: Arc<dyn Callees> =
            Arc::new(StoredCallees::new(Arc::clone(&store), Arc::clone(&documents)));
        let credentials = (Arc::clone(&store), config.data_dir.join(credentials::FOLDER));
        let runner = Runner::with_store(
            config.runner.clone(),
            Arc::clone(&clock),
            Arc::clone(&callees),
            Some(credentials),
        )?
        .with_earlier_runs(Arc::clone(&store));
        Ok(Self {
            alerts,
            vitals: Arc::default(),
            config,
            store,
            clock,
            journal,
            backlog,
            handoff_queue,
            gate,
            documents,
            readers,
            callees,
            runner,
            supervisor: Supervisor::new(),
            stop_ingest,
            stop_recorder: CancellationToken::new(),
        })
    }

    /// The processor, with what executes steps; `opened` is told when the gate is open.
    pub(super) fn start_processor(
        &self,
        opened: oneshot::Sender<()>,
        addr: SocketAddr,
    ) -> Result<Processor, StartError> {
        let Self { config, .. } = self;
        self.runner.warm();
        self.start_heartbeat(self.runner.clone(), addr);
        let deps = ProcessorDeps {
            journal: Arc::clone(&self.journal),
            backlog: Arc::clone(&self.backlog),
            documents: Arc::clone(&self.documents),
            gate: Arc::clone(&self.gate),
            handoff_queue: Arc::clone(&self.handoff_queue),
            readers: Arc::clone(&self.readers),
            alerts: Arc::clone(&self.alerts),
            vitals: Arc::clone(&self.vitals),
            runner: self.runner.clone(),
            callees: Arc::clone(&self.callees),
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

    /// What tells the store that the worker is there.
    fn start_heartbeat(&self, runner: Runner, addr: SocketAddr) {
        let heart = Heart {
            worker: self.config.peers.own().map_or_else(|| addr.to_string(), str::to_owned),
            vitals: Arc::clone(&self.vitals),
            backlog: Arc::clone(&self.backlog),
            runner,
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
        };
        self.supervisor.spawn("heartbeat", heart.run(self.stop_recorder.clone()));
    }

    /// What reports alerts, and tells of them.
    pub(super) fn start_alerts(&self, inputs: &Inputs) {
        let (announcements, announcer) = announcements(&self.config.alerts, &self.clock);
        if let Some(announcer) = announcer {
            self.supervisor.spawn("announcer", announcer.run(self.stop_recorder.clone()));
        }
        let reporter = Reporter {
            alerts: Arc::clone(&self.alerts),
            settings: self.config.alerts.clone(),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            inputs: inputs.clone(),
            announcements,
        };
        self.supervisor.spawn("alerts", reporter.run(self.stop_recorder.clone()));
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

    /// What takes new tokens of credentials to the store.
    pub(super) fn start_keeping_tokens(&self) {
        if let Some(credentials) = self.runner.credentials().cloned() {
            self.supervisor.spawn("tokens of credentials", credentials.keep(self.stop_recorder.clone()));
        }
    }

    /// What deletes old files.
    pub(super) fn start_sweep(&self) {
        if let Some(files) = self.config.runner.files.clone() {
            let (clock, stop) = (Arc::clone(&self.clock), self.stop_recorder.clone());
            self.supervisor.spawn("sweep of files", files::sweep(files, clock, stop));
        }
    }

    /// What tells the bus that time passes.
    pub(super) fn start_clock(&self) {
        if let Some(ClockSettings { bus, every }) = self.config.clock.clone() {
            let (clock, stop) = (Arc::clone(&self.clock), self.stop_ingest.clone());
            let bus = Arc::new(RestProxy::new(bus));
            self.supervisor.spawn("clock", clock::tick(bus, clock, every, stop));
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
            vitals: Arc::clone(&self.vitals),
            owners: Owners::new(config.peers.secret().clone()).map_err(HttpSetupError::from)?,
            runner: self.runner.clone(),
            trials: Places::new(TRIALS),
        });
        let stop = self.stop_ingest.clone();
        let door = http_server::serve(listener, ingest::router(state), config.door.clone(), stop);
        self.supervisor.spawn("ingest", door);
        Ok(())
    }
}
