//! What a journal may not hold.

use std::sync::Arc;

use domain::run::{NodeError, RunStatus};
use serde_json::json;

use super::scenario::{CREATED, Scenario, one_item, workflow};
use crate::engine::{Illegal, RunEvent, RunState, StepChange, StepEvent, StepKey, Wake};

#[test]
fn a_journal_that_cannot_be_true_is_refused_and_changes_nothing() {
    let run = Scenario::started(workflow("start:manual > a:set > b:set; start > c:set", &json!({})));
    let at = CREATED;
    let output = Arc::new(one_item());
    let error = Box::new(NodeError::new("x", "x"));
    let step = |node, attempt, change| {
        RunEvent::Step(StepEvent { step: StepKey::outside(node), attempt, at, change })
    };
    for (event, refusal) in [
        (RunEvent::Started { at }, Illegal::AlreadyStarted),
        (step(2, 1, StepChange::Started), pending("started")),
        (step(2, 0, StepChange::Skipped), pending("skipped")),
        (step(2, 0, StepChange::Pinned), pending("pinned")),
        (step(2, 1, StepChange::Triggered), pending("triggered")),
        (step(2, 1, StepChange::Cancelled), pending("cancelled")),
        (step(2, 1, StepChange::Resumed { by: Wake::Moment }), pending("resumed")),
        (step(2, 1, StepChange::Succeeded { output: Arc::clone(&output) }), pending("succeeded")),
        (
            step(1, 2, StepChange::Succeeded { output }),
            Illegal::StaleAttempt { step: StepKey::outside(1), attempt: 2 },
        ),
        (
            step(3, 9, StepChange::Failed { error, output: None }),
            Illegal::StaleAttempt { step: StepKey::outside(3), attempt: 9 },
        ),
        (step(2, 1, StepChange::PutAside), pending("put_aside")),
        (step(99, 1, StepChange::Skipped), Illegal::UnknownStep(StepKey::outside(99))),
        (
            RunEvent::Step(StepEvent {
                step: StepKey { node: 1, iteration: vec![0].into() },
                attempt: 1,
                at,
                change: StepChange::PutAside,
            }),
            Illegal::UnknownStep(StepKey { node: 1, iteration: vec![0].into() }),
        ),
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

fn pending(event: &'static str) -> Illegal {
    Illegal::Event { event, step: StepKey::outside(2), state: "pending" }
}
