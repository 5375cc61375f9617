//! Runs whose workflow limits how many of them run at once.

mod model;

use std::time::Duration;

use super::{
    bench::{Bench, ids, patient},
    *,
};
use crate::{engine::Command, processor::seating::Vacancies};

/// A workflow whose only call is never answered, with that limit.
fn limited(call: &DocumentText, concurrency: &Value) -> DocumentText {
    let mut document: Value = serde_json::from_str(call.as_str()).unwrap();
    document["settings"] = json!({ "concurrency": concurrency, "start_timeout": "1d" });
    DocumentText::parse(document.to_string()).unwrap()
}

fn by_key(limit: u32, above: &str) -> Value {
    json!({"limit": limit, "key": "key", "above": above})
}

/// Runs of one workflow with that key, accepted one millisecond after the other, from so many milliseconds on.
fn runs_with(key: &str, from: i64, count: i64) -> Vec<Arc<RunHeader>> {
    let at = |n: i64| domain::timestamp::Timestamp::from_millis(1_763_971_200_000 + from + n);
    let run = |n: i64| {
        Arc::new(RunHeader {
            run_id: RunId::at(at(n), rand::random()),
            created_at: at(n),
            workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
            input: json!({ "key": key }),
            ..RunHeader::clone(&header(1))
        })
    };
    (0..count).map(run).collect()
}

fn now() -> domain::timestamp::Timestamp {
    domain::timestamp::Timestamp::from_millis(1_763_971_200_000)
}

/// With room for all that these tests do at once.
fn roomy(deps: &mut ProcessorDeps) {
    let limits = BacklogLimits { rows: 100_000, bytes: 1 << 30 };
    let backlog = Backlog::open(Arc::clone(&deps.journal), Arc::clone(&deps.clock), limits).unwrap();
    deps.backlog = Arc::new(backlog);
    deps.max_queued_bytes = 1 << 30;
    let limits = GateLimits { requests: 9, bytes: 1 << 30, to_begin: 1 << 30 };
    deps.gate = Arc::new(Gate::new(limits, Arc::clone(&deps.backlog), Arc::clone(&deps.handoff_queue)));
}

fn after(journal: Journal) -> Bench {
    Bench::on(journal, now(), roomy)
}

/// A processor on a new journal, which is in memory, and a call that is never answered.
fn bench() -> (std::net::TcpListener, DocumentText, Bench) {
    let opener = || redb::Database::builder().create_with_backend(redb::backends::InMemoryBackend::new());
    let journal = Journal::open_with("in memory".into(), Box::new(opener)).unwrap();
    let (silent, call) = call_that_is_never_answered();
    (silent, call, after(journal))
}

impl Bench {
    /// Turns until nobody sits down or begins any more.
    fn settle(&mut self) {
        for _ in 0..4 {
            self.turn();
        }
    }

    /// The ends that were recorded, each with the code of its error.
    async fn ends(&self) -> Vec<(RunId, RunStatus, Option<String>)> {
        let rows = self.core.backlog.take().await.unwrap();
        let end = |record| match record {
            Record::Run(row) if row.run.status.is_terminal() => {
                Some((row.run.id, row.run.status, row.run.error.map(|error| error.code)))
            }
            _ => None,
        };
        rows.into_iter().filter_map(|row| end(row.record)).collect()
    }

    fn seats_are_free(&self) -> bool {
        let snapshot = self.core.journal.read().unwrap();
        self.core.to_begin.taken() == 0
            && snapshot.waiting_for_a_seat().unwrap().count() == 0
            && snapshot.first_timers().unwrap().is_empty()
    }
}

#[tokio::test]
async fn five_runs_of_one_key_run_one_after_the_other_in_the_order_of_acceptance_however_they_come() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(1, "queue"));
    let runs = runs_with("a", 0, 5);
    for n in [0, 3, 1, 4, 2] {
        assert_eq!(bench.hand_over(&runs[n..=n], &document).accepted, 1);
    }
    for run in &runs {
        assert_eq!(bench.under_way(), [run.run_id]);
        // The commit that ends it lets the next one sit, and the next turn begins it.
        bench.succeed(run.run_id);
        bench.turn();
    }
    assert_eq!(bench.unfinished(), 0);
    assert!(bench.seats_are_free());
}

#[tokio::test]
async fn keys_are_side_by_side_and_ten_thousand_that_wait_are_in_nobodys_way() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(1, "queue"));
    let full = runs_with("full", 0, 10_000);
    for batch in full.chunks(1_000) {
        assert_eq!(bench.hand_over(batch, &document).accepted, 1_000);
    }
    assert_eq!((bench.under_way(), bench.unfinished()), (vec![full[0].run_id], 10_000));
    // In the turn in which they come, as if nobody waited.
    let (other, free) = (runs_with("other", 0, 1), runs_with("x", 0, 1));
    bench.hand_over(&other, &document);
    bench.hand_over(&free, &call);
    let mut expected = vec![full[0].run_id, other[0].run_id, free[0].run_id];
    expected.sort();
    assert_eq!(bench.under_way(), expected);
    let mut bench = after(bench.crash());
    let looked_at = Vacancies::open(&bench.core.journal.read().unwrap()).unwrap();
    assert_eq!(looked_at.len(), 1, "a start looks at each group once, and at none of its runs");
    bench.succeed(full[0].run_id);
    bench.turn();
    assert!(bench.under_way().contains(&full[1].run_id));
    assert_eq!(bench.under_way().len(), 3);
}

