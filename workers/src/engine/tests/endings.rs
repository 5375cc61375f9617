//! How runs end, and that they stay ended.

use std::time::Duration;

use domain::{
    definition::Definition,
    run::{NodeError, RunStatus},
    workflow::{AboveLimit, Concurrency},
};
use serde_json::{Value, json};

use super::scenario::{CREATED, Scenario, UNAVAILABLE, header, one_item, workflow, workflow_within};
use crate::engine::{Command, Illegal, Outcome, RunHeader, RunState, StepKey, Timer, step};

const THREE: &str = "start:manual > a:http_request; start > b:http_request; start > c:http_request > d:set";

#[test]
fn cancel_stops_what_runs_and_what_is_due() {
    let mut run = Scenario::started(workflow(THREE, &json!({ "b": { "retry": { "max_attempts": 2 } } })));
    run.fail("b", UNAVAILABLE).succeed("a");
    run.tell(Command::Cancel { reason: "not needed any more".to_owned() }).unwrap();
    assert_eq!(run.effects(), ["cancel wake b", "abort c", "cancel deadline"]);
    assert_eq!(run.status(), RunStatus::Cancelled);
    let error = run.run().error.unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("cancelled", "not needed any more"));
    assert_eq!(
        run.steps(),
        json!({ "start": "succeeded", "a": "succeeded", "b": "cancelled", "c": "cancelled" })
    );
}

#[test]
fn a_run_that_has_not_begun_can_be_cancelled() {
    let mut run = Scenario::queued(workflow(THREE, &json!({})), Value::Null);
    run.tell(Command::Cancel { reason: String::new() }).unwrap();
    assert_eq!((run.status(), run.effects()), (RunStatus::Cancelled, Vec::new()));
    assert_eq!(run.run().started_at, None);
}

#[test]
fn a_run_that_gives_way_ends_as_cancelled_wherever_it_is_and_says_why() {
    let error = || Box::new(NodeError::new("concurrency_replaced", "another one runs"));
    let mut queued = Scenario::queued(workflow(THREE, &json!({})), Value::Null);
    queued.tell(Command::GiveWay { error: error() }).unwrap();
    let mut started = Scenario::started(workflow(THREE, &json!({})));
    started.succeed("a").tell(Command::GiveWay { error: error() }).unwrap();
    assert_eq!(started.effects(), ["abort b", "abort c", "cancel deadline"]);
    for run in [queued, started] {
        assert_eq!((run.status(), run.run().error), (RunStatus::Cancelled, Some(*error())));
    }
}

#[test]
fn of_a_run_that_may_not_begin_yet_only_its_time_to_begin_is_due_and_ends_it() {
    let definition = Definition { start_timeout: Duration::from_secs(60), ..workflow(THREE, &json!({})) };
    let mut run = Scenario::queued(definition, Value::Null);
    run.tell(Command::AwaitSeat).unwrap();
    assert_eq!(run.effects().len(), 1, "{:?}", run.effects());
    run.later(60_000).tell(Command::TimerFired(Timer::Deadline)).unwrap();
    assert_eq!(run.run().error.unwrap().code, "start_timeout");
    let mut run = Scenario::started(workflow(THREE, &json!({})));
    assert_eq!(run.tell(Command::AwaitSeat), Err(Illegal::AlreadyStarted));
}

