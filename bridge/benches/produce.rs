//! Figures of the bridge on its embedded log (`cargo bench -p bridge`), or on a Kafka
//! (`cargo bench -p bridge -- HOST:PORT`). Clients, bridge and receiver share one process and its cores;
//! the clients write plain HTTP on sockets, so that they cost little. Figures are upper bounds of latency and
//! lower bounds of throughput.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Body, extract::State};
use bridge::{Bridge, BridgeConfig, KafkaSettings, LogConfig};
use futures_util::StreamExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

const VALUE_BYTES: usize = 200;

/// A client with one connection.
struct Client {
    socket: TcpStream,
    reply: Vec<u8>,
}

impl Client {
    async fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, reply: Vec::with_capacity(64 << 10) }
    }

    async fn post(&mut self, request: &[u8]) {
        self.socket.write_all(request).await.unwrap();
        self.reply.clear();
        loop {
            assert!(self.socket.read_buf(&mut self.reply).await.unwrap() > 0, "the bridge hung up");
            let Some(head) = self.reply.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&self.reply[..head]).unwrap();
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap();
            if self.reply.len() >= head + 4 + length.parse::<usize>().unwrap() {
                return;
            }
        }
    }
}

fn request(topic: &str, records: usize, key: usize) -> Vec<u8> {
    let filler = "x".repeat(VALUE_BYTES - 12);
    let record = |n: usize| {
        json!({
            "key": {"type": "STRING", "data": format!("key-{key}-{n}")},
            "value": {"type": "JSON", "data": {"text": filler}},
        })
        .to_string()
    };
    let body: String = (0..records).map(record).collect();
    format!(
        "POST /v3/clusters/c/topics/{topic}/records HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn percentile(sorted: &[Duration], p: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * p) as usize]
}

fn show(name: &str, mut latencies: Vec<Duration>, records: usize, took: Duration) {
    latencies.sort_unstable();
    println!(
        "{name:<34} p50 {:>9.3?}  p99 {:>9.3?}  {:>9.0} records/s",
        percentile(&latencies, 0.5),
        percentile(&latencies, 0.99),
        records as f64 / took.as_secs_f64()
    );
}

async fn produce(addr: SocketAddr, clients: usize, records: usize, requests: usize) {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for key in 0..clients {
        let request = request("bench", records, key);
        tasks.spawn(async move {
            let mut client = Client::connect(addr).await;
            let mut latencies = Vec::with_capacity(requests);
            for _ in 0..requests {
                let sent = Instant::now();
                client.post(&request).await;
                latencies.push(sent.elapsed());
            }
            latencies
        });
    }
    let latencies: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let name = format!("produce {clients} clients x {records}");
    show(&name, latencies, clients * records * requests, start.elapsed());
}

#[derive(Clone)]
struct Counting {
    records: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    arrived: mpsc::UnboundedSender<Instant>,
}

/// Counts the records of a JSON array without reading it: every value has one quoted field.
async fn receive(State(counting): State<Counting>, body: Body) {
    let mut frames = body.into_data_stream();
    let mut quotes = 0;
    while let Some(frame) = frames.next().await {
        quotes += frame.unwrap().iter().filter(|b| **b == b'"').count();
    }
    counting.requests.fetch_add(1, Ordering::SeqCst);
    counting.records.fetch_add(quotes / 4, Ordering::SeqCst);
    let _ = counting.arrived.send(Instant::now());
}

async fn deliver(addr: SocketAddr, counting: &Counting, arrived: &mut mpsc::UnboundedReceiver<Instant>) {
    let mut client = Client::connect(addr).await;
    let request_one = request("sink", 1, 0);
    let (mut latencies, start) = (Vec::new(), Instant::now());
    for _ in 0..2_000 {
        let sent = Instant::now();
        client.post(&request_one).await;
        latencies.push(arrived.recv().await.unwrap() - sent);
    }
    show("produce -> receiver one by one", latencies, 2_000, start.elapsed());

    let (before, requests_before) =
        (counting.records.load(Ordering::SeqCst), counting.requests.load(Ordering::SeqCst));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for key in 0..16 {
        let request = request("sink", 100, key);
        tasks.spawn(async move {
            let mut client = Client::connect(addr).await;
            for _ in 0..100 {
                client.post(&request).await;
            }
        });
    }
    let all = 16 * 100 * 100;
    while counting.records.load(Ordering::SeqCst) - before < all {
        arrived.recv().await.unwrap();
    }
    let took = start.elapsed();
    let requests = counting.requests.load(Ordering::SeqCst) - requests_before;
    let rate = all as f64 / took.as_secs_f64();
    println!("produce 16 x 100 -> receiver       {rate:>9.0} records/s in {requests} requests");
}

#[tokio::main]
async fn main() {
    let dir = TempDir::new().unwrap();
    let (sender, mut arrived) = mpsc::unbounded_channel();
    let counting = Counting { records: Arc::default(), requests: Arc::default(), arrived: sender };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(receive).with_state(counting.clone());
    let mut receiver = JoinSet::new();
    receiver.spawn(async move { axum::serve(listener, router).await.unwrap() });

    let connector = dir.path().join("sink.json");
    let keys = json!({
        "connector.class": bridge::connector::CLASS, "topics": "sink", "http.api.url": url,
        "request.body.format": "json", "batch.max.size": 100,
    });
    std::fs::write(&connector, json!({"name": "sink", "config": keys}).to_string()).unwrap();
    // cargo adds `--bench`.
    let kafka = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let (log, name) = match kafka {
        None => (LogConfig::Embedded { dir: dir.path().join("data") }, "the embedded log".to_owned()),
        Some(brokers) => (LogConfig::Kafka(KafkaSettings::new(&brokers)), format!("Kafka on {brokers}")),
    };
    let mut config = BridgeConfig::with_log(log);
    config.connectors = vec![connector];
    let bridge = Bridge::start(config).await.unwrap();

    println!("{name}: values of {VALUE_BYTES} bytes, every record acknowledged before its answer");
    produce(bridge.addr(), 1, 1, 500).await;
    for (clients, records, requests) in [(1, 1, 3_000), (16, 1, 2_000), (64, 1, 500), (16, 100, 200)] {
        produce(bridge.addr(), clients, records, requests).await;
    }
    deliver(bridge.addr(), &counting, &mut arrived).await;
    bridge.stop().await;
}