#[tokio::test]
async fn above_a_limit_with_skip_a_run_ends_at_once_and_says_which_limit_it_was() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(2, "skip"));
    let runs = runs_with("a", 0, 4);
    bench.hand_over(&runs[..3], &document);
    assert_eq!((bench.under_way(), bench.unfinished()), (ids(&runs[..2]), 2));
    assert_eq!(
        bench.hand_over(&runs, &document),
        Receipt { accepted: 1, duplicates: 3, ..Receipt::default() }
    );
    let skipped = |n: usize| (runs[n].run_id, RunStatus::Cancelled, Some("concurrency_skipped".to_owned()));
    assert_eq!(bench.ends().await, [skipped(2), skipped(3)]);
    bench.succeed(runs[0].run_id);
    let next = runs_with("a", 9, 1);
    bench.hand_over(&next, &document);
    assert_eq!(bench.under_way(), ids(&[Arc::clone(&runs[1]), Arc::clone(&next[0])]));
}

#[tokio::test]
async fn above_a_limit_with_cancel_oldest_the_oldest_gives_way_and_the_newest_runs() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(2, "cancel_oldest"));
    let runs = runs_with("a", 0, 5);
    bench.hand_over(&runs[..2], &document);
    for n in 2..5 {
        bench.hand_over(&runs[n..=n], &document);
        bench.turn();
        assert_eq!(bench.under_way(), ids(&runs[n - 1..=n]));
        // The steps of what was ended do not go on.
        assert_eq!(bench.core.dispatcher.running(), 2);
    }
    let replaced = |n: usize| (runs[n].run_id, RunStatus::Cancelled, Some("concurrency_replaced".to_owned()));
    assert_eq!(bench.ends().await, [replaced(0), replaced(1), replaced(2)]);
    // All of them at once: the newest ones are left.
    let batch = runs_with("b", 0, 6);
    bench.hand_over(&batch, &document);
    bench.settle();
    let mut left = [ids(&batch[4..]), ids(&runs[3..])].concat();
    left.sort();
    assert_eq!(bench.under_way(), left);
}

#[tokio::test]
async fn a_run_that_waits_for_a_moment_keeps_its_seat_and_gives_way_without_being_in_memory() {
    let (_silent, _, mut bench) = bench();
    let document = limited(&patient(), &by_key(1, "cancel_oldest"));
    let runs = runs_with("a", 0, 2);
    bench.hand_over(&runs[..1], &document);
    assert_eq!((bench.under_way(), bench.unfinished()), (Vec::new(), 1), "it waits in the journal");
    bench.hand_over(&runs[1..], &document);
    bench.settle();
    let left = bench.core.journal.read().unwrap().unfinished(false).unwrap();
    assert_eq!(left, ids(&runs[1..]));
    let ended = (runs[0].run_id, RunStatus::Cancelled, Some("concurrency_replaced".to_owned()));
    assert_eq!(bench.ends().await, [ended]);
}

#[tokio::test]
async fn a_run_that_takes_long_to_read_gives_way_when_it_is_there() {
    let (_silent, _, mut bench) = bench();
    let document = limited(&patient(), &by_key(1, "cancel_oldest"));
    let runs = runs_with("a", 0, 2);
    bench.hand_over(&runs[..1], &document);
    let (run, tenant) = (runs[0].run_id, runs[0].tenant.clone());
    let ops = vec![Op::Long { run, tenant, memory: 5_000_000 }];
    bench.core.journal.commit(&Commit { ops, ..Commit::default() }).unwrap();
    bench.hand_over(&runs[1..], &document);
    assert_eq!(bench.unfinished(), 2, "it is being read");
    while bench.core.journal.read().unwrap().unfinished(false).unwrap() != ids(&runs[1..]) {
        assert!(bench.core.turn(), "another thread reads it");
    }
    bench.settle();
    assert!(bench.core.journal.read().unwrap().standing(runs[1].run_id).unwrap().unwrap().waits.is_none());
}

#[tokio::test]
async fn a_crash_between_any_two_turns_changes_nothing_of_who_runs_and_who_is_next() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(2, "queue"));
    let runs = runs_with("a", 0, 4);
    for run in &runs {
        bench.hand_over(std::slice::from_ref(run), &document);
        bench = after(bench.crash());
    }
    for n in 0..4 {
        assert_eq!(bench.under_way(), ids(&runs[n..4.min(n + 2)]));
        // Also when what ends a run was the last thing that was written.
        bench.succeed(runs[n].run_id);
        bench = after(bench.crash());
        bench.turn();
    }
    assert_eq!(bench.unfinished(), 0);
    assert!(bench.seats_are_free());
}

