//! Secrets of credentials are used everywhere they can be, and then looked for in every table, topic, journal, log and reply.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{any, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bridge::{Bridge, BridgeConfig};
use http::{HeaderMap, Method, StatusCode, Uri};
use klickhouse::{Client, ClientOptions, UnitValue};
use minireipaz::{
    clock::SystemClock,
    config::Env,
    http::{ApiConfig, AppState},
    store::{
        StoreConfig,
        clickhouse::{self, ClickHouse},
        local::LocalClickHouse,
    },
    telemetry::{self, LogConfig},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use workers::{Worker, WorkerConfig};

use crate::answers::{Identity, SECRET};

/// In every secret, and nowhere else.
const HUSH: &str = "SEKRET9x7q";
/// In what every run is given, so that it is seen where is looked.
const SEEN: &str = "sEEnEverywhere42";

/// Everything, in this process; what all parts log is in a file.
struct System {
    base: String,
    outside: String,
    token: String,
    client: reqwest::Client,
    replies: Mutex<Vec<String>>,
    /// What those who are called were shown.
    shown: Arc<Mutex<Vec<String>>>,
    bridge: Bridge,
    worker: Worker,
    clickhouse: LocalClickHouse,
    folder: TempDir,
    _identity: Identity,
    _served: [AbortOnDropHandle<()>; 2],
}

impl System {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut env = Env::of([("LOG", "trace"), ("LOG_FORMAT", "json")]);
        let log = LogConfig::from_env(&mut env);
        telemetry::init_file(&log, fs::File::create(at("log")).unwrap()).unwrap();
        let clickhouse = LocalClickHouse::start_scratch(&at("clickhouse"), |_| ()).await.unwrap();
        let (functions, outside) = (listener().await, listener().await);
        let (base, called) = (url(&functions), url(&outside));
        let shown = Arc::default();
        let outside_ = serve(outside, outside_router(Arc::clone(&shown)));
        let identity = Identity::start().await;
        let keys = format!("test:{}", BASE64_STANDARD.encode([9; 32]));
        let worker_data = at("worker").display().to_string();
        let own = [
            ("CONNECTOR_SECRET", SECRET),
            ("CREDENTIAL_KEYS", keys.as_str()),
            ("PUBLIC_URL", base.as_str()),
            ("CLICKHOUSE_URL", &clickhouse.url()),
            ("WORKER_LISTEN", "127.0.0.1:0"),
            ("WORKER_HTTP_ALLOW", "127.0.0.0/8"),
            ("WORKER_DATA_DIR", &worker_data),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut env = Env::of(own.clone());
        let config = WorkerConfig::from_env(&mut env).zip(StoreConfig::from_env(&mut env));
        let (config, store) = env.finish(config).unwrap();
        clickhouse::migrate(&store).await.unwrap();
        let store = Arc::new(ClickHouse::connect(store).await.unwrap());
        let worker = Worker::start(config, store, Arc::new(SystemClock)).await.unwrap();
        let worker_url = format!("http://{}", worker.addr());
        let mut config = BridgeConfig::new(at("bridge"));
        config.cluster_id = "test".into();
        config.connectors = ["workflows", "tasks"].map(connector).into();
        config.variables =
            [("SCHEDULER_URL", base.as_str()), ("WORKER_URL", &worker_url), ("CONNECTOR_SECRET", SECRET)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let bridge = Bridge::start(config).await.unwrap();
        let mut variables = identity.variables(&format!("http://{}", bridge.addr()), &clickhouse.url());
        variables.extend(own);
        variables.push(("WORKER_URL".to_owned(), worker_url));
        let state = AppState::connect(&ApiConfig::from_env(Env::of(variables)).unwrap()).unwrap();
        let functions = serve(functions, minireipaz::http::app(state));
        let scopes = "workflows:read workflows:write runs:read runs:write credentials:read credentials:write";
        Self {
            base,
            outside: called,
            token: identity.token(scopes),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            replies: Mutex::default(),
            shown,
            bridge,
            worker,
            clickhouse,
            folder,
            _identity: identity,
            _served: [functions, outside_],
        }
    }

    /// Sends a request, and keeps the reply with its headers.
    async fn send(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let response = request.header("if-match", "*").json(body).send().await.unwrap();
        let (status, headers) = (response.status(), format!("{:?}", response.headers()));
        let text = response.text().await.unwrap();
        self.replies.lock().unwrap().push(format!("{headers}{text}"));
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn credential(&self, kind: &str, values: Value) -> String {
        let body = json!({"name": kind, "type": kind, "values": values});
        let (status, saved) = self.send(Method::POST, "/api/v1/credentials", &body).await;
        assert_eq!(status, 201, "{saved}");
        saved["id"].as_str().unwrap().to_owned()
    }

    /// Every row of every table, as bytes.
    async fn tables(&self) -> Vec<(String, Vec<u8>)> {
        let options = ClientOptions::default();
        let client = Client::connect(format!("127.0.0.1:{}", self.clickhouse.port()), options).await.unwrap();
        let texts = async |sql: String| -> Vec<String> {
            let rows = client.query_collect::<UnitValue<String>>(sql).await.unwrap();
            rows.into_iter().map(|row| row.0).collect()
        };
        let databases = "('system', 'information_schema', 'INFORMATION_SCHEMA')";
        let names = texts(format!(
            "SELECT concat('`', database, '`.`', name, '`') FROM system.tables \
             WHERE database NOT IN {databases} AND engine LIKE '%MergeTree'"
        ));
        let mut found = Vec::new();
        for name in names.await {
            let rows = texts(format!("SELECT hex(toString(tuple(*))) FROM {name}")).await;
            found.push((name, rows.into_iter().flat_map(|row| unhex(&row)).collect()));
        }
        found
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(listener: TcpListener, router: Router) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() }),
    )
}

fn connector(topic: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("connectors/{topic}-http-sink.json"))
}

