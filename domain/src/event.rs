//! The messages on the topics: `CloudEvents` 1.0, structured JSON, everything in the record's value.
//!
//! Connectors pass on neither a record's key nor its offset, and record headers split their batches; so ids,
//! tenant and trace context are inside. Their converters read values and write them anew, so whatever must arrive as
//! it was (a document, an input) is a [`JsonText`]: a JSON string in `data`. All that is beside it are texts, moments
//! and small whole numbers, which no converter changes. Types are contracts for ever: change by adding a version.
//! Source: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.

mod clock;
mod controls;
mod key;
mod unreadable;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    ids::{RunId, TenantId, WorkflowId},
    json_text::JsonText,
    run::{NewRun, Trigger},
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow},
};

pub use clock::ClockTicked;
pub use controls::{CancelRun, ResumeRun};
pub use unreadable::{LostRun, UnreadableEvent};

/// The topics of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What was asked for: the "workflow DB".
    Workflows,
    /// What workers must do: the "task queue".
    Tasks,
}

impl Topic {
    /// The topic's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workflows => "workflows",
            Self::Tasks => "tasks",
        }
    }
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $variant:ident($data:ty) = $kind:literal on $topic:ident,)+) => {
        /// What happened or is asked for. The variant's name on the wire is its `CloudEvents` type.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "type", content = "data")]
        pub enum Payload {
            $($(#[$doc])* #[serde(rename = $kind)] $variant($data),)+
        }

        impl Payload {
            /// Every type, as it is on the wire.
            pub const TYPES: &[&str] = &[$($kind),+];

            /// Where it goes.
            #[must_use]
            pub const fn topic(&self) -> Topic {
                match self { $(Self::$variant(_) => Topic::$topic,)+ }
            }

            /// Reads the data of a type; `None`: there is no such type.
            fn read(kind: &str, data: &str) -> Option<serde_json::Result<Self>> {
                match kind {
                    $($kind => Some(serde_json::from_str(data).map(Self::$variant)),)+
                    _ => None,
                }
            }
        }
    };
}

payloads! {
    /// A version of a workflow was saved.
    WorkflowSaved(Box<StoredWorkflow>) = "io.minireipaz.workflow.saved.v1" on Workflows,
    /// A workflow was deleted.
    WorkflowDeleted(WorkflowDeleted) = "io.minireipaz.workflow.deleted.v1" on Workflows,
    /// A run was accepted.
    RunRequested(RunRequested) = "io.minireipaz.run.requested.v1" on Workflows,
    /// A worker must execute a run.
    TaskExecute(Box<TaskExecute>) = "io.minireipaz.task.execute.v1" on Tasks,
    /// Somebody wants a run to stop.
    RunCancelRequested(CancelRun) = "io.minireipaz.run.cancel_requested.v1" on Workflows,
    /// Somebody sends a signal to a run that waits for it.
    RunResumeRequested(ResumeRun) = "io.minireipaz.run.resume_requested.v1" on Workflows,
    /// A worker must stop a run.
    TaskCancel(CancelRun) = "io.minireipaz.task.cancel.v1" on Tasks,
    /// A worker must give a signal to a run.
    TaskResume(ResumeRun) = "io.minireipaz.task.resume.v1" on Tasks,
    /// Time has passed.
    ClockTicked(ClockTicked) = "io.minireipaz.clock.ticked.v1" on Workflows,
}

/// A workflow was deleted. The version is one above the last, so that the deletion wins over it in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowDeleted {
    /// Which.
    pub workflow_id: WorkflowId,
    /// The version that stands for the deletion.
    pub version: u32,
    /// When version 1 was saved.
    pub created_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

/// A run was accepted. It runs the version that its request names, or the newest that the function or the scheduler
/// knows: at least `workflow_version`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRequested {
    /// The run.
    pub run_id: RunId,
    /// The workflow to run.
    pub workflow_id: WorkflowId,
    /// The newest version that the function knew; it is stored.
    pub workflow_version: u32,
    /// The version that the request names, or the one whose limit of runs the run's id was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_version: Option<u32>,
    /// What started it.
    pub trigger: Trigger,
    /// Its input, as given.
    pub input: JsonText,
    /// What it does otherwise than to go from its trigger to the end: a [`RunPlan`](super::run::RunPlan), of a test run
    /// or a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<JsonText>,
    /// The document that it runs instead of a saved version: of a test run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentText>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl RunRequested {
    /// The run as it is told of while nobody has chosen its version: the one that it names, else the newest that the
    /// function knew.
    #[must_use]
    pub fn as_far_as_known(self, input: Value) -> NewRun {
        let version = self.wanted_version.unwrap_or(self.workflow_version);
        self.at_version(version, input)
    }

    /// The run that was requested, once it is known which version it runs; `input` is what its input says.
    #[must_use]
    pub fn at_version(self, workflow_version: u32, input: Value) -> NewRun {
        let Self { run_id, workflow_id, trigger, created_at, .. } = self;
        NewRun { id: run_id, workflow_id, workflow_version, attempt: 1, trigger, input, created_at }
    }
}

