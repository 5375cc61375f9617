//! The views, asked as a person would ask them: with any client and its own settings.

use domain::{
    dead_letter::DeadLetter,
    event::WorkflowDeleted,
    iteration::Iteration,
    run::{NodeError, Run, RunStatus, Step, StepStatus},
};
use klickhouse::{Client, ClientOptions, UnitValue};
use minireipaz::store::{DeadLetterStore, Facts, RunStore, WorkflowChange, WorkflowStore, clickhouse};

use super::{at, config, number, run, server, step, step_fact, tenant, workflow, workflow_id};

const VIEWS: [&str; 6] = ["workflows", "workflow_versions", "runs", "steps", "dead_letters", "triggers"];

/// Somebody at a console.
struct Person(Client);

impl Person {
    async fn at(database: &str) -> Self {
        let address = format!("127.0.0.1:{}", server().await.port());
        let options = ClientOptions { default_database: database.to_owned(), ..ClientOptions::default() };
        Self(Client::connect(address, options).await.unwrap())
    }

    /// The rows of the answer, each as text.
    async fn asks(&self, sql: &str) -> Vec<String> {
        let sql = format!("SELECT toString(tuple(*)) FROM ({sql})");
        let rows = self.0.query_collect::<UnitValue<String>>(sql).await.unwrap();
        rows.into_iter().map(|row| row.0).collect()
    }
}

#[tokio::test]
async fn a_person_sees_each_thing_once_in_its_newest_state() {
    let config = config(&server().await.url_of(&format!("views_{}", number())));
    clickhouse::migrate(&config).await.unwrap();
    let person = Person::at(config.address.database.as_str()).await;
    let store = clickhouse::ClickHouse::connect(config).await.unwrap();
    let (tenant, flow) = (tenant(), workflow_id());

    let queued = Run { started_at: None, ..run(flow, at(0), RunStatus::Queued, 0) };
    let (one, two) = (queued.clone(), Run { id: super::run_id(at(1)), ..queued });
    let error = Some(NodeError::new("http_status", "the shop's answer was 404"));
    let ended = Run {
        status: RunStatus::Failed,
        revision: 9,
        attempt: 2,
        error,
        started_at: Some(at(5)),
        finished_at: Some(at(250)),
        ..one.clone()
    };
    let turn = |turn: u32, status| Step { iteration: Iteration::from(vec![turn]), ..step("fetch", status) };
    for (run, steps) in [
        (&one, vec![]),
        (&two, vec![]),
        (&Run { revision: 3, ..one.clone() }, vec![turn(0, StepStatus::Running)]),
        (&ended, vec![turn(0, StepStatus::Succeeded), turn(1, StepStatus::Failed)]),
        (&ended, vec![turn(0, StepStatus::Succeeded)]),
    ] {
        let steps = steps.into_iter().map(|step| step_fact(&tenant, run, 1, step)).collect();
        store.record(&Facts { runs: vec![(tenant.clone(), run.clone())], steps }).await.unwrap();
    }
    let saved = |id, version| WorkflowChange::Saved {
        tenant: tenant.clone(),
        workflow: workflow(id, version, at(i64::from(version))),
    };
    let gone = workflow_id();
    let deleted = WorkflowDeleted { workflow_id: gone, version: 2, created_at: at(0), deleted_at: at(2) };
    let deleted = WorkflowChange::Deleted { tenant: tenant.clone(), deleted };
    for change in [saved(flow, 1), saved(flow, 2), saved(flow, 2), saved(gone, 1), deleted] {
        store.save(&[change]).await.unwrap();
    }
    let letter = DeadLetter {
        consumer: "worker".into(),
        reason: "not a CloudEvent".into(),
        record: "{}".into(),
        tenant: String::new(),
        at: at(1),
    };
    for _ in 0..2 {
        store.bury(std::slice::from_ref(&letter)).await.unwrap();
    }

    let of = format!("WHERE tenant = '{tenant}'");
    for (question, answer) in [
        (
            format!("SELECT status, count() FROM runs {of} GROUP BY status ORDER BY status"),
            vec!["('failed',1)", "('queued',1)"],
        ),
        (
            format!(
                "SELECT attempt, revision, trigger_kind, replay_of, workflow_version, \
                 dateDiff('ms', started_at, finished_at), JSONExtractString(error, 'code') \
                 FROM runs {of} AND run_id = '{}'",
                one.id
            ),
            vec!["(2,9,'manual',NULL,3,245,'http_status')"],
        ),
        (
            format!("SELECT toString(run_id) = '{}', output FROM runs {of} AND started_at IS NULL", two.id),
            vec!["(1,NULL)"],
        ),
        (
            format!(
                "SELECT node_id, iteration, kind, status, attempts, finished_at, waits_for, pinned FROM steps {of} \
                 AND run_id = '{}' ORDER BY ordinal, iteration",
                one.id
            ),
            vec![
                "('fetch',[0],'set','succeeded',1,NULL,NULL,true)",
                "('fetch',[1],'set','failed',1,NULL,NULL,false)",
            ],
        ),
        (
            format!(
                "SELECT runs.status, max(steps.iteration[1]) FROM runs JOIN steps USING (tenant, run_id) {of} \
                 GROUP BY runs.status"
            ),
            vec!["('failed',1)"],
        ),
        (
            format!("SELECT name, version, active, JSONExtractString(document, 'name') FROM workflows {of}"),
            vec!["('v2',2,true,'v2')"],
        ),
        (
            format!(
                "SELECT workflow_id = '{flow}', version, name FROM workflow_versions {of} \
                 ORDER BY workflow_id = '{flow}', version"
            ),
            vec!["(0,1,'v1')", "(1,1,'v1')", "(1,2,'v2')"],
        ),
        (
            "SELECT consumer, reason, count() FROM dead_letters GROUP BY consumer, reason".to_owned(),
            vec!["('worker','not a CloudEvent',1)"],
        ),
    ] {
        assert_eq!(person.asks(&question).await, answer, "{question}");
    }
}

#[tokio::test]
async fn every_view_has_the_tenant_first_and_there_is_no_other() {
    let config = config(&server().await.url_of(&format!("views_{}", number())));
    clickhouse::migrate(&config).await.unwrap();
    let person = Person::at(config.address.database.as_str()).await;
    let first = "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND position = 1 \
                 AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View') \
                 ORDER BY table";
    let mut views = VIEWS.map(|view| format!("('{view}','tenant')"));
    views.sort();
    assert_eq!(person.asks(first).await, views);
}
