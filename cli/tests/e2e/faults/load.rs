//! Runs in flight, and what became of them.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::table::{Memory, Row};
use minireipaz::testing::eventually_within;

use crate::{
    client::{Client, is_terminal},
    cluster::Cluster,
};

/// How long a cluster may take to come back to itself.
const LIMIT: Duration = Duration::from_secs(120);

/// So many clients start runs at a time.
const CLIENTS: usize = 8;

/// The steps that call something, in their order.
const CALLS: [&str; 3] = ["first", "slow", "last"];

/// Runs of one workflow, of a tenant of their own.
pub struct Load<'a> {
    fault: &'static str,
    cluster: &'a Cluster,
    api: Client,
    workflow: String,
    next: AtomicUsize,
    /// Which run has which number.
    accepted: Mutex<HashMap<String, usize>>,
    /// Duplicates that the workers had recognised before.
    recognised: Vec<u64>,
}

/// Which calls may be seen twice.
pub enum Repeats {
    /// None: the fault interrupts no step.
    None,
    /// Those that may have been under way when a worker was killed, when this had been called.
    Interrupted(HashSet<String>),
}

impl<'a> Load<'a> {
    /// A workflow whose steps call the playground, the second for 300 ms.
    pub async fn new(cluster: &'a Cluster, fault: &'static str) -> Self {
        cluster.mend().await;
        let tenant: String = fault.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let api = cluster.client(&tenant);
        let workflow = api.save(&document()).await;
        let recognised = count_tasks(cluster, "duplicate").await;
        Self {
            fault,
            cluster,
            api,
            workflow,
            next: AtomicUsize::new(0),
            accepted: Mutex::default(),
            recognised,
        }
    }

    /// Starts so many more, each as soon as a client is free; a client repeats its request until it is accepted.
    pub async fn start(&self, count: usize) {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        stream::iter(first..first + count)
            .for_each_concurrent(CLIENTS, async |n| {
                let run = self.api.run_surely(&self.workflow, &json!({"n": n}), &format!("order-{n}")).await;
                self.accepted.lock().unwrap().insert(run, n);
            })
            .await;
    }

    /// Waits until so many of the calls of step `first` have been made.
    pub async fn under_way(&self, count: usize) {
        eventually_within(LIMIT, "runs are under way", async || {
            let calls = self.called().await;
            let begun = calls.iter().filter(|key| key.contains(":first:")).count();
            begun >= count
        })
        .await;
    }

    /// Waits until so many runs have ended.
    pub async fn ended(&self, count: usize) {
        eventually_within(LIMIT, "runs end", async || {
            let rows = self.api.runs_of(&self.workflow).await?;
            (rows.iter().filter(|row| is_terminal(row)).count() >= count).then_some(())
        })
        .await;
    }

    /// The keys of the calls that have been made, as often as they have been.
    pub async fn called(&self) -> Vec<String> {
        let ours = self.accepted.lock().unwrap().clone();
        let calls = self.api.all_calls().await;
        let keys = calls.into_iter().filter_map(|call| Some(call["idempotency_key"].as_str()?.to_owned()));
        keys.filter(|key| ours.contains_key(run_of(key))).collect()
    }

    /// Starts so many more while something goes wrong that interrupts no step, and checks all runs when it is over.
    pub async fn through(self, count: usize, fault: impl AsyncFnOnce(&Self)) -> Row {
        let over = async {
            fault(&self).await;
            Instant::now()
        };
        let ((), over) = tokio::join!(self.start(count), over);
        self.finish(over, Repeats::None).await
    }

    /// Waits until all runs have ended, and checks them.
    pub async fn finish(self, over: Instant, repeats: Repeats) -> Row {
        let accepted = self.accepted.lock().unwrap().clone();
        let rows = eventually_within(LIMIT, "all runs end", async || {
            let rows = self.api.runs_of(&self.workflow).await?;
            let ended: HashSet<_> =
                rows.iter().filter(|row| is_terminal(row)).filter_map(|row| row["id"].as_str()).collect();
            let all = accepted.keys().all(|run| ended.contains(run.as_str()));
            all.then_some(rows)
        })
        .await;
        let recovery = over.elapsed();
        let mut wrong = Vec::new();
        for (run, n) in &accepted {
            let result = self.api.result(run).await;
            if let Err(what) = check(&result, *n) {
                wrong.push(format!("{what}: {result:#}"));
            }
        }
        assert!(wrong.is_empty(), "{}: {} runs are wrong, such as {}", self.fault, wrong.len(), wrong[0]);
        let mut listed: HashMap<&str, usize> = HashMap::new();
        for row in &rows {
            *listed.entry(row["id"].as_str().unwrap()).or_default() += 1;
        }
        let (called, repeated) = self.calls(&repeats).await;
        let row = Row {
            fault: self.fault,
            runs: self.next.load(Ordering::Relaxed),
            accepted: accepted.len(),
            lost: accepted.keys().filter(|run| !listed.contains_key(run.as_str())).count(),
            doubled: listed.values().filter(|times| **times > 1).count()
                + listed.keys().filter(|run| !accepted.contains_key(**run)).count(),
            repeated: repeated.len(),
            interrupted: called,
            redelivered: self.redelivered().await,
            recovery,
            memory: Memory::of(self.cluster).await,
        };
        assert_eq!((row.accepted, row.lost, row.doubled), (row.runs, 0, 0), "{row:?}");
        assert!(
            repeated.is_empty(),
            "{}: steps were repeated that nothing interrupted: {repeated:?}",
            self.fault
        );
        row.memory.check();
        row
    }

