//! What the journal writes for ever.

use std::sync::Arc;

use domain::{
    dead_letter::DeadLetter,
    ids::{NodeId, RunId, SignalId, TenantId, WorkflowId},
    items::{Item, Output, Ports},
    iteration::Iteration,
    lineage::{Lineage, Origin},
    run::{
        Extent, FailedAttempt, GivenSignal, NodeError, Parent, Run, RunEnd, RunPlan, RunStatus, Step,
        StepStatus, Trigger, WaitsFor,
    },
    timestamp::Timestamp,
};
use serde_json::{Value, json};

mod limits;

use super::*;
use crate::{
    engine::{
        AttemptFailure, Called, RunEvent, RunHeader, StepChange, StepEvent, StepKey, Suspension, Timer, Wake,
    },
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
                called: None,
            })),
            format!(r#"{{"suspended":{{"for":{{"until":9}},"kept":["done"],"error":{written}}}}}"#),
        ),
        (
            StepChange::Suspended(Box::new(Suspension {
                waits_for: WaitsFor { until: None, signal: Some("paid".into()), runs: vec![run()] },
                kept: None,
                failure: None,
                called: None,
            })),
            format!(r#"{{"suspended":{{"for":{{"signal":"paid","runs":["{RUN}"]}}}}}}"#),
        ),
        (
            StepChange::Suspended(Box::new(Suspension {
                waits_for: WaitsFor { runs: vec![run()], ..WaitsFor::default() },
                kept: None,
                failure: None,
                called: Some(Called { runs: 2, any: true }),
            })),
            format!(r#"{{"suspended":{{"for":{{"runs":["{RUN}"]}},"called":[2,true]}}}}"#),
        ),
        (
            StepChange::Suspended(Box::new(Suspension {
                waits_for: WaitsFor::moment(Timestamp::from_millis(9)),
                kept: None,
                failure: Some(AttemptFailure { error: Box::new(error()), spared: true }),
                called: None,
            })),
            format!(r#"{{"suspended":{{"for":{{"until":9}},"error":{written},"spared":true}}}}"#),
        ),
        (
            StepChange::RunEnded { run: run(), end: Arc::new(json!({"ok": true})) },
            format!(r#"{{"run_ended":{{"run":"{RUN}","end":{{"ok":true}}}}}}"#),
        ),
        (StepChange::Resumed { by: Wake::Moment }, r#"{"resumed":"moment"}"#.to_owned()),
        (
            StepChange::Resumed { by: Wake::Signal { id: SignalId(run().0), data: Arc::new(json!(5)) } },
            format!(r#"{{"resumed":{{"signal":{{"id":"{RUN}","data":5}}}}}}"#),
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
        (StepChange::Pinned, r#""pinned""#.to_owned()),
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
        assert_eq!(read_due(written.as_bytes()).unwrap(), DueKey::Timer(timer));
    }
    for (notice, written) in [
        (Notice::CalledEnded(run()), format!(r#"{{"called_ended":"{RUN}"}}"#)),
        (Notice::CallerEnded, r#""caller_ended""#.to_owned()),
    ] {
        assert_eq!(text(write_notice(notice)), written);
        assert_eq!(read_due(written.as_bytes()).unwrap(), DueKey::Notice(notice));
    }
}

fn parent() -> Parent {
    Parent {
        run_id: run(),
        node_id: Some(NodeId::parse("a").unwrap()),
        iteration: Iteration::from(vec![1]),
        item: Some(4),
        depth: 2,
        waits: true,
        after_error: true,
    }
}

#[test]
fn runs_that_runs_start_are_written_as_ever() {
    let header = RunHeader { trigger: Trigger::workflow(parent()), ..header() };
    let hash = [0; 32];
    let row = text(write_header(&hash, &header));
    let written = format!(
        r#""trigger":{{"kind":"workflow","parent":{{"run":"{RUN}","node":"a","i":[1],"item":4,"depth":2,"waits":true,"after_error":true}}}}"#
    );
    assert!(row.contains(&written), "{row}");
    assert_eq!(read_header(row.as_bytes()).unwrap(), (hash, header));

    let parent = Parent {
        node_id: None,
        iteration: Iteration::outside(),
        item: None,
        waits: false,
        after_error: false,
        ..parent()
    };
    let header = RunHeader {
        attempt: 1,
        workflow_version: 0,
        trigger: Trigger::error(parent),
        traceparent: None,
        ..self::header()
    };
    let row = text(write_error_run(&header));
    assert_eq!(
        row,
        format!(
            r#"{{"tenant":"acme","run":"{RUN}","workflow":"{RUN}","trigger":{{"kind":"error","parent":{{"run":"{RUN}","depth":2}}}},"input":[{{"a":1}}],"created":7}}"#
        )
    );
    assert_eq!(read_error_run(row.as_bytes()).unwrap(), header);
}

#[test]
fn what_came_of_a_called_run_is_written_as_ever() {
    let item = Item::from_iter([("a".to_owned(), json!(1))]);
    for (end, written) in [
        (RunEnd::Succeeded(vec![item]), r#"{"items":[{"a":1}]}"#),
        (RunEnd::Failed(Box::new(error())), r#"{"error":{"code":"timeout","message":"no answer in 10s"}}"#),
    ] {
        let row = text(write_end(&end));
        assert_eq!(row, written);
        assert_eq!(read_end(row.as_bytes()), Some(end.to_value()));
    }
    assert_eq!(read_end(b"{}"), None);
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
        plan: RunPlan::default(),
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

#[test]
fn a_plan_and_an_earlier_run_are_written_as_ever() {
    let node = |id: &str| NodeId::parse(id).unwrap();
    let plan = RunPlan {
        extent: Extent::Until(node("b")),
        trigger: Some(node("start")),
        pins: [(node("a"), output().ports)].into(),
        earlier: [node("c")].into(),
    };
    let trigger =
        Trigger { replay_of: Some(run()), from: Some(node("b")), ..Trigger::at("schedule", node("nightly")) };
    let header = RunHeader { plan, trigger, ..header() };
    let row = text(write_header(&[0; 32], &header));
    for part in [
        format!(r#""trigger":{{"kind":"schedule","node":"nightly","replay_of":"{RUN}","from":"b"}}"#),
        r#""plan":{"extent":{"until":"b"},"trigger":"start","pins":{"a":{"main":[{"a":1}]}},"earlier":["c"]}"#
            .to_owned(),
    ] {
        assert!(row.contains(&part), "{row}");
    }
    assert_eq!(read_header(row.as_bytes()).unwrap().1, header);
    let bare = read_header_without_input(row.as_bytes()).unwrap().1;
    assert_eq!((bare.trigger, bare.plan), (header.trigger, RunPlan::default()));
}

#[test]
fn a_pinned_step_is_recorded_as_one() {
    let mut record = record();
    record.steps[0].step.pinned = true;
    let record = Record::Run(Box::new(record));
    let row = text(write_record(&record));
    assert!(row.contains(r#""status":"waiting","pinned":true,"attempts":1"#), "{row}");
    assert_eq!(read_record(row.as_bytes()).unwrap(), record);
}

fn record() -> RunRecord {
    let step = Step {
        node_id: NodeId::parse("a").unwrap(),
        iteration: Iteration::from(vec![1]),
        kind: "set".into(),
        status: StepStatus::Waiting,
        pinned: false,
        attempts: 1,
        started_at: Some(AT),
        finished_at: None,
        output: Some(output().ports),
        lineage: output().lineage,
        console: output().console,
        waits_for: Some(WaitsFor::moment(AT)),
        signal: Some(GivenSignal { name: "paid".into(), id: SignalId(run().0), at: AT }),
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
            waits_for: None,
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
            r#"{{"run":{{"tenant":"acme","id":"{RUN}","workflow":"{RUN}","version":3,"status":"waiting","revision":4,"attempt":1,"trigger":{{"kind":"manual"}},"input":{{}},"created":7,"started":7,"steps":[{{"revision":4,"ordinal":0,"node":"a","iteration":[1],"kind":"set","status":"waiting","attempts":1,"started":7,"output":{{"main":[{{"a":1}}]}},"lineage":{{"main":[[[1,2]]]}},"said":["said"],"waits_for":{{"until":7}},"signal":{{"name":"paid","id":"{RUN}","at":7}},"error":{{"code":"timeout","message":"no answer in 10s"}}}}]}}}}"#
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
