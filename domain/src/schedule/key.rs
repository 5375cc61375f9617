//! Which schedule it is, and what follows from that for each of its occurrences.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    concurrency::RunGroup,
    ids::{NodeId, RunId, TenantId, WorkflowId},
    timestamp::Timestamp,
};

/// Namespace of what follows from an occurrence.
const OCCURRENCES: Uuid = Uuid::from_u128(0x6d69_6e69_7265_4950_8a5a_0003_0000_0001);

/// A schedule: a trigger node of a workflow, whatever its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// The trigger node.
    pub node: NodeId,
}

impl ScheduleKey {
    /// The id of the run of an occurrence. It follows from the schedule and the planned moment alone: however often and by
    /// whomever it is started, it is one run. It is a `UUIDv7` of the planned moment.
    ///
    /// Its owner slot is that of the runs of the workflow without a key ([`RunGroup`]), whether the workflow limits its runs
    /// or not: else a save that adds a limit while an occurrence is due could give it a second id.
    #[must_use]
    pub fn run_id(&self, planned: Timestamp) -> RunId {
        let slot = RunGroup::of(&self.tenant, self.workflow, None).slot();
        RunId::at(planned, self.digest(planned)).at_slot(slot)
    }

    /// By how much an occurrence is put off: less than `most`, and always the same.
    #[must_use]
    pub fn jitter(&self, planned: Timestamp, most: Duration) -> Duration {
        let most = most.as_millis();
        if most == 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(u64::try_from((self.digest(planned) >> 64) % most).unwrap_or(0))
    }

    fn digest(&self, planned: Timestamp) -> u128 {
        let Self { tenant, workflow, node } = self;
        // Neither a tenant nor a workflow's id can contain '\n', and a number has only digits: the parts cannot run together.
        let name = format!("{tenant}\n{workflow}\n{}\n{node}", planned.as_millis());
        Uuid::new_v5(&OCCURRENCES, name.as_bytes()).as_u128()
    }
}