#[tokio::test]
async fn a_task_that_comes_again_is_recognised_whether_its_run_waits_runs_or_has_ended() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(1, "queue"));
    let runs = runs_with("a", 0, 3);
    bench.hand_over(&runs, &document);
    let taken = bench.core.to_begin.taken();
    assert_eq!(bench.hand_over(&runs, &document), Receipt { duplicates: 3, ..Receipt::default() });
    assert_eq!((bench.core.to_begin.taken(), bench.under_way()), (taken, ids(&runs[..1])));
    bench.succeed(runs[0].run_id);
    bench.turn();
    assert_eq!(bench.hand_over(&runs, &document).duplicates, 3);
    assert_eq!(bench.under_way(), ids(&runs[1..2]));
    // A higher attempt takes the place of the lower one, and stands in the order as that did.
    let again = |n: usize| Arc::new(RunHeader { attempt: 2, ..RunHeader::clone(&runs[n]) });
    assert_eq!(bench.hand_over(&[again(1), again(2)], &document).accepted, 2);
    bench.settle();
    assert_eq!((bench.under_way(), bench.unfinished()), (ids(&runs[1..2]), 2));
    bench.succeed(runs[1].run_id);
    bench.turn();
    bench.succeed(runs[2].run_id);
    assert!(bench.seats_are_free());
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled_and_its_time_to_begin_ends_it() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(1, "queue"));
    let runs = runs_with("a", 0, 4);
    bench.hand_over(&runs, &document);
    bench.tell(runs[1].run_id, Command::Cancel { reason: "not needed".to_owned() });
    assert_eq!((bench.under_way(), bench.unfinished()), (ids(&runs[..1]), 3));
    bench.succeed(runs[0].run_id);
    bench.turn();
    assert_eq!(bench.under_way(), ids(&runs[2..3]), "the next one of those that still wait");
    bench.clock.advance(Duration::from_secs(2 * 24 * 3_600));
    bench.settle();
    let code =
        |run: &Arc<RunHeader>, status, code: Option<&str>| (run.run_id, status, code.map(str::to_owned));
    assert_eq!(
        bench.ends().await,
        [
            code(&runs[1], RunStatus::Cancelled, Some("cancelled")),
            code(&runs[0], RunStatus::Succeeded, None),
            code(&runs[3], RunStatus::TimedOut, Some("start_timeout")),
        ]
    );
    bench.succeed(runs[2].run_id);
    assert!(bench.seats_are_free());
}

#[tokio::test]
async fn the_limit_is_that_of_the_version_that_the_new_run_runs() {
    let (_silent, call, mut bench) = bench();
    let of = |limit, above| limited(&call, &by_key(limit, above));
    let runs = runs_with("a", 0, 7);
    bench.hand_over(&runs[..4], &of(3, "queue"));
    assert_eq!(bench.under_way(), ids(&runs[..3]));
    // One with a higher limit has its turn behind those that wait.
    bench.hand_over(&runs[4..5], &of(9, "queue"));
    assert_eq!(bench.under_way(), ids(&runs[..3]));
    bench.succeed(runs[0].run_id);
    bench.settle();
    assert_eq!(bench.under_way(), ids(&runs[1..5]));
    // One with a lower limit begins once so few run.
    bench.hand_over(&runs[5..6], &of(1, "queue"));
    for n in 1..5 {
        assert!(!bench.under_way().contains(&runs[5].run_id));
        bench.succeed(runs[n].run_id);
        bench.settle();
    }
    assert_eq!(bench.under_way(), ids(&runs[5..6]));
    // A test of a workflow counts for nobody.
    let mut test = RunHeader::clone(&runs[6]);
    test.trigger.kind = "test".to_owned();
    bench.hand_over(&[Arc::new(test)], &of(1, "skip"));
    let ends = bench.ends().await;
    assert!(ends.iter().all(|(_, _, code)| code.as_deref() != Some("concurrency_skipped")), "{ends:?}");
}

#[tokio::test]
async fn a_run_that_cannot_be_read_gives_its_seat_back_and_one_that_waits_its_bytes() {
    let (_silent, call, mut bench) = bench();
    let document = limited(&call, &by_key(1, "queue"));
    let runs = runs_with("a", 0, 4);
    bench.hand_over(&runs, &document);
    let journal = bench.crash();
    let damaged = |run: &Arc<RunHeader>, header: &[u8]| {
        let (run, hash, document) = (run.run_id, hash_of(&document), document.clone());
        Op::Start { run, header: header.to_vec(), hash, document }
    };
    let ops = vec![damaged(&runs[0], b"{"), damaged(&runs[1], b"[")];
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();
    let mut bench = after(journal);
    bench.settle();
    assert_eq!((bench.under_way(), bench.unfinished()), (ids(&runs[2..3]), 2));
    bench.succeed(runs[2].run_id);
    bench.turn();
    bench.succeed(runs[3].run_id);
    assert_eq!(bench.core.to_begin.taken(), 0);
}
