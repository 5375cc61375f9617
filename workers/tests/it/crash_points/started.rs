//! Runs that others start, that wait for people, for each other or for the store, and that store files.

use domain::{
    ids::{NodeId, RunId, WorkflowId},
    iteration::Iteration,
    run::{RunPlan, RunStatus, Trigger},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    calls::{Calls, FILE, FILE_TEXT, HELD, NEVER, ONCE},
    kinds::{Called, Expected, Kind, Started, Wanted, chain, node, succeeds, workflow},
};
use crate::app::call_workflow;

/// Workflows that are saved: one that is called, one that is called and never ends by itself, and an error workflow.
const CHILD: WorkflowId = WorkflowId(uuid::Uuid::from_u128(77));
const ENDLESS: WorkflowId = WorkflowId(uuid::Uuid::from_u128(78));
const ALARM: WorkflowId = WorkflowId(uuid::Uuid::from_u128(88));

/// The node of [`NEVER`] and [`HELD`] calls.
pub(super) const OPEN: &str = "open";

pub(super) fn saved(calls: &Calls) -> Vec<(WorkflowId, Value)> {
    let once = call_workflow(&[("call", calls.url(ONCE), json!({}))]);
    let endless = call_workflow(&[(OPEN, calls.url(NEVER), json!({}))]);
    vec![(CHILD, once.clone()), (ENDLESS, endless), (ALARM, once)]
}

pub(super) fn first_called(run: RunId) -> RunId {
    run.of_call(1, 1, &Iteration::outside(), 0)
}

fn second_called(run: RunId) -> RunId {
    run.of_call(1, 1, &Iteration::outside(), 1)
}

/// All of them. `ended` is a chain of calls that the store has; `group` is nobody else's.
pub(super) fn started(calls: &Calls, ended: RunId, group: &str) -> Vec<Kind> {
    let mut all = vec![signalled(calls, None), signalled(calls, Some(OPEN)), cancelled(calls)];
    all.extend([caller(), orphaning(), failing(), file(calls), replay(calls, ended)]);
    all.extend(seated(calls));
    all.extend(replaced(group));
    all
}

fn done() -> Value {
    node("done", "set", json!({"keep": "none", "fields": {"done": true}}))
}

/// Waits for a signal, in memory only while a call is under way.
fn signalled(calls: &Calls, beside: Option<&'static str>) -> Kind {
    let start = node("start", "manual", json!({}));
    let ask = node("ask", "wait", json!({"signal": {"name": "go", "timeout": "1h"}}));
    let call = node("call", "http_request", json!({"method": "POST", "url": calls.url(ONCE)}));
    let by = node("by", "set", json!({"keep": "none", "fields": {"by": "{{ $('ask').item.by }}"}}));
    let open = node(OPEN, "http_request", json!({"method": "POST", "url": calls.url(HELD)}));
    let (text, output, nodes) = match beside {
        None => ("start > ask > call > by", json!({"by": [{"by": "first"}]}), vec![&start, &ask, &call, &by]),
        Some(_) => (
            "start > ask > call > by; start > open",
            json!({"by": [{"by": "first"}], "open": [{"answered": true}]}),
            vec![&start, &ask, &call, &by, &open],
        ),
    };
    let kind = Kind::new(workflow(text, &nodes), Value::Null, succeeds(output, &["call"]));
    Kind { wanted: Some(Wanted::Signal(beside)), ..kind }
}

/// Is cancelled while its call is under way.
fn cancelled(calls: &Calls) -> Kind {
    let document = call_workflow(&[(OPEN, calls.url(NEVER), json!({}))]);
    let kind = Kind::new(document, Value::Null, Expected::ends(RunStatus::Cancelled));
    Kind { wanted: Some(Wanted::Cancel(Called::ByTheRun)), ..kind }
}

fn calling(workflow_id: WorkflowId, input: Value, end: Expected) -> Kind {
    let start = node("start", "manual", json!({}));
    let call = node("c", "call_workflow", json!({"workflow_id": workflow_id, "mode": "each"}));
    Kind::new(workflow("start > c > done", &[&start, &call, &done()]), input, end)
}

