//! Runs that wait in the journal, to begin or for a timer that is due, while their tenant has no room.

use std::time::Duration;

use super::{
    bench::{Bench, ids, patient, runs},
    *,
};
use crate::engine::Command;

fn four_runs(deps: &mut ProcessorDeps) {
    deps.max_runs = 4;
}

#[tokio::test]
async fn runs_above_a_tenants_share_wait_unread_and_anothers_begins_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let (busy, other) = (runs("busy", 10), runs("other", 1));
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), four_runs);
    assert_eq!(bench.hand_over(&busy, &call).accepted, 10);
    assert_eq!(bench.under_way(), ids(&busy[..2]), "the share of one tenant, those that came first");
    assert_eq!(bench.core.backlog.rows(), 2, "of what waits nothing is recorded: it is queued as before");
    let timers = bench.core.journal.read().unwrap().first_timers().unwrap();
    assert_eq!(timers.iter().map(|(lane, ..)| *lane).collect::<Vec<_>>(), [Lane::End, Lane::Begin]);
    assert_eq!(bench.hand_over(&other, &call).accepted, 1);
    assert!(bench.under_way().contains(&other[0].run_id));
    assert_eq!(bench.gate.check(), Ok(()));
    // Also one that comes when there is room, but after those that wait.
    bench.succeed(busy[0].run_id);
    let last = runs("busy", 1);
    bench.hand_over(&last, &call);
    assert!(bench.core.runs.contains_key(&busy[2].run_id) && !bench.core.runs.contains_key(&last[0].run_id));
}

#[tokio::test]
async fn runs_that_wait_survive_a_crash_are_not_read_by_it_and_begin_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let busy = runs("busy", 8);
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), four_runs);
    // Whatever the order in which they come.
    bench.hand_over(&busy[..3], &call);
    bench.hand_over(&busy[5..], &call);
    bench.hand_over(&busy[3..5], &call);
    let taken = bench.core.to_begin.taken();
    let mut bench = Bench::on(bench.crash(), SystemClock.now(), four_runs);
    assert_eq!(bench.under_way(), ids(&busy[..2]));
    assert_eq!(bench.core.to_begin.taken(), taken);
    for n in 0..8 {
        assert_eq!(bench.under_way(), ids(&busy[n..8.min(n + 2)]));
        bench.succeed(busy[n].run_id);
        bench.turn();
    }
    assert_eq!((bench.unfinished(), bench.core.to_begin.taken()), (0, 0));
    assert_eq!(bench.core.journal.read().unwrap().first_timers().unwrap(), []);
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled_and_its_time_to_begin_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let busy = runs("busy", 4);
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), four_runs);
    bench.hand_over(&busy, &call);
    bench.tell(busy[2].run_id, Command::Cancel { reason: "not needed".to_owned() });
    assert_eq!((bench.under_way(), bench.unfinished()), (ids(&busy[..2]), 3));
    bench.clock.advance(Duration::from_secs(40 * 24 * 3_600));
    while bench.unfinished() > 0 {
        bench.turn();
    }
    assert_eq!(bench.core.to_begin.taken(), 0);
    assert_eq!(bench.core.journal.read().unwrap().first_timers().unwrap(), []);
    let rows = bench.core.backlog.take().await.unwrap();
    let ends = rows.into_iter().filter_map(|row| match row.record {
        Record::Run(row) if row.run.status.is_terminal() => Some((row.run.id, row.run.error.unwrap().code)),
        _ => None,
    });
    let mut ends: Vec<_> = ends.collect();
    ends.sort();
    let codes = ["run_timeout", "run_timeout", "cancelled", "start_timeout"].map(str::to_owned);
    assert_eq!(ends, ids(&busy).into_iter().zip(codes).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_run_that_waits_is_recognised_and_a_higher_attempt_takes_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let busy = runs("busy", 4);
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), four_runs);
    bench.hand_over(&busy, &call);
    let taken = bench.core.to_begin.taken();
    assert_eq!(bench.hand_over(&busy, &call), Receipt { duplicates: 4, ..Receipt::default() });
    assert_eq!(bench.under_way(), ids(&busy[..2]));
    let again = Arc::new(RunHeader { attempt: 2, ..RunHeader::clone(&busy[3]) });
    assert_eq!(bench.hand_over(&[Arc::clone(&again)], &call).accepted, 1);
    assert!(bench.core.to_begin.taken() <= taken, "its document was there already");
    assert_eq!(bench.unfinished(), 4);
    for run in &busy[..3] {
        bench.succeed(run.run_id);
        bench.turn();
    }
    assert_eq!(bench.core.runs[&again.run_id].state.header().attempt, 2);
    assert_eq!(bench.core.to_begin.taken(), 0);
}

