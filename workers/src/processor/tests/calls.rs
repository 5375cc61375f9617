//! Runs that call others: what of both is in the journal at any moment.

use std::time::Duration;

use domain::{
    iteration::Iteration,
    run::{Parent, RunEnd},
};

use super::{
    bench::{Bench, ids, patient, runs},
    *,
};
use crate::engine::{Call, CalledRun, Calling, Command, Outcome};

/// A workflow that calls another one.
fn caller() -> DocumentText {
    let call = json!({"workflow_id": "018f3c3e-0000-7000-8000-000000000000"});
    let document = json!({
        "name": "Test",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "call", "type": "call_workflow", "data": {"params": call}}
        ],
        "edges": [{"source": "start", "target": "call"}],
    });
    DocumentText::parse(document.to_string()).unwrap()
}

fn called(caller: &RunHeader) -> RunId {
    caller.run_id.of_call(1, 1, &Iteration::outside(), 0)
}

impl Bench {
    /// The step of that run calls a run of this document, and waits for it.
    fn call(&mut self, caller: &RunHeader, document: &DocumentText) {
        let run = called(caller);
        let parent = Parent {
            run_id: caller.run_id,
            node_id: None,
            iteration: Iteration::outside(),
            item: None,
            depth: 1,
            waits: true,
            after_error: false,
        };
        let trigger = Trigger::workflow(parent);
        let header =
            Arc::new(RunHeader { run_id: run, trigger, created_at: self.core.clock.now(), ..caller.clone() });
        let start = CalledRun { header, document: document.clone(), hash: hash_of(document) };
        let calls = vec![Call { run, start: Ok(Box::new(start)) }];
        let calling = Calling { waits_for: vec![run], any: false, calls, kept: None };
        let (step, attempt) = self.core.runs[&caller.run_id].state.running().next().unwrap();
        self.inputs.send(Input::Finished {
            tenant: caller.tenant.clone(),
            run: caller.run_id,
            run_attempt: 1,
            step,
            attempt,
            outcome: Some(Box::new(Outcome::Calling(Box::new(calling)))),
            bytes: 0,
        });
        assert!(self.core.turn());
    }

    /// Turns until that run is in memory.
    fn come_back(&mut self, run: RunId) {
        while !self.core.runs.contains_key(&run) {
            self.turn();
        }
    }

    /// What the step of that run, which is under way, is told of the runs that have ended.
    fn told(&self, run: RunId) -> Vec<(RunId, RunEnd)> {
        let state = &self.core.runs[&run].state;
        let (step, _) = state.running().next().unwrap();
        let woken = state.steps().get(&step).unwrap().woken().unwrap();
        woken.ended.iter().map(|(run, end)| (*run, RunEnd::read(end).unwrap())).collect()
    }
}

fn acme() -> Arc<RunHeader> {
    runs("acme", 1).remove(0)
}

#[tokio::test]
async fn a_crash_finds_a_called_run_where_it_finds_the_call() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let parent = acme();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    bench.hand_over(std::slice::from_ref(&parent), &caller());
    let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    assert_eq!((bench.under_way(), bench.unfinished()), (vec![parent.run_id], 1), "before it calls");
    bench.call(&parent, &call);
    let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    assert_eq!((bench.under_way(), bench.unfinished()), (vec![called(&parent)], 2), "and after");
    bench.succeed(called(&parent));
    bench.come_back(parent.run_id);
    bench.succeed(parent.run_id);
    assert_eq!(bench.unfinished(), 0);
}

#[tokio::test]
async fn who_called_a_run_is_told_of_its_end_though_the_worker_dies_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let parent = acme();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    bench.hand_over(std::slice::from_ref(&parent), &caller());
    bench.call(&parent, &call);
    bench.succeed(called(&parent));
    let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    bench.come_back(parent.run_id);
    assert_eq!(bench.told(parent.run_id), [(called(&parent), RunEnd::Succeeded(Vec::new()))]);
    let snapshot = bench.core.journal.read().unwrap();
    assert_eq!(snapshot.call_end(parent.run_id, called(&parent)).unwrap(), None, "it is told once");
    drop(snapshot);
    // Also when it crashes then.
    let bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    assert_eq!(bench.told(parent.run_id).len(), 1);
}

