//! What every store does with the steps of loops.

use domain::{
    ids::NodeId,
    iteration::Iteration,
    run::{Run, RunKey, RunResponse, RunStatus, Step, StepStatus},
};
use minireipaz::store::{Facts, Store};
use serde_json::json;

use super::{at, run, step, step_fact, suite::for_every_store, tenant, workflow_id};

for_every_store![
    the_iterations_of_a_node_come_by_page_the_newest_first,
    single_steps_are_read_by_their_iteration,
    iterations_of_an_attempt_that_was_lost_are_not_shown_behind_the_newest,
    what_a_run_answers_comes_back,
];

fn node(id: &str) -> NodeId {
    NodeId::parse(id).unwrap()
}

fn at_iteration(node: &str, counters: &[u32]) -> Step {
    Step { iteration: Iteration::from(counters.to_vec()), ..step(node, StepStatus::Succeeded) }
}

/// Records steps in one batch, each a revision later than the one before.
async fn record(store: &dyn Store, key: &RunKey, of: &Run, steps: Vec<Step>) {
    let steps = (1u32..).zip(steps).map(|(n, step)| {
        let run = Run { revision: of.revision + u64::from(n), ..of.clone() };
        step_fact(&key.0, &run, n, step)
    });
    let steps: Vec<_> = steps.collect();
    let run = Run { revision: of.revision + steps.len() as u64, ..of.clone() };
    store.record(&Facts { runs: vec![(key.0.clone(), run)], steps }).await.unwrap();
}

async fn the_iterations_of_a_node_come_by_page_the_newest_first(store: &dyn Store) {
    let run = run(workflow_id(), at(1), RunStatus::Running, 1);
    let key = (tenant(), run.id);
    // Beside others whose names are before, behind and within its own.
    let others = ["body", "bod", "bodya", "~", "!"].map(|other| at_iteration(other, &[0]));
    let steps = (0..50).map(|n| at_iteration("body", &[n / 30, n % 30]));
    record(store, &key, &run, others[1..].iter().cloned().chain(steps).collect()).await;
    let of_node = async |before: Option<&[u32]>| {
        let before = before.map(|counters| Iteration::from(counters.to_vec()));
        let found = store.get_node(&key, &node("body"), before.as_ref()).await.unwrap().unwrap().unwrap();
        let shown = found.steps.into_iter().map(|step| step.iteration.to_string());
        shown.collect::<Vec<_>>()
    };
    let named =
        |range: std::ops::Range<u32>| -> Vec<_> { range.map(|n| format!("{}.{}", n / 30, n % 30)).collect() };
    assert_eq!(of_node(None).await, named(30..50));
    assert_eq!(of_node(Some(&[1, 0])).await, named(10..30));
    assert_eq!(of_node(Some(&[0, 10])).await, named(0..10));
    assert!(of_node(Some(&[0, 0])).await.is_empty());
    assert_eq!(of_node(Some(&[9, 9])).await, named(30..50));
    let whole = store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    let newest: Vec<_> = whole.steps.iter().map(|step| (step.node_id.as_str(), &step.iteration)).collect();
    let (first, last) = (Iteration::from(vec![0]), Iteration::from(vec![1, 19]));
    assert_eq!(newest, [("bod", &first), ("bodya", &first), ("~", &first), ("!", &first), ("body", &last)]);
}

async fn single_steps_are_read_by_their_iteration(store: &dyn Store) {
    let run = run(workflow_id(), at(1), RunStatus::Running, 1);
    let key = (tenant(), run.id);
    let steps = [&[0u32][..], &[1], &[2]].map(|counters| at_iteration("body", counters));
    record(store, &key, &run, [vec![step("start", StepStatus::Succeeded)], steps.to_vec()].concat()).await;
    let read = async |wanted: &[(&str, Option<&[u32]>)]| {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(id, at)| (node(id), at.map(|counters| Iteration::from(counters.to_vec()))))
            .collect();
        let found = store.get_steps(&key, &wanted).await.unwrap().unwrap().unwrap();
        assert_eq!(found.run.id, key.1);
        let named = found.steps.iter().map(|step| format!("{}[{}]", step.node_id, step.iteration));
        named.collect::<Vec<_>>()
    };
    assert_eq!(read(&[("body", Some(&[1]))]).await, ["body[1]"]);
    assert_eq!(read(&[("body", None)]).await, ["body[2]"]);
    assert_eq!(read(&[("start", None)]).await, ["start[]"]);
    assert_eq!(read(&[("start", Some(&[])), ("body", Some(&[0]))]).await, ["start[]", "body[0]"]);
    assert!(read(&[("body", Some(&[3])), ("nosuch", None)]).await.is_empty());
    assert!(read(&[]).await.is_empty());
    let nobody = (tenant(), key.1);
    assert_eq!(store.get_steps(&nobody, &[(node("body"), None)]).await.unwrap(), None);
}

async fn iterations_of_an_attempt_that_was_lost_are_not_shown_behind_the_newest(store: &dyn Store) {
    let first = run(workflow_id(), at(1), RunStatus::Running, 1);
    let key = (tenant(), first.id);
    record(store, &key, &first, (0..9).map(|n| at_iteration("body", &[n])).collect()).await;
    let second = Run { attempt: 2, ..first };
    record(store, &key, &second, (0..3).map(|n| at_iteration("body", &[n])).collect()).await;
    let found = store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    assert_eq!(found.steps, [at_iteration("body", &[2])]);
    let newest = store.get_steps(&key, &[(node("body"), None)]).await.unwrap().unwrap().unwrap();
    assert_eq!(newest.steps, [at_iteration("body", &[2])]);
}

async fn what_a_run_answers_comes_back(store: &dyn Store) {
    let headers = [("x-a".to_owned(), vec!["1".to_owned(), "it's \"two\"".to_owned()])].into();
    let response = Some(RunResponse { status: 418, headers, body: json!({"tea": [1, null]}) });
    let run = Run { response, ..run(workflow_id(), at(1), RunStatus::Running, 3) };
    let key = (tenant(), run.id);
    store.record(&Facts::of_runs(vec![(key.0.clone(), run.clone())])).await.unwrap();
    let found = store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
    assert_eq!(found.run, run);
}
