//! What a connector's converter changes, and what it must not be able to change.

use domain::{
    event::{
        self, CancelRun, ClockTicked, Event, Payload, ResumeRun, RunRequested, TaskExecute, Topic,
        WorkflowDeleted,
    },
    ids::{NodeId, RunId, SignalId, SignalName, WorkflowId},
    iteration::Iteration,
    json_text::JsonText,
    run::Trigger,
    timestamp::Timestamp,
    workflow::{DocumentText, StoredWorkflow, WorkflowSummary},
};
use minireipaz::testing::converted;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    app::{TestApp, acme},
    json_values::any_value,
};

/// A document, or an input, that no converter gives back as it was.
const AWKWARD: &str = concat!(
    r#"{ "name":"x", "z": 12345678901234567890, "huge": 123456789012345678901234567890, "a": [-0.0, 1.50, 1E3],"#,
    "\n\t",
    r#""nodes": [], "a\"b": "\ud83d\ude00 \\ \u0000" }"#
);

fn text() -> JsonText {
    JsonText::parse(AWKWARD.to_owned()).unwrap()
}

fn document() -> DocumentText {
    DocumentText::parse(AWKWARD.to_owned()).unwrap()
}

/// An event of every type.
fn every_event(document: &DocumentText, input: &JsonText) -> Vec<Event> {
    let at = Timestamp::from_millis(1_763_971_200_123);
    let (run_id, workflow_id) = (RunId::at(at, u128::MAX), WorkflowId::at(at, 2));
    let summary = WorkflowSummary {
        id: workflow_id,
        name: "Grüße \"x\" 12345678901234567890".into(),
        active: true,
        version: u32::MAX,
        created_at: at,
        updated_at: at,
    };
    let saved = StoredWorkflow { summary, document: document.clone() };
    let requested = RunRequested {
        run_id,
        workflow_id,
        workflow_version: u32::MAX,
        wanted_version: Some(u32::MAX),
        trigger: Trigger::manual(),
        input: input.clone(),
        plan: Some(input.clone()),
        document: Some(document.clone()),
        created_at: at,
    };
    let task = TaskExecute {
        plan: Some(input.clone()),
        ..TaskExecute::of(&requested.clone().at_version(3, Value::Null), input.clone(), document.clone())
    };
    let deleted = WorkflowDeleted { workflow_id, version: u32::MAX, created_at: at, deleted_at: at };
    let cancel =
        CancelRun { run_id, reason: "it's \"enough\" 12345678901234567890".into(), requested_at: at };
    let resume = ResumeRun {
        run_id,
        node_id: NodeId::parse("größe 1").unwrap(),
        iteration: Iteration::from(vec![3, u32::MAX]),
        signal_id: SignalId::at(at, u128::MAX),
        name: SignalName::parse("it's \"approved\"").unwrap(),
        data: input.clone(),
        requested_at: at,
    };
    [
        Payload::WorkflowSaved(Box::new(saved)),
        Payload::WorkflowDeleted(deleted),
        Payload::RunRequested(requested),
        Payload::TaskExecute(Box::new(task)),
        Payload::RunCancelRequested(cancel.clone()),
        Payload::RunResumeRequested(resume.clone()),
        Payload::TaskCancel(cancel),
        Payload::TaskResume(resume),
        Payload::ClockTicked(ClockTicked { at }),
    ]
    .into_iter()
    .map(|payload| Event {
        id: "e1".into(),
        time: at,
        tenant: acme(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        payload,
    })
    .collect()
}

fn through_a_converter(event: &Event) -> Result<Event, event::UnreadableEvent> {
    event::read(&converted(&serde_json::to_string(event).unwrap()))
}

#[test]
fn every_type_of_event_comes_through_a_converter_unchanged() {
    assert_ne!(converted(AWKWARD), AWKWARD);
    assert!(converted(AWKWARD).contains("-6101065172474983726"), "{}", converted(AWKWARD));
    let events = every_event(&document(), &text());
    let types: Vec<Value> =
        events.iter().map(|event| serde_json::to_value(event).unwrap()["type"].clone()).collect();
    assert_eq!(types, Payload::TYPES, "a type is missing here");
    for event in events {
        assert_eq!(through_a_converter(&event), Ok(event));
    }
}

proptest! {
    #[test]
    fn no_document_and_no_input_is_changed(document in any_value(), input in any_value(), pretty in any::<bool>()) {
        let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let (document, input) = (write(&document).unwrap(), write(&input).unwrap());
        let document = DocumentText::parse(document).unwrap();
        for event in every_event(&document, &JsonText::parse(input).unwrap()) {
            prop_assert_eq!(through_a_converter(&event), Ok(event));
        }
    }

    #[test]
    fn no_record_makes_the_reader_panic(record in prop_oneof![
        ".*",
        any_value().prop_map(|value| value.to_string()),
        (0..Payload::TYPES.len(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(which, place, byte)| {
            let mut record = serde_json::to_vec(&every_event(&document(), &text())[which]).unwrap();
            let place = place.index(record.len());
            record[place] = byte;
            String::from_utf8_lossy(&record).into_owned()
        }),
    ]) {
        let _ = event::read(&record);
    }
}

#[tokio::test]
async fn a_workflow_and_a_run_keep_their_values_on_both_topics() {
    let app = TestApp::start().await;
    let mut workflow = crate::app::greeting();
    workflow["viewport"] = json!({"zoom": -0.0, "y": 12345678901234567890_u64, "a": 1});
    app.store.fail_writes(true);
    let saved = app.post("/api/v1/workflows", &workflow).await;
    let id = saved.body["id"].as_str().unwrap().to_owned();
    app.store.fail_writes(false);
    deliver_converted(&app).await;
    let read = app.get(&format!("/api/v1/workflows/{id}")).await;
    assert_eq!(read.body["viewport"].to_string(), workflow["viewport"].to_string());

    let input = r#"{"z":-0.0,"a":12345678901234567890,"m":[1.5,{"y":1,"x":2}]}"#;
    let given: Value = serde_json::from_str(input).unwrap();
    let started = app.post(&format!("/api/v1/workflows/{id}/runs"), &json!({ "input": given })).await;
    assert_eq!(started.status, 202, "{started:?}");
    deliver_converted(&app).await;
    let run = app.get(&format!("/api/v1/runs/{}?wait=0", started.body["id"].as_str().unwrap())).await;
    assert_eq!(run.body["input"].to_string(), input);

    let tasks = app.bus.of_topic(Topic::Tasks);
    let Ok(Payload::TaskExecute(task)) = through_a_converter(&tasks[0]).map(|event| event.payload) else {
        panic!("{tasks:?}")
    };
    assert_eq!(task.input.as_str(), input);
    assert!(task.document.as_str().contains(r#""viewport":{"zoom":-0.0,"y":12345678901234567890,"a":1}"#));
}

/// Delivers what is new on topic `workflows`, as a connector with a `JsonConverter` does.
async fn deliver_converted(app: &TestApp) {
    let events = serde_json::to_string(&app.bus.take_for_scheduler()).unwrap();
    let answer = app.deliver(converted(&events)).await;
    assert_eq!((answer.status.as_u16(), &answer.body["dead_letters"]), (200, &json!(0)), "{answer:?}");
}
