//! The views, asked as a person would ask them: with any client and its own settings.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    alert::{Acknowledgement, AlertReport, ErrorPattern},
    dead_letter::DeadLetter,
    event::WorkflowDeleted,
    heartbeat::Heartbeat,
    ids::AlertId,
    iteration::Iteration,
    run::{NodeError, Run, RunStatus, Step, StepStatus},
};
use klickhouse::{Client, ClientOptions, UnitValue};
use minireipaz::{
    credentials::{CredentialKeys, Purpose},
    store::{
        AlertStore, CredentialStore, DeadLetterStore, Facts, HeartbeatStore, HookStore, Rotation, RunStore,
        StoredCredential, WorkflowChange, WorkflowStore, clickhouse,
    },
};

use super::{at, config, number, run, server, step, step_fact, tenant, workflow, workflow_id};

const VIEWS: [&str; 9] = [
    "workflows",
    "workflow_versions",
    "runs",
    "steps",
    "credentials",
    "dead_letters",
    "alerts",
    "hooks",
    "triggers",
];

/// Of the system as a whole: a worker works for all tenants.
const OF_NO_TENANT: [&str; 1] = ["workers"];

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

    let hook = domain::ids::NodeId::parse("hook").unwrap();
    for number in [1, 2] {
        let rotation = Rotation { number, at: at(3), previous_until: None };
        store.rotate(&(tenant.clone(), flow), &hook, &rotation).await.unwrap();
    }
    let id = AlertId(uuid::Uuid::from_u128(1));
    let error = NodeError::new("http_status", "x").with_details(serde_json::json!({ "status": 503 }));
    let report = AlertReport {
        tenant: tenant.clone(),
        id,
        reporter: uuid::Uuid::nil(),
        pattern: ErrorPattern::of(flow, None, &error),
        message: "x".to_owned(),
        raised_at: at(1),
        last_seen_at: at(2),
        count: 12,
        calm: std::time::Duration::from_secs(60),
        announced_at: None,
    };
    store.report(&[report]).await.unwrap();
    let known = Acknowledgement { tenant: tenant.clone(), id, by: "ada".to_owned(), at: at(3) };
    store.acknowledge(&known).await.unwrap();
    let beat = Heartbeat {
        worker: "http://worker-1".to_owned(),
        at: at(1),
        started_at: at(0),
        version: String::new(),
        active_runs: 0,
        backlog_rows: 7,
        backlog_bytes: 0,
        unrecorded_ms: 0,
        topics: Vec::new(),
        breakers: Vec::new(),
    };
    store.beat(&beat).await.unwrap();
    for version in [1, 2] {
        let id = domain::ids::CredentialId(flow.0);
        let keys: CredentialKeys = format!("k1:{}", BASE64_STANDARD.encode([1; 32])).parse().unwrap();
        let saved = StoredCredential {
            id,
            name: "Shop".to_owned(),
            kind: domain::credential::CredentialType::HttpBearer,
            hosts: domain::credential::Hosts(vec!["api.example.com".parse().unwrap()]),
            grant: None,
            version,
            sealed: keys.seal(Purpose::Values, &(tenant.clone(), id), b"hush"),
            created_at: at(0),
            updated_at: at(1),
        };
        store.save_credential(&tenant, &saved).await.unwrap();
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
        (format!("SELECT node_id, rotations, previous_until FROM hooks {of}"), vec!["('hook',2,NULL)"]),
        (
            "SELECT handling, count() FROM dead_letters WHERE tenant = '' GROUP BY handling".to_owned(),
            vec!["(NULL,1)"],
        ),
        (
            format!(
                "SELECT workflow_id = '{flow}', node_id, http_status, count, acknowledged_by \
                 FROM alerts {of}"
            ),
            vec!["(1,NULL,503,12,'ada')"],
        ),
        ("SELECT worker, backlog_rows FROM workers".to_owned(), vec!["('http://worker-1',7)"]),
        (
            format!("SELECT name, version, type, hosts, key FROM credentials {of}"),
            vec!["('Shop',2,'http_bearer',['api.example.com'],'k1')"],
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
    let views = VIEWS.iter().map(|view| format!("('{view}','tenant')"));
    let mut views: Vec<_> =
        views.chain(OF_NO_TENANT.iter().map(|view| format!("('{view}','worker')"))).collect();
    views.sort();
    assert_eq!(person.asks(first).await, views);
}
