//! What the tests share: a bridge on a free port, a receiver with a script.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bridge::{
    Bridge, BridgeConfig,
    log::{Assignment, ReadLimit, Record, TopicPartition},
};
use futures_util::StreamExt;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

/// Nothing in these tests takes longer than this unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A request that a receiver got.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Whether the receiver answered 2xx.
    pub(crate) taken: bool,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Script = dyn Fn(usize, &str) -> Reply + Send + Sync;

/// What a receiver does with a request.
pub(crate) enum Reply {
    Status(u16),
    With(Response),
    Never,
}

#[derive(Clone)]
struct Recording {
    script: Arc<Script>,
    count: Arc<AtomicUsize>,
    received: mpsc::UnboundedSender<Received>,
}

/// An HTTP server that records what it gets and answers by its script.
pub(crate) struct Receiver {
    pub(crate) addr: SocketAddr,
    received: mpsc::UnboundedReceiver<Received>,
    _server: JoinSet<()>,
}

impl Receiver {
    /// One that takes everything.
    pub(crate) async fn willing() -> Self {
        Self::scripted(|_, _| Reply::Status(200)).await
    }

    /// One that answers request number n (from 0) with this body as the script says.
    pub(crate) async fn scripted(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// The same at an address.
    pub(crate) async fn at(
        addr: SocketAddr,
        script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let recording = Recording { script: Arc::new(script), count: Arc::default(), received: sender };
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = Router::new().fallback(record).with_state(recording);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, received, _server: server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a request comes").unwrap()
    }

    /// Values of the JSON arrays that were taken, until there are `count`.
    pub(crate) async fn values(&mut self, count: usize) -> Vec<Value> {
        let mut values = Vec::new();
        while values.len() < count {
            let received = self.next().await;
            if received.taken {
                let Value::Array(more) = received.json() else { panic!("an array is expected") };
                values.extend(more);
            }
        }
        values
    }

    pub(crate) fn nothing_more(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn record(State(recording): State<Recording>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(collect(body).await).unwrap();
    let reply = (recording.script)(recording.count.fetch_add(1, Ordering::SeqCst), &body);
    let response = match reply {
        Reply::Status(status) => Some(StatusCode::from_u16(status).unwrap().into_response()),
        Reply::With(response) => Some(response),
        Reply::Never => None,
    };
    let taken = response.as_ref().is_some_and(|response| response.status().is_success());
    let (method, path, headers) = (parts.method, parts.uri.to_string(), parts.headers);
    let _ = recording.received.send(Received { method, path, headers, body, taken });
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

async fn collect(body: Body) -> Vec<u8> {
    let mut frames = body.into_data_stream();
    let mut all = Vec::new();
    while let Some(frame) = frames.next().await {
        all.extend_from_slice(&frame.unwrap());
    }
    all
}

/// A bridge and its folder.
pub(crate) struct TestBridge {
    pub(crate) bridge: Bridge,
    pub(crate) dir: TempDir,
    pub(crate) client: reqwest::Client,
}

impl TestBridge {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut BridgeConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let bridge = Bridge::start(config(&dir, change)).await.unwrap();
        Self { bridge, dir, client: client() }
    }

    /// A bridge with one connector, whose keys are those of [`sink`] and `keys`.
    pub(crate) async fn delivering(receiver: &Receiver, keys: Value) -> Self {
        Self::delivering_with(receiver, keys, |_| ()).await
    }

    pub(crate) async fn delivering_with(
        receiver: &Receiver,
        keys: Value,
        change: impl FnOnce(&mut BridgeConfig),
    ) -> Self {
        let dir = TempDir::new().unwrap();
        let connector = write_connector(&dir, &sink(&receiver.url(), &keys));
        let config = config(&dir, |config| {
            config.connectors = vec![connector];
            config.restart_pause = Duration::from_millis(20);
            change(config);
        });
        let bridge = Bridge::start(config).await.unwrap();
        Self { bridge, dir, client: client() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.bridge.addr())
    }

    /// Stops the bridge and starts it again on the same folder.
    pub(crate) async fn restart(self, change: impl FnOnce(&mut BridgeConfig)) -> Self {
        let Self { bridge, dir, client } = self;
        bridge.stop().await;
        let bridge = Bridge::start(config(&dir, change)).await.unwrap();
        Self { bridge, dir, client }
    }

    /// Produces JSON values with their keys to topic `t` by v3, in one request, and checks that all are stored.
    pub(crate) async fn produce(&self, records: impl IntoIterator<Item = (&str, Value)>) {
        self.produce_to("t", records).await;
    }

    /// The same to another topic.
    pub(crate) async fn produce_to(&self, topic: &str, records: impl IntoIterator<Item = (&str, Value)>) {
        let body: String = records
            .into_iter()
            .map(|(key, value)| {
                json!({ "key": { "type": "STRING", "data": key }, "value": { "type": "JSON", "data": value } })
                    .to_string()
            })
            .collect();
        let path = format!("/v3/clusters/c/topics/{topic}/records");
        let (status, text) = self.post(&path, "application/json", body).await;
        assert_eq!(status, 200, "{text}");
        for report in reports(&text) {
            assert_eq!(report["error_code"], 200, "{text}");
        }
    }

    /// Everything that is in a partition; nothing when there is no such partition.
    pub(crate) async fn stored(&self, topic: &str, partition: u32) -> Vec<Record> {
        let log = self.bridge.log();
        let at = TopicPartition::new(topic, partition);
        let Some(end) = log.end(&at).filter(|end| *end > 0) else { return Vec::new() };
        let mut partitions = log.subscribe("tests", &[topic.to_owned()]).unwrap();
        let mut feed = loop {
            match partitions.next().await {
                Some(Assignment::Gained(feed)) if *feed.at() == at => break feed,
                other => assert!(other.is_some(), "the partition is announced"),
            }
        };
        let mut records: Vec<Record> = Vec::new();
        while records.last().is_none_or(|last| last.offset + 1 < end) {
            records.extend(feed.next(ReadLimit { records: usize::MAX, bytes: usize::MAX }).await.unwrap());
        }
        records
    }

    /// The first record that a new group finds in a partition.
    pub(crate) async fn first(&self, topic: &str, partition: u32) -> Record {
        self.find(topic, |at| at.partition == partition).await
    }

    /// The first record of a topic that has records in one partition only.
    pub(crate) async fn any(&self, topic: &str) -> Record {
        self.find(topic, |_| true).await
    }

    async fn find(&self, topic: &str, wanted: impl Fn(&TopicPartition) -> bool) -> Record {
        let mut partitions = self.bridge.log().subscribe("finder", &[topic.to_owned()]).unwrap();
        let mut reading = JoinSet::new();
        let limit = ReadLimit { records: 1, bytes: 1 };
        let found = async {
            loop {
                tokio::select! {
                    assignment = partitions.next() => match assignment {
                        Some(Assignment::Gained(mut feed)) if wanted(feed.at()) => {
                            reading.spawn(async move { feed.next(limit).await.unwrap().remove(0) });
                        }
                        _ => {}
                    },
                    Some(record) = reading.join_next() => return record.unwrap(),
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("there is a record")
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let request = self.client.post(self.url(path)).header("content-type", content_type).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

fn config(dir: &TempDir, change: impl FnOnce(&mut BridgeConfig)) -> BridgeConfig {
    let mut config = BridgeConfig::new(dir.path().join("data"));
    config.variables = BTreeMap::from([("SECRET".to_owned(), "s3cret".to_owned())]);
    change(&mut config);
    config
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

/// The keys of a connector for topic `t` that retries quickly.
pub(crate) fn sink(url: &str, keys: &Value) -> Value {
    let mut config = json!({
        "connector.class": "io.confluent.connect.http.HttpSinkConnector",
        "topics": "t", "http.api.url": format!("{url}/in"), "request.body.format": "json", "batch.max.size": 100,
        "retry.backoff.ms": 1,
    });
    for (key, value) in keys.as_object().unwrap() {
        config[key] = value.clone();
    }
    json!({ "name": "sink", "config": config })
}

pub(crate) fn write_connector(dir: &TempDir, connector: &Value) -> PathBuf {
    let path = dir.path().join("sink.json");
    std::fs::write(&path, connector.to_string()).unwrap();
    path
}

/// The JSON objects of a reply of v3.
pub(crate) fn reports(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().unwrap()
}

/// Waits until `check` gives something; for states that are only told when asked for.
pub(crate) async fn eventually<T>(mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < until, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
