//! What many rows of a run become for the store.

use std::collections::HashMap;

use domain::run::RunPlan;
use serde_json::json;

use super::*;
use crate::{engine::RunHeader, journal::Op};

#[test]
fn of_each_run_and_each_step_only_the_newest_row_is_recorded() {
    let mut gathered = Gathered::default();
    for row in [
        row(1, 1, 2, &[(0, 1), (1, 2)]),
        row(2, 1, 1, &[(0, 1)]),
        row(1, 1, 4, &[(1, 3), (2, 4)]),
        row(2, 2, 1, &[(0, 1)]),
        row(2, 1, 9, &[(5, 9)]),
    ] {
        gathered.add(row);
    }
    let (facts, letters) = gathered.into_facts(HashMap::new());
    let runs: Vec<_> =
        facts.runs.iter().map(|(_, run)| (run.id.0.as_u128(), run.attempt, run.revision)).collect();
    assert_eq!(runs, [(1, 1, 4), (2, 2, 1)]);
    let steps: Vec<_> =
        facts.steps.iter().map(|step| (step.run_id.0.as_u128(), step.ordinal, step.revision)).collect();
    assert_eq!(steps, [(1, 0, 1), (1, 1, 3), (1, 2, 4), (2, 0, 1)]);
    assert!(letters.is_empty());
}

/// The row of a commit in the middle of a run, which does not have its input.
fn later(run: u128, revision: u64, steps: &[(u32, u64)]) -> Record {
    let Record::Run(mut record) = row(run, 1, revision, steps) else { unreachable!() };
    (record.input, record.run.input) = (InputAt::Header, Value::Null);
    Record::Run(record)
}

fn first(run: u128) -> Record {
    let Record::Run(mut record) = row(run, 1, 1, &[(0, 1)]) else { unreachable!() };
    record.run.input = json!({"n": 1});
    Record::Run(record)
}

/// With as many comparisons as there are steps for each of them, this would take hours.
#[test]
fn the_steps_of_a_hundred_thousand_iterations_are_gathered_each_once() {
    let mut gathered = Gathered::default();
    for turn in 0..200u32 {
        let steps: Vec<_> = (turn * 500..turn * 500 + 501).map(|n| (n, u64::from(n + turn))).collect();
        gathered.add(later(1, u64::from(turn), &steps));
    }
    let (facts, _) = gathered.into_facts(HashMap::from([(RunId(uuid::Uuid::from_u128(1)), json!(5))]));
    assert_eq!((facts.runs.len(), facts.steps.len()), (1, 200 * 500 + 1));
    assert!(facts.steps.iter().enumerate().all(|(n, step)| step.ordinal as usize == n));
    assert_eq!(facts.steps[500].revision, 501, "the newest of each");
}

#[test]
fn a_run_has_the_input_of_whichever_row_has_it_and_else_that_of_the_journal() {
    let inputs = |rows: Vec<Record>, found: &[(u128, Value)]| {
        let mut gathered = Gathered::default();
        rows.into_iter().for_each(|row| gathered.add(row));
        let wanted = gathered.without_input().len();
        let found = found.iter().map(|(run, input)| (RunId(uuid::Uuid::from_u128(*run)), input.clone()));
        let (facts, _) = gathered.into_facts(found.collect());
        let runs = facts.runs.iter().map(|(_, run)| (run.revision, run.input.clone())).collect::<Vec<_>>();
        (wanted, runs, facts.steps.len())
    };
    let (one, two) = (json!({"n": 1}), json!({"n": 2}));
    assert_eq!(inputs(vec![first(1), later(1, 2, &[(1, 2)])], &[]), (0, vec![(2, one.clone())], 2));
    assert_eq!(inputs(vec![later(1, 2, &[]), first(1)], &[]), (0, vec![(1, one)], 1));
    assert_eq!(inputs(vec![later(1, 2, &[(1, 2)])], &[(1, two.clone())]), (1, vec![(2, two)], 1));
    assert_eq!(inputs(vec![later(1, 2, &[(1, 2)])], &[]), (1, vec![], 1), "its end, which follows, has it");
}

#[tokio::test]
async fn the_inputs_of_runs_under_way_are_found_in_the_journal() {
    let rig = Rig::new();
    let (here, gone) = (RunId(uuid::Uuid::from_u128(1)), RunId(uuid::Uuid::from_u128(2)));
    let header = RunHeader {
        tenant: tenant("acme"),
        run_id: here,
        attempt: 1,
        workflow_id: WorkflowId(uuid::Uuid::nil()),
        workflow_version: 1,
        trigger: Trigger::manual(),
        input: json!({"n": 7}),
        plan: RunPlan::default(),
        created_at: Timestamp::from_millis(1),
        traceparent: None,
    };
    let document = domain::workflow::DocumentText::parse("{}".to_owned()).unwrap();
    let (run, header) = (here, codec::write_header(&[0; 32], &header).unwrap());
    let ops = vec![Op::Start { run, header, hash: [0; 32], document }];
    rig.journal.commit(&Commit { ops, ..Commit::default() }).unwrap();
    let found = rig.backlog.inputs(vec![here, gone]).await.unwrap();
    assert_eq!(found, HashMap::from([(here, json!({"n": 7}))]));
}
