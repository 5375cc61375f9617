use std::sync::{Arc, mpsc};

use domain::{
    event::DeadLetter,
    ids::{NodeId, RunId, TenantId, WorkflowId},
    run::{Run, RunStatus, Step, StepStatus, Trigger},
    timestamp::Timestamp,
};
use minireipaz::clock::SystemClock;
use minireipaz::store::memory::MemoryStore;
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{
    Recorder,
    backlog::{Backlog, Committed},
    record::{Gathered, Record, RunRecord, StepRecord},
};
use crate::journal::{Commit, Journal, codec};

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
            attempts: 1,
            started_at: Some(at),
            finished_at: None,
            output: None,
            lineage: Default::default(),
            waits_for: None,
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
            error: None,
            created_at: at,
            started_at: Some(at),
            finished_at: None,
        },
        steps: steps.iter().map(step).collect(),
    }))
}

#[test]
fn of_each_run_and_each_step_only_the_newest_row_is_recorded() {
    let mut gathered = Gathered::default();
    for row in [
        row(1, 1, 2, &[(0, 1), (1, 2)]),
        row(2, 1, 1, &[(0, 1)]),
        row(1, 1, 4, &[(1, 3), (2, 4)]),
        row(2, 2, 1, &[(0, 1)]),
        row(2, 1, 9, &[(5, 9)]),
    ] {
        gathered.add(row);
    }
    let (facts, letters) = gathered.into_facts();
    let runs: Vec<_> =
        facts.runs.iter().map(|(_, run)| (run.id.0.as_u128(), run.attempt, run.revision)).collect();
    assert_eq!(runs, [(1, 1, 4), (2, 2, 1)]);
    let steps: Vec<_> =
        facts.steps.iter().map(|step| (step.run_id.0.as_u128(), step.ordinal, step.revision)).collect();
    assert_eq!(steps, [(1, 0, 1), (1, 1, 3), (1, 2, 4), (2, 0, 1)]);
    assert!(letters.is_empty());
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

impl Rig {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = Arc::new(Journal::open(directory.path()).unwrap());
        let backlog = Arc::new(Backlog::open(Arc::clone(&journal), Arc::new(SystemClock), 1_000).unwrap());
        Self { _directory: directory, journal, backlog }
    }

    /// Commits rows as the processor does; `bytes` is what each claims to take.
    fn commit(&self, count: u64, bytes: usize) {
        let from = self.backlog.last() + 1;
        let rows = (from..from + count).map(|n| (n, row(u128::from(n), 1, 1, &[]))).collect::<Vec<_>>();
        let outbox = rows.iter().map(|(n, row)| (*n, codec::write_record(row).unwrap())).collect();
        self.journal.commit(&Commit { outbox, ..Commit::default() }).unwrap();
        self.backlog
            .push(rows.into_iter().map(|(sequence, record)| Committed { sequence, bytes, record }).collect());
    }

    async fn take(&self) -> Vec<u64> {
        self.backlog.take().await.unwrap().iter().map(|row| row.sequence).collect()
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_into_memory_are_read_from_the_journal_in_order_and_once() {
    let rig = Rig::new();
    let mut taken = Vec::new();
    rig.commit(3, 12 << 20);
    rig.commit(2, 1);
    for _ in 0..2 {
        taken.extend(rig.take().await);
    }
    assert_eq!(taken, [1, 2]);
    rig.commit(1, 1);
    while taken.len() < 6 {
        taken.extend(rig.take().await);
    }
    rig.commit(2, 1);
    taken.extend(rig.take().await);
    assert_eq!(taken, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(rig.backlog.rows(), 8, "nothing is confirmed yet");
    rig.backlog.confirm(8);
    rig.backlog.drained().await;
}

#[tokio::test]
async fn what_the_last_worker_left_comes_first() {
    let rig = Rig::new();
    rig.commit(3, 1);
    rig.journal.commit(&Commit { confirmed: Some(1), ..Commit::default() }).unwrap();
    let clock = Arc::new(SystemClock);
    let backlog = Arc::new(Backlog::open(Arc::clone(&rig.journal), clock, 2).unwrap());
    assert!(backlog.is_full());
    let rig = Rig { backlog, ..rig };
    rig.commit(1, 1);
    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.extend(rig.take().await);
    }
    assert_eq!(taken, [2, 3, 4]);
}

#[tokio::test]
async fn a_damaged_row_becomes_a_dead_letter_and_holds_nobody_up() {
    let rig = Rig::new();
    let good = codec::write_record(&row(2, 1, 1, &[])).unwrap();
    let outbox = vec![(1, b"{\"later\":1}".to_vec()), (2, good)];
    rig.journal.commit(&Commit { outbox, ..Commit::default() }).unwrap();
    let backlog = Arc::new(Backlog::open(Arc::clone(&rig.journal), Arc::new(SystemClock), 9).unwrap());
    let rows = backlog.take().await.unwrap();
    assert!(matches!(&rows[0].record, Record::Dead(letter) if letter.record == "{\"later\":1}"));
    assert!(matches!(&rows[1].record, Record::Run(_)));
}

#[tokio::test]
async fn the_processor_hears_of_a_record_before_whoever_waits_for_the_end() {
    let rig = Rig::new();
    rig.commit(1, 1);
    let (heard, told) = mpsc::channel();
    let seen = Arc::clone(&rig.backlog);
    let recorder = Recorder {
        backlog: Arc::clone(&rig.backlog),
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(SystemClock),
        confirm: Box::new(move |last| heard.send((last, seen.rows())).unwrap()),
    };
    tokio::select! {
        () = recorder.run(CancellationToken::new()) => {}
        () = rig.backlog.drained() => {}
    }
    assert_eq!(told.try_recv(), Ok((1, 1)), "else the end overtakes it, and the next start records it again");
}

/// So many bytes fill half of the backlog's memory.
const HALF: usize = 16 << 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_row_is_taken_once_and_in_order(
        moves in proptest::collection::vec(
            prop_oneof![
                (1u64..4, prop_oneof![Just(1), Just(HALF), Just(HALF + 1)]).prop_map(Some),
                Just(None),
            ],
            1..24,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let rig = Rig::new();
        let mut taken = Vec::new();
        for step in moves {
            match step {
                Some((count, bytes)) => rig.commit(count, bytes),
                None if (taken.len() as u64) < rig.backlog.last() => taken.extend(runtime.block_on(rig.take())),
                None => {}
            }
        }
        while (taken.len() as u64) < rig.backlog.last() {
            taken.extend(runtime.block_on(rig.take()));
        }
        prop_assert_eq!(taken, (1..=rig.backlog.last()).collect::<Vec<_>>());
    }
}
