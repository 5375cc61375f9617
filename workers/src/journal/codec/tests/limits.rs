//! Whatever the published limits allow is read back, and one level more would be, too: there is room around it.

use domain::{
    items::{ERROR, error_field},
    limits::{MAX_DEPTH, MAX_DETAILS_DEPTH, MAX_KEPT_DEPTH, MAX_STEP_OUTPUT_BYTES},
};

use super::*;

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

fn items(value: Value) -> Ports {
    Ports::from([("main".into(), Arc::new(vec![Item::from_iter([("k".to_owned(), value)])]))])
}

fn deep_error(levels: usize) -> NodeError {
    NodeError { details: Some(nested(levels)), ..error() }
}

/// All that may be deep, with `more` levels above the limit.
fn events(more: usize) -> Vec<RunEvent> {
    let carried = Item::from_iter([(ERROR.to_owned(), error_field(&deep_error(MAX_DETAILS_DEPTH + more)))]);
    let changes = [
        StepChange::Succeeded { output: Arc::new(items(nested(MAX_DEPTH - 1 + more)).into()) },
        StepChange::Suspended(Box::new(Suspension {
            waits_for: WaitsFor::moment(AT),
            kept: Some(Arc::new(nested(MAX_KEPT_DEPTH + more))),
            failure: Some(AttemptFailure {
                error: Box::new(deep_error(MAX_DETAILS_DEPTH + more)),
                spared: false,
            }),
            called: None,
        })),
        StepChange::Resumed {
            by: Wake::Signal { id: SignalId(run().0), data: Arc::new(nested(MAX_DEPTH + more)) },
        },
        StepChange::RunEnded { run: run(), end: Arc::new(nested(MAX_KEPT_DEPTH + more)) },
        StepChange::Failed {
            error: Box::new(deep_error(MAX_DETAILS_DEPTH + more)),
            output: Some(Arc::new(Ports::from([("error".into(), Arc::new(vec![carried]))]).into())),
        },
    ];
    let step = || StepKey { node: 1, iteration: Iteration::from(vec![3, 0]) };
    let events = changes.map(|change| RunEvent::Step(StepEvent { step: step(), attempt: 2, at: AT, change }));
    let error = Some(Box::new(deep_error(MAX_DETAILS_DEPTH + more)));
    let end = RunEvent::Finished { status: RunStatus::Failed, error, at: AT };
    events.into_iter().chain([end]).collect()
}

#[test]
fn events_at_the_limits_of_depth_are_read_back() {
    for more in [0, 1] {
        let events = events(more);
        assert_eq!(read_events(&write_events(&events).unwrap()).unwrap(), events, "{more} more");
    }
}

#[test]
fn a_header_and_a_record_at_the_limits_are_read_back() {
    for more in [0, 1] {
        let (mut header, mut record) = (header(), record());
        header.input = json!([nested(MAX_DEPTH + more)]);
        let row = write_header(&[1; 32], &header).unwrap();
        assert_eq!(read_header(&row).unwrap(), ([1; 32], header.clone()), "{more} more");
        let bare = RunHeader { input: Value::Null, traceparent: None, ..header };
        assert_eq!(read_header_without_input(&row).unwrap().1, bare);

        record.run.input = json!([nested(MAX_DEPTH + more)]);
        record.run.output = Some(json!({ "if": { "true": [nested(MAX_DEPTH + more)] } }));
        record.run.error = Some(deep_error(MAX_DETAILS_DEPTH + more));
        record.steps[0].step.output = Some(items(nested(MAX_DEPTH - 1 + more)));
        record.steps[0].step.error = Some(deep_error(MAX_DETAILS_DEPTH + more));
        let record = Record::Run(Box::new(record));
        assert_eq!(read_record(&write_record(&record).unwrap()).unwrap(), record, "{more} more");
    }
}

#[test]
fn an_output_of_the_largest_size_is_read_back() {
    let output = Arc::new(items(json!("ü".repeat(MAX_STEP_OUTPUT_BYTES / 2 - 8))).into());
    let event = RunEvent::Step(StepEvent {
        step: StepKey::outside(1),
        attempt: 1,
        at: AT,
        change: StepChange::Succeeded { output },
    });
    let row = write_events(std::slice::from_ref(&event)).unwrap();
    assert_eq!(read_events(&row).unwrap(), [event]);
}

#[test]
fn numbers_are_read_back_as_they_were_written() {
    let numbers = "[9223372036854775807,-9223372036854775808,18446744073709551615,12345678901234567890,\
                   9007199254740993,123456789012345678901234567890,-0,-0.0,1.0,0.12345678901234567890,1e+400]";
    let header = RunHeader { input: serde_json::from_str(numbers).unwrap(), ..header() };
    let row = text(write_header(&[1; 32], &header));
    assert!(row.contains(numbers), "{row}");
    assert_eq!(read_header(row.as_bytes()).unwrap().1.input.to_string(), numbers);
    let output = Arc::new(items(header.input).into());
    let event = RunEvent::Step(StepEvent {
        step: StepKey::outside(1),
        attempt: 1,
        at: AT,
        change: StepChange::Succeeded { output },
    });
    let row = text(write_events(&[event]));
    assert!(row.contains(numbers), "{row}");
    assert_eq!(text(write_events(&read_events(row.as_bytes()).unwrap())), row);
}

#[test]
fn what_is_too_deep_in_a_header_costs_only_the_input() {
    let row = text(write_header(&[1; 32], &header()));
    let deep = format!("\"input\":{}1{}", "[".repeat(500), "]".repeat(500));
    let row = row.replace(r#""input":[{"a":1}]"#, &deep);
    assert!(read_header(row.as_bytes()).is_err());
    assert_eq!(read_header_without_input(row.as_bytes()).unwrap().1.tenant, header().tenant);
}
