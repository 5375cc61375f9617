//! Workflows with an input, and how their runs end.

use domain::{
    ids::RunId,
    run::{RunPlan, RunStatus, Trigger},
};
use serde_json::{Value, json};

use super::calls::{AGAIN, Calls, ONCE};
use crate::app::{call_workflow, pure_workflow};

/// How a run must end.
#[derive(Clone)]
pub(super) struct Expected {
    pub(super) status: RunStatus,
    pub(super) output: Option<Value>,
    /// The nodes that call, one after the other.
    pub(super) calls: &'static [&'static str],
}

/// What somebody outside does, once the run has come so far.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Two signals at once for the step `ask`, when it waits and this call of the run is under way, if one is named.
    Signal(Option<&'static str>),
    /// A cancel, when this call of the run, or of the run that it calls, is under way.
    Cancel(Called),
}

/// A call that is under way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    ByTheRun,
    ByItsChild,
}

/// A run that another one starts: its id, which follows from that one's, and how it must end.
pub(super) type Started = (fn(RunId) -> RunId, Expected);

/// A run that is sent, and what comes of it.
#[derive(Clone)]
pub(super) struct Kind {
    pub(super) document: Value,
    pub(super) input: Value,
    pub(super) planned: Option<(Trigger, RunPlan)>,
    pub(super) end: Expected,
    /// The runs that it starts.
    pub(super) starts: Vec<Started>,
    pub(super) wanted: Option<Wanted>,
}

impl Kind {
    pub(super) fn new(document: Value, input: Value, end: Expected) -> Self {
        Self { document, input, planned: None, end, starts: Vec::new(), wanted: None }
    }
}

impl Expected {
    /// Without output or calls that count.
    pub(super) fn ends(status: RunStatus) -> Self {
        Self { status, output: None, calls: &[] }
    }
}

pub(super) fn succeeds(output: Value, calls: &'static [&'static str]) -> Expected {
    Expected { status: RunStatus::Succeeded, output: Some(output), calls }
}

/// Three calls, of which the second one is refused once.
pub(super) fn chain(calls: &Calls) -> Value {
    let (once, again) = (calls.url(ONCE), calls.url(AGAIN));
    let retry = json!({"retry": {"max_attempts": 3, "base": "10ms"}});
    call_workflow(&[("first", once.clone(), json!({})), ("second", again, retry), ("third", once, json!({}))])
}

/// Runs that need nobody and start nothing. The first kind is a chain of calls.
pub(super) fn plain(calls: &Calls) -> Vec<Kind> {
    let (once, answered) = (calls.url(ONCE), json!({"answered": true}));
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
    let all = [
        (chain(calls), Value::Null, succeeds(json!({ "third": [answered] }), &["first", "second", "third"])),
        (pure_workflow(), json!({"n": 7}), succeeds(json!({"last": [{"n": 7, "copy": 7}]}), &[])),
        (patient, Value::Null, succeeds(json!({"done": [{"done": true}]}), &["call"])),
        (far, json!(many), succeeds(json!({"one": [{"n": 0}]}), &[])),
        (late, Value::Null, Expected::ends(RunStatus::TimedOut)),
        (batches, four.clone(), succeeds(four_done.clone(), &[])),
        (forked, four, succeeds(four_done, &[])),
        (scripted, json!({"n": 1}), succeeds(json!({"script": [{"n": 1, "m": 2}]}), &[])),
        (counting, Value::Null, succeeds(json!({"done": [{"done": true}]}), &[])),
    ];
    all.into_iter().map(|(document, input, end)| Kind::new(document, input, end)).collect()
}

pub(super) fn node(id: &str, kind: &str, params: Value) -> Value {
    json!({"id": id, "type": kind, "data": {"params": params}})
}

/// Chains such as `a > b.port > c`, of these nodes.
pub(super) fn workflow(text: &str, nodes: &[&Value]) -> Value {
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
