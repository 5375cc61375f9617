//! What the functions tell readers of runs whose worker is killed with signal 9 under them.

use std::{sync::Arc, time::Duration};

use domain::{
    ids::{RunId, TenantId},
    run::{RunStatus, RunWithSteps},
};
use minireipaz::{
    bus::{EventBus, memory::MemoryBus},
    clock::{Clock, SystemClock},
    live::{LiveConfig, LiveRuns, WorkerDoor},
    service::{Caller, RunWatch, Runs, Until, WatchSettings, Workflows},
    store::{Facts, Head, RunStore, Store, memory::MemoryStore},
    testing::eventually,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    app::{Answer, Endpoint, SECRET, Task, call_workflow, within},
    program::Program,
};

/// Longer than all of this takes.
const WAIT: Duration = Duration::from_secs(60);

/// The functions' way of reading runs, with a store of their own: it has what the test records.
#[derive(Clone)]
struct Functions {
    runs: Arc<Runs>,
    store: Arc<MemoryStore>,
}

impl Functions {
    fn of(worker: &Program) -> Self {
        let memory = Arc::new(MemoryStore::new());
        let store: Arc<dyn Store> = Arc::clone(&memory) as _;
        let bus: Arc<dyn EventBus> = Arc::new(MemoryBus::new());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let url = format!("http://{}", worker.address()).parse().unwrap();
        let door: Arc<dyn LiveRuns> = Arc::new(WorkerDoor::new(LiveConfig::new(url, SECRET.into())));
        let live = Some(door);
        let workflows = Arc::new(Workflows::new(Arc::clone(&store), Arc::clone(&bus), Arc::clone(&clock)));
        let watch = RunWatch::new(Arc::clone(&store), live.clone(), WatchSettings::default());
        Self { runs: Arc::new(Runs::new(store, live, bus, clock, workflows, watch)), store: memory }
    }

    /// Where the run is when it is read now.
    async fn now(&self, run: RunId) -> Head {
        within("an answer", self.runs.read(&caller(), run, Until::Exists, Duration::ZERO))
            .await
            .unwrap()
            .head()
    }

    /// Lets the store have what the worker knows, as its recorder does; where the run is.
    async fn record(&self, run: RunId) -> Head {
        let read = self.runs.read(&caller(), run, Until::Exists, Duration::ZERO).await.unwrap();
        let found: RunWithSteps = serde_json::from_slice(&read.json().unwrap()).unwrap();
        let facts = Facts::of_runs(vec![(caller().tenant, found.run)]);
        self.store.record(&facts).await.unwrap();
        read.head()
    }

    /// Waits for the end.
    async fn end(self, run: RunId) -> Vec<Head> {
        vec![self.runs.read(&caller(), run, Until::Terminal, WAIT).await.unwrap().head()]
    }

    /// Waits for each change, one request after the other.
    async fn changes(self, run: RunId) -> Vec<Head> {
        let mut seen = vec![self.now(run).await];
        while let Some(last) = seen.last().filter(|last| !last.status.is_terminal()) {
            let until = Until::After(last.revision);
            seen.push(self.runs.read(&caller(), run, until, WAIT).await.unwrap().head());
        }
        seen
    }

    /// Follows the run, in one request.
    async fn stream(self, run: RunId) -> Vec<Head> {
        let mut follow = self.runs.follow(&caller(), run, None).await.unwrap();
        let mut seen = Vec::new();
        while let Some(next) = follow.next().await {
            seen.push(next.head());
        }
        seen
    }
}

fn caller() -> Caller {
    Caller::of(TenantId::parse("acme").unwrap())
}

/// Waits until so many requests wait at the worker.
async fn held(worker: &Program, count: usize) {
    let (url, line) =
        (format!("http://{}/metrics", worker.address()), format!("minireipaz_worker_waiters {count}\n"));
    eventually("the worker holds them", async || {
        reqwest::get(&url).await.unwrap().text().await.unwrap().contains(&line)
    })
    .await;
}

#[tokio::test]
async fn who_waits_for_runs_of_a_killed_worker_hears_of_no_error_and_of_nothing_older_and_then_of_the_end() {
    let (directory, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    endpoint.on("/held", &[Answer::Held]);
    let worker = Program::start(directory.path()).await;
    let functions = Functions::of(&worker);
    let call = call_workflow(&[("call", endpoint.url("/held"), json!({}))]);
    let tasks: Vec<_> = (0..4).map(|_| Task::new(&call)).collect();
    worker.post(&tasks).await;
    endpoint.called("/held", tasks.len()).await;
    let mut readers = JoinSet::new();
    let mut known = Vec::new();
    for run in tasks.iter().map(|task| task.run) {
        known.push((run, functions.record(run).await));
        readers.spawn(functions.clone().end(run));
        readers.spawn(functions.clone().changes(run));
        readers.spawn(functions.clone().stream(run));
    }
    eventually("all wait", async || functions.runs.waiters() == 3 * tasks.len()).await;
    held(&worker, tasks.len()).await;

    let (address, looks) = (worker.address().to_owned(), functions.store.looks());
    worker.kill().await;
    eventually("the store is asked instead", async || functions.store.looks() >= looks + 5).await;
    for (run, head) in &known {
        assert_eq!(functions.now(*run).await, *head, "who comes meanwhile reads what was read before");
    }
    assert!(readers.try_join_next().is_none(), "they wait on");

    // The store never hears of the ends, so what they hear comes from the worker.
    let worker = Program::start_at(directory.path(), &address).await;
    held(&worker, tasks.len()).await;
    endpoint.release();
    while let Some(seen) = within("the ends", readers.join_next()).await {
        let seen = seen.unwrap();
        assert!(seen.windows(2).all(|two| !two[0].is_newer_than(&two[1])), "{seen:?}");
        assert_eq!(seen.last().unwrap().status, RunStatus::Succeeded, "{seen:?}");
    }
    assert_eq!(endpoint.count("/held"), 2 * tasks.len(), "only what was under way is repeated");
}
