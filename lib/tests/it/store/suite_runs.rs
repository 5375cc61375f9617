//! What every store does with runs.

use std::collections::{BTreeMap, HashMap};

use domain::{
    dead_letter::DeadLetter,
    ids::{NodeId, TenantId},
    iteration::Iteration,
    lineage::{Lineage, Origin},
    run::{FailedAttempt, NodeError, Run, RunStatus, Step, StepStatus, WaitsFor},
};
use futures_util::future::join_all;
use minireipaz::store::{Facts, Head, PageRequest, RunStore, Store};
use minireipaz::testing::eventually;
use serde_json::{Value, json};

use super::{
    at, facts, run, run_id, step, step_fact, suite::for_every_store, suite_run_lists::all_pages, tenant,
    workflow_id,
};

for_every_store![
    a_run_comes_back_as_it_was_recorded_with_its_steps_in_order,
    whatever_the_order_of_arrival_the_newest_attempt_and_revision_stay,
    a_finished_run_stays_finished,
    a_late_step_of_an_older_attempt_changes_nothing,
    heads_of_many_tenants_come_in_one_read_and_what_is_missing_is_left_out,
    a_tenant_never_sees_anothers_run,
    text_that_looks_like_a_statement_is_only_text,
    many_at_once_are_all_recorded_and_all_read,
    a_run_that_is_seen_has_its_steps,
    a_large_output_survives,
    nothing_to_do_is_fine,
    what_is_announced_shows_soon_and_hides_nothing_newer,
    dead_letters_are_kept,
    each_iteration_of_a_node_is_a_step_and_a_run_shows_the_newest,
];

async fn one(store: &dyn Store, tenant: &TenantId, run: &Run) -> Option<domain::run::RunWithSteps> {
    let key = (tenant.clone(), run.id);
    store.get(std::slice::from_ref(&key)).await.unwrap().remove(&key).transpose().unwrap()
}

async fn head(store: &dyn Store, tenant: &TenantId, run: &Run) -> Option<Head> {
    let key = (tenant.clone(), run.id);
    store.heads(std::slice::from_ref(&key)).await.unwrap().remove(&key).transpose().unwrap()
}

async fn what_is_announced_shows_soon_and_hides_nothing_newer(store: &dyn Store) {
    let tenant = tenant();
    let workflow = workflow_id();
    let queued = run(workflow, at(1), RunStatus::Queued, 0);
    let done = run(workflow, at(2), RunStatus::Succeeded, 7);
    store.record(&facts(&tenant, &[&done])).await.unwrap();
    let late = Run { status: RunStatus::Queued, revision: 0, ..done.clone() };
    store.announce(vec![(tenant.clone(), queued.clone()), (tenant.clone(), late)]);
    let shown = eventually("the run shows", async || one(store, &tenant, &queued).await).await;
    assert_eq!(shown.run, queued);
    assert_eq!(head(store, &tenant, &done).await, Some(Head::of(&done)));
}

pub(super) async fn a_run_comes_back_as_it_was_recorded_with_its_steps_in_order(store: &dyn Store) {
    let tenant = tenant();
    let mut run = run(workflow_id(), at(1), RunStatus::Failed, 9);
    run.input = Value::Null;
    run.error = Some(NodeError {
        history: vec![FailedAttempt {
            attempt: 1,
            at: at(3),
            code: "timeout".into(),
            message: "zu spät".into(),
            delay_ms: Some(7),
        }],
        ..NodeError::new("http_status", "404").with_details(json!({"status": 404}))
    });
    let mut first = step("fetch", StepStatus::Failed);
    first.error.clone_from(&run.error);
    let mut second = step("a", StepStatus::Succeeded);
    let items = vec![json!({"price": 12.5}).as_object().unwrap().clone()];
    second.output = Some(BTreeMap::from([("main".into(), items.into())]));
    second.finished_at = Some(at(8));
    second.lineage =
        Lineage::from([("main".into(), vec![vec![Origin { input: 1, item: 2 }], vec![]].into())]);
    second.console = vec!["price 12.5".to_owned(), "it's \"done\"".to_owned()];
    let mut third = step("z", StepStatus::Waiting);
    third.started_at = None;
    third.waits_for = Some(WaitsFor {
        until: Some(at(60_000)),
        signal: Some("it's approved".into()),
        runs: vec![run_id(at(1))],
    });
    let facts = Facts {
        runs: vec![(tenant.clone(), run.clone())],
        steps: vec![
            step_fact(&tenant, &run, 2, second.clone()),
            step_fact(&tenant, &run, 1, first.clone()),
            step_fact(&tenant, &run, 3, third.clone()),
            step_fact(&tenant, &run, 4, step("skipped", StepStatus::Skipped)),
        ],
    };
    store.record(&facts).await.unwrap();
    let found = one(store, &tenant, &run).await.unwrap();
    assert_eq!(found.run, run);
    assert_eq!(found.steps, [first, second, third, step("skipped", StepStatus::Skipped)]);
}