#[tokio::test]
async fn a_run_whose_caller_has_ended_is_cancelled_though_the_worker_dies_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let parent = acme();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    bench.hand_over(std::slice::from_ref(&parent), &caller());
    bench.call(&parent, &call);
    bench.tell(parent.run_id, Command::Cancel { reason: "enough".to_owned() });
    assert_eq!(bench.unfinished(), 1);
    let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    while bench.unfinished() > 0 {
        bench.turn();
    }
    // What the called run has come to is nobody's any more.
    bench.turn();
    assert_eq!(bench.core.journal.read().unwrap().first_timers().unwrap(), []);
    let rows = bench.core.backlog.take().await.unwrap();
    let cancelled = rows.iter().filter(|row| match &row.record {
        Record::Run(row) => row.run.status == RunStatus::Cancelled,
        Record::Dead(_) | Record::Lost(..) => false,
    });
    assert_eq!(cancelled.count(), 2);
}

#[tokio::test]
async fn a_newer_attempt_of_a_run_takes_the_called_runs_of_the_older_one_along() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let parent = acme();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    bench.hand_over(std::slice::from_ref(&parent), &caller());
    bench.call(&parent, &call);
    let again = Arc::new(RunHeader { attempt: 2, ..RunHeader::clone(&parent) });
    bench.hand_over(&[again], &caller());
    while bench.core.runs.contains_key(&called(&parent)) {
        bench.turn();
    }
    assert_eq!(bench.under_way(), [parent.run_id]);
}

#[tokio::test]
async fn called_runs_begin_before_those_that_wait_so_that_callers_never_wait_for_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let parents = runs("acme", 6);
    let mut bench =
        Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |deps| deps.max_runs = 4);
    bench.hand_over(&parents, &caller());
    assert_eq!(bench.under_way(), ids(&parents[..2]), "its tenant's part");
    bench.call(&parents[0], &call);
    bench.turn();
    let mut under_way = vec![called(&parents[0]), parents[1].run_id];
    under_way.sort();
    assert_eq!(bench.under_way(), under_way, "who waits leaves its place to whom it waits for");
    bench.call(&parents[1], &call);
    bench.turn();
    let mut under_way = vec![called(&parents[0]), called(&parents[1])];
    under_way.sort();
    assert_eq!(bench.under_way(), under_way);
    for _ in 0..20 {
        if let Some(run) = bench.under_way().into_iter().find(|run| !ids(&parents).contains(run)) {
            bench.succeed(run);
        }
        bench.turn();
        for parent in &parents {
            let Some(active) = bench.core.runs.get(&parent.run_id) else { continue };
            let Some((step, _)) = active.state.running().next() else { continue };
            if active.state.steps().get(&step).unwrap().woken().is_some() {
                bench.succeed(parent.run_id);
            } else {
                bench.call(parent, &call);
            }
        }
    }
    assert_eq!((bench.unfinished(), bench.core.to_begin.taken()), (0, 0));
}