/// A careless server: it repeats whatever it is sent, and so do its provider of tokens and its redirects.
fn outside_router(shown: Arc<Mutex<Vec<String>>>) -> Router {
    let echo = |uri: &Uri, headers: &HeaderMap| {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        json!({"uri": uri.to_string(), "headers": headers, "again": BASE64_STANDARD.encode(headers.join("\n"))})
    };
    let answer = move |State(shown): State<Arc<Mutex<Vec<String>>>>, uri: Uri, headers: HeaderMap| async move {
        let said = echo(&uri, &headers);
        shown.lock().unwrap().push(said.to_string());
        let auth = headers.get("authorization").map_or("", |value| value.to_str().unwrap()).to_owned();
        let status = if uri.path() == "/refuse" { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        if uri.path() == "/away" {
            return Redirect::temporary(&format!(
                "http://localhost:1/{auth}?{}",
                uri.query().unwrap_or_default()
            ))
            .into_response();
        }
        (status, [("x-echo", auth)], Json(said)).into_response()
    };
    let token = || async { Json(json!({"access_token": format!("{HUSH}token"), "expires_in": 600})) };
    let refuse = |headers: HeaderMap, body: Bytes| async move {
        let sent = format!("{:?} {}", headers.get("authorization"), String::from_utf8_lossy(&body));
        let said = json!({"error": "invalid_client", "error_description": sent});
        let refused: Response = (StatusCode::UNAUTHORIZED, Json(said)).into_response();
        refused
    };
    Router::new()
        .route("/token", post(token))
        .route("/no-token", post(refuse))
        .fallback(any(answer))
        .with_state(shown)
}

/// All that a secret may look like: as it is, and in base64 whatever stands before it.
fn forms() -> Vec<Vec<u8>> {
    let in_base64 = (0..3).map(|before| {
        let text = BASE64_STANDARD.encode(format!("{}{HUSH}", &"   "[..before]));
        // What the neighbours have a part in is left out.
        text.trim_end_matches('=').chars().skip(before + usize::from(before > 0)).take(10).collect::<String>()
    });
    in_base64.chain([HUSH.to_owned()]).map(String::into_bytes).collect()
}

fn holds(place: &[u8], part: &[u8]) -> bool {
    place.windows(part.len()).any(|window| window == part)
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_used_everywhere_is_found_nowhere() {
    let system = System::start().await;
    let secret = |name: &str| format!("{HUSH}{name}");
    let oauth2 = |path: &str| {
        json!({
            "grant": "client_credentials", "token_url": format!("{}{path}", system.outside), "client_id": "me",
            "client_secret": secret("client"),
        })
    };
    let credentials = [
        system.credential("http_basic", json!({"username": "ada", "password": secret("basic")})).await,
        system.credential("http_bearer", json!({"token": secret("bearer")})).await,
        system.credential("http_header", json!({"name": "X-Any", "value": secret("header")})).await,
        system.credential("http_query", json!({"name": "any", "value": secret("query")})).await,
        system.credential("oauth2", oauth2("/token")).await,
        system.credential("oauth2", oauth2("/no-token")).await,
    ];
    system.credential("hmac", json!({"secret": secret("hmac")})).await;
    let wrong = json!({"name": "x", "type": "http_bearer", "values": {"tokn": secret("wrong"), "token": 7}});
    assert_eq!(system.send(Method::POST, "/api/v1/credentials", &wrong).await.0, 422);
    let (mut nodes, mut edges) = (vec![json!({"id": "start", "type": "manual"})], Vec::new());
    for (n, id) in credentials.iter().enumerate() {
        for path in ["ok", "refuse", "away"] {
            let node = format!("{path}{n}");
            let params = json!({
                "url": format!("{}/{path}", system.outside), "credential": id, "response": {"full": path == "ok"},
                "query": {"seen": SEEN},
            });
            let data = json!({"params": params, "on_error": "continue", "retry": {"max_attempts": 1}});
            nodes.push(json!({"id": node, "type": "http_request", "data": data}));
            edges.push(json!({"source": "start", "target": node}));
        }
    }
    let document = json!({"name": "Everywhere", "nodes": nodes, "edges": edges});
    let (status, saved) = system.send(Method::POST, "/api/v1/workflows", &document).await;
    assert_eq!(status, 201, "{saved}");
    let workflow = format!("/api/v1/workflows/{}", saved["id"].as_str().unwrap());
    let input = json!({"input": {"seen": SEEN}});
    let (_, run) = system.send(Method::POST, &format!("{workflow}/runs"), &input).await;
    let run = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
    let (_, ended) = system.send(Method::GET, &format!("{run}?wait=25"), &Value::Null).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");

    // They were shown to who was called, and to nobody else.
    let shown = system.shown.lock().unwrap().join("\n");
    for name in ["bearer", "header", "query", "token"] {
        assert!(shown.contains(&secret(name)), "{name} in {shown}");
    }
    assert!(shown.contains(&BASE64_STANDARD.encode(format!("ada:{}", secret("basic")))), "{shown}");
    let told = ended.to_string();
    assert!(told.contains("[redacted]") && told.contains("invalid_client"), "{told}");
    let output = |node: &str| {
        let steps = ended["steps"].as_array().unwrap();
        steps.iter().find(|step| step["node_id"] == node).unwrap()["output"]["main"][0].clone()
    };
    assert_eq!(output("ok1")["headers"]["x-echo"], "Bearer [redacted]");

    for id in &credentials {
        let one = format!("/api/v1/credentials/{id}");
        system
            .send(Method::POST, &format!("{one}/test"), &json!({"url": format!("{}/ok", system.outside)}))
            .await;
        system.send(Method::POST, &format!("{one}/test"), &json!({})).await;
        system.send(Method::PUT, &one, &json!({"name": "again"})).await;
        system.send(Method::GET, &format!("{one}/used_by"), &Value::Null).await;
        system.send(Method::GET, &one, &Value::Null).await;
    }
    system.send(Method::GET, "/api/v1/credentials", &Value::Null).await;
    system.send(Method::GET, &format!("{workflow}/runs"), &Value::Null).await;

    let mut places = system.tables().await;
    let tables: Vec<_> = places.iter().map(|(name, _)| name.clone()).collect();
    assert!(
        ["credential_rows", "run_rows"].iter().all(|name| tables.iter().any(|table| table.contains(name))),
        "{tables:?}"
    );
    assert!(places.iter().any(|(_, rows)| holds(rows, SEEN.as_bytes())), "rows are seen");
    let System { replies, bridge, worker, clickhouse, folder, .. } = system;
    tokio::time::timeout(Duration::from_secs(60), async {
        bridge.stop().await;
        worker.stop().await;
        clickhouse.stop().await;
    })
    .await
    .unwrap();
    for part in ["bridge", "worker"] {
        let kept = files(&folder.path().join(part));
        assert!(kept.iter().any(|(_, bytes)| holds(bytes, SEEN.as_bytes())), "{part}: what is kept is seen");
        places.extend(kept);
    }
    let log = fs::read(folder.path().join("log")).unwrap();
    assert!(holds(&log, b"credential"), "the log says something");
    places.push(("the log".to_owned(), log));
    places.extend(
        replies.into_inner().unwrap().into_iter().map(|reply| ("a reply".to_owned(), reply.into_bytes())),
    );
    for (name, bytes) in &places {
        for form in forms() {
            let at = bytes.windows(form.len()).position(|window| window == form);
            let around = at.map(|at| {
                String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 60).min(bytes.len())])
                    .into_owned()
            });
            assert_eq!(around, None, "{name} holds a secret");
        }
    }
}
