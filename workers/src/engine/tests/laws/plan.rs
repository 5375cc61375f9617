//! Random workflows, and random things that happen to their runs.

use std::{collections::HashSet, sync::Arc, time::Duration};

use domain::{
    definition::Definition,
    items::{ERROR, Item, Output, Port},
    kinds::Kind,
    retry::Failure,
    run::{NodeError, WaitsFor},
    timestamp::Timestamp,
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use crate::engine::{Later, Outcome, StepFailure, tests::scenario::define};

/// What happens next to a run; `pick` says to which of those that it may happen to.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    /// A running step ends; the bits of `detail` decide how.
    Finish { pick: usize, detail: u8 },
    /// The timer that is due next fires.
    Timer,
    /// The worker restarts.
    Restart,
    /// The worker stops in order and starts again.
    Stop,
    /// Something late arrives: it must change nothing.
    Echo { pick: usize },
    /// Somebody cancels.
    Cancel,
    /// It takes more than a run may.
    Fail,
}

pub(super) fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        20 => (any::<usize>(), any::<u8>()).prop_map(|(pick, detail)| Happening::Finish { pick, detail }),
        6 => Just(Happening::Timer),
        3 => Just(Happening::Restart),
        2 => Just(Happening::Stop),
        3 => any::<usize>().prop_map(|pick| Happening::Echo { pick }),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Fail),
    ];
    vec(one, 0..40)
}

/// A workflow of a manual trigger and up to eleven nodes of all kinds, with any edges that make no cycle.
pub(super) fn definitions() -> impl Strategy<Value = Arc<Definition>> {
    let node = (0..6usize, 0..3usize, 1..4u32);
    let edge = (any::<usize>(), any::<usize>(), any::<usize>());
    (vec(node, 1..12), vec(edge, 0..30)).prop_map(|(nodes, edges)| Arc::new(build(&nodes, &edges)))
}

fn build(picks: &[(usize, usize, u32)], edges: &[(usize, usize, usize)]) -> Definition {
    let mut ports: Vec<Vec<Port>> = vec![vec!["main".into()]];
    let mut all = vec![("n0".to_owned(), "manual", json!({}))];
    for (index, &(kind, on_error, max_attempts)) in picks.iter().enumerate() {
        let kind =
            [Kind::Set, Kind::HttpRequest, Kind::If, Kind::Merge, Kind::Wait, Kind::Fail][kind].declaration();
        let policy =
            ["fail", "continue", "error_port"][if kind.error_port { on_error } else { on_error % 2 }];
        let mut own = kind.ports.of(&Map::new());
        if policy == "error_port" {
            own.push(ERROR.into());
        }
        ports.push(own);
        let data = json!({ "on_error": policy, "retry": { "max_attempts": max_attempts, "base": "1s" } });
        all.push((format!("n{}", index + 1), kind.name, data));
    }
    let mut seen = HashSet::new();
    let edges: Vec<_> = edges
        .iter()
        .filter_map(|&(source, target, port)| {
            let target = 1 + target % picks.len();
            let source = source % target;
            let port = ports[source].get(port % ports[source].len().max(1))?;
            seen.insert((source, port, target)).then(|| {
                json!({ "source": format!("n{source}"), "sourceHandle": **port, "target": format!("n{target}") })
            })
        })
        .collect();
    define("24h", &all, &edges)
}

/// An outcome of a node, as the bits of `detail` say: three in four succeed, each port has items or not.
pub(super) fn outcome(definition: &Definition, node: usize, detail: u8, now: Timestamp) -> Outcome {
    let node = &definition.nodes[node];
    if node.kind == Kind::Wait && detail & 0b1 != 0 {
        let waits_for = WaitsFor::moment(now.plus(Duration::from_secs(u64::from(detail >> 1))));
        return Outcome::Later(Box::new(Later {
            waits_for,
            kept: (detail & 0b10 != 0).then(|| json!(detail)),
        }));
    }
    if detail & 0b11 != 0 {
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

/// An outcome that lets a run come to its end.
pub(super) fn success(definition: &Definition, node: usize) -> Outcome {
    let node = &definition.nodes[node];
    Outcome::Succeeded(filled(node.ports.iter().filter(|port| ***port != *ERROR), u8::MAX))
}

fn filled<'p>(ports: impl IntoIterator<Item = &'p Port>, bits: u8) -> Output {
    let items = |index: usize| vec![Item::new(); usize::from(bits >> index & 1)];
    let ports = ports.into_iter().enumerate();
    Output {
        ports: ports.map(|(index, port)| (Arc::clone(port), Arc::new(items(index)))).collect(),
        ..Output::default()
    }
}
