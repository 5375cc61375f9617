use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::{
    dead_letter::DeadLetter,
    ids::{RunId, TenantId, WorkflowId},
    run::{RunPlan, RunStatus, Trigger},
    workflow::DocumentText,
};
use minireipaz::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    alerts::{AlertSettings, Alerts},
    documents::{Documents, hash_of},
    engine::{RunHeader, StepKey, Timer},
    journal::{Commit, Disk, Lane, Op, TimerRow, codec},
    readers,
    recorder::{BacklogLimits, Record},
    runner::RunnerSettings,
};

mod bench;
mod bounds;
mod broken;
mod calls;
mod controls;
mod far;
mod loops;
mod seating;
mod unreadable;
mod waiting;

struct Rig {
    journal: Arc<Journal>,
    backlog: Arc<Backlog>,
    documents: Arc<Documents>,
    gate: Arc<Gate>,
    handoff_queue: Arc<HandoffQueue>,
    processor: Processor,
}

/// What a processor on that journal works with, and who is told when it is ready.
fn deps(journal: Journal, max_run_bytes: usize) -> (ProcessorDeps, oneshot::Receiver<()>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let journal = Arc::new(journal);
    let limits = BacklogLimits { rows: 100, bytes: 1 << 30 };
    let backlog = Arc::new(Backlog::open(Arc::clone(&journal), Arc::clone(&clock), limits).unwrap());
    let limits = GateLimits { requests: 4, bytes: 2_000, to_begin: 1 << 20 };
    let handoff_queue = Arc::new(HandoffQueue::open(&journal).unwrap());
    let gate = Arc::new(Gate::new(limits, Arc::clone(&backlog), Arc::clone(&handoff_queue)));
    let (ready, open) = oneshot::channel();
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    let documents = Arc::new(Documents::new());
    let readers = Arc::new(Readers::new(
        Arc::clone(&journal),
        Arc::clone(&documents),
        Arc::clone(&clock),
        (10, readers::ENDED),
        CancellationToken::new(),
    ));
    let deps = ProcessorDeps {
        journal,
        backlog,
        documents,
        readers,
        gate,
        handoff_queue,
        runner: Runner::new(settings, Arc::clone(&clock)).unwrap(),
        callees: Arc::new(crate::step::NoCallees),
        alerts: Arc::new(Alerts::new(&AlertSettings::default(), 1)),
        vitals: Arc::default(),
        clock,
        max_steps: (4, 4),
        max_runs: 1_000,
        max_run_bytes,
        max_queued_bytes: 1 << 20,
        ready,
    };
    (deps, open)
}

impl Rig {
    async fn on(journal: Journal) -> Self {
        let (deps, open) = deps(journal, 1 << 30);
        let ProcessorDeps { journal, backlog, documents, gate, handoff_queue, .. } = &deps;
        let (journal, backlog, documents) = (Arc::clone(journal), Arc::clone(backlog), Arc::clone(documents));
        let (gate, handoff_queue) = (Arc::clone(gate), Arc::clone(handoff_queue));
        let processor = start(deps, || {}).unwrap();
        open.await.unwrap();
        Self { journal, backlog, documents, gate, handoff_queue, processor }
    }

    /// Hands a task over; its answer comes later.
    fn hand_over(&self, header: &Arc<RunHeader>) -> oneshot::Receiver<Result<Receipt, Refused>> {
        self.hand_over_of(header, document())
    }

    fn hand_over_of(
        &self,
        header: &Arc<RunHeader>,
        document: DocumentText,
    ) -> oneshot::Receiver<Result<Receipt, Refused>> {
        let hash = hash_of(&document);
        let workflow = self.documents.compile(&hash, &document).unwrap();
        let task = Task { header: Arc::clone(header), hash, document, workflow };
        let (reply, answer) = oneshot::channel();
        let admission = Arc::new(Gate::new(
            GateLimits { requests: 9, bytes: 9, to_begin: 9 },
            Arc::clone(&self.backlog),
            Arc::clone(&self.handoff_queue),
        ));
        admission.set_open(true);
        let admission = admit(&admission, 1).unwrap();
        let (rejected, letters) = (Vec::new(), Vec::new());
        self.processor.inputs.send(Input::Delivery(Delivery {
            tasks: vec![task],
            rejected,
            elsewhere: Vec::new(),
            controls: Controls::default(),
            letters,
            reply,
            admission,
        }));
        answer
    }