#[tokio::test]
async fn a_called_run_has_its_own_time_limits() {
    let directory = tempfile::tempdir().unwrap();
    let parent = acme();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    bench.hand_over(std::slice::from_ref(&parent), &caller());
    let short =
        patient().as_str().replace(r#""name":"Test""#, r#""name":"Test","settings":{"timeout":"10m"}"#);
    bench.call(&parent, &DocumentText::parse(short).unwrap());
    bench.clock.advance(Duration::from_secs(900));
    bench.come_back(parent.run_id);
    let [(_, RunEnd::Failed(error))] = &bench.told(parent.run_id)[..] else { panic!("it was out of time") };
    assert_eq!(error.code, "workflow_timed_out");
    assert_eq!(error.details.as_ref().unwrap()["error"]["code"], "run_timeout");
}

/// Replaces what the journal holds of a run's header by something that nobody can read.
fn damage_header(journal: &Journal, run: RunId, document: &DocumentText) {
    let ops =
        vec![Op::Start { run, header: b"{".to_vec(), hash: hash_of(document), document: document.clone() }];
    journal.commit(&Commit { ops, ..Commit::default() }).unwrap();
}

#[tokio::test]
async fn who_called_a_run_is_told_of_its_end_though_not_even_its_header_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let parent = acme();
    let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
    bench.hand_over(std::slice::from_ref(&parent), &caller());
    bench.call(&parent, &call);
    let journal = bench.crash();
    damage_header(&journal, called(&parent), &call);
    // Killed right after its end was written.
    let bench = Bench::on(journal, SystemClock.now(), |_| {});
    assert_eq!(bench.unfinished(), 1);
    let mut bench = Bench::on(bench.crash(), SystemClock.now(), |_| {});
    bench.come_back(parent.run_id);
    let [(run, RunEnd::Failed(error))] = &bench.told(parent.run_id)[..] else { panic!("it was lost") };
    assert_eq!((*run, error.code.as_str()), (called(&parent), "workflow_failed"));
    assert_eq!(error.details.as_ref().unwrap()["error"]["code"], "journal_unreadable");
    bench.succeed(parent.run_id);
    let read = bench.core.journal.read().unwrap();
    assert_eq!((bench.unfinished(), read.caller(called(&parent)).unwrap()), (0, None));
}

#[tokio::test]
async fn who_called_a_run_over_which_the_worker_panics_is_told_of_its_end() {
    for place in ["writing", "deciding", "deciding and ending"] {
        let directory = tempfile::tempdir().unwrap();
        let (_silent, call) = call_that_is_never_answered();
        let name = format!("\"panics at {place}\"");
        let call = DocumentText::parse(call.as_str().replace("\"call\"", &name)).unwrap();
        let parent = acme();
        let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
        bench.hand_over(std::slice::from_ref(&parent), &caller());
        bench.call(&parent, &call);
        if bench.under_way().contains(&called(&parent)) {
            bench.succeed(called(&parent));
        }
        bench.come_back(parent.run_id);
        let [(_, RunEnd::Failed(error))] = &bench.told(parent.run_id)[..] else { panic!("{place}") };
        assert_eq!(error.details.as_ref().unwrap()["error"]["code"], "internal_error", "{place}");
    }
}

#[tokio::test]
async fn what_a_run_calls_ends_when_the_worker_panics_over_that_run() {
    for place in ["nothing", "ending"] {
        let directory = tempfile::tempdir().unwrap();
        let (_silent, call) = call_that_is_never_answered();
        // Its other step waits, too; over the name of its node the end of the run may panic.
        let text = caller().as_str().replace(
            r#"{"id":"start","type":"manual"}"#,
            r#"{"id":"start","type":"manual"},{"id":"panics at PLACE","type":"wait","data":{"params":{"for":"1h"}}}"#,
        );
        let text = text
            .replace(r#""edges":["#, r#""edges":[{"source":"start","target":"panics at PLACE"},"#)
            .replace("PLACE", place);
        let parent = acme();
        let mut bench = Bench::on(Journal::open(directory.path()).unwrap(), SystemClock.now(), |_| {});
        bench.hand_over(std::slice::from_ref(&parent), &DocumentText::parse(text).unwrap());
        bench.call(&parent, &call);
        assert_eq!(bench.unfinished(), 2);
        let mut turn = turn::Turn::new(bench.clock.now());
        bench.core.load(&mut turn, parent.run_id).unwrap();
        bench.core.fail_broken(&mut turn, parent.run_id);
        assert!(bench.core.complete(turn));
        bench.turn();
        assert_eq!(bench.unfinished(), 0, "{place}");
    }
}
