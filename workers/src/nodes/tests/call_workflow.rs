//! `call_workflow`: which runs are called with what, and what becomes of their ends.

use std::{collections::HashMap, sync::Arc};

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{NodeError, RunEnd, RunStatus},
    workflow::DocumentText,
};
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};

use super::{attempt, ports};
use crate::{
    engine::{Calling, Outcome, Wake, Woken},
    expr::tests::items,
    runner::{Runner, RunnerSettings},
    step::{Callee, Callees, Uncallable},
};

const WORKFLOW: &str = "018f3c3e-0000-7000-8000-000000000000";
const MISSING: &str = "018f3c3e-0000-7000-8000-00000000dead";

/// All workflows are there but one.
struct Known;

#[async_trait::async_trait]
impl Callees for Known {
    async fn newest(&self, _: &TenantId, workflow: WorkflowId) -> Result<Arc<Callee>, Uncallable> {
        if workflow.to_string() == MISSING {
            return Err(Uncallable::Missing(workflow));
        }
        let document = json!({"name": "Echo", "nodes": [{"id": "start", "type": "manual"}]});
        let document = DocumentText::parse(document.to_string()).unwrap();
        let definition = Arc::new(domain::definition::Definition::new(&document.read().unwrap()).unwrap());
        Ok(Arc::new(Callee { version: 1, document, hash: [0; 32], definition }))
    }
}

fn node(params: Value, on_error: &str) -> Value {
    let mut params = params;
    params.as_object_mut().unwrap().entry("workflow_id").or_insert(json!(WORKFLOW));
    json!({"type": "call_workflow", "data": {"params": params, "on_error": on_error}})
}

