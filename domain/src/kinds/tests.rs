use serde_json::json;

use super::*;
use crate::violation::{Violation, Violations};

use super::params::Checker;
use crate::limits::MAX_CASES;

fn check_saved(kind: &str, params: &Value, expected: &[(&str, &str)]) {
    let mut violations = Violations::new();
    Kind::parse(kind).unwrap().check(
        params.as_object().unwrap(),
        "p",
        &mut Reader::saved(&mut violations, &mut Checker::default()),
    );
    let found: Vec<_> = violations
        .into_vec()
        .into_iter()
        .map(|Violation { path, code, .. }| (path, code.to_string()))
        .collect();
    let expected: Vec<_> = expected.iter().map(|(path, code)| ((*path).into(), (*code).into())).collect();
    assert_eq!(found, expected, "{kind} {params}");
}

#[test]
fn kinds_have_one_name_each() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.name()), Some(*kind));
    }
}

#[test]
fn set_refuses_paths_and_choices_that_mean_nothing() {
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("set", &params, expected);
    check(json!({}), &[]);
    check(
        json!({"fields": {"a.b": {"deep": ["{{ $json.x }}"]}}, "keep": ["a", "b.c"], "remove": ["d"]}),
        &[],
    );
    check(
        json!({"fields": {"a..b": 1, "c": ["{{ x"]}}),
        &[("p.fields.a..b", "invalid_path"), ("p.fields.c[0]", "invalid_expression")],
    );
    check(
        json!({"fields": 5, "keep": "some", "remove": ["", 5]}),
        &[
            ("p.fields", "invalid_value"),
            ("p.keep", "invalid_value"),
            ("p.remove[0]", "invalid_path"),
            ("p.remove[1]", "invalid_path"),
        ],
    );
    check(json!({"values": {}}), &[("p.values", "unknown_parameter")]);
}

#[test]
fn merge_refuses_parameters_that_its_mode_has_no_use_for() {
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("merge", &params, expected);
    check(json!({}), &[]);
    check(json!({"mode": "by_key", "by_key": {"left": "id"}, "join": "anti"}), &[]);
    check(json!({"mode": "choose", "input": "right"}), &[]);
    check(json!({"mode": "combinations", "clash": "suffix"}), &[]);
    check(json!({"mode": "append", "clash": "left"}), &[("p.clash", "invalid_value")]);
    check(json!({"mode": "by_position", "matches": "first"}), &[("p.matches", "invalid_value")]);
    let keys =
        |left: Value, right: Value| json!({"mode": "by_key", "by_key": {"left": left, "right": right}});
    check(keys(json!(["a", "b.c"]), json!(["x", "y"])), &[]);
    check(keys(json!(["a", "{{ $json.b }}"]), json!("x")), &[]);
    check(keys(json!(["a", "b"]), json!("x")), &[("p.by_key.right", "invalid_value")]);
    check(keys(json!([]), json!(5)), &[("p.by_key.left", "required"), ("p.by_key.right", "invalid_path")]);
    check(json!({"mode": "zip"}), &[("p.mode", "invalid_value")]);
    check(json!({"mode": "by_key"}), &[("p.by_key", "required")]);
    check(
        json!({"mode": "by_key", "by_key": {"right": "a"}, "join": "full"}),
        &[("p.join", "invalid_value"), ("p.by_key.left", "required")],
    );
    check(
        json!({"mode": "append", "join": "left", "input": "left"}),
        &[("p.join", "invalid_value"), ("p.input", "invalid_value")],
    );
    check(json!({"mode": "{{ $json.mode }}"}), &[("p.mode", "invalid_value")]);
    // What a word that is none has no use for, nobody knows; what is wrong in itself is found all the same.
    for mode in ["{{ $json.mode }}", "by_kye"] {
        let params = json!({"mode": mode, "by_key": {"left": "id"}, "join": "inner", "input": "left"});
        check(params, &[("p.mode", "invalid_value")]);
    }
    check(
        json!({"mode": 5, "by_key": {}, "join": "full"}),
        &[("p.mode", "invalid_value"), ("p.join", "invalid_value"), ("p.by_key.left", "required")],
    );
}