/// A worker must execute a run. It carries all that the worker needs, so that a run never waits for a read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskExecute {
    /// The run.
    pub run_id: RunId,
    /// 1, or more when the run is sent again because its worker was lost.
    pub attempt: u32,
    /// The workflow that is run.
    pub workflow_id: WorkflowId,
    /// Its version.
    pub workflow_version: u32,
    /// The workflow's document in that version.
    pub document: DocumentText,
    /// What started it.
    pub trigger: Trigger,
    /// Its input, as given.
    pub input: JsonText,
    /// What it does otherwise than to go from its trigger to the end: a [`RunPlan`](super::run::RunPlan), of a test run
    /// or a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<JsonText>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl TaskExecute {
    /// The task to execute that run, with its input and its workflow's document as they were given.
    #[must_use]
    pub fn of(run: &NewRun, input: JsonText, document: DocumentText) -> Self {
        Self {
            run_id: run.id,
            attempt: run.attempt,
            workflow_id: run.workflow_id,
            workflow_version: run.workflow_version,
            document,
            trigger: run.trigger.clone(),
            input,
            plan: None,
            created_at: run.created_at,
        }
    }
}

/// An event: a payload in its envelope. Who made it (`source`) follows from its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique per source: what a receiver may recognise a duplicate by.
    pub id: String,
    /// When it was made.
    pub time: Timestamp,
    /// Whose data it is.
    pub tenant: TenantId,
    /// W3C trace context, when the cause was traced.
    pub traceparent: Option<String>,
    /// Type and data.
    pub payload: Payload,
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Envelope<'a> {
            specversion: &'static str,
            id: &'a str,
            source: &'static str,
            subject: String,
            time: Timestamp,
            datacontenttype: &'static str,
            tenantid: &'a TenantId,
            #[serde(skip_serializing_if = "Option::is_none")]
            traceparent: Option<&'a str>,
            #[serde(flatten)]
            payload: &'a Payload,
        }
        Envelope {
            specversion: "1.0",
            id: &self.id,
            source: match self.payload.topic() {
                Topic::Workflows => "/minireipaz/functions",
                Topic::Tasks => "/minireipaz/scheduler",
            },
            subject: self.payload.about().to_string(),
            time: self.time,
            datacontenttype: "application/json",
            tenantid: &self.tenant,
            traceparent: self.traceparent.as_deref(),
            payload: &self.payload,
        }
        .serialize(serializer)
    }
}

/// Reads one record.
///
/// The envelope is read first and the data by its type: a tagged enum would copy every document through an
/// intermediate tree.
///
/// # Errors
/// When it is not one of our events; the error says why, and which run it asks for if that can be read.
pub fn read(record: &str) -> Result<Event, UnreadableEvent> {
    read_event(record).map_err(|reason| UnreadableEvent::new(reason, record))
}

