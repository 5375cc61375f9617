//! A workflow is saved, run and read with every function on Lambda; the bus, the store and the worker are real.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    response::Response,
};
use bridge::{Bridge, BridgeConfig};
use domain::trace::TraceContext;
use http::{HeaderMap, Method, StatusCode};
use minireipaz::clock::SystemClock;
use minireipaz::{
    config::Env,
    store::{
        StoreConfig,
        clickhouse::{self, ClickHouse},
        local::LocalClickHouse,
    },
    testing::eventually,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use workers::{Worker, WorkerConfig};

use crate::{
    answers::{Identity, SECRET},
    lambda::{Gateway, Lambda},
    request::Call,
};

/// How long the run may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The trace of every request.
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// API Gateway: hands each path to the function that the routes of a deployment name.
struct Front {
    workflows: Lambda,
    workflow: Lambda,
    runs: Lambda,
    run: Lambda,
    scheduler: Lambda,
}

impl Front {
    fn function(&self, path: &str) -> &Lambda {
        match path.trim_start_matches("/api/v1/").split('/').collect::<Vec<_>>()[..] {
            ["workflows"] => &self.workflows,
            ["workflows", _] => &self.workflow,
            ["workflows", _, "runs"] => &self.runs,
            ["runs", _] => &self.run,
            ["scheduler", "events"] => &self.scheduler,
            _ => panic!("no function has {path}"),
        }
    }
}

async fn forward(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut call = Call::new(parts.method, parts.uri.path());
    call.query = parts.uri.query().unwrap_or_default().to_owned();
    for (name, value) in &parts.headers {
        call = call.header(name.as_str(), value.to_str().unwrap());
    }
    call.body = Bytes::from_request(Request::new(body), &()).await.unwrap().to_vec();
    let answer = front.function(&call.path).send(Gateway::Http, &call).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}

/// Everything that a deployment on Lambda is made of.
struct Deployment {
    base: String,
    token: String,
    client: reqwest::Client,
    bridge: Bridge,
    worker: Worker,
    clickhouse: LocalClickHouse,
    /// Whom workflows call.
    outside: String,
    _served: [AbortOnDropHandle<()>; 2],
    _identity: Identity,
    _folder: TempDir,
}

impl Deployment {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clickhouse =
            LocalClickHouse::start_scratch(&folder.path().join("clickhouse"), |_| ()).await.unwrap();
        let mut env = Env::of([("CLICKHOUSE_URL", clickhouse.url())]);
        let store = StoreConfig::from_env(&mut env);
        let store = env.finish(store).unwrap();
        clickhouse::migrate(&store).await.unwrap();

        let mut env = Env::of([
            ("CONNECTOR_SECRET", SECRET.to_owned()),
            ("WORKER_LISTEN", "127.0.0.1:0".to_owned()),
            ("WORKER_HTTP_ALLOW", "127.0.0.0/8".to_owned()),
            ("WORKER_DATA_DIR", folder.path().join("worker").display().to_string()),
        ]);
        let config = WorkerConfig::from_env(&mut env);
        let store = Arc::new(ClickHouse::connect(store).await.unwrap());
        let worker = Worker::start(env.finish(config).unwrap(), store, Arc::new(SystemClock)).await.unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut config = BridgeConfig::new(folder.path().join("bridge"));
        config.cluster_id = "test".into();
        config.connectors = ["workflows", "tasks"].map(connector).into();
        config.variables = [
            ("SCHEDULER_URL", base.clone()),
            ("WORKER_URL", format!("http://{}", worker.addr())),
            ("CONNECTOR_SECRET", SECRET.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let bridge = Bridge::start(config).await.unwrap();

        let identity = Identity::start().await;
        let variables = identity.variables(&format!("http://{}", bridge.addr()), &clickhouse.url());
        let (workflows, workflow, runs, run, scheduler) = tokio::join!(
            Lambda::start(env!("CARGO_BIN_EXE_workflows-index"), &variables),
            Lambda::start(env!("CARGO_BIN_EXE_workflows-id"), &variables),
            Lambda::start(env!("CARGO_BIN_EXE_workflows-id-part"), &variables),
            Lambda::start(env!("CARGO_BIN_EXE_runs-id"), &variables),
            Lambda::start(env!("CARGO_BIN_EXE_scheduler-kind"), &variables),
        );
        let front = Arc::new(Front { workflows, workflow, runs, run, scheduler });
        let front = serve(listener, axum::Router::new().fallback(forward).with_state(front));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let outside = format!("http://{}", listener.local_addr().unwrap());
        let served = [front, serve(listener, axum::Router::new().fallback(trace_of))];
        let token = identity.token("workflows:read workflows:write runs:read runs:write");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            base,
            token,
            client,
            bridge,
            worker,
            clickhouse,
            outside,
            _served: served,
            _identity: identity,
            _folder: folder,
        }
    }

    /// Sends a request; the status, the header `Location` and the body.
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String, Value) {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.header("traceparent", TRACE);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let response = request.send().await.unwrap();
        let location = response.headers().get("location").map(|at| at.to_str().unwrap().to_owned());
        (response.status(), location.unwrap_or_default(), response.json().await.unwrap())
    }

    /// The run's end as its worker tells it.
    async fn at_the_worker(&self, run: &str, wait: u64) -> String {
        let worker = self.worker.addr();
        let url = format!("http://{worker}/runs/{run}?tenant=local&wait={wait}");
        eventually("the worker has the run", async || {
            let answer = self.client.get(&url).bearer_auth(SECRET).send().await.unwrap();
            let known = answer.status() == StatusCode::OK;
            let body = answer.text().await.unwrap();
            known.then_some(body)
        })
        .await
    }

    async fn stop(self) {
        self.bridge.stop().await;
        self.worker.stop().await;
        self.clickhouse.stop().await;
    }
}

