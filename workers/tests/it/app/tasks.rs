//! Tasks, as the scheduler sends them.

use std::time::Duration;

use domain::{
    event::{Event, Payload, TaskExecute},
    ids::{RunId, TenantId, WorkflowId},
    json_text::JsonText,
    run::{RunPlan, Trigger},
    timestamp::Timestamp,
    workflow::DocumentText,
};
use minireipaz::clock::{Clock, SystemClock};
use serde_json::{Value, json};

/// Whose runs they are, unless it is said otherwise.
pub(super) fn tenant() -> TenantId {
    TenantId::parse("acme").unwrap()
}

/// A task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) run: RunId,
    attempt: u32,
    document: String,
    input: String,
    traceparent: Option<String>,
    tenant: TenantId,
    trigger: Trigger,
    plan: RunPlan,
}

impl Task {
    /// A new run of this workflow.
    pub(crate) fn new(document: &Value) -> Self {
        Self::aged(document, Duration::ZERO)
    }

    /// A run that was accepted that long ago.
    pub(crate) fn aged(document: &Value, age: Duration) -> Self {
        let made = Timestamp::from_millis(SystemClock.now().as_millis() - age.as_millis() as i64);
        Self::of(RunId::at(made, rand::random()), document)
    }

    /// The run with that id.
    pub(crate) fn of(run: RunId, document: &Value) -> Self {
        let document = document.to_string();
        Self {
            run,
            attempt: 1,
            document,
            input: "null".to_owned(),
            traceparent: None,
            tenant: tenant(),
            trigger: Trigger::manual(),
            plan: RunPlan::default(),
        }
    }

    pub(crate) fn input(self, input: Value) -> Self {
        Self { input: input.to_string(), ..self }
    }

    /// Its input as a text that need not be readable.
    pub(crate) fn input_text(&mut self, input: String) {
        self.input = input;
    }

    pub(crate) fn traceparent(self, traceparent: &str) -> Self {
        Self { traceparent: Some(traceparent.to_owned()), ..self }
    }

    pub(crate) fn tenant(self, tenant: &str) -> Self {
        Self { tenant: TenantId::parse(tenant).unwrap(), ..self }
    }

    /// A run of a plan, started by that trigger.
    pub(crate) fn planned(self, trigger: Trigger, plan: RunPlan) -> Self {
        Self { trigger, plan, ..self }
    }

    pub(crate) fn attempt(self, attempt: u32) -> Self {
        Self { attempt, ..self }
    }

    /// Its document.
    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    /// Its record.
    pub(crate) fn json(&self) -> String {
        let task = TaskExecute {
            run_id: self.run,
            attempt: self.attempt,
            workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
            workflow_version: 1,
            document: DocumentText::parse(self.document.clone()).unwrap(),
            trigger: self.trigger.clone(),
            input: JsonText::parse(self.input.clone()).unwrap(),
            plan: self.plan.text().unwrap(),
            created_at: self.run.created_at().unwrap_or_else(|| SystemClock.now()),
        };
        let event = Event {
            id: self.run.to_string(),
            time: SystemClock.now(),
            tenant: self.tenant.clone(),
            traceparent: self.traceparent.clone(),
            payload: Payload::TaskExecute(Box::new(task)),
        };
        serde_json::to_string(&event).unwrap()
    }
}

/// A batch in the form of a JSON array.
pub(crate) fn batch<'t>(tasks: impl IntoIterator<Item = &'t Task>) -> String {
    let records: Vec<_> = tasks.into_iter().map(Task::json).collect();
    format!("[{}]", records.join(","))
}

/// A workflow whose three steps only compute: `start > double > last`.
pub(crate) fn pure_workflow() -> Value {
    json!({
        "name": "Pure",
        "nodes": [
            {"id": "start", "type": "manual"},
            {"id": "copy", "type": "set", "data": {"params": {"fields": {"copy": "{{ $json.n }}"}}}},
            {"id": "last", "type": "noop"},
        ],
        "edges": [{"source": "start", "target": "copy"}, {"source": "copy", "target": "last"}],
    })
}

/// A workflow of calls, one after the other: node, address and the node's other settings of each.
pub(crate) fn call_workflow(calls: &[(&str, String, Value)]) -> Value {
    let mut nodes = vec![json!({"id": "start", "type": "manual"})];
    let mut edges = Vec::new();
    let mut before = "start";
    for (id, url, settings) in calls {
        let mut data = settings.clone();
        data["params"] = json!({"method": "POST", "url": url});
        nodes.push(json!({"id": id, "type": "http_request", "data": data}));
        edges.push(json!({"source": before, "target": id}));
        before = id;
    }
    json!({"name": "Calls", "nodes": nodes, "edges": edges})
}