async fn whatever_the_order_of_arrival_the_newest_attempt_and_revision_stay(store: &dyn Store) {
    let tenant = tenant();
    let base = run(workflow_id(), at(1), RunStatus::Running, 1);
    let newest = Run { attempt: 2, revision: 3, status: RunStatus::Waiting, ..base.clone() };
    let late = [
        Run { attempt: 1, revision: 50, status: RunStatus::Succeeded, ..base.clone() },
        Run { attempt: 2, revision: 2, ..base.clone() },
        newest.clone(),
        Run { attempt: 1, revision: 1, status: RunStatus::Queued, ..base.clone() },
    ];
    for shift in 0..late.len() {
        let mut order = late.clone().map(|run| Run { id: base.id, ..run });
        order.rotate_left(shift);
        for run in &order {
            store.record(&facts(&tenant, &[run])).await.unwrap();
        }
        assert_eq!(one(store, &tenant, &base).await.unwrap().run, newest);
        let expected = Head { attempt: 2, revision: 3, status: RunStatus::Waiting };
        assert_eq!(head(store, &tenant, &base).await, Some(expected));
        let list = RunStore::list(store, &tenant, base.workflow_id, &PageRequest { limit: 5, after: None });
        let list = list.await.unwrap().items;
        assert_eq!((list.len(), list[0].status, list[0].attempt), (1, RunStatus::Waiting, 2));
    }
    // All in one batch is no different.
    let other = Run { id: run_id(at(2)), ..newest.clone() };
    let batch: Vec<Run> = late.iter().map(|run| Run { id: other.id, ..run.clone() }).collect();
    store.record(&facts(&tenant, &batch.iter().collect::<Vec<_>>())).await.unwrap();
    assert_eq!(one(store, &tenant, &other).await.unwrap().run, other);
}

async fn a_finished_run_stays_finished(store: &dyn Store) {
    let tenant = tenant();
    let done = run(workflow_id(), at(1), RunStatus::Succeeded, 7);
    store.record(&facts(&tenant, &[&done])).await.unwrap();
    for (status, revision) in [(RunStatus::Queued, 1), (RunStatus::Running, 6)] {
        let late = Run { status, revision, output: None, ..done.clone() };
        store.record(&facts(&tenant, &[&late])).await.unwrap();
    }
    assert_eq!(one(store, &tenant, &done).await.unwrap().run, done);
}

async fn a_late_step_of_an_older_attempt_changes_nothing(store: &dyn Store) {
    let tenant = tenant();
    let second = Run { attempt: 2, ..run(workflow_id(), at(1), RunStatus::Running, 2) };
    let first = Run { attempt: 1, revision: 99, ..second.clone() };
    let record = async |run: &Run, status| {
        let steps = vec![step_fact(&tenant, run, 1, step("fetch", status))];
        store.record(&Facts { runs: vec![(tenant.clone(), run.clone())], steps }).await.unwrap();
    };
    record(&second, StepStatus::Succeeded).await;
    record(&first, StepStatus::Failed).await;
    let found = one(store, &tenant, &second).await.unwrap();
    assert_eq!(found.steps, [step("fetch", StepStatus::Succeeded)]);
}

