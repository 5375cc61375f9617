//! What can be told of a record that is not one of our events: enough to end the run that it was for.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use super::Topic;
use crate::{
    ids::{RunId, TenantId, WorkflowId},
    json::Fields,
    run::{NewRun, Trigger},
    timestamp::Timestamp,
    workflow::OnFailure,
};

/// A record that is not one of our events.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreadableEvent {
    /// Why, in words.
    pub reason: String,
    /// Whose it is, when that can be read.
    pub tenant: Option<TenantId>,
    /// The run that it asks for, when that can be read, and the tenant.
    pub run: Option<Box<LostRun>>,
}

impl fmt::Display for UnreadableEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A run that nobody can begin, since the event that asks for it cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct LostRun {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where the event belongs, whatever its version.
    pub topic: Topic,
    /// The run. What cannot be read of it is what it would be if nothing were known: no workflow, no input.
    pub run: NewRun,
    /// What its document says of failed runs, if it can be read.
    pub on_failure: OnFailure,
}

/// The events that ask for a run, in whatever version.
const ASK_FOR_A_RUN: [(&str, Topic); 2] =
    [("io.minireipaz.run.requested.", Topic::Workflows), ("io.minireipaz.task.execute.", Topic::Tasks)];

impl UnreadableEvent {
    pub(super) fn new(reason: String, record: &str) -> Self {
        let tenant = Fields::of(record).and_then(|envelope| envelope.get("tenantid"));
        let run = tenant.clone().and_then(|tenant| lost_run(tenant, record)).map(Box::new);
        Self { reason, tenant, run }
    }
}

fn lost_run(tenant: TenantId, record: &str) -> Option<LostRun> {
    let envelope = Fields::of(record)?;
    let kind: String = envelope.get("type")?;
    let (_, topic) = *ASK_FOR_A_RUN.iter().find(|(name, _)| kind.starts_with(name))?;
    let data = Fields::of(envelope.raw("data")?.get())?;
    let id: RunId = data.get("run_id")?;
    let created_at = data.get("created_at").or_else(|| id.created_at()).or_else(|| envelope.get("time"));
    let run = NewRun {
        id,
        workflow_id: data.get("workflow_id").unwrap_or(WorkflowId(Uuid::nil())),
        workflow_version: data.get("workflow_version").unwrap_or_default(),
        attempt: data.get("attempt").unwrap_or(1),
        trigger: data.get("trigger").unwrap_or_else(Trigger::manual),
        input: Value::Null,
        created_at: created_at.unwrap_or(Timestamp::from_millis(0)),
    };
    let document: Option<String> = data.get("document");
    let on_failure = document.map(|document| OnFailure::said_by(&document)).unwrap_or_default();
    Some(LostRun { tenant, topic, run, on_failure })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "018f3c3e-0000-7000-8000-00000000000a";

    fn lost(record: &str) -> Option<LostRun> {
        UnreadableEvent::new("why".to_owned(), record).run.map(|run| *run)
    }

    #[test]
    fn what_can_be_read_of_a_run_is_told_and_the_rest_is_as_if_nothing_were_known() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let record = format!(
            r#"{{"type":"io.minireipaz.task.execute.v9","tenantid":"acme","time":7,"data":
            {{"run_id":"{RUN}","attempt":2,"workflow_id":"x","trigger":{{"kind":"hook"}},"input":{deep},
              "document":"{{\"name\":\"Orders\",\"nodes\":7}}"}}}}"#
        );
        let LostRun { tenant, topic, run, on_failure } = lost(&record).unwrap();
        assert_eq!(on_failure, OnFailure { name: "Orders".to_owned(), error_workflow: None });
        assert_eq!((tenant.as_str(), topic, run.attempt), ("acme", Topic::Tasks, 2));
        assert_eq!((run.id.to_string().as_str(), run.trigger.kind.as_str()), (RUN, "hook"));
        assert_eq!((run.workflow_id, run.workflow_version), (WorkflowId(Uuid::nil()), 0));
        assert_eq!((Some(run.created_at), run.input), (run.id.created_at(), Value::Null));
    }

    #[test]
    fn without_a_tenant_a_run_or_a_type_that_asks_for_one_nothing_is_lost() {
        let record = |kind: &str, tenant: &str, run: &str| {
            format!(r#"{{"type":"{kind}","tenantid":"{tenant}","data":{{"run_id":"{run}"}}}}"#)
        };
        let ours = "io.minireipaz.run.requested.v1";
        assert_eq!(lost(&record(ours, "acme", RUN)).unwrap().topic, Topic::Workflows);
        for other in [
            record(ours, "acme", "7"),
            record(ours, "no tenant", RUN),
            record("io.minireipaz.workflow.saved.v1", "acme", RUN),
            "{".to_owned(),
            "[]".to_owned(),
        ] {
            assert_eq!(lost(&other), None, "{other}");
        }
        let deleted = record("io.minireipaz.workflow.deleted.v9", "acme", RUN);
        let deleted = UnreadableEvent::new(String::new(), &deleted);
        assert_eq!(deleted.tenant.unwrap().as_str(), "acme");
    }
}
