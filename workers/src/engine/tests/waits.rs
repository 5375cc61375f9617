//! Steps that go on later: at a moment, with a signal, after other runs.

use std::sync::Arc;

use domain::{
    ids::{RunId, SignalId, SignalName},
    limits,
    retry::Failure,
    run::{RunStatus, StepStatus, WaitsFor},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use super::scenario::{CREATED, Scenario, UNAVAILABLE, changes, one_item, workflow};
use crate::engine::{Command, Illegal, Later, Outcome, Timer};

fn started(text: &str) -> Scenario {
    Scenario::started(workflow(text, &json!({})))
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(CREATED.as_millis() + millis)
}

/// A signal for the step of that node which is the newest.
fn signal(scenario: &Scenario, node: &str, name: &str) -> Command {
    signal_of(scenario, node, name, 7, json!({ "by": "Ada" }))
}

fn signal_of(scenario: &Scenario, node: &str, name: &str, n: u128, data: Value) -> Command {
    let (id, name) = (SignalId::at(CREATED, n), SignalName::parse(name).unwrap());
    Command::Signal { step: scenario.key(node), id, name, data: Arc::new(data) }
}

/// What an attempt is told that goes on with that signal.
fn after(n: u128) -> String {
    let id = SignalId::at(CREATED, n);
    format!(r#" after Signal {{ id: {id:?}, data: Object {{"by": String("Ada")}} }}"#)
}

fn run(n: u128) -> RunId {
    RunId::at(CREATED, n)
}

fn ended(n: u128) -> Command {
    Command::RunEnded { run: run(n), end: Arc::new(json!(u64::try_from(n).unwrap())) }
}

#[test]
fn a_step_that_waits_for_a_moment_goes_on_with_the_same_attempt_and_what_it_kept() {
    let mut scenario = started("start:manual > a:wait > b:set");
    scenario.wait("a", WaitsFor::moment(at(90_000)), Some(json!("kept")));
    assert_eq!(scenario.effects(), ["set wake a at 90000"]);
    assert_eq!(scenario.status(), RunStatus::Waiting);
    let step = scenario.step("a").unwrap();
    assert_eq!((step.status, step.attempts), (StepStatus::Waiting, 1));
    assert_eq!(step.waits_for, Some(WaitsFor::moment(at(90_000))));
    scenario.retry("a");
    assert_eq!(scenario.effects(), [r#"execute a#1 with "kept" after Moment"#]);
    assert_eq!(scenario.status(), RunStatus::Running);
    scenario.succeed("a").succeed("b");
    assert_eq!(scenario.status(), RunStatus::Succeeded);
    assert_eq!(scenario.step("a").unwrap().waits_for, None);
}

#[test]
fn a_moment_that_has_come_already_is_not_waited_for() {
    let mut scenario = started("start:manual > a:wait");
    scenario.later(5).wait("a", WaitsFor::moment(at(5)), None);
    assert_eq!(scenario.effects(), ["execute a#1 after Moment"]);
    assert_eq!(changes(&scenario.last.events), ["suspended", "resumed"]);
}

#[test]
fn a_wait_outlives_restarts_and_one_that_fell_due_meanwhile_is_over_at_once() {
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor::moment(at(90_000)), Some(json!(1))).restart();
    assert_eq!(scenario.effects(), ["set deadline at 3600000", "set wake a at 90000"]);
    scenario.later(90_000).restart();
    assert_eq!(scenario.effects(), ["set deadline at 3600000", "execute a#1 with 1 after Moment"]);
    scenario.restart();
    assert_eq!(
        scenario.effects(),
        ["execute a#2 with 1 after Moment", "set deadline at 3600000"],
        "a crash after the wait does not wait again"
    );
}

#[test]
fn a_clock_that_was_set_back_fires_nothing_early() {
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor::moment(at(1_000)), None);
    let wake = Timer::Wake(scenario.key("a"));
    scenario.later(999);
    assert_eq!(scenario.tell(Command::TimerFired(wake.clone())), Err(Illegal::StaleTimer(wake.clone())));
    scenario.later(1).tell(Command::TimerFired(wake)).unwrap();
}

#[test]
fn of_a_signal_and_its_time_limit_the_first_counts() {
    let waits_for = || WaitsFor { until: Some(at(90_000)), signal: Some("approved".into()), runs: vec![] };
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", waits_for(), None);
    let (paid, approved) = (signal(&scenario, "a", "paid"), signal(&scenario, "a", "approved"));
    assert!(matches!(scenario.tell(paid), Err(Illegal::NobodyWaits(_))));
    scenario.tell(approved.clone()).unwrap();
    let given = format!("execute a#1{}", after(7));
    assert_eq!(scenario.effects(), ["cancel wake a", given.as_str()]);
    let told = scenario.step("a").unwrap().signal.unwrap();
    assert_eq!((told.name.as_str(), told.id, told.at), ("approved", SignalId::at(CREATED, 7), CREATED));
    assert!(scenario.tell(approved.clone()).is_err(), "the same one again finds nobody");
    let second = signal_of(&scenario, "a", "approved", 8, json!({}));
    assert!(scenario.tell(second).is_err(), "and a second one does not");
    scenario.restart();
    assert_eq!(scenario.effects()[0], given.replace("#1", "#2"), "what it said is not forgotten");

    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", waits_for(), None).retry("a");
    assert_eq!(scenario.effects(), ["execute a#1 after Moment"]);
    assert!(scenario.tell(approved).is_err(), "it comes too late");
    assert_eq!(scenario.step("a").unwrap().signal, None);
}

#[test]
fn a_step_that_waits_for_runs_goes_on_when_the_last_of_them_has_ended() {
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor { runs: vec![run(1), run(2)], ..WaitsFor::default() }, None);
    assert_eq!(scenario.effects(), Vec::<String>::new());
    scenario.tell(ended(2)).unwrap();
    assert_eq!(scenario.step("a").unwrap().waits_for.unwrap().runs, [run(1)]);
    assert!(scenario.tell(ended(2)).is_err(), "it ends once");
    scenario.restart().tell(ended(1)).unwrap();
    let (one, two) = (run(1), run(2));
    assert_eq!(
        scenario.effects(),
        [format!("execute a#1 after Runs with [({two:?}, Number(2)), ({one:?}, Number(1))]")]
    );
}

#[test]
fn runs_that_ended_before_the_time_limit_of_their_wait_are_told_of_all_the_same() {
    let mut scenario = started("start:manual > a:wait");
    let waits_for = WaitsFor { until: Some(at(90_000)), runs: vec![run(1), run(2)], signal: None };
    scenario.wait("a", waits_for, None);
    scenario.tell(ended(1)).unwrap();
    scenario.restart().retry("a");
    assert_eq!(scenario.effects(), [format!("execute a#1 after Moment with [({:?}, Number(1))]", run(1))]);
}

#[test]
fn the_end_of_the_last_run_is_noticed_although_what_follows_was_not_written() {
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor { runs: vec![run(1)], ..WaitsFor::default() }, None);
    scenario.tell(ended(1)).unwrap();
    scenario.journal.pop();
    scenario.restart();
    assert!(scenario.effects().iter().any(|effect| effect.starts_with("execute a#1 after Runs")));
}

