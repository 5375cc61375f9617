//! Steps that give what they gave in the run that theirs replays: read from the store instead of executed.
//!
//! The store may be away for long, and a run that has just ended may not be recorded yet: then the step waits, as steps
//! do that wait for a moment, and asks again. What it was given is an event like every other output.

use std::{sync::Arc, time::Duration};

use backon::BackoffBuilder;
use domain::{
    course::given,
    ids::RunId,
    items::Output,
    kinds::loop_::LOOP,
    run::{NodeError, RunWithSteps, StepStatus, WaitsFor},
    timestamp::Timestamp,
};
use minireipaz::{
    clock::Clock,
    store::{Store, StoreError},
};
use serde_json::{Value, json};

use crate::{
    backoff::doubling,
    crash_points::{CrashPoint, pass},
    engine::{Later, Outcome},
    step::{StepTask, failed_for_good, unknown_node},
};

/// The pauses between two questions.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A run that had ended when its replay was accepted is recorded within this time, while the store answers.
const RECORDED_WITHIN: Duration = Duration::from_secs(3_600);

/// Where runs are read that have ended.
#[derive(Clone)]
pub(super) struct EarlierRuns {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// What is known of a node's step in an earlier run.
enum Known {
    Gave(Output),
    /// Nothing yet.
    NotYet(String),
    /// There will be nothing.
    Nothing(String),
}

impl EarlierRuns {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// What the step's node gave in that run.
    pub(super) async fn give(&self, task: &StepTask, run: RunId) -> Outcome {
        let Some(node) = task.node() else { return unknown_node(task) };
        let key = (task.run.tenant.clone(), run);
        pass(CrashPoint::BeforeEarlierRead);
        let found = self.store.get_node(&key, &node.id, None).await;
        pass(CrashPoint::EarlierRead);
        let now = self.clock.now();
        let known = match found {
            Ok(Some(Ok(found))) => known(task, found),
            Ok(Some(Err(unreadable))) | Err(StoreError::Unreadable(unreadable)) => {
                Known::Nothing(unreadable.to_string())
            }
            Ok(None) => Known::NotYet("it is not recorded".to_owned()),
            // As long as it takes.
            Err(error) => return ask_again(task, now, &error.to_string()),
        };
        match known {
            Known::Gave(output) => Outcome::Succeeded(output),
            Known::NotYet(why) if now.since(task.run.created_at) < RECORDED_WITHIN => {
                ask_again(task, now, &why)
            }
            Known::NotYet(why) | Known::Nothing(why) => {
                let message = format!(
                    "what {} gave in run {run} cannot be taken over: {why}; replay the run from {0}, or from the start",
                    node.id
                );
                failed_for_good(Box::new(NodeError::new("earlier_output_missing", message)))
            }
        }
    }
}

fn known(task: &StepTask, found: RunWithSteps) -> Known {
    let Some(node) = task.node() else { return Known::Nothing("there is no such node".to_owned()) };
    let RunWithSteps { run, steps, left_out } = found;
    if !run.status.is_terminal() {
        return Known::NotYet(format!("its end is not recorded, it is {}", run.status));
    }
    // In the order in which they began: the newest is the last.
    let Some(step) = steps.into_iter().next_back() else {
        return Known::Nothing("it has no step there".to_owned());
    };
    let status = step.status;
    let Some(ports) = step.output.filter(|_| status != StepStatus::Unreadable) else {
        let out = left_out.iter().any(|out| out.node_id.as_ref() == Some(&node.id));
        let why = if out {
            "its newest iterations gave more than an answer holds (MAX_ANSWER_BYTES)".to_owned()
        } else {
            format!("its step there is {} and has no output", status.as_str())
        };
        return Known::Nothing(why);
    };
    if task.definition.is_batching(task.step.node) && ports.get(LOOP).is_some_and(|items| !items.is_empty()) {
        return Known::Nothing("its loop did not come to its end".to_owned());
    }
    // Lineage speaks of edges by their places, which another version may have changed.
    Known::Gave(if run.workflow_version == task.run.workflow_version {
        Output { ports, lineage: step.lineage, console: Vec::new(), response: None }
    } else {
        given(node, ports)
    })
}

/// The step asks again after a pause that grows.
fn ask_again(task: &StepTask, now: Timestamp, why: &str) -> Outcome {
    let asked = task.kept.as_ref().and_then(|kept| kept.get("asked")).and_then(Value::as_u64).unwrap_or(0);
    let pause = doubling(SHORTEST, LONGEST).build().nth(usize::try_from(asked).unwrap_or(usize::MAX).min(10));
    let pause = pause.unwrap_or(LONGEST);
    let (node, delay_ms) = (task.name().0, u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    tracing::warn!(
        node.id = node,
        why,
        delay_ms,
        "what {node} gave in an earlier run cannot be read now; asking again in {delay_ms} ms"
    );
    Outcome::Later(Box::new(Later {
        waits_for: WaitsFor::moment(now.plus(pause)),
        kept: Some(json!({ "asked": asked + 1 })),
    }))
}
