//! The language of the scenarios: a workflow in a line, and what happens to a run of it.

use std::sync::Arc;

use domain::{
    definition::Definition,
    ids::{RunId, TenantId, WorkflowId},
    items::{Item, Output, Ports},
    retry::Failure,
    run::{NodeError, Run, RunPlan, RunStatus, Step, Trigger, WaitsFor},
    timestamp::Timestamp,
    workflow::WorkflowDocument,
};
use serde_json::{Map, Value, json};

use crate::engine::{
    Command, Decision, Effect, Execute, Illegal, Input, Later, Outcome, RunEvent, RunHeader, RunState,
    StepFailure, StepKey, Timer, Woken, facts, step,
};

/// When runs are accepted.
pub(super) const CREATED: Timestamp = Timestamp::from_millis(1_763_971_200_000);

/// A workflow such as `start:manual > check:if; check.true > yes:set; check.false > no:set`, with node data by id.
/// `>` is an edge, `.port` the port it starts from, `@input` the input it leads to, `:kind` names a node's kind once.
pub(super) fn workflow(text: &str, data: &Value) -> Definition {
    workflow_within("1h", text, data)
}

/// A workflow with a time limit.
pub(super) fn workflow_within(timeout: &str, text: &str, data: &Value) -> Definition {
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    for chain in text.split(';') {
        let mut before: Option<(&str, &str)> = None;
        for word in chain.split('>').map(str::trim) {
            let (word, input) =
                word.split_once('@').map_or((word, None), |(word, input)| (word, Some(input)));
            let (word, port) = word.split_once('.').unwrap_or((word, "main"));
            let (id, kind) = word.split_once(':').map_or((word, None), |(id, kind)| (id, Some(kind)));
            if let Some(kind) = kind {
                nodes.push((id.to_owned(), kind, data[id].clone()));
            }
            if let Some((source, handle)) = before.replace((id, port)) {
                edges.push(json!({
                    "source": source, "sourceHandle": handle, "target": id, "targetHandle": input
                }));
            }
        }
    }
    define(&json!({ "timeout": timeout }), &nodes, &edges)
}

/// A workflow of nodes (id, kind, data) and edges, with these settings.
pub(super) fn define(settings: &Value, nodes: &[(String, &str, Value)], edges: &[Value]) -> Definition {
    let nodes: Vec<_> = nodes.iter().map(|(id, kind, data)| node(id, kind, data)).collect();
    let document: WorkflowDocument = serde_json::from_value(json!({
        "name": "a workflow", "nodes": nodes, "edges": edges, "settings": settings
    }))
    .unwrap();
    Definition::new(&document).unwrap()
}

/// A node of that kind with parameters that are valid, whatever they do.
fn node(id: &str, kind: &str, data: &Value) -> Value {
    let params = match kind {
        "http_request" => json!({ "method": "GET", "url": "http://x/" }),
        "set" => json!({ "fields": {} }),
        "if" | "filter" => json!({ "where": "{{ true }}" }),
        "wait" => json!({ "for": "1h" }),
        "merge" => json!({ "mode": "append" }),
        "schedule" => json!({ "every": "1h" }),
        "fail" => json!({ "message": "no" }),
        "call_workflow" => json!({ "workflow_id": "018f3c3e-0000-7000-8000-000000000000" }),
        _ => json!({}),
    };
    let mut all = data.as_object().cloned().unwrap_or_default();
    all.entry("params").or_insert(params);
    json!({ "id": id, "type": kind, "data": all })
}

pub(super) fn header(input: Value) -> RunHeader {
    RunHeader {
        tenant: TenantId::parse("acme").unwrap(),
        run_id: RunId::at(CREATED, 1),
        attempt: 1,
        workflow_id: WorkflowId::at(CREATED, 2),
        workflow_version: 3,
        trigger: Trigger::manual(),
        input,
        plan: RunPlan::default(),
        created_at: CREATED,
        traceparent: None,
    }
}

