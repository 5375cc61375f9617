//! A run that was found, in the form in which it was.

use std::sync::Arc;

use bytes::Bytes;
use domain::{
    ids::{NodeId, WorkflowId},
    run::{Run, RunWithSteps},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{live::LiveRun, store::Head};

/// A run with its steps, as who knows it best gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundRun {
    /// As the store has it, or as it was accepted a moment ago.
    Stored(Arc<RunWithSteps>),
    /// As its worker has it: its JSON is passed on as it came.
    Live(LiveRun),
}

/// The workflow and the steps of a run.
#[derive(Debug, Deserialize)]
pub(super) struct Brief {
    pub(super) workflow_id: WorkflowId,
    pub(super) workflow_version: u32,
    steps: Vec<BriefStep>,
}

#[derive(Debug, Deserialize)]
struct BriefStep {
    node_id: NodeId,
}

impl Brief {
    pub(super) fn has_step_of(&self, node: &NodeId) -> bool {
        self.steps.iter().any(|step| step.node_id == *node)
    }
}

impl FoundRun {
    /// A run that the store has.
    #[must_use]
    pub fn stored(run: RunWithSteps) -> Self {
        Self::Stored(Arc::new(run))
    }

    /// A run that was accepted and has not begun.
    pub(super) fn accepted(run: Run) -> Self {
        Self::stored(RunWithSteps::whole(run, Vec::new()))
    }

    /// Where it is.
    #[must_use]
    pub fn head(&self) -> Head {
        match self {
            Self::Stored(run) => Head::of(&run.run),
            Self::Live(run) => run.head,
        }
    }

    /// As the API shows it.
    ///
    /// # Errors
    /// Never for a run that can be JSON, as all can.
    pub fn json(&self) -> Result<Bytes, serde_json::Error> {
        match self {
            Self::Stored(run) => serde_json::to_vec(&**run).map(Bytes::from),
            Self::Live(run) => Ok(run.json.clone()),
        }
    }

    /// All of it; `None` when that cannot be read.
    pub(super) fn into_whole(self) -> Option<RunWithSteps> {
        match self {
            Self::Stored(found) => Some(Arc::unwrap_or_clone(found)),
            Self::Live(run) => serde_json::from_slice(&run.json).ok(),
        }
    }

    /// What it is a run of, and of which nodes it has steps; `None` when that cannot be read.
    pub(super) fn brief(&self) -> Option<Brief> {
        match self {
            Self::Stored(found) => Some(Brief {
                workflow_id: found.run.workflow_id,
                workflow_version: found.run.workflow_version,
                steps: found.steps.iter().map(|step| BriefStep { node_id: step.node_id.clone() }).collect(),
            }),
            Self::Live(run) => serde_json::from_slice(&run.json).ok(),
        }
    }

    /// The same with the steps of one node alone; `None` when outputs are left out of it, the node is in a loop, of whose
    /// iterations only the newest is here, or it cannot be read.
    pub(super) fn of_node(&self, node: &NodeId) -> Option<Self> {
        match self {
            Self::Stored(run) if run.left_out.is_empty() => {
                let steps: Vec<_> = run.steps.iter().filter(|step| step.node_id == *node).cloned().collect();
                if steps.iter().any(|step| !step.iteration.is_outside()) {
                    return None;
                }
                Some(Self::stored(RunWithSteps::whole(run.run.clone(), steps)))
            }
            Self::Stored(_) => None,
            Self::Live(run) => {
                let mut document: Value = serde_json::from_slice(&run.json).ok()?;
                if document.get("left_out").is_some() {
                    return None;
                }
                let steps = document.get_mut("steps")?.as_array_mut()?;
                steps.retain(|step| step.get("node_id").is_some_and(|id| id == node.as_str()));
                if steps.iter().any(|step| step.get("iteration").is_some()) {
                    return None;
                }
                let json = serde_json::to_vec(&document).ok()?.into();
                Some(Self::Live(LiveRun { head: run.head, json }))
            }
        }
    }

    /// The newer of the two; of equal ones the first.
    #[must_use]
    pub fn or_newer(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.head().is_newer_than(&self.head()) => other,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::run::RunStatus;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workers_answer_about_one_node_has_its_steps_and_all_else() {
        let steps = json!([{"node_id": "a", "n": 1}, {"node_id": "b"}, {"node_id": "a"}]);
        let of = |document: Value| {
            let head = Head { attempt: 1, revision: 7, status: RunStatus::Succeeded };
            let run = FoundRun::Live(LiveRun { head, json: document.to_string().into() });
            let of_node = run.of_node(&NodeId::parse("a").unwrap())?;
            Some((of_node.head() == head, serde_json::from_slice::<Value>(&of_node.json().unwrap()).unwrap()))
        };
        let kept = json!([steps[0], steps[2]]);
        assert_eq!(of(json!({"id": "x", "steps": steps})), Some((true, json!({"id": "x", "steps": kept}))));
        assert_eq!(of(json!({"id": "x", "steps": steps, "left_out": [{"node_id": null}]})), None);
        assert_eq!(of(json!({"id": "x", "steps": [{"node_id": "a", "iteration": [4]}]})), None, "in a loop");
    }

    fn live(attempt: u32, revision: u64, status: RunStatus) -> FoundRun {
        FoundRun::Live(LiveRun { head: Head { attempt, revision, status }, json: Bytes::new() })
    }

    #[test]
    fn of_two_the_newer_one_is_taken_whoever_has_it() {
        let (queued, ended) = (live(1, 0, RunStatus::Queued), live(1, 7, RunStatus::Succeeded));
        let again = live(2, 1, RunStatus::Running);
        assert_eq!(queued.clone().or_newer(Some(ended.clone())), ended);
        assert_eq!(ended.clone().or_newer(Some(queued)), ended);
        assert_eq!(
            ended.clone().or_newer(Some(again.clone())),
            again,
            "a worker was lost, another one has it"
        );
        assert_eq!(ended.clone().or_newer(None), ended);
    }
}
