//! An occurrence, and how its run is asked for.

use metrics::counter;
use serde_json::Value;

use crate::{
    store::{StoreError, TriggerRow},
    telemetry::names,
};
use domain::{
    event::{Event, Payload, RunRequested},
    json_text::JsonText,
    run::Trigger,
    schedule::{Missed, Schedule, ScheduleKey, Zone, item},
    timestamp::Timestamp,
};

/// A planned moment whose run is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occurrence {
    key: ScheduleKey,
    version: u32,
    zone: Zone,
    planned: Timestamp,
}

impl Occurrence {
    pub(super) fn of(row: &TriggerRow, schedule: &Schedule, planned: Timestamp) -> Self {
        Self { key: row.key.clone(), version: row.workflow_version, zone: schedule.zone, planned }
    }

    /// The event that asks for the run. But for its time it is always the same.
    pub(super) fn event(&self, now: Timestamp) -> Result<Event, StoreError> {
        let Self { key, version, zone, planned } = self;
        let unwritable = |error: serde_json::Error| StoreError::Unwritable(error.to_string());
        let input = JsonText::of(&Value::Object(item(*planned, *zone))).map_err(unwritable)?;
        let run_id = key.run_id(*planned);
        let requested = RunRequested {
            run_id,
            workflow_id: key.workflow,
            workflow_version: *version,
            wanted_version: Some(*version),
            trigger: Trigger::at("schedule", key.node.clone()),
            input,
            plan: None,
            document: None,
            // So that a run has one place in lists, whoever has asked for it and when.
            created_at: *planned,
        };
        Ok(Event {
            id: run_id.to_string(),
            time: now,
            tenant: key.tenant.clone(),
            traceparent: None,
            payload: Payload::RunRequested(requested),
        })
    }
}

/// Counts occurrences whose runs were asked for.
pub(super) fn count(started: usize) {
    counter!(names::SCHEDULE_OCCURRENCES, names::OUTCOME => "started").increment(started as u64);
}

/// Tells of occurrences that were missed and that nobody makes up for.
pub(super) fn tell_missed(row: &TriggerRow, missed: Missed) {
    counter!(names::SCHEDULE_OCCURRENCES, names::OUTCOME => "missed").increment(1);
    let ScheduleKey { tenant, workflow, node } = &row.key;
    tracing::warn!(
        workflow.id = %workflow, node.id = %node, tenant = tenant.as_str(), first = %missed.first, last = %missed.last,
        "a schedule missed what was planned from {} to {}: nothing looked at the clock in time", missed.first, missed.last
    );
}
