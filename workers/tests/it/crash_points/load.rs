//! Runs of every kind, what was sent of them, and how each must end.

use std::collections::HashMap;

use domain::{
    ids::{RunId, TenantId},
    run::{RunKey, RunStatus, RunWithSteps},
};
use minireipaz::store::{RunStore as _, clickhouse::ClickHouse};
use serde_json::{Value, json};

use super::calls::{AGAIN, Calls, ONCE};
use crate::app::{SECRET, Task, batch, call_workflow, pure_workflow};

/// How many chains of calls a life begins with beside one run of each kind: of the first worker, and of either.
const CHAINS: usize = 4;
const EITHER: usize = 6;

/// How a run must end.
struct Expected {
    status: RunStatus,
    output: Option<Value>,
    /// The nodes that call, one after the other.
    calls: &'static [&'static str],
}

/// What was sent, and what is to be sent again since nobody has answered.
pub(super) struct Sent<'c> {
    calls: &'c Calls,
    http: reqwest::Client,
    expected: HashMap<RunId, Expected>,
    /// Batches without an answer, and whether the worker that they go to is to keep them.
    open: Vec<(Vec<Task>, bool)>,
}

impl<'c> Sent<'c> {
    pub(super) fn new(calls: &'c Calls) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { calls, http, expected: HashMap::new(), open: Vec::new() }
    }

    pub(super) fn next_life(&self) {
        self.calls.next_life();
    }

    /// Further runs are to be sent: what one life begins with.
    pub(super) fn add(&mut self) {
        let kinds = kinds(self.calls);
        let (document, input, expected) = &kinds[0];
        let mut own: Vec<_> = (0..CHAINS).map(|_| self.expect(document, input, expected)).collect();
        let either = (0..EITHER).map(|_| self.expect(document, input, expected)).collect();
        own.extend(kinds.iter().map(|(document, input, expected)| self.expect(document, input, expected)));
        self.open.extend([(own, true), (either, false)]);
    }

    fn expect(&mut self, document: &Value, input: &Value, expected: &Expected) -> Task {
        let task = Task::new(document).input(input.clone());
        let Expected { status, output, calls } = expected;
        self.expected.insert(task.run, Expected { status: *status, output: output.clone(), calls });
        task
    }

    /// Sends what has no answer; `false` when the worker is gone.
    pub(super) async fn hand_over(&mut self, url: &str) -> bool {
        while let Some((tasks, keep)) = self.open.first() {
            let mut request = self.http.post(format!("{url}/tasks")).bearer_auth(SECRET).body(batch(tasks));
            if *keep {
                request = request.header("minireipaz-handed-over", "1");
            }
            match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    self.open.remove(0);
                }
                // It is stopping: as a connector would, it comes again.
                Ok(answer) if answer.status().as_u16() == 503 => return false,
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => return false,
            }
        }
        true
    }

    /// All runs, once all of them have ended.
    pub(super) async fn all_ended(&self, store: &ClickHouse) -> Option<Vec<RunWithSteps>> {
        let tenant = TenantId::parse("acme").unwrap();
        let keys: Vec<RunKey> = self.expected.keys().map(|run| (tenant.clone(), *run)).collect();
        for keys in keys.chunks(500) {
            let heads = store.heads(keys).await.unwrap();
            let ended = heads.values().filter(|head| head.as_ref().unwrap().status.is_terminal()).count();
            if ended < keys.len() {
                return None;
            }
        }
        let mut runs = Vec::new();
        for keys in keys.chunks(50) {
            runs.extend(store.get(keys).await.unwrap().into_values().map(Result::unwrap));
        }
        assert_eq!(runs.len(), keys.len());
        Some(runs)
    }

    /// Whether all runs have ended as they must; they are not asked for again.
    pub(super) fn check_all(&mut self, ended: &[RunWithSteps]) {
        ended.iter().for_each(|run| self.check(run));
        self.expected.clear();
    }

    /// Whether the run has ended as it must, with the calls that its steps say.
    fn check(&self, found: &RunWithSteps) {
        let RunWithSteps { run, steps, .. } = found;
        let Expected { status, output, calls } = &self.expected[&run.id];
        assert_eq!((run.status, &run.output), (*status, output), "{:?}", run.error);
        let keys: Vec<_> = calls.iter().map(|node| format!("{}:{node}:0", run.id)).collect();
        for (node, key) in calls.iter().zip(&keys) {
            let step = steps.iter().find(|step| step.node_id.as_str() == *node).unwrap();
            let (came, attempts) = (self.calls.count(key), step.attempts as usize);
            assert!((1..=attempts).contains(&came), "{key} came {came} times in {attempts} attempts");
        }
        assert!(self.calls.came_in_order(&keys), "{keys:?}: what was done was done again");
    }
}

