//! What every store keeps as it was: whatever the published limits allow.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    items::{Item, Items},
    limits::{
        MAX_ANSWER_BYTES, MAX_DEPTH, MAX_DETAILS_DEPTH, MAX_DOCUMENT_BYTES, MAX_INPUT_BYTES,
        MAX_RUN_OUTPUT_BYTES, MAX_STEP_OUTPUT_BYTES,
    },
    run::{NodeError, Run, RunStatus, RunWithSteps, Step, StepStatus},
    workflow::DocumentText,
};
use minireipaz::store::{Facts, Store, WorkflowChange};
use serde_json::{Value, json};

use super::{at, run, step, step_fact, suite::for_every_store, tenant, workflow, workflow_id};

for_every_store![
    data_at_the_limits_of_depth_and_size_comes_back,
    numbers_come_back_as_they_were_written,
    a_document_at_its_limits_comes_back,
    a_run_of_which_the_steps_gave_all_that_they_may_is_read_within_the_limit_of_an_answer,
];

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

fn item(value: Value) -> Item {
    Item::from_iter([("k".to_owned(), value)])
}

/// Writes a run with that input, output and items of a step, and reads it back.
async fn round(store: &dyn Store, run: &Run, items: Items, error: Option<NodeError>) -> RunWithSteps {
    let tenant = tenant();
    let mut done = step("last", StepStatus::Succeeded);
    done.output = Some(BTreeMap::from([("main".into(), items)]));
    done.error = error;
    let steps = vec![step_fact(&tenant, run, 0, done.clone())];
    store.record(&Facts { runs: vec![(tenant.clone(), run.clone())], steps }).await.unwrap();
    let key = (tenant, run.id);
    let found = store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    assert_eq!((&found.run, &found.steps[..]), (run, &[done][..]));
    found
}

async fn data_at_the_limits_of_depth_and_size_comes_back(store: &dyn Store) {
    // An item is a level itself.
    let deepest = item(nested(MAX_DEPTH - 1));
    let error = NodeError::new("x", "x").with_details(nested(MAX_DETAILS_DEPTH));
    assert_eq!(error.details, Some(nested(MAX_DETAILS_DEPTH)));
    let largest = item(json!("x".repeat(MAX_STEP_OUTPUT_BYTES - 8)));
    for (input, last) in
        [(json!([deepest.clone()]), deepest), (json!({ "k": "x".repeat(MAX_INPUT_BYTES - 8) }), largest)]
    {
        let mut run = run(workflow_id(), at(1), RunStatus::Succeeded, 4);
        run.input = input;
        run.output = Some(json!({ "if": { "true": [last.clone()] } }));
        run.error = Some(error.clone());
        round(store, &run, Arc::new(vec![last]), Some(error.clone())).await;
    }
}

/// Four larger than an answer has room for, and many small ones; the run's own output is as large as all of them.
async fn a_run_of_which_the_steps_gave_all_that_they_may_is_read_within_the_limit_of_an_answer(
    store: &dyn Store,
) {
    let tenant = tenant();
    let largest = || Arc::new(vec![item(json!("x".repeat(MAX_STEP_OUTPUT_BYTES - 8)))]);
    let mut run = run(workflow_id(), at(1), RunStatus::Succeeded, 4);
    let full = MAX_RUN_OUTPUT_BYTES / MAX_STEP_OUTPUT_BYTES;
    let all: Vec<_> = (0..full).map(|_| json!(largest()[0])).collect();
    run.output = Some(json!({ "last": all }));
    let step = |n: usize| {
        let items = if n < full { largest() } else { Arc::new(vec![item(json!(n))]) };
        let output = Some(BTreeMap::from([("main".into(), items)]));
        let step = Step { output, ..step(&format!("n{n}"), StepStatus::Succeeded) };
        step_fact(&tenant, &run, u32::try_from(n).unwrap(), step)
    };
    let steps: Vec<_> = (0..full + 5).map(step).collect();
    store.record(&Facts { runs: vec![(tenant.clone(), run.clone())], steps: steps.clone() }).await.unwrap();
    let key = (tenant.clone(), run.id);
    let found = store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    assert_eq!((found.run.status, &found.run.output, found.steps.len()), (run.status, &None, full + 5));
    let shown = found.steps.iter().filter(|step| step.output.is_some());
    let bytes: usize = shown.clone().map(|step| json!(step.output).to_string().len()).sum();
    assert!(bytes <= MAX_ANSWER_BYTES && bytes > MAX_ANSWER_BYTES - 2 * MAX_STEP_OUTPUT_BYTES, "{bytes}");
    assert!(found.steps[full..].iter().all(|step| step.output.is_some()), "the small ones are there");
    assert_eq!(shown.count() + found.left_out.len(), full + 5 + 1);
    assert_eq!(found.left_out[0].node_id, None, "the run's own");
    for left_out in &found.left_out[1..] {
        let node = left_out.node_id.as_ref().unwrap();
        let one = store.get_node(&key, node, None).await.unwrap().unwrap().unwrap();
        let [step] = one.steps.as_slice() else { panic!("{node}") };
        let written = json!(step.output).to_string();
        assert_eq!((&step.node_id, written.len()), (node, left_out.bytes));
        assert_eq!(step.output, steps[0].step.output);
    }
    let nobody = (tenant, domain::ids::RunId::at(at(9), 1));
    assert_eq!(store.get_node(&nobody, &steps[0].step.node_id, None).await.unwrap(), None);
}

async fn numbers_come_back_as_they_were_written(store: &dyn Store) {
    for text in [
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "12345678901234567890",
        "9007199254740993",
        "123456789012345678901234567890",
        "-0",
        "-0.0",
        "1.0",
        "0.12345678901234567890",
        "1e400",
        "1.7976931348623157e308",
        "5e-324",
    ] {
        let number: Value = serde_json::from_str(text).unwrap();
        let mut run = run(workflow_id(), at(1), RunStatus::Succeeded, 4);
        run.input = json!({ "n": number });
        run.output = Some(json!({ "last": [{ "n": number }] }));
        let found = round(store, &run, Arc::new(vec![item(number.clone())]), None).await;
        let steps = serde_json::to_string(&found.steps).unwrap();
        let written = number.to_string();
        for whole in [found.run.input.to_string(), found.run.output.unwrap().to_string(), steps] {
            assert!(whole.contains(&format!(":{written}}}")), "{text} in {whole}");
        }
    }
}

async fn a_document_at_its_limits_comes_back(store: &dyn Store) {
    let tenant = tenant();
    let deep = nested(MAX_DEPTH);
    let filler = "x".repeat(MAX_DOCUMENT_BYTES - deep.to_string().len() - 100);
    let text = json!({ "name": "x", "nodes": [], "deep": deep, "filler": filler }).to_string();
    let mut saved = workflow(workflow_id(), 1, at(1));
    saved.document = DocumentText::parse(text).unwrap();
    let change = WorkflowChange::Saved { tenant: tenant.clone(), workflow: saved.clone() };
    store.save(&[change]).await.unwrap();
    let key = (tenant, saved.summary.id);
    let found = store.newest(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    assert_eq!(found, saved);
    assert!(found.read().is_ok());
}