#[tokio::test]
async fn a_tenant_that_fills_its_part_of_the_journal_fails_alone_and_turns_nobody_away() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |deps| {
        deps.max_runs = 4;
        deps.max_queued_bytes = 10_000;
    });
    let busy = runs("busy", 40);
    // Also within one batch.
    assert_eq!(bench.hand_over(&busy, &call).accepted, 40);
    assert!((5_000..6_000).contains(&bench.core.to_begin.taken()), "{}", bench.core.to_begin.taken());
    let left = bench.unfinished();
    assert!((6..30).contains(&left), "{left}");
    assert_eq!(bench.gate.check(), Ok(()));
    let other = runs("other", 2);
    bench.hand_over(&other, &call);
    assert!(bench.core.runs.contains_key(&other[0].run_id));
    let rows = bench.core.backlog.take().await.unwrap();
    let failed: Vec<_> = rows
        .iter()
        .filter_map(|row| match &row.record {
            Record::Run(row) => row.run.error.as_ref().map(|error| (row.tenant.as_str(), error)),
            Record::Dead(_) | Record::Lost(..) => None,
        })
        .collect();
    assert_eq!(failed.len(), 40 - left);
    assert!(failed.iter().all(|(tenant, error)| *tenant == "busy"
        && error.code == "limit"
        && error.message.contains("WORKER_MAX_QUEUED_BYTES")));
}

#[tokio::test]
async fn a_tenants_thousand_waits_that_are_due_at_once_are_a_part_of_a_turn_and_anothers_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), now, |deps| {
        let limits = BacklogLimits { rows: 100_000, bytes: 1 << 30 };
        let clock = Arc::clone(&deps.clock);
        deps.backlog = Arc::new(Backlog::open(Arc::clone(&deps.journal), clock, limits).unwrap());
        deps.max_runs = 10_000;
    });
    let (busy, other) = (runs("busy", 1_000), runs("other", 1));
    bench.hand_over(&busy, &patient());
    bench.clock.advance(Duration::from_millis(1));
    bench.hand_over(&other, &patient());
    assert_eq!((bench.core.runs.len(), bench.unfinished()), (0, 1_001), "they wait in the journal");
    // Steps go by the machine's clock.
    bench.clock.advance(Duration::from_secs(3_660));
    bench.turn();
    let left = bench.core.journal.read().unwrap().unfinished(false).unwrap();
    assert!(!left.contains(&other[0].run_id), "it was woken");
    assert!(left.len() >= 1_000 - 256, "{} are left", left.len());
    while bench.unfinished() > 0 {
        bench.turn();
    }
}

#[tokio::test]
async fn waits_that_are_due_stay_in_the_journal_while_their_tenant_has_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), now, four_runs);
    let (sleepers, busy, other) = (runs("busy", 2), runs("busy", 2), runs("other", 1));
    for run in &sleepers {
        bench.hand_over(std::slice::from_ref(run), &patient());
    }
    bench.hand_over(&other, &patient());
    bench.clock.advance(Duration::from_secs(3_590));
    bench.hand_over(&busy, &call);
    bench.clock.advance(Duration::from_secs(20));
    bench.turn();
    assert_eq!((bench.under_way(), bench.unfinished()), (ids(&busy), 4), "the other's was woken");
    bench.succeed(busy[0].run_id);
    while bench.unfinished() > 1 {
        bench.turn();
    }
    assert_eq!(bench.under_way(), ids(&busy[1..]));
}

#[tokio::test]
async fn runs_in_memory_that_only_wait_for_a_moment_that_is_near_do_not_keep_it_from_coming() {
    let directory = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let soon = DocumentText::parse(patient().as_str().replace("1h", "900ms")).unwrap();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), now, |deps| deps.max_runs = 1);
    for tenant in ["one", "two"] {
        bench.hand_over(&runs(tenant, 2), &soon);
    }
    bench.clock.advance(Duration::from_secs(1));
    for _ in 0..20 {
        bench.turn();
        bench.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(bench.unfinished(), 0);
}

#[tokio::test]
async fn a_run_whose_function_had_a_clock_that_is_ahead_begins_as_soon_as_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), four_runs);
    let tomorrow = |run: &Arc<RunHeader>| {
        let created_at = run.created_at.plus(Duration::from_secs(24 * 3_600));
        Arc::new(RunHeader { created_at, ..RunHeader::clone(run) })
    };
    let busy: Vec<_> = runs("busy", 4).iter().map(tomorrow).collect();
    bench.hand_over(&busy, &call);
    assert_eq!(bench.under_way(), ids(&busy[..2]));
    for run in &busy[..2] {
        bench.succeed(run.run_id);
        bench.turn();
    }
    assert_eq!((bench.under_way(), bench.core.to_begin.taken()), (ids(&busy[2..]), 0));
}

#[tokio::test]
async fn a_run_that_has_just_begun_to_wait_once_more_makes_no_room_before_that_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let twice = json!({
        "name": "Test",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "one", "type": "wait", "data": {"params": {"for": "1h"}}},
            {"id": "two", "type": "wait", "data": {"params": {"for": "2h"}}}
        ],
        "edges": [{"source": "start", "target": "one"}, {"source": "one", "target": "two"}],
    });
    let twice = DocumentText::parse(twice.to_string()).unwrap();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    let one = runs("one", 1);
    let run = one[0].run_id;
    bench.hand_over(&one, &twice);
    let mut turn = turn::Turn::new(bench.clock.now());
    bench.core.load(&mut turn, run).unwrap();
    bench.core.memory.dozes(&one[0].tenant, run);
    turn.now = bench.core.runs[&run].next_due().unwrap();
    bench.core.advance(&mut turn, run, Command::TimerFired(Timer::Wake(StepKey::outside(1))));
    bench.core.make_room(&one[0].tenant);
    assert!(bench.core.runs[&run].state.is_parked());
    assert!(bench.core.complete(turn));
    bench.clock.advance(Duration::from_secs(4 * 3_600));
    while bench.unfinished() > 0 {
        bench.turn();
    }
}
