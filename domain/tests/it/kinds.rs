//! `kinds.json`, the pages of docs, and the examples agree with the declarations and with each other.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::PathBuf,
    sync::LazyLock,
};

use domain::{
    kinds::{
        Kind, document,
        params::{self, Checker, Reader},
    },
    violation::{Violation, Violations},
};
use jsonschema::Validator;
use serde_json::{Value, json};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn published() -> Value {
    let text = fs::read_to_string(root().join("public/kinds.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The schemas as they are declared; that they are published, another test holds.
static SCHEMAS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let compiled = |kind: &Kind| jsonschema::draft202012::new(&document::params_schema(*kind)).unwrap();
    Kind::ALL.iter().map(|kind| (kind.name(), compiled(kind))).collect()
});

pub(crate) fn violations(kind: &str, value: &Value) -> Vec<Violation> {
    let mut violations = Violations::new();
    Kind::parse(kind).unwrap().check(
        value.as_object().unwrap(),
        "params",
        &mut Reader::saved(&mut violations, &mut Checker::default()),
    );
    violations.into_vec()
}

/// Whether parameters are right, by the schema that editors read and by the validation that the API does.
pub(crate) fn judged(kind: &str, value: &Value) -> (bool, bool) {
    (SCHEMAS[kind].is_valid(value), violations(kind, value).is_empty())
}

#[test]
fn what_is_published_is_what_is_declared() {
    let hint = "run `make openapi_http` and look at its changes";
    assert!(published() == document::kinds_json(), "public/kinds.json is out of date: {hint}");
    let mut pages = BTreeSet::new();
    for kind in Kind::ALL {
        let file = format!("{}.md", kind.name());
        let page = fs::read_to_string(root().join("docs/kinds").join(&file)).unwrap_or_default();
        assert!(page == document::page(*kind), "docs/kinds/{file} is out of date: {hint}");
        pages.insert(file);
    }
    let found = fs::read_dir(root().join("docs/kinds")).unwrap();
    let found: BTreeSet<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, pages, "a page for each kind, and no others");
}

#[test]
fn every_kind_says_what_people_need_and_its_schema_is_one() {
    for kind in Kind::ALL {
        let declared = kind.declaration();
        for text in [declared.title, declared.summary, declared.docs, declared.icon] {
            assert!(!text.trim().is_empty(), "{}", declared.name);
        }
        for param in declared.params.params {
            assert!(!param.doc.trim().is_empty(), "{}.{}", declared.name, param.name);
        }
        let schema = document::params_schema(*kind);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::draft202012::meta::validate(&schema)
            .unwrap_or_else(|error| panic!("{}: {error}", declared.name));
    }
}

#[test]
fn every_declared_example_is_valid_by_schema_and_by_validation() {
    for kind in Kind::ALL {
        let example = &kind.declaration().example;
        let value: Value = serde_json::from_str(example.params).unwrap();
        assert_eq!(judged(kind.name(), &value), (true, true), "{}", kind.name());
        for text in [example.input, example.output] {
            serde_json::from_str::<Value>(text).unwrap();
        }
    }
}

#[test]
fn every_workflow_in_examples_is_valid_by_the_schema_of_its_kinds() {
    let mut nodes = 0;
    for folder in fs::read_dir(root().join("examples")).unwrap() {
        let Ok(text) = fs::read_to_string(folder.unwrap().path().join("workflow.json")) else { continue };
        let workflow: Value = serde_json::from_str(&text).unwrap();
        for node in workflow["nodes"].as_array().unwrap() {
            let value = node["data"].get("params").cloned().unwrap_or_else(|| json!({}));
            let kind = node["type"].as_str().unwrap();
            let errors: Vec<_> = SCHEMAS[kind].iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{} ({kind}): {errors:?}", node["id"]);
            nodes += 1;
        }
    }
    assert!(nodes > 10, "there are examples");
}

/// The schema and the validation are made of the same table; here they are held against each other.
#[test]
fn the_schema_refuses_what_the_validation_refuses() {
    for (kind, value, valid) in [
        ("noop", json!({}), true),
        ("noop", json!({"x": 1}), false),
        ("fail", json!({"message": "{{ $json.why }}", "details": {"a": ["{{ 1 }}"]}}), true),
        ("fail", json!({}), false),
        ("fail", json!({"message": 5}), false),
        ("if", json!({"where": "{{ $json.paid }}"}), true),
        ("if", json!({"where": true}), true),
        ("if", json!({"where": "yes"}), false),
        ("if", json!({"where": {"all": [{"left": 1, "op": "eq", "right": 2}, {"any": []}]}}), true),
        ("if", json!({"where": {"left": 1, "op": "like", "right": 2}}), false),
        ("filter", json!({}), false),
        ("set", json!({"fields": {"a.b": "{{ 1 }}"}, "keep": ["a"], "remove": ["b"]}), true),
        ("set", json!({"fields": "{{ $json.fields }}", "keep": "none"}), true),
        ("set", json!({"keep": "some"}), false),
        ("set", json!({"remove": "a"}), false),
        ("merge", json!({"mode": "by_key", "by_key": {"left": "id"}, "join": "anti"}), true),
        ("merge", json!({"mode": "by_key"}), false),
        ("merge", json!({"mode": "append", "join": "left"}), false),
        ("merge", json!({"join": "left"}), false),
        ("merge", json!({"mode": "{{ $json.mode }}"}), false),
        ("wait", json!({"for": "2h"}), true),
        ("wait", json!({"until": "{{ $json.at }}"}), true),
        ("wait", json!({"for": "2h", "until": "2026-12-24T18:00:00Z"}), false),
        ("wait", json!({}), false),
        ("wait", json!({"for": "soon"}), false),
        ("http_request", json!({"url": "https://a.example/{{ $json.x }}"}), true),
        ("http_request", json!({"url": "ftp://a"}), false),
        ("http_request", json!({"url": "https://a", "method": "post", "body": {"json": null}}), true),
        ("http_request", json!({"url": "https://a", "method": "FETCH"}), false),
        ("http_request", json!({"url": "https://a", "body": {"json": 1, "text": "x"}}), false),
        ("http_request", json!({"url": "https://a", "body": "{{ $json.body }}"}), true),
        ("http_request", json!({"url": "https://a", "query": {"a": [1, "b"], "c": "{{ x }}"}}), true),
        ("http_request", json!({"url": "https://a", "query": {"a": {}}}), false),
        ("http_request", json!({"url": "https://a", "accept_status": [200, "3xx", "404-410"]}), true),
        ("http_request", json!({"url": "https://a", "accept_status": []}), false),
        ("http_request", json!({"url": "https://a", "redirects": 21}), false),
        ("http_request", json!({"url": "https://a", "redirects": "none"}), true),
        ("http_request", json!({"url": "https://a", "response": {"format": "text", "full": true}}), true),
        ("http_request", json!({"url": "https://a", "response": {"format": "xml"}}), false),
        ("http_request", json!({"url": "https://a", "credential": "x"}), false),
    ] {
        assert_eq!(judged(kind, &value), (valid, valid), "{kind} {value}");
    }
    assert!(params::root(json!({})).get("$defs").is_none(), "what refers to nothing defines nothing");
}
