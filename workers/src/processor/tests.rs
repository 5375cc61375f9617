use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use minireipaz::domain::{
    clock::{Clock, SystemClock},
    ids::{RunId, TenantId, WorkflowId},
    run::Trigger,
    workflow::DocumentText,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::{
    documents::{Documents, hash_of},
    engine::RunHeader,
    journal::{Batch, Disk, Op},
    recorder::Row,
    runner::RunnerSettings,
};

struct Rig {
    journal: Arc<Journal>,
    backlog: Arc<Backlog>,
    documents: Arc<Documents>,
    gate: Arc<Gate>,
    processor: Processor,
}

impl Rig {
    async fn on(journal: Journal) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let journal = Arc::new(journal);
        let backlog = Arc::new(Backlog::open(Arc::clone(&journal), Arc::clone(&clock), 100).unwrap());
        let limits = GateLimits { requests: 2, bytes: 1_000, active_runs: 10 };
        let gate = Arc::new(Gate::new(limits, Arc::clone(&backlog)));
        let documents = Arc::new(Documents::new());
        let (ready, open) = oneshot::channel();
        let parts = Parts {
            journal: Arc::clone(&journal),
            backlog: Arc::clone(&backlog),
            documents: Arc::clone(&documents),
            gate: Arc::clone(&gate),
            runner: Runner::new(RunnerSettings::default(), Arc::clone(&clock)).unwrap(),
            clock,
            max_steps: (4, 4),
            ready,
        };
        let processor = start(parts, || {}).unwrap();
        open.await.unwrap();
        Self { journal, backlog, documents, gate, processor }
    }

    /// Hands a task over; its answer comes later.
    fn hand_over(&self, header: &Arc<RunHeader>) -> oneshot::Receiver<Result<Receipt, Refused>> {
        let document = document();
        let hash = hash_of(&document);
        let workflow = self.documents.compile(&hash, &document).unwrap();
        let task = Task { header: Arc::clone(header), hash, document, workflow };
        let (reply, answer) = oneshot::channel();
        let admission = Arc::new(Gate::new(
            GateLimits { requests: 9, bytes: 9, active_runs: 9 },
            Arc::clone(&self.backlog),
        ));
        admission.set_open(true);
        let admission = admission.admit(1).unwrap();
        let (rejected, letters) = (Vec::new(), Vec::new());
        self.processor.inputs.send(Input::Delivery(Delivery {
            tasks: vec![task],
            rejected,
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
        created_at: now,
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
    let runs = rows.iter().filter(|row| matches!(row.row, Row::Run(_))).count();
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
async fn a_run_that_cannot_be_read_back_fails_and_leaves_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (readable, damaged) = (header(1), header(2));
    let start = |run, header: Vec<u8>| Op::Start { run, header, hash: [1; 32], document: document() };
    let row = json!({"document": vec![1; 32], "header": *readable}).to_string().into_bytes();
    let events = |run| Op::Append { run, row: 0, events: br#"[{"of_a_later_version":{}}]"#.to_vec() };
    let ops = vec![
        start(readable.run_id, row),
        events(readable.run_id),
        start(damaged.run_id, b"{".to_vec()),
        events(damaged.run_id),
    ];
    journal.commit(&Batch { ops, ..Batch::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let left = rig.journal.read().unwrap().unfinished(false).unwrap();
    assert_eq!(left, []);
    let duplicate = Receipt { duplicates: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&readable).await.unwrap(), Ok(duplicate));
    let rows = rig.end().take().await.unwrap();
    let Row::Run(row) = &rows[0].row else { panic!("{rows:?}") };
    let error = row.run.error.as_ref().unwrap();
    assert_eq!((row.run.id, row.run.revision), (readable.run_id, 2));
    assert_eq!((rows.len(), error.code.as_str()), (1, "journal_unreadable"));
}

#[tokio::test]
async fn a_journal_that_is_not_there_is_an_error_in_words() {
    let error = Journal::open(Path::new("/dev/null/nowhere")).unwrap_err().to_string();
    assert!(error.contains("/dev/null/nowhere"), "{error}");
}

#[tokio::test]
async fn the_gate_names_the_limit_that_is_reached() {
    let (_directory, _full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let first = rig.gate.admit(5_000).unwrap();
    let too_large = rig.gate.admit(1).unwrap_err();
    assert_eq!(too_large, Refusal::Busy { what: "the bytes of request bodies", limit: 1_000 });
    drop(first);
    let _both = (rig.gate.admit(1).unwrap(), rig.gate.admit(1).unwrap());
    assert_eq!(rig.gate.admit(1).unwrap_err(), Refusal::Busy { what: "the requests", limit: 2 });
    rig.gate.set_active_runs(10);
    assert_eq!(rig.gate.check().unwrap_err(), Refusal::Busy { what: "the runs in memory", limit: 10 });
    rig.end();
}