#[test]
fn switch_names_its_ports_and_asks_conditions() {
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("switch", &params, expected);
    let case = |port: Value| json!({"port": port, "where": "{{ $json.a }}"});
    check(json!({"cases": [case(json!("a")), case(json!("Über 100 €"))], "fallback": "a"}), &[]);
    check(
        json!({"cases": [case(json!("a"))], "all_matching": true, "types": "loose", "ignore_case": true}),
        &[],
    );
    check(json!({}), &[("p.cases", "required")]);
    check(json!({"cases": []}), &[("p.cases", "required")]);
    check(json!({"cases": "{{ $json.cases }}"}), &[("p.cases", "invalid_value")]);
    let many = (0..=MAX_CASES).map(|i| case(json!(format!("port {i}"))));
    check(json!({"cases": many.collect::<Vec<_>>()}), &[("p.cases", "limit")]);
    check(
        json!({"cases": [
            {"port": "a", "where": {"left": 1, "op": "like"}},
            {"port": "a", "where": true},
            {"where": true},
            {"port": "error", "where": true},
            {"port": "x\ny", "where": true},
            {"port": "p".repeat(65), "where": true},
            {"port": "{{ $json.port }}", "where": true},
            {"port": 5, "where": true, "then": 1},
            5,
        ], "fallback": "", "all_matching": "{{ true }}", "types": "lax"}),
        &[
            ("p.cases[0].where.op", "invalid_value"),
            ("p.cases[2].port", "required"),
            ("p.cases[3].port", "invalid_value"),
            ("p.cases[4].port", "invalid_value"),
            ("p.cases[5].port", "invalid_value"),
            ("p.cases[6].port", "invalid_value"),
            ("p.cases[7].port", "invalid_value"),
            ("p.cases[7].then", "unknown_parameter"),
            ("p.cases[8]", "invalid_value"),
            ("p.fallback", "invalid_value"),
            ("p.all_matching", "invalid_value"),
            ("p.types", "invalid_value"),
            ("p.cases[1].port", "invalid_value"),
        ],
    );
}

#[test]
fn if_and_fail_need_their_parameter() {
    check_saved("if", &json!({}), &[("p.where", "required")]);
    check_saved("if", &json!({"where": "{{ $json.paid }}"}), &[]);
    check_saved("fail", &json!({}), &[("p.message", "required")]);
    check_saved("fail", &json!({"message": "{{ $json.why }}", "details": {"a": "{{ 1 }}"}}), &[]);
    check_saved("fail", &json!({"message": 5}), &[("p.message", "invalid_value")]);
    check_saved("noop", &json!({"x": 1}), &[("p.x", "unknown_parameter")]);
}

#[test]
fn split_and_limit_refuse_what_is_no_field_and_no_count() {
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("split", &params, expected);
    check(json!({"field": "order.lines", "keep": "all"}), &[]);
    check(json!({"field": ["a", "b"], "as": ["c", "d"], "keep": ["e"]}), &[]);
    check(json!({}), &[("p.field", "required")]);
    check(json!({"field": [], "keep": "some"}), &[("p.field", "invalid_value"), ("p.keep", "invalid_value")]);
    check(json!({"field": ["a", "b"], "as": "c"}), &[("p.as", "invalid_value")]);
    check(json!({"field": vec!["a"; 251]}), &[("p.field", "limit")]);
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("limit", &params, expected);
    check(json!({"count": 3.0, "from": "last"}), &[]);
    for count in [json!(-1), json!(2.5), json!("3"), json!(4_294_967_296u64)] {
        check(json!({ "count": count }), &[("p.count", "invalid_value")]);
    }
    check(json!({"from": "end"}), &[("p.from", "invalid_value")]);
}

#[test]
fn sort_needs_fields_each_of_them_once() {
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("sort", &params, expected);
    check(
        json!({"by": [{"field": "a", "order": "descending"}, {"field": "b", "case_sensitive": true}]}),
        &[],
    );
    check(json!({"by": "random"}), &[]);
    check(json!({}), &[("p.by", "required")]);
    check(json!({"by": []}), &[("p.by", "invalid_value")]);
    check(json!({"by": "price"}), &[("p.by", "invalid_value")]);
    check(
        json!({"by": ["price", {"order": "up"}]}),
        &[("p.by[0]", "invalid_value"), ("p.by[1].field", "required"), ("p.by[1].order", "invalid_value")],
    );
    check(
        json!({"by": [{"field": "a"}, {"field": "b"}, {"field": "a"}]}),
        &[("p.by[2].field", "invalid_value")],
    );
}

