use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::{
    event::DeadLetter,
    ids::{RunId, TenantId, WorkflowId},
    run::{RunStatus, Trigger},
    workflow::DocumentText,
};
use minireipaz::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::{
    documents::{Documents, hash_of},
    engine::{RunHeader, StepKey, Timer},
    journal::{Commit, Disk, Op, TimerRow, codec},
    recorder::{BacklogLimits, Record},
    runner::RunnerSettings,
};

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
    let limits = GateLimits { requests: 2, bytes: 1_000, active_runs: 10 };
    let handoff_queue = Arc::new(HandoffQueue::open(&journal).unwrap());
    let gate = Arc::new(Gate::new(limits, Arc::clone(&backlog), Arc::clone(&handoff_queue)));
    let (ready, open) = oneshot::channel();
    let mut settings = RunnerSettings::default();
    settings.http.allow = "127.0.0.1".parse().unwrap();
    let deps = ProcessorDeps {
        journal,
        backlog,
        documents: Arc::new(Documents::new()),
        gate,
        handoff_queue,
        runner: Runner::new(settings, Arc::clone(&clock)).unwrap(),
        clock,
        max_steps: (4, 4),
        max_run_bytes,
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
            GateLimits { requests: 9, bytes: 9, active_runs: 9 },
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
async fn a_run_that_cannot_be_read_back_fails_and_leaves_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (readable, damaged) = (header(1), header(2));
    let start = |run, header: Vec<u8>| Op::Start { run, header, hash: [1; 32], document: document() };
    let row = codec::write_header(&[1; 32], &readable).unwrap();
    let events = |run| Op::Append { run, row: 0, events: br#"[{"of_a_later_version":{}}]"#.to_vec() };
    let ops = vec![
        start(readable.run_id, row),
        events(readable.run_id),
        start(damaged.run_id, b"{".to_vec()),
        events(damaged.run_id),
    ];
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let left = rig.journal.read().unwrap().unfinished(false).unwrap();
    assert_eq!(left, []);
    let duplicate = Receipt { duplicates: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&readable).await.unwrap(), Ok(duplicate));
    let rows = rig.end().take().await.unwrap();
    let Record::Run(row) = &rows[0].record else { panic!("{rows:?}") };
    let error = row.run.error.as_ref().unwrap();
    assert_eq!((row.run.id, row.run.revision), (readable.run_id, 2));
    assert_eq!((rows.len(), error.code.as_str()), (3, "journal_unreadable"));
    let letters: Vec<_> = rows.iter().filter_map(|row| letter(&row.record)).collect();
    let [of_readable, of_damaged] = letters[..] else { panic!("{rows:?}") };
    assert_eq!((of_readable.tenant.as_str(), of_damaged.tenant.as_str()), ("acme", ""));
    assert!(of_readable.record.contains("of_a_later_version"), "{of_readable:?}");
    assert!(of_damaged.reason.contains(&damaged.run_id.to_string()), "{of_damaged:?}");
}

fn letter(record: &Record) -> Option<&DeadLetter> {
    match record {
        Record::Dead(letter) => Some(letter),
        Record::Run(_) => None,
    }
}

/// What the journal holds of a run that has begun, with one thing that no reader can read.
#[tokio::test]
async fn one_bad_row_of_whatever_table_costs_its_run_and_neither_the_start_nor_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let [deep, no_document, bad_timer, good] = [header(1), header(2), header(3), header(4)];
    let row = |header: &Arc<RunHeader>, hash| codec::write_header(&hash, header).unwrap();
    let text = |text: &str| DocumentText::parse(text.to_owned()).unwrap();
    let too_deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep_row = String::from_utf8(row(&deep, [1; 32])).unwrap();
    let deep_row = deep_row.replace(r#""input":null"#, &format!(r#""input":{too_deep}"#));
    let hash = hash_of(&document());
    let start =
        |run: &Arc<RunHeader>, header, hash, document| Op::Start { run: run.run_id, header, hash, document };
    let ops = vec![
        start(&deep, deep_row.into_bytes(), [1; 32], document()),
        start(&no_document, row(&no_document, [2; 32]), [2; 32], text(&too_deep)),
        start(&bad_timer, row(&bad_timer, hash), hash, document()),
        Op::SetTimer(TimerRow {
            at: bad_timer.created_at,
            run: bad_timer.run_id,
            timer: b"no JSON".to_vec(),
        }),
        start(&good, row(&good, hash), hash, document()),
    ];
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    rig.processor.inputs.send(Input::Wake);
    let new = header(5);
    assert!(rig.hand_over(&new).await.unwrap().is_ok());
    let read = rig.journal.read().unwrap();
    assert_eq!((read.unfinished(false).unwrap(), read.next_due().unwrap()), (Vec::new(), None));
    let rows = rig.end().take().await.unwrap();
    let status = |run: &Arc<RunHeader>| {
        let mut of_run = rows.iter().filter_map(|row| match &row.record {
            Record::Run(row) if row.run.id == run.run_id => Some((row.tenant.as_str(), row.run.status)),
            _ => None,
        });
        of_run.next_back()
    };
    for run in [&deep, &no_document] {
        assert_eq!(status(run), Some(("acme", RunStatus::Failed)));
    }
    for run in [&bad_timer, &good, &new] {
        assert_eq!(status(run), Some(("acme", RunStatus::Succeeded)));
    }
    let letters: Vec<_> = rows.iter().filter_map(|row| letter(&row.record)).collect();
    assert_eq!(letters.len(), 3, "{letters:?}");
    for run in [&deep, &no_document, &bad_timer] {
        let name = run.run_id.to_string();
        assert!(letters.iter().any(|letter| letter.reason.contains(&name)), "{name} in {letters:?}");
    }
}

