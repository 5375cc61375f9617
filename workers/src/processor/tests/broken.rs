//! Runs over which the worker's own code panics: they end, and nobody else does.

use domain::{items::Output, run::StepStatus};

use super::{
    bench::{Bench, ids, patient, runs},
    *,
};
use crate::{
    engine::{Command, Outcome},
    recorder::Committed,
};

/// A call that is never answered, by a node over which that panics.
fn panicking(place: &str) -> (std::net::TcpListener, DocumentText) {
    let (silent, call) = call_that_is_never_answered();
    let name = format!("\"panics at {place}\"");
    (silent, DocumentText::parse(call.as_str().replace("\"call\"", &name)).unwrap())
}

fn bench(journal: Journal) -> Bench {
    Bench::on(journal, SystemClock.now(), |_| {})
}

/// What the store is told.
async fn told(bench: &Bench) -> Vec<Committed> {
    let all = bench.core.backlog.take();
    tokio::time::timeout(std::time::Duration::from_secs(30), all).await.unwrap().unwrap()
}

/// The code of the error with which a run has ended, how many of its steps that says, and how many dead letters name it.
fn end_of(run: RunId, rows: &[Committed]) -> (String, usize, usize) {
    let ends = rows.iter().filter_map(|row| match &row.record {
        Record::Run(record) if record.run.id == run && record.run.status.is_terminal() => Some(record),
        _ => None,
    });
    let ends: Vec<_> = ends.collect();
    assert_eq!(ends.len(), 1, "it ends once: {rows:?}");
    assert_eq!(ends[0].run.status, RunStatus::Failed);
    let error = ends[0].run.error.as_ref().unwrap();
    assert!(!error.message.contains("secret"), "{}", error.message);
    let name = run.to_string();
    let named =
        |row: &&Committed| matches!(&row.record, Record::Dead(letter) if letter.reason.contains(&name));
    (error.code.clone(), ends[0].steps.len(), rows.iter().filter(named).count())
}

/// What is left of a run over which something panics, beside one that goes on.
struct Left {
    /// How it ended: see [`end_of`].
    end: (String, usize, usize),
    journal: Journal,
    /// Whom the one that goes on calls.
    _silent: std::net::TcpListener,
}

/// Lets two runs begin, of which one panics there; and its step succeed, if it comes so far.
async fn left_by(place: &str, journal: Journal) -> Left {
    let (_silent_too, broken_one) = panicking(place);
    let (silent, call) = call_that_is_never_answered();
    let all = runs("acme", 2);
    let (broken, other) = (all[0].run_id, all[1].run_id);
    let mut bench = bench(journal);
    bench.hand_over(&all[..1], &broken_one);
    bench.hand_over(&all[1..], &call);
    bench.turn();
    if bench.under_way().contains(&broken) {
        bench.succeed(broken);
    }
    assert_eq!((bench.under_way(), bench.unfinished()), (vec![other], 1), "{place}");
    assert_eq!(bench.hand_over(&all[..1], &patient()).duplicates, 1, "{place}: it is known");
    assert!(bench.core.journal.read().unwrap().first_timers().unwrap().len() <= 1, "{place}");
    Left { end: end_of(broken, &told(&bench).await), journal: bench.crash(), _silent: silent }
}

#[tokio::test]
async fn a_run_over_which_a_decision_panics_fails_alone_and_no_start_brings_it_back() {
    for (place, letters) in [
        ("writing", 0),
        ("beginning", 0),
        ("deciding", 0),
        // Where not even its end can be decided or written, it is put aside.
        ("accepting", 1),
        ("writing and ending", 1),
        ("deciding and ending", 1),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let left = left_by(place, Journal::open(directory.path()).unwrap()).await;
        let (code, steps, named) = left.end;
        assert_eq!((code.as_str(), named), ("internal_error", letters), "{place}");
        assert_eq!(steps > 0, letters == 0 && place != "writing", "{place}: {steps} steps");
        let mut again = bench(left.journal);
        assert_eq!(again.under_way().len(), 1, "{place}");
        let other = again.under_way()[0];
        again.succeed(other);
        assert_eq!(again.unfinished(), 0, "{place}");
    }
}

#[tokio::test]
async fn a_run_that_panics_its_reader_is_put_aside_at_the_start_and_the_others_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, document) = panicking("reading");
    let (_silent_too, call) = call_that_is_never_answered();
    let all = runs("acme", 2);
    let mut before = bench(Journal::open(directory.path()).unwrap());
    before.hand_over(&all[..1], &document);
    before.hand_over(&all[1..], &call);
    assert_eq!(before.under_way(), ids(&all), "it runs as long as nobody reads it");
    let after = bench(before.crash());
    assert_eq!((after.under_way(), after.unfinished()), (vec![all[1].run_id], 1));
    let (code, _, letters) = end_of(all[0].run_id, &told(&after).await);
    assert_eq!((code.as_str(), letters), ("internal_error", 1));
    let again = bench(after.crash());
    assert_eq!(again.unfinished(), 1);
}

#[tokio::test]
async fn a_broken_run_gives_its_seat_to_the_next_one() {
    for place in ["deciding", "deciding and ending"] {
        let directory = tempfile::tempdir().unwrap();
        let (_silent, document) = panicking(place);
        let limited = document.as_str().replace(
            r#""name":"Test""#,
            r#""name":"Test","settings":{"concurrency":{"limit":1,"key":"k","above":"queue"}}"#,
        );
        let all = runs("acme", 2);
        let mut bench = bench(Journal::open(directory.path()).unwrap());
        bench.hand_over(&all, &DocumentText::parse(limited).unwrap());
        assert_eq!(bench.under_way(), ids(&all[..1]));
        bench.succeed(all[0].run_id);
        bench.turn();
        assert_eq!((bench.under_way(), bench.unfinished()), (ids(&all[1..]), 1), "{place}");
    }
}

#[tokio::test]
async fn what_a_turn_decided_of_a_run_before_the_panic_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let (_silent, call) = call_that_is_never_answered();
    let mut document: Value = serde_json::from_str(call.as_str()).unwrap();
    let mut second = document["nodes"][1].clone();
    second["id"] = json!("panics at deciding");
    document["nodes"].as_array_mut().unwrap().push(second);
    document["edges"]
        .as_array_mut()
        .unwrap()
        .push(json!({"source": "start", "target": "panics at deciding"}));
    let all = runs("acme", 1);
    let run = all[0].run_id;
    let mut bench = bench(Journal::open(directory.path()).unwrap());
    bench.hand_over(&all, &DocumentText::parse(document.to_string()).unwrap());
    let mut turn = turn::Turn::new(bench.core.clock.now());
    let steps: Vec<_> = bench.core.runs[&run].state.running().collect();
    assert_eq!(steps.len(), 2);
    for (step, attempt) in steps {
        let outcome = Outcome::Succeeded(Output::default());
        let finished = Command::StepFinished { step, attempt, outcome, jitter: 0.0 };
        bench.core.advance(&mut turn, run, finished);
    }
    assert!(bench.core.complete(turn));
    let rows = told(&bench).await;
    let end = rows.iter().find_map(|row| match &row.record {
        Record::Run(record) if record.run.status.is_terminal() => Some(record),
        _ => None,
    });
    for step in &end.unwrap().steps {
        assert_eq!(step.step.status, StepStatus::Cancelled, "{}", step.step.node_id);
    }
    assert_eq!((end.unwrap().steps.len(), bench.unfinished()), (2, 0));
}