fn read_event(record: &str) -> Result<Event, String> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        specversion: String,
        #[serde(rename = "type")]
        kind: String,
        id: String,
        time: Timestamp,
        tenantid: TenantId,
        traceparent: Option<String>,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let envelope: Envelope<'_> =
        serde_json::from_str(record).map_err(|error| format!("not a CloudEvent: {error}"))?;
    if envelope.specversion != "1.0" {
        return Err(format!("specversion {:?} is not supported; it must be \"1.0\"", envelope.specversion));
    }
    let payload = Payload::read(&envelope.kind, envelope.data.get())
        .ok_or_else(|| format!("unknown event type {:?}", envelope.kind))?
        .map_err(|error| format!("data of {}: {error}", envelope.kind))?;
    Ok(Event {
        id: envelope.id,
        time: envelope.time,
        tenant: envelope.tenantid,
        traceparent: envelope.traceparent,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_DOCUMENT_BYTES, MAX_INPUT_BYTES, MAX_RECORD_BYTES};

    fn task(document: &str, input: &str) -> Event {
        Event {
            id: "e1".into(),
            time: Timestamp::from_millis(1_763_971_200_123),
            tenant: TenantId::parse("acme").unwrap(),
            traceparent: None,
            payload: Payload::TaskExecute(Box::new(TaskExecute {
                run_id: RunId::at(Timestamp::from_millis(5), 1),
                attempt: 1,
                workflow_id: WorkflowId::at(Timestamp::from_millis(5), 2),
                workflow_version: 3,
                document: DocumentText::parse(document.into()).unwrap(),
                trigger: Trigger::manual(),
                input: JsonText::parse(input.into()).unwrap(),
                plan: None,
                created_at: Timestamp::from_millis(5),
            })),
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_document_and_input_untouched() {
        let (document, input) = (r#"{ "name":"x", "nodes":[ ], "zoom":1.50 }"#, r#"[{"a": -0.0}]"#);
        let event = task(document, input);
        let written = serde_json::to_string(&event).unwrap();
        let value: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value["type"], "io.minireipaz.task.execute.v1");
        assert_eq!((&value["data"]["document"], &value["data"]["input"]), (&document.into(), &input.into()));
        assert_eq!(read(&written), Ok(event));
    }

    #[test]
    fn a_document_or_an_input_that_is_no_string_is_refused() {
        let written = serde_json::to_value(task("{}", "null")).unwrap();
        for field in ["document", "input"] {
            let mut other = written.clone();
            other["data"][field] = serde_json::json!({});
            let error = read(&other.to_string()).unwrap_err().reason;
            assert!(error.contains("a string that holds JSON"), "{error}");
            other["data"].as_object_mut().unwrap().remove(field);
            let error = read(&other.to_string()).unwrap_err().reason;
            assert!(error.contains(&format!("missing field `{field}`")), "{error}");
        }
    }

    #[test]
    fn an_event_is_at_most_twice_as_large_as_what_it_carries() {
        // Nothing but quotes: each takes two characters in JSON, and four in JSON inside a string.
        let quotes = |bytes: usize| serde_json::json!({ "q": "\"".repeat((bytes - 8) / 2) }).to_string();
        let (document, input) = (quotes(MAX_DOCUMENT_BYTES), quotes(MAX_INPUT_BYTES));
        let written = serde_json::to_string(&task(&document, &input)).unwrap();
        assert!(written.len() <= MAX_RECORD_BYTES, "{} bytes", written.len());
        assert!(written.len() > MAX_RECORD_BYTES / 2);
    }

    #[test]
    fn what_is_not_ours_is_refused_with_a_reason() {
        for (record, reason) in [
            ("{}", "not a CloudEvent"),
            (
                r#"{"specversion":"0.3","id":"1","source":"s","type":"t","time":"2026-01-01T00:00:00Z","tenantid":"a","data":{}}"#,
                "specversion",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-01-01T00:00:00Z","tenantid":"a","data":{}}"#,
                "unknown event type",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"s","type":"io.minireipaz.run.requested.v1","time":"2026-01-01T00:00:00Z","tenantid":"a","data":{}}"#,
                "data of io.minireipaz.run.requested.v1",
            ),
        ] {
            let error = read(record).unwrap_err().reason;
            assert!(error.contains(reason), "{error}");
        }
    }
}