/// `{"port": [items]}` as an output.
pub(super) fn output(value: &Value) -> Output {
    serde_json::from_value::<Ports>(value.clone()).unwrap().into()
}

/// A step's output with one item on `main`.
pub(super) fn one_item() -> Output {
    Ports::from([("main".into(), Arc::new(vec![Item::new()]))]).into()
}

pub(super) const UNAVAILABLE: Failure = Failure::Server { retry_after: None };

/// What happened to steps, by name.
pub(super) fn changes(events: &[RunEvent]) -> Vec<&'static str> {
    let changes = events.iter().filter_map(|event| match event {
        RunEvent::Step(event) => Some(event.change.name()),
        RunEvent::Started { .. } | RunEvent::Finished { .. } => None,
    });
    changes.collect()
}

/// A run under way, and what the last command led to.
pub(super) struct Scenario {
    pub(super) state: RunState,
    pub(super) now: Timestamp,
    pub(super) journal: Vec<RunEvent>,
    pub(super) last: Decision,
}

impl Scenario {
    pub(super) fn queued(definition: Definition, input: Value) -> Self {
        let state = RunState::new(header(input), definition);
        Self { state, now: CREATED, journal: Vec::new(), last: Decision::default() }
    }

    /// A run of a plan, started by a trigger of that kind.
    pub(super) fn planned(definition: Definition, trigger: Trigger, plan: RunPlan) -> Self {
        let header = RunHeader { trigger, plan, ..header(json!({ "sku": "A1" })) };
        let state = RunState::new(header, definition);
        let mut scenario = Self { state, now: CREATED, journal: Vec::new(), last: Decision::default() };
        scenario.tell(Command::Start).unwrap();
        scenario
    }

    pub(super) fn started(definition: Definition) -> Self {
        let mut scenario = Self::queued(definition, json!({ "sku": "A1" }));
        scenario.tell(Command::Start).unwrap();
        scenario
    }

    pub(super) fn tell(&mut self, command: Command) -> Result<(), Illegal> {
        self.last = step(&mut self.state, command, self.now)?;
        self.journal.extend(self.last.events.iter().cloned());
        Ok(())
    }

    pub(super) fn later(&mut self, millis: i64) -> &mut Self {
        self.now = Timestamp::from_millis(self.now.as_millis() + millis);
        self
    }

    pub(super) fn index(&self, id: &str) -> usize {
        self.state.definition().node(id).unwrap()
    }

    /// The attempt that is under way ends.
    pub(super) fn finish(&mut self, id: &str, outcome: Outcome) -> &mut Self {
        let key = self.key(id);
        let (step, attempt) = self.state.running().find(|(running, _)| *running == key).unwrap();
        self.tell(Command::StepFinished { step, attempt, outcome, jitter: 1.0 }).unwrap();
        self
    }

    pub(super) fn succeed(&mut self, id: &str) -> &mut Self {
        self.finish(id, Outcome::Succeeded(one_item()))
    }

    pub(super) fn give(&mut self, id: &str, output: &Value) -> &mut Self {
        self.finish(id, Outcome::Succeeded(self::output(output)))
    }

    pub(super) fn fail(&mut self, id: &str, failure: Failure) -> &mut Self {
        self.fail_with(id, failure, None, &json!({}))
    }

    pub(super) fn fail_with(
        &mut self,
        id: &str,
        failure: Failure,
        partial: Option<Value>,
        fallback: &Value,
    ) -> &mut Self {
        let error = NodeError::new(failure.as_str(), "it did not work");
        let fallback = output(fallback);
        self.finish(
            id,
            Outcome::Failed(Box::new(StepFailure { error, failure, partial, fallback: Some(fallback) })),
        )
    }

    /// The attempt that is under way goes on later.
    pub(super) fn wait(&mut self, id: &str, waits_for: WaitsFor, kept: Option<Value>) -> &mut Self {
        self.finish(id, Outcome::Later(Box::new(Later { waits_for, kept })))
    }

