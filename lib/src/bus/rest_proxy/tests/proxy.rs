//! A proxy on a real socket whose answers each test scripts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::bus::{BusConfig, rest_proxy::RestProxy};
use domain::retry::RetryPolicy;

/// A request that the proxy got.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) content_type: String,
    pub(super) body: String,
}

impl Got {
    /// The values' event ids, whichever form the body has.
    pub(super) fn ids(&self) -> Vec<String> {
        let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
        match serde_json::from_str::<Value>(&self.body).ok().filter(|body| body["records"].is_array()) {
            Some(v2) => v2["records"].as_array().unwrap().iter().map(|record| id(&record["value"])).collect(),
            None => serde_json::Deserializer::from_str(&self.body)
                .into_iter::<Value>()
                .map(|record| id(&record.unwrap()["value"]["data"]))
                .collect(),
        }
    }
}

type Script = Box<dyn FnOnce(&Got) -> Response + Send>;

pub(super) struct Proxy {
    pub(super) url: Url,
    state: Arc<ProxyState>,
    _stop: DropGuard,
}

#[derive(Default)]
struct ProxyState {
    got: Mutex<Vec<Got>>,
    script: Mutex<VecDeque<Script>>,
    /// How long each answer takes.
    delay: Mutex<Duration>,
}

/// All records of the request are stored.
pub(super) fn stored(got: &Got) -> Response {
    if got.path.ends_with("/v3/clusters") {
        return json!({"data": [{"cluster_id": "lkc-1"}]}).to_string().into_response();
    }
    let count = got.ids().len();
    if got.content_type.contains("v2") {
        return json!({"offsets": vec![json!({"partition": 0, "offset": 1}); count]})
            .to_string()
            .into_response();
    }
    r#"{"error_code":200,"partition_id":0,"offset":1}"#.repeat(count).into_response()
}

async fn answer(State(state): State<Arc<ProxyState>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = http_body_text(body).await;
    let got = Got {
        path: parts.uri.path().into(),
        authorization: header("authorization"),
        content_type: header("content-type"),
        body,
    };
    state.got.lock().unwrap().push(got.clone());
    let delay = *state.delay.lock().unwrap();
    tokio::time::sleep(delay).await;
    let script = state.script.lock().unwrap().pop_front();
    script.map_or_else(|| stored(&got), |script| script(&got))
}

async fn http_body_text(body: axum::body::Body) -> String {
    use futures_util::TryStreamExt;
    let chunks: Vec<Bytes> = body.into_data_stream().try_collect().await.unwrap();
    String::from_utf8(chunks.concat()).unwrap()
}

impl Proxy {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(ProxyState::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio_util::task::TaskTracker::new()
            .spawn(stopped_by(stopped, async move { axum::serve(listener, router).await.unwrap() }));
        Self { url, state, _stop: stop.drop_guard() }
    }

    /// The next answers; afterwards everything is stored again.
    pub(super) fn then(&self, script: impl FnOnce(&Got) -> Response + Send + 'static) -> &Self {
        self.state.script.lock().unwrap().push_back(Box::new(script));
        self
    }

    /// From now on every answer takes this long.
    pub(super) fn slow_by(&self, delay: Duration) {
        *self.state.delay.lock().unwrap() = delay;
    }

    pub(super) fn config(&self) -> BusConfig {
        let cluster_id = Some("lkc-1".into());
        BusConfig { cluster_id, retry: attempts(4), ..BusConfig::at(self.url.clone()) }
    }

    pub(super) fn bus(&self) -> RestProxy {
        RestProxy::new(self.config())
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.state.got.lock().unwrap().clone()
    }
}

/// So many attempts, one soon after another.
pub(super) fn attempts(number: u32) -> RetryPolicy {
    let s = Duration::from_secs;
    RetryPolicy::new(number, Duration::from_millis(1), s(60), s(8)).unwrap()
}

async fn stopped_by(stop: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! { () = stop => {}, () = work => {} }
}
