use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn places(document: Value) -> Vec<(String, String)> {
    let misfits = shape::read::<WorkflowDocument>(document).unwrap_err();
    misfits.into_iter().map(|misfit| (misfit.path, misfit.code.to_string())).collect()
}

#[test]
fn every_part_that_does_not_fit_is_named_with_its_place() {
    let found = places(json!({
        "active": "yes",
        "nodes": [
            {"type": "manual"},
            {"id": "a", "type": "noop", "data": {"timeout": "soon"}},
            {"id": "b", "type": "noop", "data": {"retry": {"max_attempts": "many"}}},
            {"id": "c", "type": "noop", "data": {"on_error": "explode"}},
            7
        ],
        "edges": [{"source": "a"}],
        "settings": {"concurrency": {"limit": 1, "over": "queue"}}
    }));
    let expected = [
        ("name", "required"),
        ("active", "invalid_type"),
        ("nodes[0].id", "required"),
        ("nodes[1].data.timeout", "invalid_value"),
        ("nodes[2].data.retry.max_attempts", "invalid_type"),
        ("nodes[3].data.on_error", "invalid_value"),
        ("nodes[4]", "invalid_type"),
        ("edges[0].target", "required"),
        ("settings.concurrency.over", "unknown_field"),
    ]
    .map(|(path, code)| (path.to_owned(), code.to_owned()));
    assert_eq!(found, expected);
    assert_eq!(places(json!([])), [(String::new(), "invalid_type".to_owned())]);
    assert_eq!(places(json!({"name": "x", "nodes": {}})), [("nodes".to_owned(), "invalid_type".to_owned())]);
}

