//! Random workflows, and random things that happen to their runs.

use std::{collections::HashSet, ops::Range, sync::Arc};

use domain::{
    definition::Definition,
    items::{ERROR, Item, Output, Port, Ports},
    kinds::{
        Kind,
        loop_::{DONE, LOOP},
    },
    loops::{Destination, Graph, Link, Loops},
    retry::Failure,
    run::{NodeError, Parent, RunEnd, Trigger},
    timestamp::Timestamp,
    workflow::DocumentText,
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use super::waiting::waits_for;
use crate::engine::{
    Call, CalledRun, Calling, Later, Outcome, RunHeader, RunState, StepFailure, StepKey,
    tests::scenario::{define, header},
};

/// What happens next to a run; `pick` says to which of those that it may happen to.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// A running step ends; the bits of `detail` decide how.
    Finish { pick: usize, detail: u8 },
    /// The timer that is due next fires.
    Timer,
    /// A called run ends.
    CallEnds { pick: usize },
    /// A signal comes.
    Signal { pick: usize },
    /// The run's time is up.
    Deadline,
    /// The worker restarts.
    Restart,
    /// The worker stops in order and starts again.
    Stop,
    /// Something late arrives: it must change nothing.
    Echo { pick: usize },
    /// Somebody cancels.
    Cancel,
    /// Another run of its workflow takes its place.
    GiveWay,
    /// It takes more than a run may.
    Fail,
}

pub(super) fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        20 => (any::<usize>(), any::<u8>()).prop_map(|(pick, detail)| Happening::Finish { pick, detail }),
        6 => Just(Happening::Timer),
        6 => any::<usize>().prop_map(|pick| Happening::CallEnds { pick }),
        3 => any::<usize>().prop_map(|pick| Happening::Signal { pick }),
        1 => Just(Happening::Deadline),
        3 => Just(Happening::Restart),
        2 => Just(Happening::Stop),
        3 => any::<usize>().prop_map(|pick| Happening::Echo { pick }),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::GiveWay),
        1 => Just(Happening::Fail),
    ];
    vec(one, 0..40)
}

/// A workflow of a manual trigger and other nodes of all kinds, with any edges that make loops which can be run. Most have
/// up to twelve nodes, since those take any shape that there is; some have up to sixty.
pub(super) fn definitions() -> impl Strategy<Value = Arc<Definition>> {
    prop_oneof![9 => graphs(&KINDS, 1..12, 0..30, 0.2), 1 => graphs(&KINDS, 20..60, 30..120, 0.06)]
}

/// Workflows of nodes of those kinds.
pub(super) fn graphs(
    kinds: &'static [Kind],
    nodes: Range<usize>,
    edges: Range<usize>,
    leads_back: f64,
) -> impl Strategy<Value = Arc<Definition>> {
    let node = (prop::sample::select(kinds), 0..3usize, 1..4u32);
    let edge = (any::<usize>(), any::<usize>(), any::<usize>(), prop::bool::weighted(leads_back));
    (vec(node, nodes), vec(edge, edges)).prop_map(|(nodes, edges)| Arc::new(build(&nodes, &edges)))
}

const KINDS: [Kind; 8] = [
    Kind::Set,
    Kind::HttpRequest,
    Kind::If,
    Kind::Merge,
    Kind::Wait,
    Kind::Loop,
    Kind::Fail,
    Kind::CallWorkflow,
];

/// How many iterations loops may have.
const ITERATIONS: u32 = 3;

fn build(picks: &[(Kind, usize, u32)], edges: &[(usize, usize, usize, bool)]) -> Definition {
    let mut ports: Vec<Vec<Port>> = vec![vec!["main".into()]];
    let mut all = vec![("n0".to_owned(), "manual", json!({}))];
    let mut graph = Graph { batches: vec![false], links: Vec::new() };
    for (index, &(own, on_error, max_attempts)) in picks.iter().enumerate() {
        let kind = own.declaration();
        let policy =
            ["fail", "continue", "error_port"][if kind.error_port { on_error } else { on_error % 2 }];
        let mut own_ports = kind.ports.of(&Map::new());
        if policy == "error_port" {
            own_ports.push(ERROR.into());
        }
        ports.push(own_ports);
        let mut data = json!({ "on_error": policy, "retry": { "max_attempts": max_attempts, "base": "1s" } });
        let is_loop = own == Kind::Loop;
        if is_loop {
            data["params"] = json!({ "max_iterations": ITERATIONS });
        }
        graph.batches.push(is_loop);
        all.push((format!("n{}", index + 1), kind.name, data));
    }
    let mut seen = HashSet::new();
    let edges: Vec<_> = edges
        .iter()
        .filter_map(|&(source, target, port, back)| {
            let target = 1 + target % picks.len();
            let source = if back { target + source % (ports.len() - target) } else { source % target };
            let port = ports[source].get(port % ports[source].len().max(1))?;
            let done = graph.batches[source] && **port != *LOOP;
            graph.links.push(Link { source, target, done });
            if Loops::of(&graph).is_err() || !seen.insert((source, port, target)) {
                graph.links.pop();
                return None;
            }
            Some(json!({ "source": format!("n{source}"), "sourceHandle": **port, "target": format!("n{target}") }))
        })
        .collect();
    // No time limit comes between: a family of runs takes its time.
    let settings = json!({ "timeout": "90d", "start_timeout": "90d", "max_iterations": ITERATIONS });
    define(&settings, &all, &edges)
}