    /// The moment comes for which a step waits.
    pub(super) fn retry(&mut self, id: &str) -> &mut Self {
        let wake = Timer::Wake(self.key(id));
        let (timer, at) = self.state.timers().find(|(timer, _)| *timer == wake).unwrap();
        self.now = self.now.max(at);
        self.tell(Command::TimerFired(timer)).unwrap();
        self
    }

    /// The worker stops in order, and a new one starts.
    pub(super) fn stop_and_restart(&mut self) -> &mut Self {
        self.tell(Command::Stop).unwrap();
        assert!(self.last.effects.is_empty());
        self.restart()
    }

    /// Restart: the state is folded again from the journal, and recovers.
    pub(super) fn restart(&mut self) -> &mut Self {
        self.state = self.replayed();
        self.tell(Command::Recover).unwrap();
        self
    }

    pub(super) fn replayed(&self) -> RunState {
        let mut state = RunState::new(Arc::clone(self.state.header()), Arc::clone(self.state.definition()));
        self.journal.iter().for_each(|event| state.apply(event).unwrap());
        state
    }

    /// The last command's effects, each in words.
    pub(super) fn effects(&self) -> Vec<String> {
        let name = |step: &StepKey| {
            let node = &self.state.definition().nodes[step.node].id;
            if step.iteration.is_outside() { node.to_string() } else { format!("{node}[{}]", step.iteration) }
        };
        let timer = |timer: &Timer| match timer {
            Timer::Wake(step) => format!("wake {}", name(step)),
            Timer::Begin => "begin".to_owned(),
            Timer::Deadline => "deadline".to_owned(),
        };
        let words = |effect: &Effect| match effect {
            Effect::Execute(Execute { step, attempt, kept, woken }) => {
                let kept = kept.as_ref().map_or_else(String::new, |kept| format!(" with {kept}"));
                let woken =
                    woken.as_ref().map_or_else(String::new, |Woken { by, ended }| match ended.as_slice() {
                        [] => format!(" after {by:?}"),
                        ended => format!(" after {by:?} with {ended:?}"),
                    });
                format!("execute {}#{attempt}{kept}{woken}", name(step))
            }
            Effect::Abort(step) => format!("abort {}", name(step)),
            Effect::SetTimer { timer: key, at } => {
                format!("set {} at {}", timer(key), at.as_millis() - CREATED.as_millis())
            }
            Effect::CancelTimer(key) => format!("cancel {}", timer(key)),
            Effect::StartRun(run) => format!("start run {}", run.header.run_id),
            Effect::CancelRuns(runs) => {
                let runs: Vec<_> = runs.iter().map(ToString::to_string).collect();
                format!("cancel runs {}", runs.join(" "))
            }
        };
        self.last.effects.iter().map(words).collect()
    }

    pub(super) fn status(&self) -> RunStatus {
        self.state.status()
    }

    pub(super) fn run(&self) -> Run {
        facts::run(&self.state)
    }

    pub(super) fn step(&self, id: &str) -> Option<Step> {
        let key = self.key(id);
        facts::step(&self.state, key.node, self.state.steps().get(&key)?)
    }

    /// The step of the newest iteration.
    pub(super) fn key(&self, id: &str) -> StepKey {
        let node = self.index(id);
        StepKey { node, iteration: self.state.steps().now(node).iteration().clone() }
    }

    pub(super) fn inputs(&self, id: &str) -> Vec<Input<'_>> {
        self.state.inputs(&self.key(id))
    }

    /// The steps' status by node id, in the order in which they began.
    pub(super) fn steps(&self) -> Value {
        let steps = facts::run_with_steps(&self.state).steps;
        Value::Object(
            steps.iter().map(|step| (step.node_id.to_string(), json!(step.status))).collect::<Map<_, _>>(),
        )
    }
}