/// Calls two runs.
fn caller() -> Kind {
    let end = succeeds(json!({"done": [{"done": true}, {"done": true}]}), &[]);
    let child = succeeds(json!({"call": [{"answered": true}]}), &["call"]);
    let starts: [fn(RunId) -> RunId; 2] = [first_called, second_called];
    let starts = starts.map(|started| (started, child.clone())).into();
    Kind { starts, ..calling(CHILD, json!([{"n": 1}, {"n": 2}]), end) }
}

/// Is cancelled while the run that it calls goes on, which ends with it.
fn orphaning() -> Kind {
    let end = Expected::ends(RunStatus::Cancelled);
    let starts: [Started; 1] = [(first_called, end.clone())];
    let wanted = Some(Wanted::Cancel(Called::ByItsChild));
    Kind { starts: starts.into(), wanted, ..calling(ENDLESS, json!([{"n": 1}]), end) }
}

/// Fails, and has its error workflow started.
fn failing() -> Kind {
    let start = node("start", "manual", json!({}));
    let boom = node("boom", "fail", json!({"message": "as intended"}));
    let mut document = workflow("start > boom", &[&start, &boom]);
    document["settings"] = json!({"error_workflow": ALARM});
    let alarm = succeeds(json!({"call": [{"answered": true}]}), &["call"]);
    let starts: [Started; 1] = [(|run| run.of_failure(1), alarm)];
    Kind { starts: starts.into(), ..Kind::new(document, Value::Null, Expected::ends(RunStatus::Failed)) }
}

/// Stores what a server answers.
fn file(calls: &Calls) -> Kind {
    let start = node("start", "manual", json!({}));
    let params = json!({"method": "POST", "url": calls.url(FILE), "response": {"format": "file"}});
    let document = workflow("start > call", &[&start, &node("call", "http_request", params)]);
    let id: String = Sha256::digest(FILE_TEXT.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = json!({"id": id, "name": "file", "type": "text/plain", "size": FILE_TEXT.len()});
    Kind::new(document, Value::Null, succeeds(json!({"call": [{"data": {"$file": file}}]}), &["call"]))
}

/// Takes the first call of a chain over, which is not made again.
fn replay(calls: &Calls, ended: RunId) -> Kind {
    let id = |node: &str| NodeId::parse(node).unwrap();
    let trigger = Trigger { replay_of: Some(ended), from: Some(id("second")), ..Trigger::manual() };
    let plan = RunPlan { earlier: [id("first")].into(), ..RunPlan::default() };
    let end = succeeds(json!({"third": [{"answered": true}]}), &["second", "third"]);
    Kind { planned: Some((trigger, plan)), ..Kind::new(chain(calls), Value::Null, end) }
}

/// Runs that run one after the other.
fn seated(calls: &Calls) -> [Kind; 2] {
    let start = node("start", "manual", json!({}));
    let call = node("call", "http_request", json!({"method": "POST", "url": calls.url(ONCE)}));
    let mut document = workflow("start > call > done", &[&start, &call, &done()]);
    document["settings"] = json!({"concurrency": {"limit": 1, "key": "key"}});
    let end = succeeds(json!({"done": [{"done": true}]}), &["call"]);
    let kind = Kind::new(document, json!({"key": "one after the other"}), end);
    [kind.clone(), kind]
}

/// A run, and one that takes its seat.
fn replaced(group: &str) -> [Kind; 2] {
    let settings = json!({"concurrency": {"limit": 1, "key": "key", "above": "cancel_oldest"}});
    let start = node("start", "manual", json!({}));
    let mut oldest = workflow("start > wait", &[&start, &node("wait", "wait", json!({"for": "1h"}))]);
    let mut newest = workflow("start > done", &[&start, &done()]);
    (oldest["settings"], newest["settings"]) = (settings.clone(), settings);
    let input = json!({ "key": group });
    [
        Kind::new(oldest, input.clone(), Expected::ends(RunStatus::Cancelled)),
        Kind::new(newest, input, succeeds(json!({"done": [{"done": true}]}), &[])),
    ]
}
