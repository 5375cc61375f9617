//! Runs that take long to read come back while everybody else goes on.
//!
//! The one thread that reads is held by the test as long as it wants to look at what happens meanwhile.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{
    bench::{Bench, ids, patient, runs},
    *,
};

/// A runtime with one thread for what takes long, which is held until the sender is dropped.
fn held() -> (Runtime, mpsc::Sender<()>) {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (release, held) = mpsc::channel();
    runtime.spawn_blocking(move || held.recv());
    (runtime, release)
}

/// A workflow that hands its input on, and then does what the last node of the other does.
fn after_much(document: &DocumentText) -> DocumentText {
    let mut document: Value = serde_json::from_str(document.as_str()).unwrap();
    let last = document["nodes"][1].take();
    let mut nodes = vec![document["nodes"][0].take()];
    nodes.extend((0..3).map(|n| json!({"id": format!("n{n}"), "type": "noop"})));
    nodes.push(last);
    let edges = nodes.windows(2).map(|two| json!({"source": two[0]["id"], "target": two[1]["id"]}));
    document["edges"] = edges.collect();
    document["nodes"] = nodes.into();
    DocumentText::parse(document.to_string()).unwrap()
}

/// Such runs with much input.
fn long_runs(tenant: &str, count: i64) -> Vec<Arc<RunHeader>> {
    let input = json!({"text": "x".repeat(300_000)});
    let long = |run: Arc<RunHeader>| Arc::new(RunHeader { input: input.clone(), ..RunHeader::clone(&run) });
    runs(tenant, count).into_iter().map(long).collect()
}

impl Bench {
    /// Turns until it is so; each waits for something to come.
    fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            assert!(self.core.turn());
        }
    }

    fn left(&self) -> Vec<RunId> {
        self.core.journal.read().unwrap().unfinished(false).unwrap()
    }

    fn is_at_rest(&self) -> bool {
        let Core { memory, returning, dispatcher, unrecovered, coming, .. } = &self.core;
        memory.taken() == 0
            && memory.aside() == 0
            && returning.reading() == 0
            && dispatcher.running() == 0
            && unrecovered.is_empty()
            && coming.is_empty()
    }
}

#[test]
fn another_tenants_run_is_woken_while_a_long_history_is_read() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    let (busy, other) = (long_runs("busy", 3), runs("other", 1));
    bench.hand_over(&busy, &after_much(&patient()));
    bench.hand_over(&other, &patient());
    assert_eq!((bench.under_way(), bench.unfinished()), (Vec::new(), 4), "they wait in the journal");

    bench.clock.advance(Duration::from_secs(3_660));
    bench.turn();
    assert_eq!(bench.left(), ids(&busy), "the other's is over");
    assert_eq!((bench.core.returning.reading(), bench.under_way()), (1, Vec::new()));
    assert!(bench.core.memory.taken() > 900_000, "what it will take is kept for it");
    assert!(!bench.core.may_fire_something(bench.clock.now()), "what is behind it waits unread");
    let late = runs("other", 1);
    bench.hand_over(&late, &document());
    assert_eq!(bench.left(), ids(&busy), "and what comes new begins");

    drop(release);
    bench.until(|bench| bench.unfinished() == 0);
    assert!(bench.is_at_rest());
    assert_eq!(bench.core.journal.read().unwrap().first_timers().unwrap(), []);
    let rows = runtime.block_on(bench.core.backlog.take()).unwrap();
    let ends = rows.into_iter().filter_map(|row| match row.record {
        Record::Run(row) if row.run.status.is_terminal() && row.tenant.as_str() == "busy" => Some(row.run.id),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), ids(&busy), "in their order");
}

#[test]
fn a_long_run_keeps_its_place_while_it_is_read_and_anothers_step_begins() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |deps| {
        deps.max_run_bytes = 4 << 20;
        deps.max_steps = (4, 2);
    });
    let (busy, other) = (long_runs("busy", 3), runs("other", 1));
    bench.hand_over(&busy, &after_much(&call));
    assert_eq!(bench.core.memory.aside(), 2, "they do not fit into memory together");
    bench.succeed(busy[0].run_id);
    bench.turn();
    assert_eq!((bench.core.returning.reading(), bench.core.dispatcher.running()), (1, 0));
    bench.hand_over(&other, &call);
    assert!(bench.core.dispatcher.is_busy(other[0].run_id));

    drop(release);
    for run in &busy[1..] {
        bench.until(|bench| bench.core.dispatcher.is_busy(run.run_id));
        bench.succeed(run.run_id);
    }
    bench.succeed(other[0].run_id);
    assert!(bench.is_at_rest());
    assert_eq!(bench.unfinished(), 0);
}

#[test]
fn long_runs_that_a_crash_cut_off_hold_up_neither_the_start_nor_other_tenants() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    let (busy, other) = (long_runs("busy", 2), runs("other", 1));
    bench.hand_over(&busy, &after_much(&call));
    bench.hand_over(&other, &call);
    let attempt = |bench: &Bench, run: &RunHeader| {
        bench.core.runs[&run.run_id].state.running().next().map(|(_, attempt)| attempt)
    };
    assert_eq!(attempt(&bench, &busy[0]), Some(1));

    let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    assert_eq!(bench.under_way(), ids(&other), "the others go on");
    assert!(bench.core.dispatcher.is_busy(other[0].run_id));
    drop(release);
    bench.until(|bench| busy.iter().all(|run| bench.core.dispatcher.is_busy(run.run_id)));
    assert_eq!([&busy[0], &busy[1], &other[0]].map(|run| attempt(&bench, run)), [Some(2); 3]);
    for run in busy.iter().chain(&other) {
        bench.succeed(run.run_id);
    }
    assert!(bench.is_at_rest());
}

