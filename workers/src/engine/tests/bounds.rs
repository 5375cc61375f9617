//! What all steps of a run may give together.

use domain::{
    limits::{MAX_RUN_OUTPUT_BYTES, MAX_STEP_OUTPUT_BYTES},
    retry::Failure,
    run::{RunStatus, StepStatus},
};
use serde_json::{Value, json};

use super::scenario::{Scenario, workflow};

/// `{"main":[{"t":"…"}]}` of so many bytes, with the empty lineage.
fn output(bytes: usize) -> Value {
    json!({ "main": [{ "t": "x".repeat(bytes - r#"{"main":[{"t":""}]}{}"#.len()) }] })
}

/// `start > n0 > n1 > … > last`, in which all but the last have given all that a run may, but for `left` bytes.
fn run_with_room(left: usize, data: &Value) -> Scenario {
    let full = MAX_RUN_OUTPUT_BYTES / MAX_STEP_OUTPUT_BYTES;
    let chain: Vec<_> = (0..full).map(|n| format!("n{n}:set")).collect();
    let mut run = Scenario::started(workflow(
        &format!("start:manual > {} > last:http_request > after:set; last > beside:set", chain.join(" > ")),
        data,
    ));
    for n in 1..full {
        run.give(&format!("n{}", n - 1), &output(MAX_STEP_OUTPUT_BYTES));
    }
    let rest = MAX_RUN_OUTPUT_BYTES - run.state.progress.given - left;
    run.give(&format!("n{}", full - 1), &output(rest));
    run
}

#[test]
fn all_steps_of_a_run_give_as_much_as_the_limit_says_and_the_one_that_gives_more_fails_its_run() {
    let mut run = run_with_room(1_000, &json!({}));
    run.give("last", &output(1_000));
    assert_eq!((run.status(), run.state.progress.given), (RunStatus::Running, MAX_RUN_OUTPUT_BYTES));
    assert_eq!(run.replayed().progress, run.state.progress, "it is the same after a restart");

    let mut run = run_with_room(1_000, &json!({ "last": { "on_error": "continue" } }));
    run.give("last", &output(1_001));
    assert_eq!(run.status(), RunStatus::Failed);
    let (step, error) = (run.step("last").unwrap(), run.run().error.unwrap());
    assert_eq!((step.status, step.output), (StepStatus::Failed, None));
    for error in [&error, &step.error.unwrap()] {
        assert_eq!((error.code.as_str(), error.node_id.as_ref().unwrap().as_str()), ("limit", "last"));
        let named = format!("{} bytes, above the limit of {MAX_RUN_OUTPUT_BYTES}", MAX_RUN_OUTPUT_BYTES + 1);
        assert!(
            error.message.contains(&named) && error.message.contains("MAX_RUN_OUTPUT_BYTES"),
            "{error:?}"
        );
    }
    assert_eq!(run.run().output, None);
}

#[test]
fn a_failure_that_the_run_goes_on_after_counts_too_and_keeps_its_own_error() {
    let data = json!({ "last": { "on_error": "continue", "retry": { "max_attempts": 1 } } });
    let mut run = run_with_room(1_000, &data);
    run.fail_with("last", Failure::Permanent, None, &output(500));
    assert_eq!(run.status(), RunStatus::Running);

    let mut run = run_with_room(1_000, &data);
    run.fail_with("last", Failure::Permanent, None, &output(1_000));
    assert_eq!(run.status(), RunStatus::Failed);
    let (step, error) = (run.step("last").unwrap(), run.run().error.unwrap());
    assert_eq!((step.error.unwrap().message.as_str(), error.code.as_str()), ("it did not work", "limit"));
}