/// Executes the step until it calls nobody any more. Each called run ends as `end` says of its input; gives the inputs of
/// each execution's calls, and the outcome.
fn played(
    node: &Value,
    inputs: &[(Option<&str>, Value)],
    end: impl Fn(&Value) -> RunEnd,
) -> (Vec<Vec<Value>>, Outcome) {
    let runner =
        Runner::with_store(RunnerSettings::default(), Arc::new(SystemClock), Arc::new(Known), None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut attempt = attempt(node, inputs);
    let (mut called, mut ended) = (Vec::new(), Vec::new());
    let mut open: HashMap<RunId, RunEnd> = HashMap::new();
    loop {
        let Calling { calls, kept, waits_for, any } = match runtime.block_on(runner.run(attempt.clone())) {
            Outcome::Calling(calling) => *calling,
            outcome => return (called, outcome),
        };
        called.push(
            calls.iter().filter_map(|call| Some(call.start.as_ref().ok()?.header.input.clone())).collect(),
        );
        for call in calls {
            let end = match call.start {
                Ok(start) => end(&start.header.input),
                Err(end) => *end,
            };
            open.insert(call.run, end);
        }
        // One at a time, if that is enough for it to go on.
        let most = if any { 1 } else { usize::MAX };
        for run in waits_for.into_iter().take(most) {
            let end = open.remove(&run).expect("it waits for runs that have not ended");
            ended.push((run, Arc::new(end.to_value())));
        }
        attempt.task.kept = kept.map(Arc::new);
        attempt.task.woken = Some(Woken { by: Wake::Runs, ended: ended.clone() });
    }
}

/// A run that gives its input and says so, but fails for `n` 2.
fn echo(input: &Value) -> RunEnd {
    let given = if input.is_array() { input.clone() } else { json!([input]) };
    if given[0]["n"] == json!(2) {
        let error = NodeError::new("failed", "no 2");
        return RunEnd::failed(RunId(uuid::Uuid::nil()), RunStatus::Failed, Some(&error));
    }
    let mut given = items(given);
    given.iter_mut().for_each(|item| drop(item.insert("back".to_owned(), json!(true))));
    RunEnd::Succeeded(given)
}

fn three(from: u32) -> Value {
    (from..from + 3).map(|n| json!({ "n": n })).collect()
}

#[test]
fn runs_are_called_with_all_items_or_each_with_one_and_what_they_give_leaves_in_order() {
    let back = |n: u32| json!({"n": n, "back": true});
    for (params, calls, main, lineage) in [
        (json!({}), vec![vec![three(3)]], json!([back(3), back(4), back(5)]), json!({"main": [[], [], []]})),
        (
            json!({"mode": "each"}),
            vec![vec![json!({"n": 3}), json!({"n": 4}), json!({"n": 5})]],
            json!([back(3), back(4), back(5)]),
            json!({}),
        ),
        (
            json!({"mode": "each", "concurrency": 2}),
            vec![vec![json!({"n": 3}), json!({"n": 4})], vec![json!({"n": 5})]],
            json!([back(3), back(4), back(5)]),
            json!({}),
        ),
    ] {
        let (called, outcome) = played(&node(params.clone(), "continue"), &[(None, three(3))], echo);
        let called: Vec<_> = called.into_iter().filter(|calls| !calls.is_empty()).collect();
        assert_eq!(called, calls, "{params}");
        let Outcome::Succeeded(output) = outcome else { panic!("{params}: {outcome:?}") };
        assert_eq!(ports(&output), json!({ "main": main }), "{params}");
        assert_eq!(json!(output.lineage), lineage, "{params}");
    }
}

#[test]
fn what_several_items_of_a_run_come_from_is_the_item_that_it_was_called_for() {
    let twice = |input: &Value| RunEnd::Succeeded(items(json!([input, input])));
    let inputs = [(None, json!([{"n": 1}])), (None, json!([{"n": 5}]))];
    let (_, outcome) = played(&node(json!({"mode": "each"}), "fail"), &inputs, twice);
    let Outcome::Succeeded(output) = outcome else { panic!("{outcome:?}") };
    assert_eq!(ports(&output), json!({"main": [{"n": 1}, {"n": 1}, {"n": 5}, {"n": 5}]}));
    assert_eq!(json!(output.lineage), json!({"main": [[[0, 0]], [[0, 0]], [[1, 0]], [[1, 0]]]}));
    // One item is what everything that was made of it comes from, also in mode `once`.
    let (_, outcome) = played(&node(json!({}), "fail"), &[(None, json!([{"n": 1}]))], |input| {
        RunEnd::Succeeded(items(json!([input[0], input[0]])))
    });
    let Outcome::Succeeded(output) = outcome else { panic!("{outcome:?}") };
    assert_eq!(json!(output.lineage), json!({"main": [[[0, 0]], [[0, 0]]]}));
}

#[test]
fn without_a_wait_each_item_is_the_id_of_its_run() {
    let node = node(json!({"mode": "each", "wait": false}), "fail");
    let (called, outcome) = played(&node, &[(None, three(1))], echo);
    assert_eq!(called.concat().len(), 3);
    let Outcome::Succeeded(output) = outcome else { panic!("{outcome:?}") };
    let main = ports(&output)["main"].clone();
    let ids: Vec<_> = main.as_array().unwrap().iter().map(|item| item["run_id"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| id.parse::<uuid::Uuid>().is_ok()) && ids[0] != ids[1], "{ids:?}");
    assert_eq!(json!(output.lineage), json!({}));
}

#[test]
fn a_run_that_fails_fails_its_item_as_on_error_says() {
    let failed =
        |params: Value, on_error: &str| match played(&node(params, on_error), &[(None, three(1))], echo).1 {
            Outcome::Failed(failed) => *failed,
            other => panic!("{other:?}"),
        };
    let each = || json!({"mode": "each", "concurrency": 1});
    let stopped = failed(each(), "fail");
    assert_eq!((stopped.error.code.as_str(), stopped.fallback), ("workflow_failed", None));
    assert!(stopped.error.message.contains("no 2"), "{}", stopped.error.message);

    let parted = failed(each(), "error_port").fallback.unwrap();
    assert_eq!(ports(&parted)["main"], json!([{"n": 1, "back": true}, {"n": 3, "back": true}]));
    assert_eq!(ports(&parted)["error"][0]["n"], 2);
    assert_eq!(ports(&parted)["error"][0]["error"]["code"], "workflow_failed");
    assert_eq!(json!(parted.lineage), json!({"main": [[[0, 0]], [[0, 2]]], "error": [[[0, 1]]]}));

    let went_on = failed(each(), "continue");
    let main = ports(went_on.fallback.as_ref().unwrap())["main"].clone();
    assert_eq!((&main[1]["n"], &main[1]["error"]["code"]), (&json!(2), &json!("workflow_failed")));
    assert_eq!(main[2], json!({"n": 3, "back": true}));

    // One run for all items: they fail together.
    let (_, outcome) = played(&node(json!({}), "continue"), &[(None, json!([{"n": 2}, {"n": 3}]))], echo);
    let Outcome::Failed(together) = outcome else { panic!("{outcome:?}") };
    assert_eq!((together.error.code.as_str(), together.fallback), ("workflow_failed", None));
}

#[test]
fn a_workflow_that_is_not_there_or_an_id_that_is_none_fails_the_item_that_asks_for_it() {
    let params = json!({"mode": "each", "workflow_id": "{{ $json.id }}"});
    let input = json!([{"id": WORKFLOW, "n": 1}, {"id": MISSING}, {"id": "five"}, {"id": WORKFLOW, "n": 4}]);
    let (_, outcome) = played(&node(params, "error_port"), &[(None, input)], echo);
    let Outcome::Failed(failed) = outcome else { panic!("{outcome:?}") };
    let left = ports(failed.fallback.as_ref().unwrap());
    assert_eq!(left["main"].as_array().unwrap().len(), 2);
    let codes: Vec<_> =
        left["error"].as_array().unwrap().iter().map(|item| item["error"]["code"].clone()).collect();
    assert_eq!(codes, [json!("workflow_not_found"), json!("invalid_params")]);
}