#[test]
fn fields_of_one_item_must_not_overwrite_each_other() {
    let check = |params: Value, expected: &[(&str, &str)]| check_saved("aggregate", &params, expected);
    check(json!({"into": "a", "values": {"b.c": "x", "b.d": "a"}, "group_by": ["b.e"]}), &[]);
    check(json!({"into": "a.b", "group_by": ["a", "c"]}), &[("p.into", "invalid_value")]);
    check(json!({"values": {"a": "x", "a.b": "y", "ab": "z"}}), &[("p.values", "invalid_value")]);
    check(json!({"group_by": ["a", "a"]}), &[("p.group_by", "invalid_value")]);
    check(json!({"group_by": ["data"]}), &[("p.into", "invalid_value")]);
    check(
        json!({"values": {"a..b": "x", "c": "y..z"}}),
        &[("p.values.a..b", "invalid_path"), ("p.values.c", "invalid_path")],
    );
}

#[test]
fn summarize_needs_what_its_operation_takes() {
    let check = |values: Value, expected: &[(&str, &str)]| {
        check_saved("summarize", &json!({ "values": values }), expected);
    };
    check(json!({"a": {"op": "count"}, "b": {"op": "concatenate", "field": "x", "separator": ", "}}), &[]);
    check(
        json!({"a": {"op": "sum"}, "b": {"field": "x"}}),
        &[("p.values.a.field", "required"), ("p.values.b.op", "required")],
    );
    check(json!({"a": {"op": "count", "field": "x"}}), &[("p.values.a.field", "invalid_value")]);
    check(
        json!({"a": {"op": "sum", "field": "x", "separator": ","}}),
        &[("p.values.a.separator", "invalid_value")],
    );
    check(json!({"a": {"op": "median", "field": "x"}}), &[("p.values.a.op", "invalid_value")]);
    check_saved("summarize", &json!({}), &[("p.values", "required")]);
}

#[test]
fn rename_refuses_expressions_that_are_none_and_too_heavy_ones() {
    let check = |pattern: &str, expected: &[(&str, &str)]| {
        let params = json!({"fields": {"a": "b"}, "patterns": [{"pattern": pattern, "replace": "x"}]});
        check_saved("rename", &params, expected);
    };
    check("^a(b)$", &[]);
    check("[", &[("p.patterns[0].pattern", "invalid_value")]);
    check(r"\w{99}", &[("p.patterns[0].pattern", "limit")]);
    check_saved("rename", &json!({"patterns": [{"pattern": "a"}]}), &[("p.patterns[0].replace", "required")]);
}

#[test]
fn filter_needs_a_condition_and_wait_a_time() {
    check_saved("filter", &json!({}), &[("p.where", "required")]);
    check_saved("filter", &json!({"where": {"left": "{{ $json.a }}", "op": "exists"}}), &[]);
    check_saved("wait", &json!({}), &[("p", "required")]);
    check_saved("wait", &json!({"for": "2h", "until": "2026-12-24T18:00:00Z"}), &[("p", "invalid_value")]);
    check_saved("wait", &json!({"for": "soon"}), &[("p.for", "invalid_value")]);
    check_saved("wait", &json!({"until": "tomorrow"}), &[("p.until", "invalid_value")]);
    check_saved("wait", &json!({"until": "{{ $json.at }}"}), &[]);
    check_saved("wait", &json!({"signal": {"name": "order {{ $json.id }}", "timeout": "2h"}}), &[]);
    check_saved("wait", &json!({"signal": {"timeout": "2h"}}), &[("p.signal.name", "required")]);
    check_saved("wait", &json!({"signal": {"name": "a\nb"}}), &[("p.signal.name", "invalid_value")]);
    check_saved("wait", &json!({"signal": {"name": ""}}), &[("p.signal.name", "invalid_value")]);
    check_saved("wait", &json!({"for": "2h", "signal": {"name": "a"}}), &[("p", "invalid_value")]);
}
