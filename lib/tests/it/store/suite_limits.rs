//! What every store keeps as it was: whatever the published limits allow.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    items::{Item, Items},
    limits::{MAX_DEPTH, MAX_DETAILS_DEPTH, MAX_DOCUMENT_BYTES, MAX_INPUT_BYTES, MAX_STEP_OUTPUT_BYTES},
    run::{NodeError, Run, RunStatus, RunWithSteps, StepStatus},
    workflow::DocumentText,
};
use minireipaz::store::{Facts, Store, WorkflowChange};
use serde_json::{Value, json};

use super::{at, run, step, step_fact, suite::for_every_store, tenant, workflow, workflow_id};

for_every_store![
    data_at_the_limits_of_depth_and_size_comes_back,
    numbers_come_back_as_they_were_written,
    a_document_at_its_limits_comes_back,
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
