//! What the journal holds for ever, and what it may not hold.

use std::sync::Arc;

use domain::{
    items::Ports,
    run::{NodeError, RunStatus},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use super::scenario::{CREATED, Scenario, one_item, workflow};
use crate::engine::{Illegal, RunEvent, RunState, Timer};

/// Every event as the first version wrote it. A line here may be added, never changed.
#[test]
fn events_are_written_as_ever_and_read_back() {
    let at = Timestamp::from_millis(7);
    let error = || Box::new(NodeError::new("timeout", "no answer in 10s"));
    let written = r#"{"code":"timeout","message":"no answer in 10s"}"#;
    let output = || Arc::new(Ports::from([("main".into(), Arc::new(vec![]))]));
    let events = [
        (RunEvent::Started { at }, r#"{"started":{"at":7}}"#.to_owned()),
        (RunEvent::Triggered { node: 0, at }, r#"{"triggered":{"n":0,"at":7}}"#.to_owned()),
        (
            RunEvent::StepStarted { node: 1, attempt: 2, at },
            r#"{"step_started":{"n":1,"a":2,"at":7}}"#.to_owned(),
        ),
        (
            RunEvent::StepSucceeded { node: 1, attempt: 2, at, output: output() },
            r#"{"step_succeeded":{"n":1,"a":2,"at":7,"out":{"main":[]}}}"#.to_owned(),
        ),
        (
            RunEvent::StepRetryScheduled {
                node: 1,
                attempt: 2,
                at,
                due: Timestamp::from_millis(9),
                error: error(),
                partial: Some(Arc::new(json!(["done"]))),
                spared: false,
            },
            format!(
                r#"{{"step_retry_scheduled":{{"n":1,"a":2,"at":7,"due":9,"error":{written},"partial":["done"]}}}}"#
            ),
        ),
        (
            RunEvent::StepRetryScheduled {
                node: 1,
                attempt: 2,
                at,
                due: Timestamp::from_millis(9),
                error: error(),
                partial: None,
                spared: true,
            },
            format!(
                r#"{{"step_retry_scheduled":{{"n":1,"a":2,"at":7,"due":9,"error":{written},"spared":true}}}}"#
            ),
        ),
        (
            RunEvent::StepPutAside { node: 1, attempt: 2, at },
            r#"{"step_put_aside":{"n":1,"a":2,"at":7}}"#.to_owned(),
        ),
        (
            RunEvent::StepInterrupted { node: 1, attempt: 2, at },
            r#"{"step_interrupted":{"n":1,"a":2,"at":7}}"#.to_owned(),
        ),
        (
            RunEvent::StepFailed { node: 1, attempt: 2, at, error: error(), output: None },
            format!(r#"{{"step_failed":{{"n":1,"a":2,"at":7,"error":{written}}}}}"#),
        ),
        (
            RunEvent::StepFailed { node: 1, attempt: 2, at, error: error(), output: Some(output()) },
            format!(r#"{{"step_failed":{{"n":1,"a":2,"at":7,"error":{written},"out":{{"main":[]}}}}}}"#),
        ),
        (RunEvent::StepSkipped { node: 1, at }, r#"{"step_skipped":{"n":1,"at":7}}"#.to_owned()),
        (RunEvent::StepCancelled { node: 1, at }, r#"{"step_cancelled":{"n":1,"at":7}}"#.to_owned()),
        (
            RunEvent::Finished { status: RunStatus::TimedOut, error: Some(error()), at },
            format!(r#"{{"finished":{{"status":"timed_out","error":{written},"at":7}}}}"#),
        ),
        (
            RunEvent::Finished { status: RunStatus::Succeeded, error: None, at },
            r#"{"finished":{"status":"succeeded","at":7}}"#.to_owned(),
        ),
    ];
    for (event, text) in events {
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        assert_eq!(serde_json::from_str::<RunEvent>(&text).unwrap(), event);
        let tree: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(tree.as_object().unwrap().keys().next().unwrap(), event.name());
    }
}

#[test]
fn timers_are_written_as_ever() {
    let retry = Timer::Retry { node: 1, attempt: 2 };
    assert_eq!(serde_json::to_string(&retry).unwrap(), r#"{"retry":{"n":1,"a":2}}"#);
    assert_eq!(serde_json::to_string(&Timer::Deadline).unwrap(), r#""deadline""#);
}

#[test]
fn a_journal_that_cannot_be_true_is_refused_and_changes_nothing() {
    let run = Scenario::started(workflow("start:manual > a:set > b:set; start > c:set", &json!({})));
    let at = CREATED;
    let output = Arc::new(one_item());
    let error = Box::new(NodeError::new("x", "x"));
    for (event, refusal) in [
        (RunEvent::Started { at }, Illegal::AlreadyStarted),
        (RunEvent::StepStarted { node: 2, attempt: 1, at }, waiting("step_started")),
        (RunEvent::StepSkipped { node: 2, at }, waiting("step_skipped")),
        (RunEvent::Triggered { node: 2, at }, waiting("triggered")),
        (RunEvent::StepCancelled { node: 2, at }, waiting("step_cancelled")),
        (
            RunEvent::StepSucceeded { node: 2, attempt: 1, at, output: Arc::clone(&output) },
            waiting("step_succeeded"),
        ),
        (
            RunEvent::StepSucceeded { node: 1, attempt: 2, at, output },
            Illegal::StaleAttempt { node: 1, attempt: 2 },
        ),
        (
            RunEvent::StepFailed { node: 3, attempt: 9, at, error, output: None },
            Illegal::StaleAttempt { node: 3, attempt: 9 },
        ),
        (RunEvent::StepPutAside { node: 2, attempt: 1, at }, waiting("step_put_aside")),
        (RunEvent::StepSkipped { node: 99, at }, Illegal::UnknownNode(99)),
        (
            RunEvent::Finished { status: RunStatus::Succeeded, error: None, at },
            Illegal::End(RunStatus::Succeeded),
        ),
        (
            RunEvent::Finished { status: RunStatus::Running, error: None, at },
            Illegal::End(RunStatus::Running),
        ),
    ] {
        let mut state: RunState = run.state.clone();
        assert_eq!(state.apply(&event), Err(refusal));
        assert_eq!(state.progress, run.state.progress, "{event:?}");
    }
}

fn waiting(event: &'static str) -> Illegal {
    Illegal::Event { event, node: 2, state: "waiting" }
}
