//! kill -9 of a real process, in the middle of everything.

use std::{
    collections::{HashMap, HashSet},
    io::Read,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bridge::{Bridge, BridgeConfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::support::{Receiver, Reply, reports, sink, write_connector};

const DIR: &str = "BRIDGE_TEST_DIR";
const READY: &str = "bridge listens on ";

/// Not a test by itself: the process that the test below starts and kills. It ends when its parent does.
#[tokio::test]
async fn the_bridge_process() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let mut config = BridgeConfig::new(Path::new(&dir).join("data"));
    config.connectors = vec![Path::new(&dir).join("sink.json")];
    let bridge = Bridge::start(config).await.unwrap();
    println!("\n{READY}{}", bridge.addr());
    let parent_is_gone = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(parent_is_gone).await.unwrap().unwrap();
}

async fn start(dir: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::the_bridge_process", "--nocapture"])
        .env(DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the process says where it listens");
        if let Some(addr) = line.strip_prefix(READY) {
            return (child, format!("http://{addr}/v3/clusters/c/topics/t/records"));
        }
    }
}

/// Produces numbered records one after another until the process is gone; how many it acknowledged.
async fn produce(url: String, key: &'static str, from: u64, acknowledged: Arc<AtomicUsize>) -> u64 {
    let client = reqwest::Client::new();
    for n in from.. {
        let record = json!({
            "key": {"type": "STRING", "data": key}, "value": {"type": "JSON", "data": {"key": key, "n": n}},
        });
        let sent = client
            .post(&url)
            .header("content-type", "application/json")
            .body(record.to_string())
            .send()
            .await;
        let Ok(response) = sent else { return n };
        let Ok(text) = response.text().await else { return n };
        if text.is_empty() || reports(&text)[0]["error_code"] != 200 {
            return n;
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    unreachable!("there are always more numbers")
}

#[tokio::test]
async fn after_kill_9_everything_acknowledged_is_delivered_nothing_is_skipped_and_order_is_kept() {
    const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let dir = TempDir::new().unwrap();
    // It refuses now and then, so that a kill also falls into retries.
    let mut receiver = Receiver::scripted(|n, _| Reply::Status(if n % 5 == 4 { 503 } else { 200 })).await;
    let keys = json!({ "batch.max.size": 3, "max.retries": 1_000_000 });
    write_connector(&dir, &sink(&receiver.url(), &keys));

    let mut next = [0_u64; KEYS.len()];
    let mut unacknowledged = HashSet::new();
    for _kill in 0..3 {
        let (mut child, url) = start(dir.path()).await;
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut producers = tokio::task::JoinSet::new();
        for (place, key) in KEYS.into_iter().enumerate() {
            let produced = produce(url.clone(), key, next[place], acknowledged.clone());
            producers.spawn(async move { (place, produced.await) });
        }
        // Killed while records come in and go out.
        crate::support::eventually(async || (acknowledged.load(Ordering::SeqCst) > 150).then_some(())).await;
        child.kill().await.unwrap();
        for (place, end) in producers.join_all().await {
            // The record whose answer was lost may be stored or not; its number is not used again.
            unacknowledged.insert((KEYS[place], end));
            next[place] = end + 1;
        }
    }

    let (mut child, url) = start(dir.path()).await;
    for (place, key) in KEYS.into_iter().enumerate() {
        let last = json!({
            "key": {"type": "STRING", "data": key},
            "value": {"type": "JSON", "data": {"key": key, "n": next[place], "last": true}},
        });
        let client = reqwest::Client::new();
        client
            .post(&url)
            .header("content-type", "application/json")
            .body(last.to_string())
            .send()
            .await
            .unwrap();
    }
    let mut seen: HashMap<String, Vec<u64>> = HashMap::new();
    let mut ended = HashSet::new();
    while ended.len() < KEYS.len() {
        for value in receiver.values(1).await {
            let key = value["key"].as_str().unwrap().to_owned();
            if value["last"] == true {
                ended.insert(key.clone());
            }
            seen.entry(key).or_default().push(value["n"].as_u64().unwrap());
        }
    }
    child.kill().await.unwrap();

    for (place, key) in KEYS.into_iter().enumerate() {
        let numbers = &seen[key];
        let mut due = 0;
        for n in numbers {
            // It comes again, or it is the next; only what was never acknowledged may be missing before it.
            while due < *n && unacknowledged.contains(&(key, due)) {
                due += 1;
            }
            assert!(*n <= due, "{key}: {n} came when {due} was due: {numbers:?}");
            due = due.max(n + 1);
        }
        assert_eq!(due, next[place] + 1, "{key}: all came");
    }
}