#[test]
fn retries_after_a_wait_remember_what_was_waited_for() {
    let data = json!({ "a": { "retry": { "max_attempts": 3, "base": "1s" } } });
    let mut scenario = Scenario::started(workflow("start:manual > a:http_request", &data));
    scenario.wait("a", WaitsFor { signal: Some("go".into()), ..WaitsFor::default() }, Some(json!(7)));
    scenario.tell(signal(&scenario, "a", "go")).unwrap();
    scenario.fail("a", UNAVAILABLE).retry("a");
    assert_eq!(scenario.effects(), [format!("execute a#2 with 7{}", after(7))]);
    scenario.wait("a", WaitsFor::moment(at(60_000)), None).retry("a");
    assert_eq!(scenario.effects(), ["execute a#2 with 7 after Moment"]);
    scenario.fail("a", Failure::Permanent);
    let history = scenario.run().error.unwrap().history;
    assert_eq!(history.len(), 2, "waits are no failed attempts");
}

#[test]
fn a_waiting_run_can_be_cancelled_and_times_out() {
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor::moment(at(90_000)), None);
    scenario.tell(Command::Cancel { reason: "enough".into() }).unwrap();
    assert_eq!(scenario.effects(), ["cancel wake a", "cancel deadline"]);
    assert_eq!(scenario.step("a").unwrap().status, StepStatus::Cancelled);

    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor::moment(at(7_200_000)), None).later(3_600_000);
    scenario.tell(Command::TimerFired(Timer::Deadline)).unwrap();
    assert_eq!(scenario.status(), RunStatus::TimedOut);
}

#[test]
fn a_wait_for_nothing_fails_and_a_wait_of_an_attempt_that_is_over_is_refused() {
    let mut scenario = started("start:manual > a:wait");
    scenario.wait("a", WaitsFor::default(), None);
    assert_eq!(scenario.run().error.unwrap().code, "waits_for_nothing");

    let mut scenario = started("start:manual > a:wait; start > b:set");
    scenario.finish("a", Outcome::Succeeded(one_item()));
    let later = Outcome::Later(Box::new(Later { waits_for: WaitsFor::moment(at(1)), kept: None }));
    let step = scenario.key("a");
    let late = Command::StepFinished { step: step.clone(), attempt: 1, outcome: later, jitter: 0.0 };
    assert_eq!(scenario.tell(late), Err(Illegal::StaleAttempt { step, attempt: 1 }));
}

#[test]
fn a_signals_data_has_limits_and_what_is_above_wakes_nobody() {
    let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
    for (data, limit) in [
        (deep(limits::MAX_DEPTH), None),
        (deep(limits::MAX_DEPTH + 1), Some("MAX_DEPTH")),
        (json!("x".repeat(limits::MAX_SIGNAL_BYTES - 2)), None),
        (json!("x".repeat(limits::MAX_SIGNAL_BYTES - 1)), Some("MAX_SIGNAL_BYTES")),
    ] {
        let mut scenario = started("start:manual > a:wait");
        scenario.wait("a", WaitsFor { signal: Some("go".into()), ..WaitsFor::default() }, None);
        let told = scenario.tell(signal_of(&scenario, "a", "go", 7, data));
        match (told, limit) {
            (Ok(()), None) => assert_eq!(scenario.status(), RunStatus::Running),
            (Err(Illegal::Signal(why)), Some(limit)) => {
                assert!(why.contains(limit), "{why}");
                assert_eq!(scenario.status(), RunStatus::Waiting);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn of_two_steps_that_wait_for_one_name_the_one_that_is_meant_is_given_the_signal() {
    let mut scenario = started("start:manual > a:wait; start > b:wait");
    let waits_for = || WaitsFor { signal: Some("go".into()), ..WaitsFor::default() };
    scenario.wait("a", waits_for(), None).wait("b", waits_for(), None);
    scenario.tell(signal(&scenario, "b", "go")).unwrap();
    assert_eq!(scenario.effects(), [format!("execute b#1{}", after(7))]);
    assert_eq!(scenario.step("a").unwrap().status, StepStatus::Waiting);
    scenario.tell(signal(&scenario, "a", "go")).unwrap();
}
