//! The expression table, and the law that both ways of evaluation agree.
#![allow(clippy::needless_pass_by_value, reason = "tables give their values away")]

use std::{borrow::Cow, collections::BTreeMap};

use domain::{
    definition::Definition,
    ids::{RunId, TenantId, WorkflowId},
    items::{Item, Output},
    lineage::Origin,
    run::Trigger,
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use super::*;
use crate::{engine::RunHeader, step::Inputs};
use std::sync::Arc;

mod dates;
mod extensions;
mod isolation;
mod lineage;
mod locale;
mod native;
mod pages;

const NOW: i64 = 1_767_225_600_123;

/// A workflow whose nodes are called `start`, `fetch` ("Get it"), `split` (an `if`), `later`, and twins; expressions are
/// those of `here`, which follows `fetch`.
pub(crate) fn definition() -> Definition {
    let node = |id: &str, kind: &str, label: Option<&str>, params: Value| json!({"id": id, "type": kind, "data": {"label": label, "params": params}});
    let document = json!({
        "name": "Test",
        "nodes": [
            node("start", "manual", None, json!({})),
            node("fetch", "set", Some("Get it"), json!({})),
            node("split", "if", None, json!({"where": true})),
            node("later", "noop", Some("Twin"), json!({})),
            node("last", "noop", Some("Twin"), json!({})),
            node("here", "noop", None, json!({})),
        ],
        "edges": [{"source": "start", "target": "fetch"}, {"source": "fetch", "target": "here"}],
    });
    Definition::new(&serde_json::from_value(document).unwrap()).unwrap()
}

pub(crate) fn header() -> RunHeader {
    RunHeader {
        tenant: TenantId::parse("acme").unwrap(),
        run_id: RunId(uuid::Uuid::from_u128(7)),
        attempt: 2,
        workflow_id: WorkflowId(uuid::Uuid::from_u128(9)),
        workflow_version: 3,
        trigger: Trigger::manual(),
        input: Value::Null,
        created_at: Timestamp::from_millis(NOW - 5),
        traceparent: None,
    }
}

pub(crate) fn items(list: Value) -> Vec<Item> {
    serde_json::from_value(list).unwrap()
}

fn scope(input: Value) -> Arc<Scope> {
    let ports = |pairs: &[(&str, Value)]| -> Option<Arc<Output>> {
        let ports = pairs.iter().map(|(port, list)| ((*port).into(), Arc::new(items(list.clone()))));
        // Whatever there is came from the first item.
        let from = |(port, list): &(&str, Value)| {
            let items = list.as_array().map_or(0, Vec::len);
            ((*port).into(), Arc::new(vec![vec![Origin { input: 0, item: 0 }]; items]))
        };
        let lineage = pairs.iter().map(from).collect();
        Some(Arc::new(Output { ports: ports.collect(), lineage, ..Output::default() }))
    };
    let inputs = Inputs::one(Arc::new(items(input)));
    Arc::new(Scope {
        run: Arc::new(header()),
        definition: Arc::new(definition()),
        workflow_name: "Test".into(),
        node: 5,
        input: inputs.items(),
        inputs,
        outputs: vec![
            ports(&[("main", json!([{"n": 1}]))]),
            ports(&[
                ("main", json!([{"price": 5}, {"price": 6}, {"price": 7}])),
                ("error", json!([{"e": 1}])),
            ]),
            ports(&[("false", json!([{"f": 1}])), ("true", json!([{"t": 1}, {"t": 2}]))]),
        ],
        crossings: Arc::default(),
        iteration: Some(7),
        now: Timestamp::from_millis(NOW),
        env: Arc::new(BTreeMap::from([("REGION".to_owned(), "eu".to_owned())])),
        page: None,
        objects: Default::default(),
        trails: Default::default(),
    })
}

fn evaluate_as(scope: &Arc<Scope>, expression: &Expression, item: usize) -> Result<Value, String> {
    let values = if expression.needs_javascript() {
        let sources = [Arc::clone(&expression.source)];
        javascript::values_here(scope, &sources, item, JavaScriptLimits::default())
    } else {
        Values::default()
    };
    let mut evaluator = Evaluator::new(scope, values);
    // The expression lives shorter than the scope here, so the value is taken out.
    evaluator.evaluate(expression, item).map(Cow::into_owned).map_err(|error| error.to_string())
}

/// The value of parameters for item 0.
fn value_of(scope: &Arc<Scope>, param: &Param) -> Value {
    let mut sources = Vec::new();
    javascript_of(param, &mut sources);
    let values = javascript::values_here(scope, &sources, 0, JavaScriptLimits::default());
    let mut evaluator = Evaluator::new(scope, values);
    param.evaluate(&mut evaluator, 0).unwrap().into_owned()
}

/// The value of `{{ source }}` for item 0 of `input`.
fn check(input: Value, source: &str, expected: Value) {
    let scope = scope(input);
    let compiled = Expression::compile(source, &scope.definition);
    assert_eq!(evaluate_as(&scope, &compiled, 0), Ok(expected.clone()), "{source}");
    let forced = Expression::forced_into_javascript(source);
    assert_eq!(evaluate_as(&scope, &forced, 0), Ok(expected), "{source}, in the engine");
}

fn fails(input: Value, source: &str) -> String {
    let scope = scope(input);
    let compiled = Expression::compile(source, &scope.definition);
    evaluate_as(&scope, &compiled, 0).unwrap_err()
}

#[test]
fn paths_need_no_engine() {
    let definition = definition();
    for source in [
        "$json",
        "$json.a.b[0][\"c\"]",
        "$json?.a?.[0]",
        "$input.all()",
        "$input.first().a",
        "$('fetch').last().price",
        "$( \"Get it\" ).item.price",
        "$('split').all('true')[1].t",
        "$run.id",
        "$workflow.name",
        "$env.REGION",
        "$now",
        "$itemIndex",
        "$iteration",
        "12.5",
        "-3",
        "'it\\'s'",
        "undefined",
    ] {
        assert!(!Expression::compile(source, &definition).needs_javascript(), "{source}");
    }
    for source in
        ["$json.a + 1", "$json.toString", "$now.getTime()", "$json[a]", "010", "'a\\n'", "$json.a()"]
    {
        assert!(Expression::compile(source, &definition).needs_javascript(), "{source}");
    }
}

#[test]
fn expressions_have_these_values_with_and_without_the_engine() {
    let order = json!([{"a": {"b": [{"c": "x"}, 2]}, "l": [1, 2, 3], "t": "héé😀", "n": null, "0": "zero", "é1": 4}, {"a": 2}]);
    for (source, expected) in [
        ("$json.a.b[0].c", json!("x")),
        ("$json['a']['b'][1]", json!(2)),
        ("$json.missing", json!(null)),
        ("$json?.missing?.deep", json!(null)),
        ("$json.l.length", json!(3)),
        ("$json.l", json!([1, 2, 3])),
        ("$json.l[9]", json!(null)),
        ("$json.l['1']", json!(2)),
        ("$json.t.length", json!(5)),
        ("$json.t[1]", json!("é")),
        ("$json[0]", json!("zero")),
        ("$json.é1", json!(4)),
        ("$input.all().length", json!(2)),
        ("$input.all()[1].a", json!(2)),
        ("$input.first().l", json!([1, 2, 3])),
        ("$input.last()", json!({"a": 2})),
        ("$input.item.l[0]", json!(1)),
        ("$('start').item.n", json!(1)),
        ("$('fetch').first().price", json!(5)),
        ("$('Get it').last().price", json!(7)),
        ("$('fetch').item", json!({"price": 5})),
        ("$('fetch').itemMatching(1).price", json!(6)),
        ("$input.itemMatching(1).a", json!(2)),
        ("$('split').first(0)", json!({"t": 1})),
        ("$('split').all(1)", json!([{"f": 1}])),
        ("$('fetch').all('error')", json!([{"e": 1}])),
        ("$('split').all()", json!([{"t": 1}, {"t": 2}, {"f": 1}])),
        ("$('split').last('true').t", json!(2)),
        ("$run.attempt", json!(2)),
        ("$run.trigger.kind", json!("manual")),
        ("$workflow.version", json!(3)),
        ("$workflow", json!({"id": "00000000-0000-0000-0000-000000000009", "version": 3, "name": "Test"})),
        ("$env.REGION", json!("eu")),
        ("$env.SECRET", json!(null)),
        ("$now", json!("2026-01-01T00:00:00.123Z")),
        ("$itemIndex", json!(0)),
        ("$iteration", json!(7)),
        ("true", json!(true)),
        ("12.5", json!(12.5)),
        ("'it\\'s'", json!("it's")),
        ("undefined", json!(null)),
    ] {
        check(order.clone(), source, expected);
    }
}

#[test]
fn everything_else_is_javascript() {
    let order = json!([{"price": 2.5, "count": 4, "tags": ["b", "a"], "name": " Ada ", "at": "2026-01-01T00:00:00Z"}]);
    for (source, expected) in [
        ("$json.price * $json.count", json!(10)),
        ("$json.count > 3 ? 'many' : 'few'", json!("many")),
        ("$json.tags.toSorted().join('-')", json!("a-b")),
        ("$json.tags.map((t, i) => ({t, i}))", json!([{"t": "b", "i": 0}, {"t": "a", "i": 1}])),
        ("{a: {b: $json.count}}", json!({"a": {"b": 4}})),
        ("`${$json.name.trim()}!`", json!("Ada!")),
        ("$('fetch').all().reduce((sum, one) => sum + one.price, 0)", json!(18)),
        ("$('Get it').all().filter(i => i.price > $json.count).length", json!(3)),
        ("new Date($json.at).getTime() < $now", json!(true)),
        ("new Date($json.at)", json!("2026-01-01T00:00:00.000Z")),
        ("new Date('x')", json!(null)),
        ("NaN", json!(null)),
        ("1 / 0", json!(null)),
        ("[NaN, undefined, () => 1]", json!([null, null, null])),
        ("{a: undefined, f() {}, d: $now}", json!({"d": "2026-01-01T00:00:00.123Z"})),
        ("-0", json!(0)),
        ("0.1 + 0.2", json!(0.300_000_000_000_000_04)),
        ("2 ** 60", json!(1_152_921_504_606_847_000_u64)),
        ("1e20", serde_json::from_str("100000000000000000000").unwrap()),
        ("1e21", serde_json::from_str("1e+21").unwrap()),
        ("'half \\ud83d, ' + 'ab\\ude00'.slice(2)", json!("half \u{fffd}, \u{fffd}")),
        ("{'\\ud83d': ['\\ude00']}", json!({"\u{fffd}": ["\u{fffd}"]})),
        ("$json.name.replace(/\\s/g, '') // comment", json!("Ada")),
        ("(() => { const x = $json.count; return x + 1; })()", json!(5)),
        ("$json.nothing ?? 'default'", json!("default")),
        ("encodeURIComponent('a b/ü')", json!("a%20b%2F%C3%BC")),
        ("new Map([[1, 2]])", json!({})),
        ("'\\u0000' + 'é😀'", json!("\0é😀")),
        ("JSON.parse('{\"__proto__\": 1}')", serde_json::from_str(r#"{"__proto__": 1}"#).unwrap()),
    ] {
        let scope = scope(order.clone());
        let compiled = Expression::compile(source, &scope.definition);
        assert_eq!(evaluate_as(&scope, &compiled, 0), Ok(expected), "{source}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    for (source, expected) in [
        ("$json.a.b.c()", "cannot read property"),
        ("nothing", "nothing is not defined"),
        ("$json.", "SyntaxError"),
        ("let x = 1", "SyntaxError"),
        ("() => 1", "the result is a function"),
        ("$json.toString", "the result is a function"),
        ("Symbol()", "symbol"),
        ("10n", "BigInt"),
        ("{a: 10n}", "BigInt"),
        ("(() => { const a = []; a.push(a); return a })()", "circular"),
        ("Promise.resolve(1)", "promise"),
        ("$('nobody').first()", "there is no node with the id or the label \"nobody\""),
        ("$('Twin').first()", "more than one node is called \"Twin\""),
        ("$('later').first().x", "the node \"Twin\" (later) has not run before this one"),
        ("$('later').all().map(x => x)", "the node \"Twin\" (later) has not run before this one"),
        ("$('no' + 'body').all()", "there is no node"),
        ("(() => { throw 'plain' })()", "plain"),
        ("eval('1')", "eval is not defined"),
        ("new Function('return 1')()", "cannot make code from text"),
        ("[].constructor.constructor('return globalThis')()", "cannot make code from text"),
        ("(function* () {}).constructor('yield 1')", "cannot make code from text"),
    ] {
        let error = fails(json!([{"a": {}}]), source);
        assert!(error.contains(expected), "{source}: {error}");
        assert!(error.starts_with("`{{ "), "{error}");
    }
    let scope = scope(json!([{}, {}, {}, {}]));
    let beyond = Expression::compile("$('fetch').item", &scope.definition);
    let error = evaluate_as(&scope, &beyond, 3).unwrap_err();
    assert!(error.contains("no item of the node \"Get it\" (fetch) leads to item 3"), "{error}");
}