#[test]
fn a_run_that_waited_in_vain_for_a_seat_says_which_limit_it_was() {
    for (key, says) in [(None, "lets 3 of its runs run"), (Some("order.id"), "with the same `order.id`")] {
        let concurrency = Concurrency { limit: 3, key: key.map(str::to_owned), above: AboveLimit::Queue };
        let definition = Definition {
            start_timeout: Duration::from_secs(60),
            concurrency: Some(concurrency),
            ..workflow(THREE, &json!({}))
        };
        let mut run = Scenario::queued(definition, Value::Null);
        run.tell(Command::AwaitSeat).unwrap();
        run.later(60_000).tell(Command::NoSeat).unwrap();
        let ended = run.run();
        let error = ended.error.unwrap();
        assert_eq!((run.status(), error.code.as_str()), (RunStatus::TimedOut, "start_timeout"));
        for part in [says, "1m", "settings.concurrency", "settings.start_timeout"] {
            assert!(error.message.contains(part), "{part}: {}", error.message);
        }
        assert_eq!(error.details, Some(json!({"limit": 3, "key": key})));
    }
    let mut run = Scenario::started(workflow(THREE, &json!({})));
    assert_eq!(run.tell(Command::NoSeat), Err(Illegal::AlreadyStarted));
}

#[test]
fn the_deadline_ends_the_run_and_says_which_setting_it_was() {
    let mut run = Scenario::started(workflow_within("90s", THREE, &json!({})));
    run.later(90_000).tell(Command::TimerFired(Timer::Deadline)).unwrap();
    assert_eq!(run.effects(), ["abort a", "abort b", "abort c", "cancel deadline"]);
    assert_eq!(run.status(), RunStatus::TimedOut);
    let error = run.run().error.unwrap();
    assert_eq!(error.code, "run_timeout");
    assert!(error.message.contains("90s") && error.message.contains("settings.timeout"), "{}", error.message);
}

#[test]
fn the_time_limit_counts_from_when_the_run_began() {
    let mut run = Scenario::queued(workflow_within("90s", THREE, &json!({})), Value::Null);
    run.later(100_000).tell(Command::Start).unwrap();
    assert_eq!(run.status(), RunStatus::Running);
    assert_eq!(run.effects()[0], "set deadline at 190000");
    // Also for a worker that has to find out again.
    run.later(89_999).restart();
    assert_eq!(run.status(), RunStatus::Running);
    run.later(1).restart();
    assert_eq!(run.run().error.unwrap().code, "run_timeout");
}

#[test]
fn a_run_that_waited_too_long_to_begin_runs_nothing_and_says_which_setting_it_was() {
    let definition = || Definition { start_timeout: Duration::from_secs(60), ..workflow(THREE, &json!({})) };
    let mut run = Scenario::queued(definition(), Value::Null);
    run.later(59_999).tell(Command::Start).unwrap();
    assert_eq!(run.status(), RunStatus::Running);

    for command in [Command::Start, Command::Recover] {
        let mut run = Scenario::queued(definition(), Value::Null);
        run.later(60_000).tell(command).unwrap();
        assert_eq!((run.status(), run.effects()), (RunStatus::TimedOut, Vec::new()));
        let ended = run.run();
        let error = ended.error.unwrap();
        assert_eq!((error.code.as_str(), ended.started_at), ("start_timeout", None));
        assert!(
            error.message.contains("1m") && error.message.contains("settings.start_timeout"),
            "{error:?}"
        );
    }
}

#[test]
fn a_run_that_waits_for_room_has_all_its_time_once_it_begins() {
    let definition =
        Definition { start_timeout: Duration::from_secs(60), ..workflow_within("90s", THREE, &json!({})) };
    let mut run = Scenario::queued(definition, Value::Null);
    run.later(10).tell(Command::Queue).unwrap();
    assert_eq!(run.effects(), ["set begin at 0", "set deadline at 60000"]);
    assert_eq!((run.status(), run.journal.len()), (RunStatus::Queued, 0), "nothing has happened to it");
    assert!(run.state.is_parked());
    run.later(59_989).tell(Command::TimerFired(Timer::Begin)).unwrap();
    assert_eq!(run.effects()[0], "set deadline at 149999");
    assert_eq!(run.status(), RunStatus::Running);
    assert_eq!(run.tell(Command::Queue), Err(Illegal::AlreadyStarted));
    assert_eq!(run.tell(Command::TimerFired(Timer::Begin)), Err(Illegal::AlreadyStarted));
}