#[test]
fn several_misfits_of_one_node_are_all_named() {
    let found = places(json!({
        "name": 7,
        "nodes": [{"id": "a\tb", "data": {
            "label": 1, "params": [], "timeout": 10, "retry": {"base": "soon", "tries": 3, "max_delay": 1}
        }}],
        "settings": {"error_workflow": "mine", "concurrency": {"above": "wait"}}
    }));
    let expected = [
        ("name", "invalid_type"),
        ("nodes[0].id", "invalid_value"),
        ("nodes[0].type", "required"),
        ("nodes[0].data.label", "invalid_type"),
        ("nodes[0].data.params", "invalid_type"),
        ("nodes[0].data.timeout", "invalid_type"),
        ("nodes[0].data.retry.base", "invalid_value"),
        ("nodes[0].data.retry.max_delay", "invalid_type"),
        ("nodes[0].data.retry.tries", "unknown_field"),
        ("settings.concurrency.limit", "required"),
        ("settings.concurrency.above", "invalid_value"),
        ("settings.error_workflow", "invalid_value"),
    ]
    .map(|(path, code)| (path.to_owned(), code.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn null_is_a_part_that_is_missing() {
    let missing =
        json!({"name": "x", "nodes": [{"id": "a", "type": "noop"}, {"id": "b", "type": "noop", "data": {}}]});
    let document = json!({
        "name": "x", "active": null, "edges": null, "settings": null,
        "nodes": [
            {"id": "a", "type": "noop", "data": null},
            {"id": "b", "type": "noop", "data": {"params": null, "label": null, "retry": null, "on_error": null}}
        ]
    });
    let read = shape::read::<WorkflowDocument>(document).unwrap();
    assert_eq!(read, shape::read::<WorkflowDocument>(missing).unwrap());
    assert!(!serde_json::to_string(&read).unwrap().contains("null"));
    // What has to be there is not.
    assert_eq!(places(json!({"name": null, "nodes": null})).len(), 2);
}

#[test]
fn halves_of_surrogate_pairs_become_the_replacement_character() {
    let text = br#"{"name": "x\ud83d", "nodes": [{"id": "\ude00", "type": "noop", "data": {"params": {"\ud800": ["\udfff"]}}}]}"#;
    let read = workflow(text).unwrap();
    assert_eq!((read.name.as_str(), read.nodes[0].id.as_str()), ("x\u{fffd}", "\u{fffd}"));
    assert_eq!(json!(read.nodes[0].data.params), json!({"\u{fffd}": ["\u{fffd}"]}));
}

#[test]
fn what_is_nested_too_deeply_for_a_reader_is_refused_by_the_limits_name() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let error = json(nested(128).as_bytes()).unwrap_err();
    assert_eq!((error.status().as_u16(), error.code()), (422, "too_deep"));
    assert!(format!("{error:?}").contains("MAX_DEPTH"), "{error:?}");
    assert!(json(nested(127).as_bytes()).is_ok());
    // Brackets in a text are none.
    let error = json(format!("{{\"a\": \"{}\", ", "[".repeat(200)).as_bytes()).unwrap_err();
    assert_eq!(error.code(), "invalid_json");
}

#[test]
fn what_is_not_known_is_kept_in_its_order() {
    let document = json!({"z": 1, "name": "x", "y": {"b": 1, "a": 2}, "nodes": [], "a": null});
    let read: WorkflowDocument = shape::read(document).unwrap();
    assert_eq!(serde_json::to_string(&read.extra).unwrap(), r#"{"z":1,"y":{"b":1,"a":2},"a":null}"#);
}

#[test]
fn what_is_not_json_is_refused_with_line_and_column() {
    let error = workflow(b"{\n \"name\": ,}").unwrap_err();
    assert_eq!((error.status().as_u16(), error.code()), (400, "invalid_json"));
    assert!(format!("{error:?}").contains("line 2 column 10"), "{error:?}");
    // Also when the broken part comes after one that does not fit.
    assert_eq!(workflow(b"{\"nodes\": 1, ").unwrap_err().code(), "invalid_json");
    assert_eq!(workflow(b"{} {}").unwrap_err().code(), "invalid_json");
}

/// An object with most of these fields, most of them with one of their values. Never a list for an object: serde would
/// take its elements for the fields.
fn object(fields: &[(&'static str, BoxedStrategy<Value>)]) -> BoxedStrategy<Value> {
    let anything = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(7)),
        Just(json!(-1)),
        Just(json!(1.5)),
        Just(json!(4_294_967_296_u64)),
        Just(json!("a\n")),
        Just(json!("5")),
        Just(json!({})),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, good)| {
            let value = prop_oneof![60 => good.clone(), 1 => anything.clone()];
            prop::option::weighted(0.98, value.prop_map(|value| ((*name).to_owned(), value)))
        })
        .collect();
    fields.prop_map(|fields| fields.into_iter().flatten().collect::<Map<_, _>>().into()).boxed()
}

fn one_of(values: &[Value]) -> BoxedStrategy<Value> {
    prop::sample::select(values.to_vec()).boxed()
}

fn list(element: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::vec(element, 0..3).prop_map(Value::Array).boxed()
}

fn document() -> BoxedStrategy<Value> {
    let text = || one_of(&[json!("a"), json!("Größe 1"), json!("")]);
    let id = || one_of(&[json!("a"), json!("b")]);
    let duration = || one_of(&[json!("10s"), json!("1.5h")]);
    let number = || one_of(&[json!(0), json!(3)]);
    let retry = object(&[("max_attempts", number()), ("base", duration()), ("max_delay", duration())]);
    let on_error = one_of(&[json!("fail"), json!("continue"), json!("error_port")]);
    let params = object(&[("url", text()), ("deep", list(text()))]);
    let data = object(&[
        ("label", text()),
        ("params", params),
        ("timeout", duration()),
        ("retry", retry),
        ("on_error", on_error),
        ("always_output", one_of(&[json!(true), json!(false)])),
        ("execute_once", one_of(&[json!(true)])),
        ("disabled", one_of(&[json!(true), json!(false)])),
        ("color", text()),
    ]);
    let node = object(&[("id", id()), ("type", text()), ("data", data), ("position", number())]);
    let edge = object(&[
        ("id", text()),
        ("source", id()),
        ("sourceHandle", text()),
        ("target", id()),
        ("targetHandle", text()),
        ("animated", text()),
    ]);
    let above = one_of(&[json!("queue"), json!("skip"), json!("cancel_oldest")]);
    let concurrency = object(&[("limit", number()), ("key", text()), ("above", above)]);
    let workflow = one_of(&[json!("018f3c3e-0000-7000-8000-000000000000")]);
    let settings = object(&[
        ("timeout", duration()),
        ("start_timeout", duration()),
        ("max_iterations", number()),
        ("concurrency", concurrency),
        ("error_workflow", workflow.clone()),
        ("alert_workflow", workflow),
    ]);
    object(&[
        ("name", text()),
        ("active", one_of(&[json!(true), json!(false)])),
        ("nodes", list(node)),
        ("edges", list(edge)),
        ("settings", settings),
        ("viewport", text()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is accepted is stored as text and read by serde ever after.
    #[test]
    fn a_document_is_accepted_when_serde_can_read_it_and_is_the_same(document in document()) {
        let by_serde = serde_json::from_value::<WorkflowDocument>(document.clone()).ok();
        let misfits = shape::read::<WorkflowDocument>(document);
        prop_assert_eq!(misfits.as_ref().err().is_some_and(Vec::is_empty), false);
        prop_assert_eq!(misfits.ok(), by_serde);
    }
}
