//! What started a run that another one started, and the ids of such runs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ids::{AlertId, NodeId, RunId},
    iteration::Iteration,
};

/// The run that started another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Parent {
    /// The run.
    pub run_id: RunId,
    /// The node whose step called it; of a run that failed the node that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<NodeId>,
    /// Which iteration of the loops around that node; missing outside loops.
    #[serde(default, skip_serializing_if = "Iteration::is_outside")]
    pub iteration: Iteration,
    /// For which of the step's items it was called (from 0); missing when it was called for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// How many runs are above it: 1 when nobody called the one that called it.
    pub depth: u32,
    /// Whether the other run waits for it, and takes it along when it ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// Whether it is an error workflow's run, or one that such a run has called: then no other one is started for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_error: bool,
}

/// Namespaces of the ids of runs that runs start.
const CALLED_RUNS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0001_0000_0002);
const ERROR_RUNS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0001_0000_0003);
const ALERT_RUNS: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0001_0000_0004);

impl RunId {
    /// The id of the run that a step calls for one of its items: the same whatever crashes and however often the step is
    /// tried. `attempt` is the run's own, not the step's.
    #[must_use]
    pub fn of_call(self, attempt: u32, node: usize, iteration: &Iteration, item: usize) -> Self {
        self.derived(&CALLED_RUNS, &format!("{self}\n{attempt}\n{node}\n{iteration}\n{item}"))
    }

    /// The id of the run of the error workflow that is started once this run has failed in that attempt.
    #[must_use]
    pub fn of_failure(self, attempt: u32) -> Self {
        self.derived(&ERROR_RUNS, &format!("{self}\n{attempt}"))
    }

    /// The id of the run that is started for an alert which this run has raised.
    #[must_use]
    pub fn of_alert(self, alert: AlertId) -> Self {
        Self(Uuid::new_v5(&ALERT_RUNS, alert.to_string().as_bytes())).at_slot(self.owner_slot())
    }

    /// A run that another one starts belongs to the same worker.
    fn derived(self, namespace: &Uuid, name: &str) -> Self {
        Self(Uuid::new_v5(namespace, name.as_bytes())).at_slot(self.owner_slot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn a_called_run_has_one_id_for_each_item_of_each_step_and_belongs_where_its_caller_does() {
        let parent = RunId::at(Timestamp::from_millis(1), 0xabcd);
        let outside = Iteration::outside();
        let called = parent.of_call(1, 2, &outside, 3);
        assert_eq!(called, parent.of_call(1, 2, &outside, 3));
        let others = [
            parent.of_call(2, 2, &outside, 3),
            parent.of_call(1, 3, &outside, 3),
            parent.of_call(1, 2, &outside.inner(), 3),
            parent.of_call(1, 2, &outside, 4),
            parent.of_failure(1),
            parent,
        ];
        assert!(!others.contains(&called));
        for run in others.into_iter().chain([called]) {
            assert_eq!(run.0.as_u128() & 0xffff, parent.0.as_u128() & 0xffff);
        }
        assert_eq!((called.0.get_version_num(), called.created_at()), (5, None));
    }

    #[test]
    fn what_is_plain_is_not_written() {
        let run_id = RunId(Uuid::nil());
        let plain = Parent {
            run_id,
            node_id: None,
            iteration: Iteration::outside(),
            item: None,
            depth: 1,
            waits: false,
            after_error: false,
        };
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(text, format!(r#"{{"run_id":"{run_id}","depth":1}}"#));
        assert_eq!(serde_json::from_str::<Parent>(&text).unwrap(), plain);
    }
}