/// An outcome of a step, as the bits of `detail` say: three in four succeed, each port has items or not.
pub(super) fn outcome(state: &RunState, step: &StepKey, detail: u8, now: Timestamp) -> Outcome {
    let node = &state.definition().nodes[step.node];
    if node.kind == Kind::Wait && detail & 0b1 != 0 {
        let waits_for = waits_for(u64::from(detail >> 1), now);
        return Outcome::Later(Box::new(Later {
            waits_for,
            kept: (detail & 0b10 != 0).then(|| json!(detail)),
        }));
    }
    if node.kind == Kind::CallWorkflow && detail & 0b1 != 0 {
        return calling(state, step, detail);
    }
    if detail & 0b11 != 0 {
        if node.kind == Kind::Loop {
            return Outcome::Succeeded(batch(state, step, 1 + usize::from(detail >> 2 & 1)));
        }
        let own = node.ports.iter().filter(|port| ***port != *ERROR);
        return Outcome::Succeeded(filled(own, detail >> 2));
    }
    let retry_after = None;
    let failure = [
        Failure::Server { retry_after },
        Failure::Connection,
        Failure::Permanent,
        Failure::RateLimited { retry_after },
    ][usize::from(detail >> 2 & 0b11)];
    let partial = (detail & 0b1000_0000 != 0).then(|| json!({ "done": detail }));
    let error = NodeError::new(failure.as_str(), "it did not work").with_details(Value::from(detail));
    Outcome::Failed(Box::new(StepFailure {
        error,
        failure,
        partial,
        fallback: (detail & 8 == 0).then(|| filled(&node.ports, detail >> 4)),
    }))
}

/// One or two more runs are called, which the step waits for or not; one of them may not be there.
fn calling(state: &RunState, step: &StepKey, detail: u8) -> Outcome {
    let waits = detail & 0b10 != 0;
    let before = state.progress.called as usize;
    let mut waits_for = state.steps().get(step).map_or_else(Vec::new, |run| run.open_runs().to_vec());
    let mut call = |place: usize| {
        let run = state.header().run_id.of_call(1, step.node, &step.iteration, before + place);
        let missing = detail & 0b100 != 0 && place == 0;
        if waits || missing {
            waits_for.push(run);
        }
        let parent = Parent {
            run_id: state.header().run_id,
            node_id: None,
            iteration: step.iteration.clone(),
            item: None,
            depth: 1,
            waits,
            after_error: false,
        };
        let header = RunHeader { run_id: run, trigger: Trigger::workflow(parent), ..header(json!({})) };
        let document = DocumentText::parse("{}".to_owned()).unwrap();
        let called = CalledRun { header: Arc::new(header), document, hash: [0; 32] };
        let gone = RunEnd::Failed(Box::new(NodeError::new("workflow_not_found", "it is gone")));
        Call { run, start: if missing { Err(Box::new(gone)) } else { Ok(Box::new(called)) } }
    };
    let calls: Vec<_> = (0..1 + usize::from(detail >> 3 & 1)).map(&mut call).collect();
    let kept = (detail & 0b1_0000 != 0).then(|| json!(detail));
    Outcome::Calling(Box::new(Calling { waits_for, any: detail & 0b10_0000 != 0, calls, kept }))
}

/// An outcome that lets a run come to its end: a loop has two iterations.
pub(super) fn success(state: &RunState, step: &StepKey) -> Outcome {
    let definition = state.definition();
    let node = &definition.nodes[step.node];
    if node.kind == Kind::Loop {
        return Outcome::Succeeded(batch(state, step, 1));
    }
    let leads_back = |port: &Port| {
        let mut outgoing = node.outgoing.iter().filter(|edge| definition.edges[**edge].port == *port);
        outgoing.any(|edge| definition.loops.route(*edge).to == Destination::Back)
    };
    let again = step.iteration.counters().iter().all(|counter| *counter == 0);
    let own = node.ports.iter().filter(|port| ***port != *ERROR);
    Outcome::Succeeded(filled(own.filter(|port| again || !leads_back(port)), u8::MAX))
}

/// What a `loop` gives: a batch of what it was given, or all that came back.
pub(in crate::engine::tests) fn batch(state: &RunState, step: &StepKey, size: usize) -> Output {
    let given: Vec<Item> = state.inputs(step).iter().flat_map(|input| input.items.iter().cloned()).collect();
    let round = state.round(step).unwrap_or_default();
    let batch: Vec<Item> = given.into_iter().skip(round.taken).take(size).collect();
    let done = if batch.is_empty() {
        round.returned.iter().flat_map(|brought| brought.items.iter().cloned()).collect()
    } else {
        Vec::new()
    };
    let ports = [(LOOP.into(), Arc::new(batch)), (DONE.into(), Arc::new(done))];
    Output::from(Ports::from(ports))
}

fn filled<'p>(ports: impl IntoIterator<Item = &'p Port>, bits: u8) -> Output {
    let items = |index: usize| vec![Item::new(); usize::from(bits >> index & 1)];
    let ports = ports.into_iter().enumerate();
    Output {
        ports: ports.map(|(index, port)| (Arc::clone(port), Arc::new(items(index)))).collect(),
        ..Output::default()
    }
}