#[test]
fn a_run_that_waits_for_room_ends_when_its_time_to_begin_is_up_or_it_is_cancelled() {
    let definition = || Definition { start_timeout: Duration::from_secs(60), ..workflow(THREE, &json!({})) };
    for (command, code) in [
        (Command::TimerFired(Timer::Deadline), "start_timeout"),
        (Command::TimerFired(Timer::Begin), "start_timeout"),
        (Command::Cancel { reason: String::new() }, "cancelled"),
    ] {
        let mut run = Scenario::queued(definition(), Value::Null);
        run.tell(Command::Queue).unwrap();
        run.later(60_000).tell(command).unwrap();
        let ended = run.run();
        assert_eq!((ended.error.unwrap().code.as_str(), ended.started_at), (code, None));
    }
}

#[test]
fn a_run_that_is_sent_again_after_its_worker_was_lost_does_not_wait_to_begin() {
    let definition = Definition { start_timeout: Duration::from_secs(60), ..workflow(THREE, &json!({})) };
    let again = RunHeader { attempt: 2, ..header(Value::Null) };
    let mut state = RunState::new(again, definition);
    step(&mut state, Command::Start, CREATED.plus(Duration::from_secs(3_600))).unwrap();
    assert_eq!(state.status(), RunStatus::Running);
}

#[test]
fn nothing_changes_a_run_that_has_ended() {
    let mut run = Scenario::started(workflow("start:manual > a:set", &json!({})));
    let step = run.key("a");
    run.succeed("a");
    let before = run.state.progress.clone();
    for command in [
        Command::Start,
        Command::Recover,
        Command::Cancel { reason: String::new() },
        Command::TimerFired(Timer::Deadline),
        Command::TimerFired(Timer::Wake(step.clone())),
        Command::StepFinished { step, attempt: 1, outcome: Outcome::Succeeded(one_item()), jitter: 0.0 },
    ] {
        assert_eq!(run.tell(command), Err(Illegal::Terminal(RunStatus::Succeeded)));
    }
    let late = run.journal.last().unwrap().clone();
    assert_eq!(run.state.apply(&late), Err(Illegal::Terminal(RunStatus::Succeeded)));
    assert_eq!(run.state.progress, before);
}

#[test]
fn a_run_starts_once_and_nothing_happens_before() {
    let mut run = Scenario::queued(workflow(THREE, &json!({})), Value::Null);
    let outcome = Outcome::Succeeded(one_item());
    let early = Command::StepFinished { step: StepKey::outside(1), attempt: 1, outcome, jitter: 0.0 };
    assert_eq!(run.tell(early), Err(Illegal::NotStarted));
    assert_eq!(run.tell(Command::TimerFired(Timer::Wake(StepKey::outside(1)))), Err(Illegal::NotStarted));
    run.tell(Command::Start).unwrap();
    assert_eq!(run.tell(Command::Start), Err(Illegal::AlreadyStarted));
}

#[test]
fn records_tell_when_and_in_which_order_things_happened() {
    let mut run = Scenario::started(workflow("start:manual > b:set; start > a:set > c:set", &json!({})));
    run.later(5).succeed("a");
    run.later(5).succeed("c");
    run.state.forget_changes();
    run.later(5).succeed("b");
    let names: Vec<_> = run.steps().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["start", "b", "a", "c"]);
    let millis = |at: Option<domain::timestamp::Timestamp>| at.map(|at| at.since(CREATED).as_millis());
    let step = run.step("c").unwrap();
    assert_eq!((millis(step.started_at), millis(step.finished_at)), (Some(5), Some(10)));
    let whole = run.run();
    assert_eq!((millis(whole.started_at), millis(whole.finished_at)), (Some(0), Some(15)));
    assert_eq!(whole.revision, run.journal.len() as u64);
    let changed = run.state.changes().map(|(node, _)| node);
    assert_eq!(changed.collect::<Vec<_>>(), [run.index("b")]);
}
