//! The server is killed while it is written to and read from.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use domain::{
    ids::TenantId,
    run::{RunKey, RunStatus, RunWithSteps, StepStatus},
};
use minireipaz::store::{
    Facts, Found, RunStore as _,
    clickhouse::{self, ClickHouse},
    local::LocalClickHouse,
};
use tokio::{sync::watch, task::JoinSet};

use super::{at, config, run, step, step_fact, workflow_id};

const WRITERS: i64 = 6;
const RUNS_EACH: i64 = 60;
const KILL_AFTER: usize = 60;

#[derive(Default)]
struct Ledger {
    /// What the store said is recorded.
    acknowledged: Mutex<HashSet<RunKey>>,
    done: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_no_answer_is_short_when_the_server_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let server = LocalClickHouse::start(data.path(), None, |line| eprintln!("{line}")).await.unwrap();
    let port = server.port();
    let config = config(&server.url());
    clickhouse::migrate(&config).await.unwrap();
    let store = Arc::new(ClickHouse::connect(config).await.unwrap());
    let ledger = Arc::new(Ledger::default());
    let (count, mut counted) = watch::channel(0usize);
    let count = Arc::new(count);
    let tenant = TenantId::parse("crash").unwrap();

    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, ledger, count, tenant) =
            (Arc::clone(&store), Arc::clone(&ledger), Arc::clone(&count), tenant.clone());
        writers.spawn(async move {
            for n in 0..RUNS_EACH {
                let run = run(workflow_id(), at(writer * RUNS_EACH + n), RunStatus::Succeeded, 2);
                let key = (tenant.clone(), run.id);
                let steps = (0..10)
                    .map(|i| step_fact(&tenant, &run, i, step(&format!("n{i}"), StepStatus::Succeeded)))
                    .collect();
                let facts = Facts { runs: vec![(tenant.clone(), run)], steps };
                // As a recorder does: what was not acknowledged is handed in again.
                while store.record(&facts).await.is_err() {}
                ledger.acknowledged.lock().unwrap().insert(key);
                count.send_modify(|count| *count += 1);
            }
        });
    }
    let mut readers = JoinSet::new();
    for full in [false, true] {
        let (store, ledger) = (Arc::clone(&store), Arc::clone(&ledger));
        readers.spawn(async move {
            let mut failures = 0;
            while !ledger.done.load(Ordering::Relaxed) {
                let keys: Vec<RunKey> = ledger.acknowledged.lock().unwrap().iter().cloned().collect();
                let found = if full {
                    let found = store.get(&keys).await;
                    found.map(|found| {
                        let whole = |run: &Found<RunWithSteps>| run.as_ref().unwrap().steps.len() == 10;
                        assert!(found.values().all(whole), "a run without its steps");
                        found.len()
                    })
                } else {
                    store.heads(&keys).await.map(|found| found.len())
                };
                match found {
                    Ok(found) => assert_eq!(found, keys.len(), "an answer that is short"),
                    Err(_) => failures += 1,
                }
                tokio::task::yield_now().await;
            }
            failures
        });
    }

    counted.wait_for(|count| *count >= KILL_AFTER).await.unwrap();
    tokio::task::spawn_blocking(|| server.kill_hard()).await.unwrap();
    let server = LocalClickHouse::start(data.path(), Some(port), |_| {}).await.unwrap();
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    ledger.done.store(true, Ordering::Relaxed);
    while let Some(done) = readers.join_next().await {
        done.unwrap();
    }

    let keys: Vec<RunKey> = ledger.acknowledged.lock().unwrap().iter().cloned().collect();
    assert_eq!(keys.len(), usize::try_from(WRITERS * RUNS_EACH).unwrap());
    let found = store.get(&keys).await.unwrap();
    assert_eq!(found.len(), keys.len());
    assert!(found.values().all(|run| run.as_ref().unwrap().steps.len() == 10));
    server.stop().await;
}
