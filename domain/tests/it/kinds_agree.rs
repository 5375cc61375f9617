//! The schema of a kind's parameters and their validation are made of the same table; here they are held against
//! each other.

use domain::{
    kinds::Kind,
    violation::{Violation, ViolationCode},
};
use serde_json::{Value, json};

use crate::{
    kinds::{judged, violations},
    kinds_values::{rich, strange},
};

pub(crate) fn agree(cases: impl IntoIterator<Item = (&'static str, Value, bool)>) {
    let wrong: Vec<_> = cases
        .into_iter()
        .filter(|(kind, value, valid)| judged(kind, value) != (*valid, *valid))
        .map(|(kind, value, _)| {
            let (schema, validation) = judged(kind, &value);
            format!("{kind} {value}: schema {schema}, validation {validation} {:?}", violations(kind, &value))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Parameters of a call, with an address.
pub(crate) fn http(mut params: Value) -> Value {
    params["url"] = json!("https://a");
    params
}

fn levels(count: usize) -> String {
    vec!["a"; count].join(".")
}

#[test]
fn null_is_a_parameter_that_is_not_given() {
    agree([
        ("set", json!({"fields": null, "keep": null, "remove": null}), true),
        ("http_request", http(json!({"method": null, "query": null, "headers": null, "body": null})), true),
        ("http_request", http(json!({"response": null, "accept_status": null, "redirects": null})), true),
        ("http_request", http(json!({"response": {"format": null, "full": null}})), true),
        ("http_request", http(json!({"credential": null, "pagination": null})), true),
        ("http_request", http(json!({"credential": "x"})), false),
        ("http_request", json!({"url": null}), false),
        (
            "http_request",
            http(json!({"batch": null, "pagination": {"next_url": null, "query": {"a": 1}}})),
            true,
        ),
        (
            "http_request",
            http(json!({"pagination": {"next_url": null, "until": null, "pause": null}})),
            false,
        ),
        ("http_request", http(json!({"batch": {"size": null}})), false),
        ("wait", json!({"for": null, "until": "2026-12-24T18:00:00Z"}), true),
        ("wait", json!({"for": null, "until": null}), false),
        ("wait", json!({"for": null}), false),
        ("merge", json!({"mode": null, "by_key": null}), true),
        ("merge", json!({"mode": "append", "by_key": null, "join": null, "input": null}), true),
        ("merge", json!({"mode": null, "join": "left"}), false),
        ("merge", json!({"mode": "by_key", "by_key": null}), false),
        ("merge", json!({"mode": "by_key", "by_key": {"left": null}}), false),
        ("merge", json!({"mode": "by_key", "by_key": {"left": "a", "right": null}}), true),
        ("split", json!({"field": "a", "as": null, "keep": null}), true),
        ("split", json!({"field": null}), false),
        ("aggregate", json!({"into": null, "fields": null, "values": null, "group_by": null}), true),
        ("sort", json!({"by": null}), false),
        ("sort", json!({"by": [{"field": "a", "order": null}]}), true),
        ("sort", json!({"by": [null]}), false),
        ("limit", json!({"count": null, "from": null}), true),
        ("dedupe", json!({"fields": null, "except": null, "keep": null}), true),
        ("summarize", json!({"values": null}), false),
        ("summarize", json!({"values": {"a": null}}), false),
        ("summarize", json!({"values": {"a": {"op": "count", "field": null, "separator": null}}}), true),
        ("rename", json!({"fields": null, "patterns": null}), true),
        ("rename", json!({"fields": {"a": null}}), false),
        ("if", json!({"where": null}), false),
        ("fail", json!({"message": null}), false),
        ("fail", json!({"message": "x", "details": null}), true),
        ("loop", json!({"batch": null, "max_iterations": null}), true),
        ("loop", json!({"batch": "{{ $json.size }}"}), true),
        ("loop", json!({"batch": 5.0}), true),
        ("loop", json!({"batch": 0}), false),
        ("loop", json!({"batch": 10_001}), false),
        ("loop", json!({"max_iterations": "{{ 5 }}"}), false),
        ("loop", json!({"max_iterations": 100_001}), false),
        ("respond", json!({"status": null, "headers": null, "body": null}), true),
        ("respond", json!({"status": 599.0}), true),
        ("respond", json!({"status": 199}), false),
        ("respond", json!({"headers": {"Content-Length": 5}}), false),
        ("respond", json!({"headers": {"x": "a\r\nset-cookie: b"}}), false),
        ("noop", json!({"x": null}), false),
    ]);
}

#[test]
fn an_expression_excuses_nothing_that_stands_beside_it() {
    agree([
        ("http_request", http(json!({"accept_status": ["{{ x }}", "2xx"]})), true),
        ("http_request", http(json!({"accept_status": ["{{ x }}", "nonsense"]})), false),
        ("http_request", http(json!({"accept_status": ["{{ x }}", {}]})), false),
        ("http_request", http(json!({"accept_status": ["xx{{ x }}"]})), true),
        ("http_request", http(json!({"query": {"a": "{{ x }}", "b": ["{{ x }}", 1]}})), true),
        ("http_request", http(json!({"query": {"a": {"b": "{{ x }}"}}})), false),
        ("http_request", http(json!({"query": {"a": ["{{ x }}", {"c": 1}]}})), false),
        ("http_request", http(json!({"headers": {"a": ["{{ x\n }}", "b\n"]}})), false),
        ("http_request", http(json!({"headers": {"a": ["{{ x\n }}", "b"]}})), true),
        (
            "http_request",
            http(json!({"body": {"multipart": {"a": ["{{ x }}", 1, {"text": "x"}], "b": null}}})),
            true,
        ),
        ("http_request", http(json!({"body": {"multipart": {"a": ["{{ x }}", null]}}})), false),
        ("http_request", http(json!({"body": {"multipart": {"a": ["{{ x }}", {"txt": "x"}]}}})), false),
        (
            "http_request",
            http(json!({"body": {"multipart": {"a": "{{ x }}", "b": {"text": "{{ x }}"}}}})),
            true,
        ),
        ("http_request", http(json!({"body": {"multipart": {"a": {"text": "{{ x }}", "name": 1}}}})), false),
        ("http_request", json!({"url": "a.example/{{ $json.x }}"}), false),
        ("set", json!({"keep": ["a", "{{ x }}"]}), true),
        ("set", json!({"keep": ["a", "{{ x }}", 5]}), false),
        ("set", json!({"keep": "x {{ y }}"}), true),
        ("set", json!({"fields": {"{{ x }}": 1, "a.{{ 'b..c' }}": "{{ y }}"}}), true),
        ("set", json!({"fields": {"{{ x }}": 1, "a..b": 2}}), false),
        ("http_request", http(json!({"headers": {"x-{{ x }}": "a", "{{ 'a b' }}": 1}})), true),
        ("http_request", http(json!({"headers": {"{{ x }}": "a\n"}})), false),
        ("http_request", http(json!({"headers": {"{{ x }}": 1, "Host": "x"}})), false),
        ("http_request", http(json!({"query": {"{{ x }}": [1, "{{ y }}"]}})), true),
        ("http_request", http(json!({"query": {"{{ x }}": {"b": 1}}})), false),
        ("http_request", http(json!({"body": {"multipart": {"{{ x }}": "a"}}})), true),
        ("http_request", http(json!({"body": {"multipart": {"{{ x }}": ["a", {"text": "b"}]}}})), true),
        ("http_request", http(json!({"body": {"multipart": {"{{ x }}": {"txt": "a"}}}})), false),
        ("http_request", http(json!({"body": {"json": {"{{ x }}": {"{{ y }}": 1}}}})), true),
        ("split", json!({"field": ["a", "{{ x }}"], "as": "{{ y }}"}), true),
        ("split", json!({"field": ["{{ x }}", "a..b"]}), false),
        ("sort", json!({"by": ["{{ x }}", {"field": "{{ y }}"}]}), true),
        ("sort", json!({"by": ["{{ x }}", {"order": "up"}]}), false),
        ("aggregate", json!({"values": {"{{ x }}": "{{ y }}", "a": "b"}}), true),
        ("aggregate", json!({"values": {"{{ x }}": "a..b"}}), false),
        ("aggregate", json!({"values": {"a..b": "{{ x }}"}}), false),
        ("summarize", json!({"values": {"a": "{{ x }}", "b": {"op": "sum", "field": "{{ y }}"}}}), true),
        ("summarize", json!({"values": {"a": "{{ x }}", "b": {"op": "sum"}}}), false),
        ("rename", json!({"patterns": [{"pattern": "{{ x }}(", "replace": "{{ y }}"}]}), true),
        ("merge", json!({"mode": "by_key", "by_key": "{{ x }}"}), true),
        ("merge", json!({"mode": "{{ x }}", "by_key": {"left": "id"}, "join": "inner"}), false),
    ]);
}

#[test]
fn texts_with_a_form_have_it_in_both() {
    agree([
        ("http_request", http(json!({"method": "Get"})), true),
        ("http_request", http(json!({"method": "gets"})), false),
        ("http_request", json!({"url": "  https://a  "}), true),
        ("http_request", json!({"url": "https:a"}), false),
        ("http_request", json!({"url": 5}), false),
        ("http_request", http(json!({"headers": {"Host": "x"}})), false),
        ("http_request", http(json!({"headers": {"a b": "x"}})), false),
        ("http_request", http(json!({"headers": {"x": "a\nb"}})), false),
        ("http_request", http(json!({"accept_status": [" 200 - 299 ", " 3xx ", 404.0]})), true),
        ("http_request", http(json!({"accept_status": " any "})), true),
        ("http_request", http(json!({"accept_status": "all"})), false),
        ("http_request", http(json!({"accept_status": 404})), true),
        ("http_request", http(json!({"accept_status": 99})), false),
        ("http_request", http(json!({"accept_status": ["+200"]})), false),
        ("http_request", http(json!({"accept_status": ["0200"]})), false),
        ("http_request", http(json!({"redirects": 5.0})), true),
        ("http_request", http(json!({"redirects": 5.5})), false),
        ("http_request", http(json!({"body": {"base64": " eA== "}})), true),
        ("http_request", http(json!({"body": {"base64": "eB=="}})), false),
        ("http_request", http(json!({"body": {"base64": "nonsense!"}})), false),
        ("http_request", http(json!({"body": {"file": "{{ $json.data }}"}})), true),
        ("http_request", http(json!({"body": {"file": {"$file": {"id": "0".repeat(64), "size": 1}}}})), true),
        ("http_request", http(json!({"body": {"file": {"$file": {"id": "../x"}}}})), false),
        ("http_request", http(json!({"body": {"file": {"$file": {"id": "0".repeat(64)}, "x": 1}}})), false),
        ("http_request", http(json!({"body": {"file": "a.txt"}})), false),
        (
            "http_request",
            http(json!({"body": {"multipart": {"a": {"$file": {"id": "0".repeat(64)}}}}})),
            true,
        ),
        (
            "http_request",
            http(json!({"body": {"multipart": {"a": {"file": "{{ $json.data }}", "filename": "b"}}}})),
            true,
        ),
        (
            "http_request",
            http(json!({"body": {"multipart": {"a": {"file": "{{ $json.data }}", "text": "b"}}}})),
            false,
        ),
        ("http_request", http(json!({"body": {"form": null}})), true),
        ("http_request", http(json!({"body": {"multipart": null}})), false),
        ("http_request", http(json!({"body": {"multipart": {"a": {"text": "x", "filename": 5}}}})), true),
        ("http_request", http(json!({"body": {"multipart": {"a": {"text": "x", "filename": null}}}})), true),
        (
            "http_request",
            http(json!({"body": {"multipart": {"a": {"text": "x", "content_type": "\n"}}}})),
            false,
        ),
        ("wait", json!({"for": ".5s"}), true),
        ("wait", json!({"for": "5.s"}), true),
        ("wait", json!({"for": ".s"}), false),
        ("wait", json!({"for": "1.2.3s"}), false),
        ("wait", json!({"until": "tomorrow"}), false),
        ("wait", json!({"until": "2026-12-24 18:00:00Z"}), true),
        ("wait", json!({"until": "2026-12-24t18:00:00.25+01:30"}), true),
        ("wait", json!({"until": "2026-12-24T18:00:00"}), false),
        ("wait", json!({"until": "2026-12-24T24:00:00Z"}), false),
        ("wait", json!({"until": "2026-12-24"}), false),
        ("set", json!({"fields": {r"a\.b.c": 1}}), true),
        ("set", json!({"fields": {"a..b": 1}}), false),
        ("set", json!({"fields": {"": 1}}), false),
        ("set", json!({"keep": ["a."]}), false),
        ("set", json!({"keep": [levels(32)]}), true),
        ("set", json!({"keep": [levels(33)]}), false),
    ]);
}

/// What JSON Schema cannot say, or not in a way that people could read.
#[test]
fn only_what_a_schema_cannot_say_is_refused_by_the_validation_alone() {
    for (kind, value) in [
        // An expression that does not end, is empty, or is none; in a name too.
        ("fail", json!({"message": "{{ x"})),
        ("fail", json!({"message": "{{ }}"})),
        ("fail", json!({"message": "{{ a b }}"})),
        ("fail", json!({"message": "x", "details": {"{{ a b }}": 1}})),
        ("set", json!({"fields": {"{{ x": 1}})),
        ("http_request", http(json!({"headers": {"{{ 1 + }}": "a"}}))),
        ("http_request", http(json!({"query": {"{{ 1 + }}": "a"}}))),
        ("http_request", http(json!({"body": {"multipart": {"{{ 1 + }}": "a"}}}))),
        ("if", json!({"where": {"left": "{{ x", "op": "exists"}})),
        // As many targets as fields, each field once, and none within another one.
        ("split", json!({"field": ["a", "b"], "as": "c"})),
        ("sort", json!({"by": [{"field": "a"}, {"field": "b"}, {"field": "a"}]})),
        ("aggregate", json!({"into": "a", "group_by": ["a.b"]})),
        ("aggregate", json!({"values": {"a": "x", "a.b": "y"}})),
        ("summarize", json!({"values": {"a": {"op": "count"}}, "group_by": ["b", "a"]})),
        // A regular expression that is none.
        ("rename", json!({"patterns": [{"pattern": "(", "replace": "x"}]})),
        ("if", json!({"where": {"left": "a", "op": "matches", "right": "["}})),
        ("if", json!({"where": {"left": "a", "op": "not_matches", "right": "["}})),
        // A selector, a date format or a number of units that is none.
        ("html", json!({"action": "extract", "value": "x", "fields": {"a": {"selector": "a["}}})),
        (
            "html",
            json!({"action": "extract", "value": "x", "fields": {"a": {"selector": "a", "skip": ":hover"}}}),
        ),
        ("date_time", json!({"action": "format", "value": "x", "format": "yyyy-MM-ddTHH"})),
        ("date_time", json!({"action": "parse", "value": "x", "from": "qq"})),
        ("date_time", json!({"action": "add", "value": "{{ x }}", "amount": 0.5, "unit": "month"})),
        // Two cases with one port.
        ("switch", json!({"cases": [{"port": "a", "where": true}, {"port": "a", "where": false}]})),
        // Keys with different numbers of fields.
        ("merge", json!({"mode": "by_key", "by_key": {"left": ["a", "b"], "right": "c"}})),
        // Conditions that are nested too deep.
        ("if", json!({"where": (0..20).fold(json!(true), |inner, _| json!({"all": [inner]}))})),
        // A parameter of a path twice; what is signed and cannot be had.
        ("webhook", json!({"path": "a/:id/:id"})),
        (
            "webhook",
            json!({"signature": {"credential": "018f3c3e-0000-7000-8000-000000000003", "header": "x", "signed": "{timestamp}.{body}"}}),
        ),
        (
            "webhook",
            json!({"signature": {"credential": "018f3c3e-0000-7000-8000-000000000003", "header": "x", "signed": "{id}{body}"}}),
        ),
        // An address without a host, or with a wrong one.
        ("http_request", json!({"url": "http://"})),
        ("http_request", json!({"url": "https://a b"})),
        // A range that ends before it begins.
        ("http_request", http(json!({"accept_status": ["299-200"]}))),
        // A duration of more than 100 years.
        ("wait", json!({"for": "99999999d"})),
        // A cron pattern that is none, or that no day fits; a zone that there is not.
        ("schedule", json!({"cron": "0 25 * * *"})),
        ("schedule", json!({"cron": "0 0 30 2 *"})),
        ("schedule", json!({"every": "1h", "timezone": "Mars/Olympus"})),
        // Less than a second, and more than a limit.
        ("schedule", json!({"every": "0.5s"})),
        ("schedule", json!({"every": "1h", "jitter": "2d"})),
        ("schedule", json!({"every": "1h", "catch_up": "8d"})),
        // Nothing is between them.
        ("schedule", json!({"every": "1h", "start": "2026-12-24T18:00:00Z", "end": "2026-12-24T17:00:00Z"})),
        (
            "schedule",
            json!({"cron": "@yearly", "start": "2026-12-24T18:00:00Z", "end": "2026-12-25T17:00:00Z"}),
        ),
        // A day that the month does not have.
        ("wait", json!({"until": "2026-02-30T00:00:00Z"})),
    ] {
        assert_eq!(judged(kind, &value), (true, false), "{kind} {value}");
    }
}

/// The places of a value: what can be replaced, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, inner)| (key.replace('/', "~1"), inner)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(i, inner)| (i.to_string(), inner)).collect(),
        _ => Vec::new(),
    };
    for (key, inner) in inner {
        let there = format!("{here}/{key}");
        places(inner, &there, found);
        found.push(there);
    }
}

/// Where a text has a grammar: a program, a selector, a date format.
const GRAMMARS: [(&str, &str); 8] = [
    ("code", "/source"),
    ("schedule", "/cron"),
    ("schedule", "/timezone"),
    ("html", "/fields/a.b/selector"),
    ("html", "/fields/a.b/skip"),
    ("html", "/fields/c/selector"),
    ("date_time", "/from"),
    ("date_time", "/format"),
];

#[test]
fn one_strange_value_anywhere_is_judged_alike_by_schema_and_validation() {
    let mut checked = (0, 0);
    let mut wrong = Vec::new();
    let mut check = |kind: &str, value: &Value| {
        let (schema, validation) = judged(kind, value);
        if schema != validation {
            wrong.push(format!(
                "{kind} {value}: schema {schema}, validation {validation} {:?}",
                violations(kind, value)
            ));
        }
        if schema { checked.0 += 1 } else { checked.1 += 1 }
    };
    for (kind, rich) in rich() {
        assert_eq!(judged(kind, &rich), (true, true), "{kind} {rich}");
        let mut found = Vec::new();
        places(&rich, "", &mut found);
        for place in found {
            for strange in strange() {
                // Whether a text is one of a grammar's, no schema can say.
                let text = strange.as_str().is_some_and(|text| !text.trim().is_empty());
                if text && GRAMMARS.contains(&(kind, place.as_str())) {
                    continue;
                }
                let mut changed = rich.clone();
                *changed.pointer_mut(&place).unwrap() = strange;
                check(kind, &changed);
            }
            let (above, key) = place.rsplit_once('/').unwrap();
            let mut changed = rich.clone();
            let Some(Value::Object(map)) = changed.pointer_mut(above) else { continue };
            let value = map.shift_remove(key).unwrap();
            check(kind, &changed);
            // Under a name that is not known, or is no path, or belongs to the client.
            for name in
                ["strange", "a..b", "", "a b", "Keep-Alive", "x-b\u{e9}", "right", "text", "any", "{{ x }}"]
            {
                let mut renamed = changed.clone();
                renamed.pointer_mut(above).unwrap()[name] = value.clone();
                check(kind, &renamed);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checked:?}: {wrong:#?}", wrong.len());
    assert!(checked.0 > 500 && checked.1 > 500, "both happen: {checked:?}");
}

#[test]
fn every_parameter_of_every_kind_is_tried_and_known_to_the_validation() {
    let rich = rich();
    for kind in Kind::ALL {
        let name = kind.name();
        for param in kind.declaration().params.params {
            let tried = rich.iter().any(|(of, params)| *of == name && params.get(param.name).is_some());
            assert!(tried, "rich() has no value for {name}.{}", param.name);
            let unknown = |one: &Violation| one.code == ViolationCode::UnknownParameter;
            let violations = violations(name, &json!({ param.name: null }));
            assert!(!violations.iter().any(unknown), "{name}.{}: is `check` declared?", param.name);
        }
    }
}