async fn each_iteration_of_a_node_is_a_step_and_a_run_shows_the_newest(store: &dyn Store) {
    let tenant = tenant();
    let base = run(workflow_id(), at(1), RunStatus::Running, 4);
    let at_iteration = |counters: &[u32], status| Step {
        iteration: Iteration::from(counters.to_vec()),
        ..step("fetch", status)
    };
    let record = async |revision, steps: Vec<(u32, Step)>| {
        let run = Run { revision, ..base.clone() };
        let steps =
            steps.into_iter().map(|(ordinal, step)| step_fact(&tenant, &run, ordinal, step)).collect();
        store.record(&Facts { runs: vec![(tenant.clone(), run)], steps }).await.unwrap();
    };
    let (done, running) = (StepStatus::Succeeded, StepStatus::Running);
    record(1, vec![(0, step("start", done))]).await;
    record(2, vec![(1, at_iteration(&[0, 0], done))]).await;
    record(3, vec![(2, at_iteration(&[0, 1], done))]).await;
    record(5, vec![(3, at_iteration(&[1, 0], running))]).await;
    // One of them is told of late.
    record(4, vec![(2, at_iteration(&[0, 1], StepStatus::Failed))]).await;
    let found = one(store, &tenant, &base).await.unwrap();
    assert_eq!(found.steps, [step("start", done), at_iteration(&[1, 0], running)]);
    let key = (tenant.clone(), base.id);
    let node = NodeId::parse("fetch").unwrap();
    let of_node = async || store.get_node(&key, &node, None).await.unwrap().unwrap().unwrap().steps;
    assert_eq!(
        of_node().await,
        [
            at_iteration(&[0, 0], done),
            at_iteration(&[0, 1], StepStatus::Failed),
            at_iteration(&[1, 0], running)
        ]
    );
    for n in 0..30 {
        record(u64::from(6 + n), vec![(4 + n, at_iteration(&[2, n], done))]).await;
    }
    let newest: Vec<_> = (10..30).map(|n| at_iteration(&[2, n], done)).collect();
    assert_eq!(of_node().await, newest, "of many iterations the newest are shown");
    assert_eq!(one(store, &tenant, &base).await.unwrap().steps[1..], newest[19..]);
}

async fn heads_of_many_tenants_come_in_one_read_and_what_is_missing_is_left_out(store: &dyn Store) {
    let mut expected = HashMap::new();
    let mut batch = Facts::default();
    for n in 0..60 {
        let owner = if n % 3 == 0 { TenantId::parse("shared").unwrap() } else { tenant() };
        let run = run(workflow_id(), at(n), RunStatus::Running, 4);
        let head = Head { attempt: 1, revision: 4, status: RunStatus::Running };
        expected.insert((owner.clone(), run.id), Ok(head));
        batch.runs.push((owner, run));
    }
    store.record(&batch).await.unwrap();
    let mut keys: Vec<_> = expected.keys().cloned().collect();
    keys.push((tenant(), run_id(at(0))));
    assert_eq!(store.heads(&keys).await.unwrap(), expected);
    assert_eq!(store.get(&keys).await.unwrap().len(), expected.len());
}

async fn a_tenant_never_sees_anothers_run(store: &dyn Store) {
    let (owner, other) = (tenant(), tenant());
    let run = run(workflow_id(), at(1), RunStatus::Running, 1);
    let steps = vec![step_fact(&owner, &run, 1, step("fetch", StepStatus::Running))];
    store.record(&Facts { runs: vec![(owner.clone(), run.clone())], steps }).await.unwrap();
    assert_eq!(one(store, &other, &run).await, None);
    assert_eq!(head(store, &other, &run).await, None);
    let page = PageRequest { limit: 10, after: None };
    assert!(RunStore::list(store, &other, run.workflow_id, &page).await.unwrap().items.is_empty());
    // The same id may exist under two tenants, and asking for both mixes nothing up.
    let theirs = Run { status: RunStatus::Failed, ..run.clone() };
    store.record(&facts(&other, &[&theirs])).await.unwrap();
    let (mine, others) = ((owner, run.id), (other, run.id));
    let both = store.get(&[mine.clone(), others.clone()]).await.unwrap();
    let [mine, others] = [&mine, &others].map(|key| both[key].as_ref().unwrap());
    assert_eq!((&mine.run, mine.steps.len()), (&run, 1));
    assert_eq!((&others.run, others.steps.len()), (&theirs, 0));
}