/// A run that waits for a timer and cannot be read back.
fn parked(header: &Arc<RunHeader>) -> Vec<Op> {
    let (run, hash) = (header.run_id, hash_of(&document()));
    let row = codec::write_header(&hash, header).unwrap();
    vec![
        Op::Start { run, header: row, hash, document: document() },
        Op::Append { run, row: 0, events: br#"[{"of_a_later_version":{}}]"#.to_vec() },
        Op::Park { run },
    ]
}

#[tokio::test]
async fn an_unreadable_run_with_several_due_timers_ends_once_and_takes_no_document_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (due, other) = (header(1), header(2));
    let at = due.created_at;
    let timer = |timer: Timer| {
        Op::SetTimer(TimerRow { at, run: due.run_id, timer: codec::write_timer(&timer).unwrap() })
    };
    let timers = vec![timer(Timer::Deadline), timer(Timer::Wake(StepKey::outside(1)))];
    let ops = [parked(&due), parked(&other), timers].into_iter().flatten().collect();
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let rows = rig.backlog.take().await.unwrap();
    assert!(matches!(&rows[0].record, Record::Run(row) if row.run.id == due.run_id), "{rows:?}");
    assert_eq!(rows.len(), 2, "and what cannot be read is kept");
    let read = rig.journal.read().unwrap();
    assert_eq!((read.next_due().unwrap(), read.unfinished(false).unwrap()), (None, vec![other.run_id]));
    assert!(read.document(&hash_of(&document())).unwrap().is_some(), "the other run needs it");
    rig.end();
}

#[tokio::test]
async fn an_unreadable_run_that_waits_is_not_run_again_but_a_higher_attempt_is() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let (first, second) = (header(1), header(2));
    let ops = [parked(&first), parked(&second)].into_iter().flatten().collect();
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();

    let rig = Rig::on(journal).await;
    let duplicate = Receipt { duplicates: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&first).await.unwrap(), Ok(duplicate));
    let higher = Arc::new(RunHeader { attempt: 2, ..RunHeader::clone(&second) });
    let accepted = Receipt { accepted: 1, ..Receipt::default() };
    assert_eq!(rig.hand_over(&higher).await.unwrap(), Ok(accepted), "it must not be lost");
    let rows = rig.end().take().await.unwrap();
    let rows = rows.iter().filter_map(|row| match &row.record {
        Record::Run(row) => Some((row.run.id, row.run.attempt, row.run.status)),
        Record::Dead(_) => None,
    });
    let failed = RunStatus::Failed;
    let expected =
        [(first.run_id, 1, failed), (second.run_id, 2, RunStatus::Succeeded), (second.run_id, 1, failed)];
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(run, attempt, _)| (*run, std::cmp::Reverse(*attempt)));
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_journal_that_is_not_there_is_an_error_in_words() {
    let error = Journal::open(Path::new("/dev/null/nowhere")).unwrap_err().to_string();
    assert!(error.contains("/dev/null/nowhere"), "{error}");
}

/// Lets a request in whose body is there.
fn admit(gate: &Arc<Gate>, bytes: usize) -> Result<Admission, Refusal> {
    let mut arriving = gate.announce(bytes, false)?;
    arriving.grow(bytes)?;
    arriving.admit()
}

