//! Steps that call other runs.

use std::sync::Arc;

use domain::{
    ids::RunId,
    limits::MAX_RUN_CALLS,
    run::{NodeError, Parent, RunEnd, RunStatus, StepStatus, Trigger},
    workflow::DocumentText,
};
use serde_json::json;

use super::scenario::{Scenario, UNAVAILABLE, changes, header, workflow};
use crate::engine::{Call, CalledRun, Calling, Command, Outcome, RunHeader, StepKey, Timer};

fn started() -> Scenario {
    Scenario::started(workflow("start:manual > a:call_workflow > b:set; start > c:set", &json!({})))
}

/// The run that is called for the item at that place.
fn run(place: usize) -> RunId {
    header(json!({})).run_id.of_call(1, 1, &StepKey::outside(1).iteration, place)
}

fn call(place: usize, waits: bool) -> Call {
    let parent = Parent {
        run_id: header(json!({})).run_id,
        node_id: None,
        iteration: StepKey::outside(1).iteration,
        item: None,
        depth: 1,
        waits,
        after_error: false,
    };
    let header = RunHeader { run_id: run(place), trigger: Trigger::workflow(parent), ..header(json!({})) };
    let document = DocumentText::parse("{}".to_owned()).unwrap();
    let called = CalledRun { header: Arc::new(header), document, hash: [0; 32] };
    Call { run: run(place), start: Ok(Box::new(called)) }
}

/// Calls runs, and waits for these.
fn calling(calls: &[usize], waits_for: &[usize], any: bool) -> Outcome {
    let waits_for: Vec<_> = waits_for.iter().map(|place| run(*place)).collect();
    let calls = calls.iter().map(|place| call(*place, !waits_for.is_empty())).collect();
    Outcome::Calling(Box::new(Calling { waits_for, any, calls, kept: Some(json!("kept")) }))
}

fn ended(place: usize) -> Command {
    Command::RunEnded { run: run(place), end: Arc::new(json!(place)) }
}

/// What the last effect that executes a step says of the runs that have ended.
fn told(scenario: &Scenario) -> Vec<RunId> {
    let mut executes = scenario.last.effects.iter().filter_map(|effect| match effect {
        crate::engine::Effect::Execute(execute) => execute.woken.as_ref(),
        _ => None,
    });
    executes.next_back().unwrap().ended.iter().map(|(run, _)| *run).collect()
}

#[test]
fn the_runs_that_a_step_calls_start_with_its_suspension_and_it_goes_on_when_all_have_ended() {
    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], false));
    assert_eq!(scenario.effects(), [format!("start run {}", run(0)), format!("start run {}", run(1))]);
    assert_eq!(scenario.step("a").unwrap().status, StepStatus::Waiting);
    scenario.tell(ended(1)).unwrap();
    assert_eq!(scenario.effects(), Vec::<String>::new());
    scenario.restart().tell(ended(0)).unwrap();
    assert_eq!(told(&scenario), [run(1), run(0)]);
    assert!(scenario.tell(ended(0)).is_err(), "a run ends once");
    scenario.succeed("a");
    assert!(!scenario.effects().iter().any(|effect| effect.starts_with("cancel runs")));
}

#[test]
fn a_step_that_has_more_to_call_goes_on_with_each_end_and_is_told_of_all_of_them() {
    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], true));
    scenario.tell(ended(0)).unwrap();
    assert_eq!(told(&scenario), [run(0)]);
    scenario.finish("a", calling(&[2], &[1, 2], true));
    scenario.tell(ended(2)).unwrap();
    assert_eq!(told(&scenario), [run(0), run(2)]);
    scenario.finish("a", calling(&[], &[1], false));
    scenario.tell(ended(1)).unwrap();
    assert_eq!(told(&scenario), [run(0), run(2), run(1)]);
}

