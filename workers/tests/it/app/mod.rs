//! A real worker on a free port, with a store that fails on demand, a server that its steps call, and a connector's
//! view of it.

mod clock;
mod controls;
mod endpoint;
mod tasks;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use domain::{
    ids::{RunId, WorkflowId},
    run::{RunStatus, RunWithSteps, Step, StepStatus},
    workflow::{DocumentText, StoredWorkflow, WorkflowSummary},
};
use minireipaz::clock::Clock;
use minireipaz::{
    auth::CallbackSecrets,
    store::{RunStore, Store, WorkflowChange, WorkflowStore, memory::MemoryStore},
};
use serde_json::Value;
use tempfile::TempDir;
use workers::{Worker, WorkerConfig};

use crate::steps::settings;

pub(crate) use self::{
    clock::ShiftedClock,
    controls::Control,
    endpoint::{Answer, Endpoint},
    tasks::{Task, batch, call_workflow, pure_workflow},
};

/// The connector's secret.
pub(crate) const SECRET: &str = "a secret of connectors";

/// Nothing that is waited for takes this long, unless it never comes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A worker that can end and start again on the same journal.
pub(crate) struct App {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ShiftedClock>,
    pub(crate) endpoint: Endpoint,
    config: WorkerConfig,
    worker: Option<Worker>,
    addr: SocketAddr,
    http: reqwest::Client,
    _data: TempDir,
}

/// What the door answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: String,
}

impl Reply {
    /// `accepted`, `duplicates` and `dead_letters` of a batch that was taken.
    pub(crate) fn receipt(&self) -> (u64, u64, u64) {
        assert_eq!(self.status, 200, "{self:?}");
        let receipt: Value = serde_json::from_str(&self.body).unwrap();
        let count = |name| receipt[name].as_u64().unwrap();
        (count("accepted"), count("duplicates"), count("dead_letters"))
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(set: impl FnOnce(&mut WorkerConfig)) -> Self {
        let data = TempDir::new().unwrap();
        let secrets = CallbackSecrets::new(&SECRET.into(), None).unwrap();
        let mut config = WorkerConfig::new(data.path(), secrets);
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.runner = settings();
        config.runner.http.allow = "127.0.0.0/8".parse().unwrap();
        set(&mut config);
        let mut app = Self {
            store: Arc::default(),
            clock: Arc::default(),
            endpoint: Endpoint::start().await,
            addr: config.listen,
            config,
            worker: None,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _data: data,
        };
        app.start_again().await;
        app
    }

    /// Another worker over the same store.
    pub(crate) async fn beside(&self) -> Self {
        let data = TempDir::new().unwrap();
        let mut config = self.config.clone();
        config.data_dir = data.path().to_owned();
        let mut app = Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            endpoint: Endpoint::start().await,
            addr: config.listen,
            config,
            worker: None,
            http: self.http.clone(),
            _data: data,
        };
        app.start_again().await;
        app
    }

