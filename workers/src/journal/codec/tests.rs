//! What the journal writes for ever.

use std::sync::Arc;

use domain::{
    dead_letter::DeadLetter,
    ids::{NodeId, RunId, TenantId, WorkflowId},
    items::{Item, Output, Ports},
    iteration::Iteration,
    lineage::{Lineage, Origin},
    run::{FailedAttempt, NodeError, Run, RunStatus, Step, StepStatus, Trigger, WaitsFor},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

mod limits;

use super::*;
use crate::{
    engine::{AttemptFailure, RunEvent, RunHeader, StepChange, StepEvent, StepKey, Suspension, Timer, Wake},
    recorder::{InputAt, Record, RunRecord, StepRecord},
};

const AT: Timestamp = Timestamp::from_millis(7);
const RUN: &str = "00000000-0000-0005-0000-000000000000";

fn run() -> RunId {
    RUN.parse().unwrap()
}

fn error() -> NodeError {
    NodeError::new("timeout", "no answer in 10s")
}

fn output() -> Output {
    let item = Item::from_iter([("a".to_owned(), json!(1))]);
    let ports = Ports::from([("main".into(), Arc::new(vec![item]))]);
    let lineage = Lineage::from([("main".into(), Arc::new(vec![vec![Origin { input: 1, item: 2 }]]))]);
    Output { ports, lineage, console: vec!["said".to_owned()], response: None }
}

fn text(row: Result<Vec<u8>, crate::journal::JournalError>) -> String {
    String::from_utf8(row.unwrap()).unwrap()
}

/// Every event as the first version wrote it. A line here may be added, never changed.
#[test]
fn events_are_written_as_ever_and_read_back() {
    let written = r#"{"code":"timeout","message":"no answer in 10s"}"#;
    let plain = || Arc::new(Output::from(Ports::from([("main".into(), Arc::new(vec![]))])));
    let changes = [
        (StepChange::Triggered, r#""triggered""#.to_owned()),
        (StepChange::Started, r#""started""#.to_owned()),
        (StepChange::Succeeded { output: plain() }, r#"{"succeeded":{"out":{"main":[]}}}"#.to_owned()),
        (
            StepChange::Succeeded { output: Arc::new(output()) },
            r#"{"succeeded":{"out":{"main":[{"a":1}]},"from":{"main":[[[1,2]]]},"said":["said"]}}"#
                .to_owned(),
        ),
        (
            StepChange::Suspended(Box::new(Suspension {
                waits_for: WaitsFor::moment(Timestamp::from_millis(9)),
                kept: Some(Arc::new(json!(["done"]))),
                failure: Some(AttemptFailure { error: Box::new(error()), spared: false }),
            })),
            format!(r#"{{"suspended":{{"for":{{"until":9}},"kept":["done"],"error":{written}}}}}"#),
        ),
        (
            StepChange::Suspended(Box::new(Suspension {
                waits_for: WaitsFor { until: None, signal: Some("paid".into()), runs: vec![run()] },
                kept: None,
                failure: None,
            })),
            format!(r#"{{"suspended":{{"for":{{"signal":"paid","runs":["{RUN}"]}}}}}}"#),
        ),
        (
            StepChange::Suspended(Box::new(Suspension {
                waits_for: WaitsFor::moment(Timestamp::from_millis(9)),
                kept: None,
                failure: Some(AttemptFailure { error: Box::new(error()), spared: true }),
            })),
            format!(r#"{{"suspended":{{"for":{{"until":9}},"error":{written},"spared":true}}}}"#),
        ),
        (
            StepChange::RunEnded { run: run(), end: Arc::new(json!({"ok": true})) },
            format!(r#"{{"run_ended":{{"run":"{RUN}","end":{{"ok":true}}}}}}"#),
        ),
        (StepChange::Resumed { by: Wake::Moment }, r#"{"resumed":"moment"}"#.to_owned()),
        (
            StepChange::Resumed { by: Wake::Signal(Arc::new(json!(5))) },
            r#"{"resumed":{"signal":5}}"#.to_owned(),
        ),
        (StepChange::Resumed { by: Wake::Runs }, r#"{"resumed":"runs"}"#.to_owned()),
        (StepChange::PutAside, r#""put_aside""#.to_owned()),
        (StepChange::Interrupted, r#""interrupted""#.to_owned()),
        (
            StepChange::Failed { error: Box::new(error()), output: None },
            format!(r#"{{"failed":{{"error":{written}}}}}"#),
        ),
        (
            StepChange::Failed { error: Box::new(error()), output: Some(plain()) },
            format!(r#"{{"failed":{{"error":{written},"output":{{"out":{{"main":[]}}}}}}}}"#),
        ),
        (StepChange::Skipped, r#""skipped""#.to_owned()),
        (StepChange::Cancelled, r#""cancelled""#.to_owned()),
    ];
    for (change, written) in changes {
        let event = |iteration: Iteration, change| {
            RunEvent::Step(StepEvent { step: StepKey { node: 1, iteration }, attempt: 2, at: AT, change })
        };
        let outside = event(Iteration::outside(), change.clone());
        check(&outside, &format!(r#"{{"step":{{"n":1,"a":2,"at":7,"change":{written}}}}}"#));
        let inside = event(Iteration::from(vec![3, 0]), change.clone());
        check(&inside, &format!(r#"{{"step":{{"n":1,"i":[3,0],"a":2,"at":7,"change":{written}}}}}"#));
        let tree: Value = serde_json::from_str(&written).unwrap();
        let name = tree.as_str().or_else(|| tree.as_object().unwrap().keys().next().map(String::as_str));
        assert_eq!(name, Some(change.name()));
    }
    check(&RunEvent::Started { at: AT }, r#"{"started":{"at":7}}"#);
    check(
        &RunEvent::Finished { status: RunStatus::TimedOut, error: Some(Box::new(error())), at: AT },
        &format!(r#"{{"finished":{{"status":"timed_out","error":{written},"at":7}}}}"#),
    );
    check(
        &RunEvent::Finished { status: RunStatus::Succeeded, error: None, at: AT },
        r#"{"finished":{"status":"succeeded","at":7}}"#,
    );
}

fn check(event: &RunEvent, written: &str) {
    let row = text(write_events(std::slice::from_ref(event)));
    assert_eq!(row, format!("[{written}]"));
    assert_eq!(read_events(row.as_bytes()).unwrap(), std::slice::from_ref(event));
    assert_eq!(count_events(row.as_bytes()), Some(1));
}

#[test]
fn errors_keep_their_node_their_details_and_their_history() {
    let error = Box::new(NodeError {
        node_id: Some(NodeId::parse("a").unwrap()),
        details: Some(json!({"status": 503})),
        history: vec![FailedAttempt {
            attempt: 1,
            at: AT,
            code: "x".into(),
            message: "y".into(),
            delay_ms: Some(5),
        }],
        ..error()
    });
    let event = RunEvent::Finished { status: RunStatus::Failed, error: Some(error), at: AT };
    check(
        &event,
        r#"{"finished":{"status":"failed","error":{"code":"timeout","message":"no answer in 10s","node":"a","details":{"status":503},"history":[{"a":1,"at":7,"code":"x","message":"y","delay_ms":5}]},"at":7}}"#,
    );
}

#[test]
fn timers_are_written_as_ever() {
    for (timer, written) in [
        (Timer::Wake(StepKey::outside(1)), r#"{"wake":{"n":1}}"#),
        (
            Timer::Wake(StepKey { node: 1, iteration: Iteration::from(vec![4]) }),
            r#"{"wake":{"n":1,"i":[4]}}"#,
        ),
        (Timer::Begin, r#""begin""#),
        (Timer::Deadline, r#""deadline""#),
    ] {
        assert_eq!(text(write_timer(&timer)), written);
        assert_eq!(read_timer(written.as_bytes()).unwrap(), timer);
    }
}

fn header() -> RunHeader {
    RunHeader {
        tenant: TenantId::parse("acme").unwrap(),
        run_id: run(),
        attempt: 2,
        workflow_id: WorkflowId(run().0),
        workflow_version: 3,
        trigger: Trigger::manual(),
        input: json!([{"a": 1}]),
        created_at: AT,
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok(),
    }
}

#[test]
fn a_runs_header_is_written_as_ever() {
    let header = header();
    let hash: [u8; 32] = std::array::from_fn(|i| u8::try_from(i * 8).unwrap());
    let row = text(write_header(&hash, &header));
    assert_eq!(
        row,
        format!(
            r#"{{"document":"0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8","tenant":"acme","run":"{RUN}","attempt":2,"workflow":"{RUN}","version":3,"trigger":{{"kind":"manual"}},"input":[{{"a":1}}],"created":7,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}"#
        )
    );
    assert_eq!(read_header(row.as_bytes()).unwrap(), (hash, header));
    assert!(read_header(row.replacen("00081", "000é", 1).as_bytes()).is_err());
}

fn record() -> RunRecord {
    let step = Step {
        node_id: NodeId::parse("a").unwrap(),
        iteration: Iteration::from(vec![1]),
        kind: "set".into(),
        status: StepStatus::Waiting,
        attempts: 1,
        started_at: Some(AT),
        finished_at: None,
        output: Some(output().ports),
        lineage: output().lineage,
        console: output().console,
        waits_for: Some(WaitsFor::moment(AT)),
        error: Some(error()),
    };
    RunRecord {
        tenant: TenantId::parse("acme").unwrap(),
        run: Run {
            id: run(),
            workflow_id: WorkflowId(run().0),
            workflow_version: 3,
            status: RunStatus::Waiting,
            revision: 4,
            attempt: 1,
            trigger: Trigger::manual(),
            input: json!({}),
            output: None,
            response: None,
            error: None,
            created_at: AT,
            started_at: Some(AT),
            finished_at: None,
        },
        input: InputAt::Here,
        steps: vec![StepRecord { revision: 4, ordinal: 0, step }],
    }
}

#[test]
fn records_of_the_outbox_are_written_as_ever() {
    let record = Record::Run(Box::new(record()));
    let row = text(write_record(&record));
    assert_eq!(
        row,
        format!(
            r#"{{"run":{{"tenant":"acme","id":"{RUN}","workflow":"{RUN}","version":3,"status":"waiting","revision":4,"attempt":1,"trigger":{{"kind":"manual"}},"input":{{}},"created":7,"started":7,"steps":[{{"revision":4,"ordinal":0,"node":"a","iteration":[1],"kind":"set","status":"waiting","attempts":1,"started":7,"output":{{"main":[{{"a":1}}]}},"lineage":{{"main":[[[1,2]]]}},"said":["said"],"waits_for":{{"until":7}},"error":{{"code":"timeout","message":"no answer in 10s"}}}}]}}}}"#
        )
    );
    assert_eq!(read_record(row.as_bytes()).unwrap(), record);

    let later = RunRecord { input: InputAt::Header, ..self::record() };
    let later = Record::Run(Box::new(RunRecord { run: Run { input: Value::Null, ..later.run }, ..later }));
    let row = text(write_record(&later));
    assert!(!row.contains("\"input\""), "{row}");
    assert_eq!(read_record(row.as_bytes()).unwrap(), later);
    let nothing = RunRecord { input: InputAt::Here, ..self::record() };
    let nothing =
        Record::Run(Box::new(RunRecord { run: Run { input: Value::Null, ..nothing.run }, ..nothing }));
    let row = text(write_record(&nothing));
    assert_eq!(read_record(row.as_bytes()).unwrap(), nothing, "no input is an input");

    let letter = Record::Dead(Box::new(DeadLetter {
        consumer: "worker".into(),
        reason: "no JSON".into(),
        record: "{".into(),
        tenant: String::new(),
        at: AT,
    }));
    let row = text(write_record(&letter));
    assert_eq!(row, r#"{"dead":{"consumer":"worker","reason":"no JSON","record":"{","tenant":"","at":7}}"#);
    assert_eq!(read_record(row.as_bytes()).unwrap(), letter);
}