    fn end(self) -> Arc<Backlog> {
        self.processor.inputs.send(Input::Exit);
        self.processor.thread.join().unwrap();
        self.backlog
    }
}

fn document() -> DocumentText {
    let document = json!({
        "name": "Test",
        "nodes": [{"id": "start", "type": "manual"}, {"id": "end", "type": "noop"}],
        "edges": [{"source": "start", "target": "end"}],
    });
    DocumentText::parse(document.to_string()).unwrap()
}

/// A workflow of one call, and the server that takes its connections and never answers.
fn call_that_is_never_answered() -> (std::net::TcpListener, DocumentText) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let call = json!({
        "name": "Test",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "call", "type": "http_request", "data": {"params": {"url": url}}}
        ],
        "edges": [{"source": "start", "target": "call"}],
    });
    (silent, DocumentText::parse(call.to_string()).unwrap())
}

fn header(n: u128) -> Arc<RunHeader> {
    let now = SystemClock.now();
    Arc::new(RunHeader {
        tenant: TenantId::parse("acme").unwrap(),
        run_id: RunId::at(now, n),
        attempt: 1,
        workflow_id: WorkflowId::at(now, 1),
        workflow_version: 1,
        trigger: Trigger::manual(),
        input: Value::Null,
        plan: RunPlan::default(),
        created_at: now,
        traceparent: None,
    })
}

fn on_disk() -> (TempDir, Arc<AtomicBool>, Journal) {
    let (directory, full) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let journal = Disk::journal(directory.path(), &full);
    (directory, full, journal)
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_refuses_and_heals() {
    let (_directory, full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let accepted = Receipt { accepted: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&header(1)).await.unwrap(), Ok(accepted));

    full.store(true, Ordering::SeqCst);
    let second = header(2);
    assert_eq!(rig.hand_over(&second).await.unwrap(), Err(Refused));
    assert_eq!(rig.gate.check(), Err(Refusal::Disk), "who comes later is refused at the door");
    assert_eq!(rig.hand_over(&header(3)).await.unwrap(), Err(Refused), "and so is who is past it");

    full.store(false, Ordering::SeqCst);
    // Sent again until it is taken, as a connector does; by then the first delivery has been written after all.
    let answer = loop {
        if let Ok(receipt) = rig.hand_over(&second).await.unwrap() {
            break receipt;
        }
    };
    assert_eq!(answer, Receipt { duplicates: 1, ..Receipt::default() });
    assert_eq!(rig.gate.check(), Ok(()));
    let backlog = rig.end();
    let rows: Vec<_> = backlog.take().await.unwrap();
    let runs = rows.iter().filter(|row| matches!(row.record, Record::Run(_))).count();
    assert_eq!(runs, 2, "each run once");
}

#[tokio::test]
async fn a_worker_that_stops_on_a_full_disk_does_stop() {
    let (_directory, full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    full.store(true, Ordering::SeqCst);
    assert_eq!(rig.hand_over(&header(1)).await.unwrap(), Err(Refused));
    rig.end();
}

#[tokio::test]
async fn a_worker_that_finds_its_disk_full_when_it_stops_with_a_step_under_way_does_stop() {
    let (_directory, full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let (_silent, call) = call_that_is_never_answered();
    let accepted = Receipt { accepted: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over_of(&header(1), call).await.unwrap(), Ok(accepted));
    full.store(true, Ordering::SeqCst);
    rig.end();
}

#[tokio::test]
async fn a_journal_that_is_not_there_is_an_error_in_words() {
    let error = Journal::open(Path::new("/dev/null/nowhere")).unwrap_err().to_string();
    assert!(error.contains("/dev/null/nowhere"), "{error}");
}

/// Lets a request in whose body is there.
fn admit(gate: &Arc<Gate>, bytes: usize) -> Result<Admission, Refusal> {
    let mut arriving = gate.announce(bytes, Sender::Connector)?;
    arriving.grow(bytes)?;
    arriving.admit()
}
