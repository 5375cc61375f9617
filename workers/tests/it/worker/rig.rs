//! A worker under test, and the words to tell it things.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use minireipaz::{
    auth::CallbackSecrets,
    domain::{
        clock::{Clock, SystemClock},
        event::{Event, Payload, TaskExecute},
        ids::{RunId, TenantId, WorkflowId},
        run::{Run, RunStatus, RunWithSteps, Step, Trigger},
        timestamp::Timestamp,
        workflow::DocumentText,
    },
    store::RunStore,
};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use workers::{Worker, WorkerConfig};

use super::spy_store::SpyStore;

pub(crate) const SECRET: &str = "a-secret-of-the-connector";

/// Long enough for the slowest machine, short enough for a person.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Rig {
    directory: TempDir,
    clock: Arc<dyn Clock>,
    adjust: fn(&mut WorkerConfig),
    client: Client,
    pub(crate) store: Arc<SpyStore>,
    pub(crate) worker: Worker,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(Arc::new(SystemClock), |_| {}).await
    }

    pub(crate) async fn with(clock: Arc<dyn Clock>, adjust: fn(&mut WorkerConfig)) -> Self {
        let (directory, store) = (tempfile::tempdir().unwrap(), Arc::new(SpyStore::new()));
        let worker = start(&directory, &store, &clock, adjust).await;
        Self { directory, clock, adjust, client: Client::new(), store, worker }
    }

    /// The worker ends without another write, and a new one takes over its disk.
    pub(crate) async fn crash(self) -> Self {
        self.crash_and(|_| {}).await
    }

    /// The same, with something that happens in between.
    pub(crate) async fn crash_and(mut self, meanwhile: impl FnOnce(&SpyStore)) -> Self {
        self.worker.crash().await;
        meanwhile(&self.store);
        self.worker = start(&self.directory, &self.store, &self.clock, self.adjust).await;
        self
    }

    /// The worker stops in order; what is left is its disk and the store.
    pub(crate) async fn stop(self) -> Stopped {
        let Self { directory, clock, adjust, client, store, worker } = self;
        worker.stop().await;
        Stopped { directory, clock, adjust, client, store }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.worker.addr())
    }

    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Response {
        post(&self.client, &self.url("/tasks"), body).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// Hands tasks over; what became of them.
    pub(crate) async fn accept(&self, tasks: &[Event]) -> Value {
        let response = self.post(serde_json::to_vec(tasks).unwrap()).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits for something to be in the store.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut(&SpyStore) -> Option<T>) -> T {
        let mut changes = self.store.changes();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(&self.store).await {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// Waits for the end of a run.
    pub(crate) async fn end_of(&self, task: &Event) -> RunWithSteps {
        self.until("the run ends", async |store| {
            recorded(store, task).await.filter(|found| found.run.status.is_terminal())
        })
        .await
    }

    /// Waits until a step is recorded with that status.
    pub(crate) async fn step_with(&self, task: &Event, node: &str, status: &str) -> Step {
        self.until("the step gets there", async |store| {
            let steps = recorded(store, task).await?.steps;
            steps.into_iter().find(|step| step.node_id.as_str() == node && step.status.as_str() == status)
        })
        .await
    }

    /// Waits until the store was called in vain so many times.
    pub(crate) async fn refused(&self, calls: usize) {
        let mut refused = self.store.refused.subscribe();
        let waited = tokio::time::timeout(PATIENCE, refused.wait_for(|refused| *refused >= calls));
        waited.await.expect("the store is called in vain").unwrap();
    }
}

/// What a stopped worker leaves.
pub(crate) struct Stopped {
    directory: TempDir,
    clock: Arc<dyn Clock>,
    adjust: fn(&mut WorkerConfig),
    client: Client,
    pub(crate) store: Arc<SpyStore>,
}

impl Stopped {
    pub(crate) async fn start(self) -> Rig {
        let Self { directory, clock, adjust, client, store } = self;
        let worker = start(&directory, &store, &clock, adjust).await;
        Rig { directory, clock, adjust, client, store, worker }
    }
}

async fn start(
    directory: &TempDir,
    store: &Arc<SpyStore>,
    clock: &Arc<dyn Clock>,
    adjust: fn(&mut WorkerConfig),
) -> Worker {
    let secrets = CallbackSecrets::new(&SECRET.to_owned().into(), None).unwrap();
    let mut config = WorkerConfig::new(directory.path(), secrets);
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.runner.http.allow = "127.0.0.1".parse().unwrap();
    adjust(&mut config);
    Worker::start(config, Arc::clone(store) as _, Arc::clone(clock)).await.unwrap()
}

pub(crate) async fn post(client: &Client, url: &str, body: impl Into<reqwest::Body>) -> Response {
    client.post(url).bearer_auth(SECRET).body(body).send().await.unwrap()
}

/// A run as the store has it.
pub(crate) async fn recorded(store: &SpyStore, task: &Event) -> Option<RunWithSteps> {
    let key = (task.tenant.clone(), run_of(task));
    store.memory.get(std::slice::from_ref(&key)).await.ok()?.remove(&key)
}

pub(crate) fn run_of(task: &Event) -> RunId {
    let Payload::TaskExecute(execute) = &task.payload else { panic!("not a task") };
    execute.run_id
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// A fresh run of a workflow.
pub(crate) fn task(document: &Value, input: Value) -> Event {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let entropy = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    task_with(RunId::at(SystemClock.now(), entropy), document, input)
}

pub(crate) fn task_with(run_id: RunId, document: &Value, input: Value) -> Event {
    let now = SystemClock.now();
    Event {
        id: run_id.to_string(),
        time: now,
        tenant: tenant("acme"),
        traceparent: None,
        payload: Payload::TaskExecute(Box::new(TaskExecute {
            run_id,
            attempt: 1,
            workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
            workflow_version: 1,
            document: DocumentText::parse(document.to_string()).unwrap(),
            trigger: Trigger::manual(),
            input,
            created_at: now,
        })),
    }
}

/// The same task, sent again as a later attempt.
pub(crate) fn again(task: &Event, attempt: u32) -> Event {
    let mut task = task.clone();
    if let Payload::TaskExecute(execute) = &mut task.payload {
        execute.attempt = attempt;
    }
    task
}

/// A workflow: a trigger and these nodes, one after the other.
pub(crate) fn chain(nodes: &[Value]) -> Value {
    let ids: Vec<&Value> = nodes.iter().map(|node| &node["id"]).collect();
    let mut sources = vec![json!("start")];
    sources.extend(ids.iter().map(|id| (*id).clone()));
    let edges: Vec<_> =
        sources.iter().zip(&ids).map(|(from, to)| json!({"source": from, "target": to})).collect();
    graph(nodes, &edges)
}

/// A workflow: a trigger `start`, these nodes and these edges.
pub(crate) fn graph(nodes: &[Value], edges: &[Value]) -> Value {
    let mut all = vec![json!({"id": "start", "type": "manual"})];
    all.extend_from_slice(nodes);
    json!({"name": "Test", "nodes": all, "edges": edges})
}

/// A node that sets a field.
pub(crate) fn set(id: &str, field: &str, value: Value) -> Value {
    json!({"id": id, "type": "set", "data": {"params": {"fields": {field: value}}}})
}

/// A node that calls an address; `data` is added to its data.
pub(crate) fn call(id: &str, url: &str, data: Value) -> Value {
    let mut node = json!({"id": id, "type": "http_request", "data": {"params": {"url": url}}});
    if let Value::Object(extra) = data {
        node["data"].as_object_mut().unwrap().extend(extra);
    }
    node
}

/// A run that another worker has ended.
pub(crate) fn ended_run(task: &Event, at: Timestamp) -> Run {
    let Payload::TaskExecute(execute) = &task.payload else { panic!("not a task") };
    Run {
        id: execute.run_id,
        workflow_id: execute.workflow_id,
        workflow_version: 1,
        status: RunStatus::Succeeded,
        revision: 9,
        attempt: 1,
        trigger: Trigger::manual(),
        input: Value::Null,
        output: None,
        error: None,
        created_at: at,
        started_at: Some(at),
        finished_at: Some(at),
    }
}
