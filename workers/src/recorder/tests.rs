use std::{
    collections::HashMap,
    sync::{Arc, mpsc},
    time::Duration,
};

use domain::{
    dead_letter::DeadLetter,
    ids::{NodeId, RunId, TenantId, WorkflowId},
    run::{Run, RunStatus, Step, StepStatus, Trigger},
    timestamp::Timestamp,
};
use minireipaz::clock::SystemClock;
use minireipaz::store::memory::{Call, MemoryStore};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Recorder,
    backlog::{Backlog, BacklogLimits, Committed, RowPlace},
    record::{Gathered, InputAt, Record, RunRecord, StepRecord},
};
use crate::journal::{Commit, Journal, OutboxRow, codec};

mod gathered;

fn row(run: u128, attempt: u32, revision: u64, steps: &[(u32, u64)]) -> Record {
    let at = Timestamp::from_millis(1);
    let step = |&(ordinal, revision): &(u32, u64)| StepRecord {
        revision,
        ordinal,
        step: Step {
            node_id: NodeId::parse(&format!("n{ordinal}")).unwrap(),
            iteration: Default::default(),
            kind: "noop".into(),
            status: StepStatus::Running,
            pinned: false,
            attempts: 1,
            started_at: Some(at),
            finished_at: None,
            output: None,
            lineage: Default::default(),
            console: Vec::new(),
            waits_for: None,
            signal: None,
            error: None,
        },
    };
    Record::Run(Box::new(RunRecord {
        tenant: TenantId::parse("acme").unwrap(),
        run: Run {
            id: RunId(uuid::Uuid::from_u128(run)),
            workflow_id: WorkflowId(uuid::Uuid::nil()),
            workflow_version: 1,
            status: RunStatus::Running,
            revision,
            attempt,
            trigger: Trigger::manual(),
            input: Value::Null,
            output: None,
            response: None,
            error: None,
            created_at: at,
            started_at: Some(at),
            finished_at: None,
            waits_for: None,
        },
        input: InputAt::Here,
        steps: steps.iter().map(step).collect(),
    }))
}

#[test]
fn a_row_is_read_back_as_it_was_written() {
    let letter = DeadLetter {
        consumer: "worker".into(),
        reason: "r".into(),
        record: "x".into(),
        tenant: String::new(),
        at: Timestamp::from_millis(7),
    };
    for row in [row(1, 2, 3, &[(0, 1), (1, 2)]), Record::Dead(Box::new(letter))] {
        let written = codec::write_record(&row).unwrap();
        assert_eq!(codec::read_record(&written).unwrap(), row);
    }
}

struct Rig {
    _directory: TempDir,
    journal: Arc<Journal>,
    backlog: Arc<Backlog>,
}

const LIMITS: BacklogLimits = BacklogLimits { rows: 1_000, bytes: 1 << 30 };

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