#[test]
fn a_run_that_ends_while_its_step_goes_on_is_not_forgotten() {
    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], true));
    scenario.tell(ended(0)).unwrap();
    scenario.tell(ended(1)).unwrap();
    assert_eq!(scenario.effects(), Vec::<String>::new(), "an attempt is under way");
    scenario.finish("a", calling(&[2], &[1, 2], true));
    assert_eq!(told(&scenario), [run(0), run(1)], "it goes on at once");
    scenario.finish("a", calling(&[], &[2], false));
    scenario.restart().tell(ended(2)).unwrap();
    assert_eq!(told(&scenario), [run(0), run(1), run(2)]);
}

#[test]
fn runs_that_nobody_waits_for_are_started_and_the_step_goes_on_at_once() {
    let mut scenario = started();
    scenario.finish("a", calling(&[0], &[], false));
    assert_eq!(changes(&scenario.last.events), ["suspended", "resumed"]);
    assert_eq!(
        scenario.effects(),
        [format!("start run {}", run(0)), r#"execute a#1 with "kept" after Moment"#.to_owned()]
    );
    scenario.tell(Command::Cancel { reason: "enough".to_owned() }).unwrap();
    assert!(!scenario.effects().iter().any(|effect| effect.starts_with("cancel runs")));
}

#[test]
fn a_call_that_cannot_be_made_has_ended_at_once() {
    let mut scenario = started();
    let gone = RunEnd::Failed(Box::new(NodeError::new("workflow_not_found", "it is gone")));
    let calls = vec![Call { run: run(0), start: Err(Box::new(gone)) }];
    let waits_for = vec![run(0)];
    scenario.finish("a", Outcome::Calling(Box::new(Calling { waits_for, any: false, calls, kept: None })));
    assert_eq!(changes(&scenario.last.events), ["suspended", "run_ended", "resumed"]);
    assert_eq!(told(&scenario), [run(0)]);
}

#[test]
fn whoever_ends_takes_along_the_runs_that_it_waits_for() {
    let both = format!("cancel runs {} {}", run(0), run(1));
    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], false));
    scenario.tell(Command::Cancel { reason: "enough".to_owned() }).unwrap();
    assert!(scenario.effects().contains(&both), "{:?}", scenario.effects());

    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], false));
    scenario.fail("c", domain::retry::Failure::Permanent);
    assert!(scenario.effects().contains(&both), "its run fails: {:?}", scenario.effects());

    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], false));
    scenario.later(3_600_000).tell(Command::TimerFired(Timer::Deadline)).unwrap();
    assert_eq!(scenario.status(), RunStatus::TimedOut);
    assert!(scenario.effects().contains(&both), "{:?}", scenario.effects());

    let mut scenario = started();
    scenario.finish("a", calling(&[0, 1], &[0, 1], true));
    scenario.tell(ended(0)).unwrap();
    scenario.fail("a", domain::retry::Failure::Permanent);
    let left = format!("cancel runs {}", run(1));
    assert!(scenario.effects().contains(&left), "the step fails: {:?}", scenario.effects());
}

#[test]
fn a_retry_waits_for_its_moment_whatever_ends_meanwhile_and_forgets_no_end() {
    let data = json!({ "a": { "retry": { "max_attempts": 3, "base": "1s" } } });
    let mut scenario = Scenario::started(workflow("start:manual > a:call_workflow; start > c:set", &data));
    scenario.finish("a", calling(&[0, 1], &[0, 1], true));
    scenario.tell(ended(0)).unwrap();
    scenario.fail("a", UNAVAILABLE);
    scenario.tell(ended(1)).unwrap();
    assert_eq!(scenario.effects(), Vec::<String>::new());
    scenario.retry("a");
    assert_eq!(told(&scenario), [run(0)]);
    scenario.finish("a", calling(&[], &[1], false));
    assert_eq!(told(&scenario), [run(0), run(1)], "it ended meanwhile");
}

#[test]
fn the_runs_of_a_run_have_a_limit_that_the_error_names() {
    let mut scenario = started();
    scenario.state.progress.called = MAX_RUN_CALLS - 1;
    scenario.finish("a", calling(&[0, 1], &[0, 1], false));
    let error = scenario.step("a").unwrap().error.unwrap();
    assert!(error.message.contains("MAX_RUN_CALLS") && error.code == "limit", "{error:?}");
    assert!(!scenario.effects().iter().any(|effect| effect.starts_with("start run")));
}