#[test]
fn a_worker_that_stops_while_a_long_history_is_read_leaves_its_timer_to_the_next_one() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    let busy = long_runs("busy", 2);
    bench.hand_over(&busy, &after_much(&patient()));
    bench.clock.advance(Duration::from_secs(3_660));
    bench.turn();
    let (drained, mut is_drained) = oneshot::channel();
    bench.inputs.send(Input::Drain(drained));
    bench.turn();
    assert!(is_drained.try_recv().is_ok(), "it does not wait for what is being read");
    drop(release);
    bench.until(|bench| bench.core.returning.reading() == 0);
    assert_eq!((bench.left(), bench.is_at_rest()), (ids(&busy), true));

    let now = bench.clock.now();
    let mut bench = Bench::on(bench.crash(), now, |_| {});
    bench.until(|bench| bench.unfinished() == 0);
}

#[test]
fn a_higher_attempt_takes_the_place_of_a_run_that_is_being_read() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    let busy = long_runs("busy", 2);
    bench.hand_over(&busy, &after_much(&patient()));
    bench.clock.advance(Duration::from_secs(3_660));
    bench.turn();
    assert!(bench.core.returning.has(busy[0].run_id));
    let (_silent, call) = call_that_is_never_answered();
    let again = Arc::new(RunHeader { attempt: 2, ..RunHeader::clone(&busy[0]) });
    assert_eq!(bench.hand_over(&[Arc::clone(&again)], &call).accepted, 1);
    drop(release);
    // The other one's turn comes, and what was read of the first is nobody's.
    bench.until(|bench| bench.left() == [again.run_id] && bench.core.returning.reading() == 0);
    assert_eq!(bench.core.runs[&again.run_id].state.header().attempt, 2);
    bench.succeed(again.run_id);
    assert!(bench.is_at_rest());
}

#[test]
fn a_run_that_waits_to_begin_with_an_input_of_many_values_is_read_elsewhere() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |deps| {
        deps.max_runs = 2;
    });
    let busy = runs("busy", 2);
    let many = RunHeader { input: json!({"values": vec![1; 60_000]}), ..RunHeader::clone(&busy[1]) };
    bench.hand_over(&[Arc::clone(&busy[0]), Arc::new(many)], &call);
    bench.succeed(busy[0].run_id);
    bench.turn();
    assert_eq!((bench.left(), bench.under_way()), (ids(&busy[1..]), Vec::new()));
    assert_eq!((bench.core.returning.reading(), bench.core.to_begin.has(&busy[1].tenant)), (1, true));
    drop(release);
    bench.until(|bench| bench.core.dispatcher.is_busy(busy[1].run_id));
    bench.succeed(busy[1].run_id);
    assert!(bench.is_at_rest() && !bench.core.to_begin.has(&busy[1].tenant));
}

#[test]
fn a_run_whose_large_document_is_not_compiled_any_more_comes_back_likewise() {
    let (runtime, release) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), now, |_| {});
    let (busy, other) = (runs("busy", 2), runs("other", 1));
    let padded = patient().as_str().replacen('{', &format!("{{{}", " ".repeat(20_000)), 1);
    let large = DocumentText::parse(padded).unwrap();
    bench.hand_over(&busy, &large);
    bench.hand_over(&other, &patient());
    let mut bench = Bench::on(bench.crash(), now.plus(Duration::from_secs(3_660)), |_| {});
    bench.turn();
    assert_eq!((bench.left(), bench.core.returning.reading()), (ids(&busy), 1));
    drop(release);
    bench.until(|bench| bench.unfinished() == 0);
    assert!(bench.is_at_rest());
}

#[test]
fn a_long_run_that_cannot_be_read_fails_and_holds_up_nothing_behind_it() {
    let (runtime, _) = held();
    let _runtime = runtime.enter();
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let runs = runs("busy", 2);
    let hash = hash_of(&document());
    let ops = |n: usize| {
        let (run, tenant, at) = (runs[n].run_id, runs[n].tenant.clone(), runs[n].created_at);
        let header = codec::write_header(&hash, &runs[n]).unwrap();
        let timer = codec::write_timer(&Timer::Deadline).unwrap();
        let timer = TimerRow { lane: Lane::End, tenant: tenant.clone(), at, run, timer, bytes: 0 };
        vec![
            Op::Start { run, header, hash, document: document() },
            Op::Append { run, row: 0, events: br#"[{"of_a_later_version":{}}]"#.to_vec() },
            Op::Long { run, tenant, memory: 5_000_000 },
            Op::Park { run },
            Op::SetTimer(timer),
        ]
    };
    journal.commit(&Commit { ops: ops(0).into_iter().chain(ops(1)).collect(), ..Commit::default() }).unwrap();
    let mut bench = Bench::on(journal, SystemClock.now(), |_| {});
    bench.until(|bench| bench.unfinished() == 0);
    assert!(bench.is_at_rest());
    let rows = runtime.block_on(bench.core.backlog.take()).unwrap();
    let failed = rows.into_iter().filter_map(|row| match row.record {
        Record::Run(row) => Some((row.run.id, row.run.error.unwrap().code)),
        Record::Dead(_) | Record::Lost(..) => None,
    });
    let all: Vec<_> = ids(&runs).into_iter().map(|run| (run, "journal_unreadable".to_owned())).collect();
    assert_eq!(failed.collect::<Vec<_>>(), all);
}