#[tokio::test]
async fn bodies_that_do_not_come_hold_up_nobody() {
    let (_directory, _full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let mut slow: Vec<_> = (0..1_000).map(|_| rig.gate.announce(1_000, false).unwrap()).collect();
    let _both = (admit(&rig.gate, 400).unwrap(), admit(&rig.gate, 400).unwrap());
    // What has come of them counts.
    slow[0].grow(200).unwrap();
    let full = Refusal::Busy { what: "the bytes of request bodies", limit: 1_000 };
    assert_eq!(slow[1].grow(1).unwrap_err(), full);
    slow.remove(1);
    assert_eq!(slow[0].grow(1).unwrap_err(), full);
    assert_eq!(slow.remove(5).admit().unwrap_err(), Refusal::Busy { what: "the requests", limit: 2 });
    drop(slow);
    rig.end();
}

#[tokio::test]
async fn the_gate_names_the_limit_that_is_reached() {
    let (_directory, _full, journal) = on_disk();
    let rig = Rig::on(journal).await;
    let first = admit(&rig.gate, 5_000).unwrap();
    let too_large = admit(&rig.gate, 1).unwrap_err();
    assert_eq!(too_large, Refusal::Busy { what: "the bytes of request bodies", limit: 1_000 });
    drop(first);
    let _both = (admit(&rig.gate, 1).unwrap(), admit(&rig.gate, 1).unwrap());
    assert_eq!(admit(&rig.gate, 1).unwrap_err(), Refusal::Busy { what: "the requests", limit: 2 });
    rig.gate.set_active_runs(10);
    assert_eq!(rig.gate.check().unwrap_err(), Refusal::Busy { what: "the runs under way", limit: 10 });
    rig.end();
}

#[tokio::test]
async fn runs_that_wait_for_a_place_leave_memory_while_their_tenant_has_too_much_there() {
    const LIMIT: usize = 400_000;
    let directory = tempfile::tempdir().unwrap();
    let (deps, _open) = deps(Journal::open(directory.path()).unwrap(), LIMIT);
    let (documents, gate) = (Arc::clone(&deps.documents), Arc::clone(&deps.gate));
    gate.set_open(true);
    let (sender, receiver) = mpsc::channel();
    let inputs = Inputs { sender };
    let dispatcher = Dispatcher::new((4, 2), deps.runner.clone(), inputs.clone());
    let mut core = Core::new(deps, receiver, dispatcher, Arc::default()).unwrap();
    let (_silent, document) = call_that_is_never_answered();
    let hash = hash_of(&document);
    let workflow = documents.compile(&hash, &document).unwrap();
    let task = |n| {
        let input = json!({"text": "x".repeat(20_000)});
        let header = Arc::new(RunHeader { input, ..RunHeader::clone(&header(n)) });
        Task { header, hash, document: document.clone(), workflow: Arc::clone(&workflow) }
    };
    let (reply, mut answer) = oneshot::channel();
    inputs.send(Input::Delivery(Delivery {
        tasks: (0..30).map(task).collect(),
        rejected: Vec::new(),
        elsewhere: Vec::new(),
        letters: Vec::new(),
        reply,
        admission: gate.announce(1, false).unwrap().admit().unwrap(),
    }));
    assert!(core.turn());
    assert_eq!(answer.try_recv().unwrap(), Ok(Receipt { accepted: 30, ..Receipt::default() }));
    assert_eq!(core.runs.len() + core.memory.aside(), 30);
    assert!(core.memory.taken() <= LIMIT / 2 + 50_000, "{} bytes are taken", core.memory.taken());
    assert!(core.memory.aside() >= 24, "{} runs left", core.memory.aside());
    assert!(core.dispatcher.running() >= 1);
    assert_eq!(core.journal.read().unwrap().unfinished(true).unwrap().len(), 30, "all of them are safe");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_turn_computes_no_more_once_what_it_computed_is_large() {
    let directory = tempfile::tempdir().unwrap();
    let (deps, _open) = deps(Journal::open(directory.path()).unwrap(), 1 << 30);
    let documents = Arc::clone(&deps.documents);
    let (sender, receiver) = mpsc::channel();
    let dispatcher = Dispatcher::new((4, 4), deps.runner.clone(), Inputs { sender });
    let mut core = Core::new(deps, receiver, dispatcher, Arc::default()).unwrap();
    let kind = |n| if n == 0 { "manual" } else { "noop" };
    let nodes = (0..=60).map(|n| json!({"id": format!("n{n}"), "type": kind(n)}));
    let edges = (1..=60).map(|n| json!({"source": format!("n{}", n - 1), "target": format!("n{n}")}));
    let chain = json!({
        "name": "Test",
        "nodes": nodes.collect::<Vec<_>>(),
        "edges": edges.collect::<Vec<_>>(),
    });
    let document = DocumentText::parse(chain.to_string()).unwrap();
    let hash = hash_of(&document);
    let workflow = documents.compile(&hash, &document).unwrap();
    let input = json!({"text": "x".repeat(500_000)});
    let header = Arc::new(RunHeader { input, ..RunHeader::clone(&header(1)) });
    let run = header.run_id;
    core.hold(run, active::Active::new(Task { header, hash, document, workflow }));
    let mut turn = turn::Turn::new(SystemClock.now());
    core.advance(&mut turn, run, crate::engine::Command::Start);
    assert!(turn.computed <= super::core::TURN_BYTES + 1_000_000, "{} bytes in one turn", turn.computed);
    assert!(core.complete(turn));
    while core.runs.contains_key(&run) {
        assert!(core.turn(), "it goes on");
    }
    assert_eq!(core.memory.taken(), 0, "nothing is counted of a run that has ended");
}