async fn text_that_looks_like_a_statement_is_only_text(store: &dyn Store) {
    for hostile in [
        "'",
        "\\",
        "\\'",
        "''",
        "a'b",
        "x\\",
        "';--",
        "')OR(1=1)--",
        "$1",
        "{x:String}",
        "/*",
        "*/",
        "`",
        "\"",
        "%",
        "\\x27",
        "'||(SELECT(1))||'",
        "@@",
        "\\0",
        "$$'$$",
    ] {
        let owner = TenantId::parse(hostile).unwrap();
        let mut run = run(workflow_id(), at(1), RunStatus::Running, 1);
        let long = format!("{hostile}\n\t\0\u{feff}ä😀{hostile}");
        run.input = json!({ long.clone(): [long.clone()] });
        run.trigger.kind = long.clone();
        let mut step = step(hostile, StepStatus::Retrying);
        step.kind.clone_from(&long);
        step.error = Some(NodeError::new(hostile, long.clone()));
        let steps = vec![step_fact(&owner, &run, 1, step.clone())];
        store.record(&Facts { runs: vec![(owner.clone(), run.clone())], steps }).await.unwrap();

        let found = one(store, &owner, &run).await.unwrap();
        assert_eq!((found.run, found.steps), (run.clone(), vec![step]), "{hostile}");
        assert!(head(store, &owner, &run).await.is_some());
        assert_eq!(all_pages(store, &owner, &run, 1).await.len(), 1);
        let keys = [(owner.clone(), run.id), (tenant(), run.id)];
        assert_eq!(store.heads(&keys).await.unwrap().len(), 1, "{hostile}");
        let page = PageRequest { limit: 5, after: None };
        minireipaz::store::WorkflowStore::list(store, &owner, &page).await.unwrap();
    }
}

async fn many_at_once_are_all_recorded_and_all_read(store: &dyn Store) {
    let tenant = tenant();
    let runs: Vec<Run> = (0..200).map(|n| run(workflow_id(), at(n), RunStatus::Running, 1)).collect();
    let recorded = join_all(runs.iter().map(async |run| {
        let steps = vec![step_fact(&tenant, run, 1, step("fetch", StepStatus::Running))];
        store.record(&Facts { runs: vec![(tenant.clone(), run.clone())], steps }).await
    }));
    assert!(recorded.await.iter().all(Result::is_ok));
    let read = join_all(runs.iter().map(async |run| {
        let found = one(store, &tenant, run).await.unwrap();
        assert_eq!((&found.run, found.steps.len()), (run, 1));
        assert_eq!(head(store, &tenant, run).await.unwrap().revision, 1);
    }));
    read.await;
}

async fn a_run_that_is_seen_has_its_steps(store: &dyn Store) {
    let tenant = tenant();
    let base = run(workflow_id(), at(1), RunStatus::Running, 0);
    let last = 60;
    let write = async {
        for revision in 1..=last {
            let run = Run { revision, ..base.clone() };
            let ordinal = u32::try_from(revision).unwrap();
            let step = step(&format!("n{revision}"), StepStatus::Succeeded);
            let steps = vec![step_fact(&tenant, &run, ordinal, step)];
            store.record(&Facts { runs: vec![(tenant.clone(), run)], steps }).await.unwrap();
        }
    };
    let read = async {
        let mut seen = 0;
        while seen < last {
            // A poll first, as a long poll does, every other time.
            if seen % 2 == 0 {
                head(store, &tenant, &base).await;
            }
            if let Some(found) = one(store, &tenant, &base).await {
                let steps = u64::try_from(found.steps.len()).unwrap();
                assert!(steps >= found.run.revision, "{steps} steps at revision {}", found.run.revision);
                seen = found.run.revision;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, read);
}

pub(super) async fn a_large_output_survives(store: &dyn Store) {
    let tenant = tenant();
    let mut run = run(workflow_id(), at(1), RunStatus::Succeeded, 2);
    run.output = Some(json!({ "last": [{ "text": "äöü\n".repeat(400_000) }] }));
    store.record(&facts(&tenant, &[&run])).await.unwrap();
    assert_eq!(one(store, &tenant, &run).await.unwrap().run, run);
}

async fn nothing_to_do_is_fine(store: &dyn Store) {
    store.ping().await.unwrap();
    store.record(&Facts::default()).await.unwrap();
    store.bury(&[]).await.unwrap();
    assert!(store.get(&[]).await.unwrap().is_empty());
    assert!(store.heads(&[]).await.unwrap().is_empty());
    assert!(store.newest(&[]).await.unwrap().is_empty());
    let key = (tenant(), run_id(at(1)));
    assert!(store.heads(&[key.clone(), key]).await.unwrap().is_empty());
}

async fn dead_letters_are_kept(store: &dyn Store) {
    let letter = DeadLetter {
        consumer: "worker".into(),
        reason: "it's no JSON".into(),
        record: "{'\\".into(),
        tenant: String::new(),
        at: at(1),
    };
    store.bury(&[letter.clone(), DeadLetter { tenant: "t".into(), ..letter }]).await.unwrap();
}