/// Workflows with an input, and how their runs end.
fn kinds(calls: &Calls) -> Vec<(Value, Value, Expected)> {
    let succeeds = |output: Value, calls: &'static [&'static str]| Expected {
        status: RunStatus::Succeeded,
        output: Some(output),
        calls,
    };
    let (once, again) = (calls.url(ONCE), calls.url(AGAIN));
    let retry = json!({"retry": {"max_attempts": 3, "base": "10ms"}});
    let chain = call_workflow(&[
        ("first", once.clone(), json!({})),
        ("second", again, retry),
        ("third", once.clone(), json!({})),
    ]);
    let answered = json!({"answered": true});
    let call = node("call", "http_request", json!({"method": "POST", "url": once}));
    let done = node("done", "set", json!({"keep": "none", "fields": {"done": true}}));
    let wait = node("wait", "wait", json!({"for": "1200ms"}));
    let start = node("start", "manual", json!({}));
    let patient = workflow("start > wait > call > done", &[&start, &wait, &call, &done]);
    let one = node("one", "limit", json!({"count": 1}));
    let far = workflow("start > wait > one", &[&start, &wait, &one]);
    let many: Vec<_> = (0..3_500).map(|n| json!({ "n": n })).collect();
    let hour = node("wait", "wait", json!({"for": "1h"}));
    let mut late = workflow("start > wait", &[&start, &hour]);
    late["settings"] = json!({"timeout": "1s"});
    let loops = node("l", "loop", json!({"batch": 2}));
    let batches = workflow("start > l; l.loop > call > l; l.done > done", &[&start, &loops, &call, &done]);
    let four = json!([{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]);
    let which = node("which", "if", json!({"where": {"left": "{{ $json.n }}", "op": "gt", "right": 2}}));
    let other = node("other", "http_request", json!({"method": "POST", "url": calls.url(ONCE)}));
    let merge = node("merge", "merge", json!({"mode": "append"}));
    let forked = workflow(
        "start > which; which.true > call > merge; which.false > other > merge > done",
        &[&start, &which, &call, &other, &merge, &done],
    );
    let script = node("script", "set", json!({"fields": {"m": "{{ $json.n + 1 }}"}}));
    let scripted = workflow("start > script", &[&start, &script]);
    let count = node("count", "set", json!({"keep": "none", "fields": {"n": "{{ $iteration }}"}}));
    let more = node("more", "if", json!({"where": {"left": "{{ $iteration }}", "op": "lt", "right": 900}}));
    let counting = workflow(
        "start > count > more; more.true > count; more.false > done",
        &[&start, &count, &more, &done],
    );
    let four_done = json!({"done": vec![json!({"done": true}); 4]});
    let timed_out = Expected { status: RunStatus::TimedOut, output: None, calls: &[] };
    vec![
        (chain, Value::Null, succeeds(json!({ "third": [answered] }), &["first", "second", "third"])),
        (pure_workflow(), json!({"n": 7}), succeeds(json!({"last": [{"n": 7, "copy": 7}]}), &[])),
        (patient, Value::Null, succeeds(json!({"done": [{"done": true}]}), &["call"])),
        (far, json!(many), succeeds(json!({"one": [{"n": 0}]}), &[])),
        (late, Value::Null, timed_out),
        (batches, four.clone(), succeeds(four_done.clone(), &[])),
        (forked, four, succeeds(four_done, &[])),
        (scripted, json!({"n": 1}), succeeds(json!({"script": [{"n": 1, "m": 2}]}), &[])),
        (counting, Value::Null, succeeds(json!({"done": [{"done": true}]}), &[])),
    ]
}

fn node(id: &str, kind: &str, params: Value) -> Value {
    json!({"id": id, "type": kind, "data": {"params": params}})
}

/// Chains such as `a > b.port > c`, of these nodes.
fn workflow(text: &str, nodes: &[&Value]) -> Value {
    let mut edges = Vec::new();
    for chain in text.split(';') {
        let ends: Vec<_> = chain.split('>').map(str::trim).collect();
        for pair in ends.windows(2) {
            let (source, port) = pair[0].split_once('.').unwrap_or((pair[0], "main"));
            let target = pair[1].split('.').next();
            edges.push(json!({"source": source, "sourceHandle": port, "target": target}));
        }
    }
    json!({"name": "Load", "nodes": nodes, "edges": edges})
}