impl Rig {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = Arc::new(Journal::open(directory.path()).unwrap());
        let backlog = Arc::new(Backlog::open(Arc::clone(&journal), Arc::new(SystemClock), LIMITS).unwrap());
        Self { _directory: directory, journal, backlog }
    }

    /// What the next worker finds.
    fn reopened(self, limits: BacklogLimits) -> Self {
        let backlog = Backlog::open(Arc::clone(&self.journal), Arc::new(SystemClock), limits).unwrap();
        Self { backlog: Arc::new(backlog), ..self }
    }

    /// Commits a tenant's rows as the processor does; `bytes` is what each claims to take.
    fn commit(&self, name: &str, count: u64, bytes: usize) {
        let from = self.backlog.last() + 1;
        let rows: Vec<_> = (from..from + count).map(|n| (n, row(u128::from(n), 1, 1, &[]))).collect();
        let tenant = Some(tenant(name));
        let outbox = rows.iter().map(|(sequence, row)| OutboxRow {
            sequence: *sequence,
            tenant: tenant.clone(),
            text: codec::write_record(row).unwrap(),
        });
        self.journal.commit(&Commit { outbox: outbox.collect(), ..Commit::default() }).unwrap();
        self.backlog.push(rows.into_iter().map(|(sequence, record)| Committed {
            place: RowPlace { sequence, tenant: tenant.clone(), bytes },
            record,
        }));
    }

    /// The next batch, checked against what was committed under those sequences.
    async fn batch(&self) -> Vec<RowPlace> {
        let rows = self.backlog.take().await.unwrap();
        for Committed { place, record } in &rows {
            assert!(
                matches!(record, Record::Run(row) if row.run.id.0.as_u128() == u128::from(place.sequence))
            );
        }
        rows.into_iter().map(|row| row.place).collect()
    }

    async fn take(&self) -> Vec<u64> {
        self.batch().await.iter().map(|place| place.sequence).collect()
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_into_memory_are_read_from_the_journal_in_order_and_once() {
    let rig = Rig::new();
    rig.commit("acme", 3, 12 << 20);
    rig.commit("acme", 2, 1);
    let mut all = Vec::new();
    while all.len() < 5 {
        all.extend(rig.batch().await);
    }
    rig.commit("acme", 3, 1);
    all.extend(rig.batch().await);
    assert_eq!(all.iter().map(|place| place.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(rig.backlog.rows(), 8, "nothing is confirmed yet");
    rig.backlog.confirm(&all);
    rig.backlog.drained().await;
}

#[tokio::test]
async fn a_tenants_large_rows_hold_up_anothers_small_one_for_no_longer_than_a_batch() {
    let rig = Rig::new();
    for name in ["a", "b", "c"] {
        rig.commit(name, 20, 6 << 20);
    }
    for _ in 0..5 {
        assert_eq!(rig.take().await.len(), 1, "a batch is bounded in bytes");
    }
    rig.commit("small", 1, 100);
    let sequence = rig.backlog.last();
    let next = [rig.take().await, rig.take().await].concat();
    assert!(next.contains(&sequence), "{next:?}");
}

#[tokio::test]
async fn what_the_last_worker_left_comes_first_and_is_whose_it_was() {
    let rig = Rig::new();
    rig.commit("acme", 3, 1);
    rig.journal.commit(&Commit { confirmed: vec![2..=2], ..Commit::default() }).unwrap();
    let rig = rig.reopened(BacklogLimits { rows: 4, ..LIMITS });
    assert!(!rig.backlog.has_room(&tenant("acme")) && rig.backlog.has_room(&tenant("other")));
    rig.commit("acme", 1, 1);
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.extend(rig.take().await);
    }
    assert_eq!(taken, [1, 3, 4]);
}

#[tokio::test]
async fn a_backlog_is_full_by_rows_or_by_bytes_and_a_tenant_has_half_of_both() {
    let rig = Rig::new().reopened(BacklogLimits { rows: 10, bytes: 1_000 });
    let (busy, other) = (tenant("busy"), tenant("other"));
    rig.commit("busy", 5, 10);
    assert!(!rig.backlog.has_room(&busy) && rig.backlog.has_room(&other));
    assert_eq!(rig.backlog.is_full(), None);
    rig.commit("busy", 5, 10);
    assert_eq!(rig.backlog.is_full(), Some(("the rows", 10)));
    let taken = rig.batch().await;
    rig.backlog.confirm(&taken);
    assert!(rig.backlog.has_room(&busy) && rig.backlog.is_full().is_none());
    rig.commit("busy", 1, 600);
    assert!(!rig.backlog.has_room(&busy) && rig.backlog.has_room(&other));
    rig.commit("other", 1, 600);
    assert_eq!(rig.backlog.is_full(), Some(("the bytes of rows", 1_000)));
}

#[tokio::test]
async fn a_damaged_row_becomes_a_dead_letter_and_holds_nobody_up() {
    let rig = Rig::new();
    let good = codec::write_record(&row(2, 1, 1, &[])).unwrap();
    let row = |sequence, text| OutboxRow { sequence, tenant: None, text };
    let outbox = vec![row(1, b"{\"later\":1}".to_vec()), row(2, good)];
    rig.journal.commit(&Commit { outbox, ..Commit::default() }).unwrap();
    let rig = rig.reopened(LIMITS);
    let rows = rig.backlog.take().await.unwrap();
    assert!(matches!(&rows[0].record, Record::Dead(letter) if letter.record == "{\"later\":1}"));
    assert!(matches!(&rows[1].record, Record::Run(_)));
}

#[tokio::test]
async fn a_damaged_row_with_the_end_of_a_run_ends_it_as_failed() {
    let rig = Rig::new();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let damaged = |run, status| {
        let Record::Run(mut record) = row(run, 2, 9, &[(0, 9)]) else { unreachable!() };
        record.run.status = status;
        let text = String::from_utf8(codec::write_record(&Record::Run(record)).unwrap()).unwrap();
        text.replace("\"input\":null", &format!("\"input\":{deep}")).into_bytes()
    };
    let row = |sequence, text| OutboxRow { sequence, tenant: Some(tenant("acme")), text };
    let outbox = vec![row(1, damaged(1, RunStatus::Succeeded)), row(2, damaged(2, RunStatus::Running))];
    rig.journal.commit(&Commit { outbox, ..Commit::default() }).unwrap();
    let rig = rig.reopened(LIMITS);
    let mut gathered = Gathered::default();
    rig.backlog.take().await.unwrap().into_iter().for_each(|committed| gathered.add(committed.record));
    let (facts, letters) = gathered.into_facts(HashMap::new());
    assert_eq!(letters.len(), 2, "both are kept");
    let [(tenant, run)] = facts.runs.as_slice() else { panic!("{facts:?}") };
    assert_eq!((tenant.as_str(), run.id.0.as_u128(), run.status), ("acme", 1, RunStatus::Failed));
    assert_eq!((run.attempt, run.revision, &run.input), (2, 9, &Value::Null));
    let error = run.error.as_ref().unwrap();
    assert_eq!(error.code, "journal_unreadable");
    assert!(error.message.contains("ended as succeeded"), "{error:?}");
}

#[tokio::test]
async fn the_processor_hears_of_a_record_before_whoever_waits_for_the_end() {
    let rig = Rig::new();
    rig.commit("acme", 1, 1);
    let (heard, told) = mpsc::channel();
    let seen = Arc::clone(&rig.backlog);
    let recorder = Recorder {
        backlog: Arc::clone(&rig.backlog),
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(SystemClock),
        confirm: Box::new(move |sequences| heard.send((sequences, seen.rows())).unwrap()),
    };
    tokio::select! {
        () = recorder.run(CancellationToken::new()) => {}
        () = rig.backlog.drained() => {}
    }
    assert_eq!(
        told.try_recv(),
        Ok((vec![1], 1)),
        "else the end overtakes it, and the next start records it again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lone_row_is_recorded_at_once_and_a_steady_load_makes_ten_inserts_a_second() {
    let rig = Rig::new();
    let store = Arc::new(MemoryStore::new());
    let recorder = Recorder {
        backlog: Arc::clone(&rig.backlog),
        store: Arc::clone(&store) as _,
        clock: Arc::new(SystemClock),
        confirm: Box::new(|_| {}),
    };
    let load = async {
        let begun = Instant::now();
        rig.commit("acme", 1, 1);
        rig.backlog.drained().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..200 {
            sleep(Duration::from_millis(10)).await;
            rig.commit("acme", 1, 1);
        }
        rig.backlog.drained().await;
    };
    tokio::select! {
        () = recorder.run(CancellationToken::new()) => {}
        () = load => {}
    }
    let inserts = store.calls(Call::RECORD);
    assert!((18..=24).contains(&inserts), "{inserts} inserts in two seconds");
    assert_eq!(rig.backlog.rows(), 0);
}

/// So many bytes fill half of the backlog's memory.
const HALF: usize = 16 << 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_row_is_taken_once_and_a_tenants_in_order(
        moves in proptest::collection::vec(
            prop_oneof![
                (0usize..3, 1u64..4, prop_oneof![Just(1), Just(HALF), Just(HALF + 1)]).prop_map(Some),
                Just(None),
            ],
            1..24,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rig = Rig::new();
        let mut taken = Vec::new();
        let total = |taken: &[RowPlace]| taken.len() as u64;
        for step in moves {
            match step {
                Some((tenant, count, bytes)) => rig.commit(["a", "b", "c"][tenant], count, bytes),
                None if total(&taken) < rig.backlog.last() => taken.extend(runtime.block_on(rig.batch())),
                None => {}
            }
        }
        while total(&taken) < rig.backlog.last() {
            taken.extend(runtime.block_on(rig.batch()));
        }
        for name in ["a", "b", "c"] {
            let own = taken.iter().filter(|place| place.tenant == Some(tenant(name)));
            prop_assert!(own.map(|place| place.sequence).is_sorted());
        }
        rig.backlog.confirm(&taken);
        let mut sequences: Vec<_> = taken.iter().map(|place| place.sequence).collect();
        sequences.sort_unstable();
        prop_assert_eq!(sequences, (1..=rig.backlog.last()).collect::<Vec<_>>());
        prop_assert_eq!(rig.backlog.rows(), 0);
    }
}