    /// How many calls were made again that may be, and which that must not be.
    async fn calls(&self, repeats: &Repeats) -> (usize, Vec<String>) {
        let mut times: HashMap<String, usize> = HashMap::new();
        for key in self.called().await {
            *times.entry(key).or_default() += 1;
        }
        let expected = self.accepted.lock().unwrap().len() * CALLS.len();
        assert_eq!(times.len(), expected, "{}: every step of every run was called", self.fault);
        let again = times.into_iter().filter(|(_, times)| *times > 1);
        let (may, must_not): (Vec<_>, Vec<_>) = again.partition(|(key, times)| match repeats {
            Repeats::None => false,
            Repeats::Interrupted(before) => *times == 2 && !is_done(key, before),
        });
        (may.len(), must_not.into_iter().map(|(key, times)| format!("{key} {times} times")).collect())
    }

    async fn redelivered(&self) -> u64 {
        let now = count_tasks(self.cluster, "duplicate").await;
        // A worker that was started again counts from zero.
        now.iter().zip(&self.recognised).map(|(now, before)| now.checked_sub(*before).unwrap_or(*now)).sum()
    }
}

/// Whether the step of this call had ended for certain: the one after it had begun.
fn is_done(key: &str, before: &HashSet<String>) -> bool {
    let Some(place) = CALLS.iter().position(|step| key.contains(&format!(":{step}:"))) else { return true };
    CALLS[place + 1..].iter().any(|next| before.contains(&key.replace(CALLS[place], next)))
}

/// The run of an idempotency key, `<run>:<node>:<item>`.
fn run_of(key: &str) -> &str {
    key.split(':').next().unwrap_or_default()
}

fn document() -> Value {
    let call = |id: &str, method: &str, path: &str| {
        let url = format!("{{{{ $env.PLAYGROUND_URL }}}}{path}");
        json!({"id": id, "type": "http_request", "data": {
            "label": id, "params": {"method": method, "url": url}, "timeout": "30s"}})
    };
    let n = "{{ $('Start').first().n }}";
    let edges = [("start", "first"), ("first", "slow"), ("slow", "last"), ("last", "result")];
    json!({
        "name": "Three calls, one after the other", "active": true,
        "nodes": [
            {"id": "start", "type": "manual", "data": {"label": "Start"}},
            call("first", "POST", &format!("/echo?n={n}")),
            call("slow", "POST", "/slow?ms=300"),
            call("last", "GET", &format!("/prices/s{n}")),
            {"id": "result", "type": "set", "data": {"label": "Result", "params": {
                "fields": {"n": n, "sku": "{{ $json.sku }}"}, "keep": "none"}}},
        ],
        "edges": edges.map(|(source, target)| json!({"source": source, "target": target})),
        "settings": {"timeout": "10m"},
    })
}

fn check(run: &Value, n: usize) -> Result<(), &'static str> {
    if run["status"] != "succeeded" {
        return Err("a run did not succeed");
    }
    if run["output"] != json!({"result": [{"n": n, "sku": format!("s{n}")}]}) {
        return Err("a run has another output");
    }
    let steps = run["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let nodes: HashSet<_> = steps.iter().filter_map(|step| step["node_id"].as_str()).collect();
    if steps.len() != 5 || nodes.len() != 5 || steps.iter().any(|step| step["status"] != "succeeded") {
        return Err("a run has other steps");
    }
    Ok(())
}

/// Tasks of which this became at each worker since its start.
pub async fn count_tasks(cluster: &Cluster, outcome: &str) -> Vec<u64> {
    let name = format!("minireipaz_worker_tasks_total{{outcome=\"{outcome}\"}} ");
    let mut counts = Vec::new();
    for worker in cluster.worker_urls() {
        let text = reqwest::get(format!("{worker}/metrics")).await.unwrap().text().await.unwrap();
        let count = text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
        counts.push(count.unwrap_or(0));
    }
    counts
}