fn serve(listener: TcpListener, router: axum::Router) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(TaskTracker::new().spawn(async move {
        axum::serve(listener, router).await.unwrap();
    }))
}

/// Answers with the trace context that a call came with.
async fn trace_of(headers: HeaderMap) -> Json<Value> {
    Json(json!({ "traceparent": headers["traceparent"].to_str().unwrap() }))
}

fn connector(topic: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("connectors/{topic}-http-sink.json"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_saved_run_and_read_with_every_function_on_lambda() {
    let deployment = Deployment::start().await;
    let document = json!({
        "name": "Grüße",
        "nodes": [
            { "id": "start", "type": "manual", "data": {} },
            { "id": "greet", "type": "set",
              "data": { "params": { "fields": { "greeting": "Grüße, {{ $json.name }}" } } } },
            { "id": "tell", "type": "http_request",
              "data": { "params": { "method": "POST", "url": format!("{}/tell", deployment.outside) } } }
        ],
        "edges": [
            { "id": "e1", "source": "start", "target": "greet" },
            { "id": "e2", "source": "greet", "target": "tell" }
        ]
    });
    let (status, location, saved) = deployment.send(Method::POST, "/api/v1/workflows", Some(document)).await;
    assert_eq!(status, StatusCode::CREATED, "{saved}");
    let (status, _, read) = deployment.send(Method::GET, &location, None).await;
    assert_eq!((status, read), (StatusCode::OK, saved));

    let input = json!({"input": {"name": "Zoë 😀"}});
    let (status, run, accepted) =
        deployment.send(Method::POST, &format!("{location}/runs"), Some(input)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{accepted}");
    let wait = PATIENCE.as_secs();
    // Of the two that may be asked, the worker knows it first.
    let live = deployment.at_the_worker(accepted["id"].as_str().unwrap(), wait).await;
    let (status, _, ended) = deployment.send(Method::GET, &format!("{run}?wait={wait}"), None).await;
    assert_eq!((status, ended["status"].as_str()), (StatusCode::OK, Some("succeeded")), "{ended}");
    assert_eq!(ended["id"], accepted["id"]);
    // These functions are not told of the worker, so this is what ClickHouse has: the same, to the letter.
    assert_eq!(live, serde_json::to_string(&ended).unwrap());
    assert_eq!(ended["steps"][1]["output"]["main"], json!([{"name": "Zoë 😀", "greeting": "Grüße, Zoë 😀"}]));

    // From the request through both topics to the last step's call it is one trace.
    let last = ended["output"]["tell"][0]["traceparent"].as_str().unwrap();
    let [asked, last] = [TRACE, last].map(|text| text.parse::<TraceContext>().unwrap());
    assert_eq!(last.trace_id(), asked.trace_id());
    assert_ne!(last.span_id(), asked.span_id());

    // A stream cannot be passed on piece by piece; it comes whole when the run is over.
    let stream = deployment.client.get(format!("{}{run}", deployment.base)).bearer_auth(&deployment.token);
    let stream = stream.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let events = stream.text().await.unwrap();
    assert!(events.contains("event: run\n") && events.contains("\"succeeded\""), "{events}");

    let (status, _, list) = deployment.send(Method::GET, &format!("{location}/runs?limit=5"), None).await;
    assert_eq!((status, &list["items"][0]["id"]), (StatusCode::OK, &accepted["id"]), "{list}");
    deployment.stop().await;
}
