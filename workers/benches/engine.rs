//! How many runs a second the engine decides about, on one core, with nothing around it.
//!
//! `cargo bench -p workers --bench engine`. Steps pass on one small item, shared, as real ones do.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    definition::Definition,
    ids::{RunId, TenantId, WorkflowId},
    items::{Item, Output, Ports},
    run::{RunPlan, Trigger},
    timestamp::Timestamp,
    workflow::WorkflowDocument,
};
use serde_json::json;
use workers::engine::{Command, Effect, Execute, Outcome, RunHeader, RunState, facts, step};

const LONG_ENOUGH: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp::from_millis(1_763_971_200_000);

fn main() {
    let chain = |steps| (1..=steps).map(|node| (node - 1, node)).collect::<Vec<_>>();
    let fan_out: Vec<_> = (1..=100).map(|node| (0, node)).collect();
    let mut join = fan_out.clone();
    join.extend((1..=100).map(|node| (node, 101)));
    measure("10-step chain", &definition(10, &chain(10)));
    measure("100-wide fan-out", &definition(100, &fan_out));
    measure("100-wide fan-out and join", &definition(101, &join));
    measure("499-step chain", &definition(499, &chain(499)));
    // It ends at the limit of iterations.
    measure("1,000 iterations of one step", &definition(1, &[(0, 1), (1, 1)]));
    measure(
        "1,000 iterations beside 400 steps",
        &definition(401, &[chain(400), vec![(0, 401), (401, 401)]].concat()),
    );
}

/// A workflow of a trigger and `steps` other nodes.
fn definition(steps: usize, edges: &[(usize, usize)]) -> Arc<Definition> {
    let mut nodes = vec![json!({ "id": "0", "type": "manual" })];
    nodes.extend((1..=steps).map(|node| json!({ "id": node.to_string(), "type": "noop" })));
    let ends = |(source, target): &(usize, usize)| json!({ "source": source.to_string(), "target": target.to_string() });
    let edges: Vec<_> = edges.iter().map(ends).collect();
    let document = json!({ "name": "bench", "nodes": nodes, "edges": edges });
    let document: WorkflowDocument = serde_json::from_value(document).expect("a document");
    Arc::new(Definition::new(&document).expect("a valid workflow"))
}

fn measure(name: &str, definition: &Arc<Definition>) {
    let header = Arc::new(header());
    let mut item = Item::new();
    item.insert("price".to_owned(), json!(12.5));
    let output = Output::from(Ports::from([("main".into(), Arc::new(vec![item]))]));
    let deciding = mean(|| run(&header, definition, &output));
    let state = run(&header, definition, &output);
    let recording = mean(|| facts::run_with_steps(&state));
    let per_second = 1.0 / deciding.as_secs_f64();
    let events = state.revision();
    let each = deciding.as_nanos() / u128::from(events.max(1));
    println!("{name}: {per_second:.0} runs/s, {each} ns an event ({events} events), records {recording:?}");
}

/// How long `work` takes, on average.
fn mean<T>(work: impl Fn() -> T) -> Duration {
    let (begun, mut times) = (Instant::now(), 0);
    while begun.elapsed() < LONG_ENOUGH {
        black_box(work());
        times += 1;
    }
    begun.elapsed() / times
}

/// A run from its start to its end: whatever is executed succeeds.
fn run(header: &Arc<RunHeader>, definition: &Arc<Definition>, output: &Output) -> RunState {
    let mut state = RunState::new(Arc::clone(header), Arc::clone(definition));
    let mut effects = step(&mut state, Command::Start, NOW).expect("a run that starts").effects;
    while let Some(effect) = effects.pop() {
        if let Effect::Execute(Execute { step: key, attempt, .. }) = effect {
            black_box(state.inputs(&key));
            let outcome = Outcome::Succeeded(output.clone());
            let command = Command::StepFinished { step: key, attempt, outcome, jitter: 0.5 };
            effects.extend(step(&mut state, command, NOW).expect("an attempt under way").effects);
            // As a worker does after each commit.
            state.forget_changes();
            if state.is_terminal() {
                break;
            }
        }
    }
    assert!(state.is_terminal(), "the run has ended");
    state
}

fn header() -> RunHeader {
    RunHeader {
        tenant: TenantId::parse("acme").expect("a tenant"),
        run_id: RunId::at(NOW, 1),
        attempt: 1,
        workflow_id: WorkflowId::at(NOW, 2),
        workflow_version: 1,
        trigger: Trigger::manual(),
        input: json!({ "sku": "A1" }),
        plan: RunPlan::default(),
        created_at: NOW,
        traceparent: None,
    }
}
