//! What stays in order on a topic, and what an event is about.

use std::fmt;

use super::Payload;
use crate::ids::{RunId, WorkflowId};

/// What an event is about.
pub(super) enum Subject {
    Workflow(WorkflowId),
    Run(RunId),
    Clock,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(id) => id.fmt(f),
            Self::Run(id) => id.fmt(f),
            Self::Clock => f.write_str("clock"),
        }
    }
}

impl Payload {
    /// The record's key: what must stay in order shares one. Of all events of runs it is the owner slot of the run's id,
    /// so that those of a run stay in order, and so do those of all runs that share a limit.
    #[must_use]
    pub fn key(&self) -> String {
        match self.about() {
            Subject::Workflow(id) => id.to_string(),
            Subject::Run(id) => format!("{:04x}", id.owner_slot()),
            // One key for all, so that few of them are looked at at once.
            Subject::Clock => "clock".to_owned(),
        }
    }

    /// What it is about.
    pub(super) fn about(&self) -> Subject {
        match self {
            Self::WorkflowSaved(saved) => Subject::Workflow(saved.summary.id),
            Self::WorkflowDeleted(deleted) => Subject::Workflow(deleted.workflow_id),
            Self::ClockTicked(_) => Subject::Clock,
            Self::RunRequested(requested) => Subject::Run(requested.run_id),
            Self::TaskExecute(task) => Subject::Run(task.run_id),
            Self::RunCancelRequested(cancel) | Self::TaskCancel(cancel) => Subject::Run(cancel.run_id),
            Self::RunResumeRequested(resume) | Self::TaskResume(resume) => Subject::Run(resume.run_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        event::{Payload, RunRequested, TaskExecute, WorkflowDeleted},
        ids::{RunId, WorkflowId},
        json_text::JsonText,
        run::{NewRun, Trigger},
        timestamp::Timestamp,
        workflow::DocumentText,
    };

    #[test]
    fn the_events_of_runs_that_share_an_owner_slot_share_a_key_and_each_names_its_run() {
        let at = Timestamp::from_millis(5);
        let [one, other] = [1, 2].map(|n| RunId::at(at, n).at_slot(0x0a0b));
        let (text, document) =
            (|| JsonText::parse("null".into()).unwrap(), DocumentText::parse("{}".into()).unwrap());
        let requested = |run_id| RunRequested {
            run_id,
            workflow_id: WorkflowId::at(at, 3),
            workflow_version: 1,
            wanted_version: None,
            trigger: Trigger::manual(),
            input: text(),
            plan: None,
            document: None,
            created_at: at,
        };
        let run: NewRun = requested(one).at_version(1, serde_json::Value::Null);
        let task = Payload::TaskExecute(Box::new(TaskExecute::of(&run, text(), document)));
        let request = Payload::RunRequested(requested(other));
        assert_eq!([task.key(), request.key()], ["0a0b", "0a0b"]);
        assert_eq!(
            [task.about(), request.about()].map(|about| about.to_string()),
            [one, other].map(|id| id.to_string())
        );
        let (workflow_id, version) = (WorkflowId::at(at, 3), 2);
        let deleted = WorkflowDeleted { workflow_id, version, created_at: at, deleted_at: at };
        let deleted = Payload::WorkflowDeleted(deleted);
        assert_eq!(
            [deleted.key(), deleted.about().to_string()],
            [workflow_id.to_string(), workflow_id.to_string()]
        );
    }
}