    /// Starts the worker that has ended, and waits until it is ready or says that it is too far behind.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.worker.is_none(), "it runs");
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let worker = Worker::start(self.config.clone(), store, clock).await.unwrap();
        self.addr = worker.addr();
        self.worker = Some(worker);
        within("the open door", async {
            while self.get("/readyz").await.body.contains("starting") {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Changes the settings of the worker that has ended.
    pub(crate) fn reconfigure(&mut self, set: impl FnOnce(&mut WorkerConfig)) {
        set(&mut self.config);
    }

    /// Where its journal is.
    pub(crate) fn data(&self) -> &std::path::Path {
        &self.config.data_dir
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops it in order. The future may be polled beside others.
    pub(crate) fn stop(&mut self) -> impl Future<Output = ()> + use<> {
        let worker = self.worker.take().unwrap();
        async { within("the end", worker.stop()).await }
    }

    /// Ends it as a crash does.
    pub(crate) async fn crash(&mut self) {
        within("the end", self.worker.take().unwrap().crash()).await;
    }

    pub(crate) async fn crash_and_start_again(&mut self) {
        self.crash().await;
        self.start_again().await;
    }

    /// Has it look at its clock, which was moved.
    pub(crate) fn wake(&self) {
        self.worker.as_ref().unwrap().wake();
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        reply(self.http.get(format!("http://{}{path}", self.addr))).await
    }

    /// Sends a batch as a connector does.
    pub(crate) async fn post(&self, body: impl Into<String>) -> Reply {
        self.post_as(Some(SECRET), body).await
    }

    pub(crate) async fn post_as(&self, secret: Option<&str>, body: impl Into<String>) -> Reply {
        let request = self.http.post(format!("http://{}/tasks", self.addr)).body(body.into());
        reply(match secret {
            Some(secret) => request.bearer_auth(secret),
            None => request,
        })
        .await
    }

    /// Sends a batch as another worker does.
    pub(crate) async fn post_from_a_peer(&self, body: impl Into<String>) -> Reply {
        let request = self.http.post(format!("http://{}/tasks", self.addr)).body(body.into());
        reply(request.header("minireipaz-handed-over", "1").bearer_auth(SECRET)).await
    }

    /// Saves a workflow in the store.
    pub(crate) async fn save(&self, id: WorkflowId, document: &Value) {
        let at = self.clock.now();
        let summary = WorkflowSummary {
            id,
            name: "Saved".to_owned(),
            active: false,
            version: 1,
            created_at: at,
            updated_at: at,
        };
        let document = DocumentText::parse(document.to_string()).unwrap();
        let workflow = StoredWorkflow { summary, document };
        let saved = WorkflowChange::Saved { tenant: tasks::tenant(), workflow };
        self.store.save(&[saved]).await.unwrap();
    }

    /// Sends one task, which must be new.
    pub(crate) async fn submit(&self, task: &Task) -> RunId {
        assert_eq!(self.post(task.json()).await.receipt(), (1, 0, 0));
        task.run
    }

    /// The run once the store has its end.
    pub(crate) async fn ended(&self, run: RunId) -> RunWithSteps {
        self.until("the run's end", run, |found| found.run.status.is_terminal()).await
    }

    /// The run once it has ended well.
    pub(crate) async fn succeeded(&self, run: RunId) -> RunWithSteps {
        let found = self.ended(run).await;
        assert_eq!(found.run.status, RunStatus::Succeeded, "{:?}", found.run.error);
        found
    }

    /// All of the runs, each ended well and with all of its steps.
    pub(crate) async fn all_succeeded(&self, runs: &[RunId], steps: usize) {
        for run in runs {
            let found = self.succeeded(*run).await;
            assert_eq!(found.steps.len(), steps);
            assert!(found.steps.iter().all(|step| step.status == StepStatus::Succeeded), "{:?}", found.steps);
        }
    }

    /// The run as it is recorded.
    pub(crate) async fn find(&self, run: RunId) -> Option<RunWithSteps> {
        let key = (tasks::tenant(), run);
        self.store
            .unwatched()
            .get(std::slice::from_ref(&key))
            .await
            .unwrap()
            .remove(&key)
            .transpose()
            .unwrap()
    }

    /// The run once the store has it so.
    pub(crate) async fn until(
        &self,
        what: &str,
        run: RunId,
        is_so: impl Fn(&RunWithSteps) -> bool,
    ) -> RunWithSteps {
        within(what, self.store.until(async || self.find(run).await.filter(|found| is_so(found)))).await
    }
}

/// The step of that node.
pub(crate) fn step<'r>(run: &'r RunWithSteps, node: &str) -> &'r Step {
    run.steps.iter().find(|step| step.node_id.as_str() == node).unwrap()
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = within("an answer", request.send()).await.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    Reply { status: response.status().as_u16(), retry_after, body: response.text().await.unwrap() }
}
