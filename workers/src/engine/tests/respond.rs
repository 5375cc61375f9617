//! What a run answers: what its first `respond` step said.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    items::Output,
    run::{RunResponse, RunStatus},
};
use serde_json::json;

use super::scenario::{Scenario, one_item, workflow};
use crate::engine::{Outcome, RunState};

fn answers(status: u16) -> Outcome {
    let response = RunResponse { status, headers: BTreeMap::new(), body: json!({ "of": status }) };
    Outcome::Succeeded(Output { response: Some(Arc::new(response)), ..one_item() })
}

#[test]
fn the_first_response_is_the_runs_and_a_later_one_says_that_it_is_ignored() {
    let text = "start:manual > a:respond > b:respond > c:set";
    let mut run = Scenario::started(workflow(text, &json!({})));
    assert_eq!(run.run().response, None);
    let before = run.run().revision;
    run.finish("a", answers(201));
    let told = run.run();
    assert_eq!(told.response.map(|response| response.status), Some(201));
    assert!(told.revision > before && told.status == RunStatus::Running, "it is there while the run goes on");
    run.finish("b", answers(500));
    assert_eq!(run.run().response.unwrap().status, 201);
    let step = run.step("b").unwrap();
    assert!(step.console.iter().any(|line| line.contains("ignored")), "{:?}", step.console);
    assert_eq!(run.step("a").unwrap().console, Vec::<String>::new());
    run.succeed("c");
    assert_eq!((run.status(), run.run().response.unwrap().status), (RunStatus::Succeeded, 201));
    assert_eq!(run.replayed().progress, run.state.progress);
}

#[test]
fn what_is_kept_of_a_run_with_loops_holds_its_response() {
    let text = "start:manual > a:respond > b:set > b";
    let mut run = Scenario::started(workflow(text, &json!({})));
    run.finish("a", answers(204));
    run.succeed("b");
    let mut again = RunState::new(Arc::clone(run.state.header()), Arc::clone(run.state.definition()));
    again.go_on_from(run.state.kept().unwrap()).unwrap();
    assert_eq!(again.progress.response, run.state.progress.response);
    assert!(again.progress.response.is_some());
}
