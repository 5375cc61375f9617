//! What needs no engine is what the engine says: values, errors, how numbers are written.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{check, definition, evaluate_as, fails, scope};
use crate::expr::{Expression, Param, methods};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The value and the engine's, or both errors.
fn both(input: Value, source: &str, item: usize) -> [Result<Value, String>; 2] {
    let scope = scope(input);
    let compiled = Expression::compile(source, &scope.definition);
    assert!(!compiled.needs_javascript(), "{source}");
    let forced = Expression::forced_into_javascript(source);
    [evaluate_as(&scope, &compiled, item), evaluate_as(&scope, &forced, item)]
}

#[test]
fn numbers_on_a_path_are_written_as_javascript_does() {
    let input = json(r#"[{"f": 1.0, "neg": -0.0, "big": 1E21, "million": 1e6, "deep": {"l": [2.50, -0]}}]"#);
    for (source, expected) in [
        ("$json.f", "1"),
        ("$json.neg", "0"),
        ("$json.big", "1e+21"),
        ("$json.million", "1000000"),
        ("$json.deep", r#"{"l":[2.5,0]}"#),
        ("$json", r#"{"f":1,"neg":0,"big":1e+21,"million":1000000,"deep":{"l":[2.5,0]}}"#),
        ("$input.all()", r#"[{"f":1,"neg":0,"big":1e+21,"million":1000000,"deep":{"l":[2.5,0]}}]"#),
        ("1.50", "1.5"),
        ("-0", "0"),
    ] {
        check(input.clone(), source, json(expected));
        let scope = scope(input.clone());
        let text =
            evaluate_as(&scope, &Expression::compile(source, &scope.definition), 0).unwrap().to_string();
        assert_eq!(text, expected, "{source}");
    }
}

#[test]
fn numbers_that_javascript_cannot_hold_stay_exact_on_a_path_and_in_text() {
    let input = json(
        r#"[{"id": 9007199254740993, "wei": 1000000000000000000001, "d": 0.12345678901234567890, "eth": 1000000000000000000000}]"#,
    );
    let scope = scope(input);
    for (source, expected) in [
        ("{{ $json.id }}", "9007199254740993"),
        ("{{ $json.wei }}", "1000000000000000000001"),
        ("{{ $json.eth }}", "1000000000000000000000"),
        ("{{ $json.d }}", "0.12345678901234567890"),
        (
            "{{ $json }}",
            r#"{"id":9007199254740993,"wei":1000000000000000000001,"d":0.12345678901234567890,"eth":1000000000000000000000}"#,
        ),
        ("<{{ $json.wei }} {{ $json.d }}>", r#""<1000000000000000000001 0.12345678901234567890>""#),
        (
            "<{{ [1.0, 1e6].map(x => x * 1e15) }} {{ 1e6 * 1795644849000 }} {{ -0 }}>",
            r#""<[1000000000000000,1e+21] 1795644849000000000 0>""#,
        ),
    ] {
        let param = Param::compile(&json!(source), &scope.definition).unwrap();
        assert_eq!(super::value_of(&scope, &param).to_string(), expected, "{source}");
    }
}

#[test]
fn a_name_that_holds_expressions_is_evaluated() {
    let scope = scope(json!([{"k": "dyn", "n": 7, "a.b": "x"}]));
    for (value, expected) in [
        (json!({"{{ $json.k }}": 1}), json!({"dyn": 1})),
        (json!({"a {{ $json.n }}-{{ $json.k + '!' }}": ["{{ $json.n }}"]}), json!({"a 7-dyn!": [7]})),
        (json!({"x": {"{{ '}}' }}": {"{{ $json['a.b'] }}": null}}}), json!({"x": {"}}": {"x": null}}})),
        (json!({"dyn": 1, "{{ $json.k }}": 2}), json!({"dyn": 2})),
    ] {
        let param = Param::compile(&value, &scope.definition).unwrap();
        assert!(!param.is_constant());
        let mut count = 0;
        param.expressions(&mut |_| count += 1);
        assert!(count > 0, "expressions in names are seen");
        assert_eq!(super::value_of(&scope, &param), expected, "{value}");
    }
}

#[test]
fn a_plain_path_fails_where_javascript_does() {
    let input = json!([{"n": 5, "t": "a😀", "nul": null, "l": [1]}]);
    for (source, expected) in [
        ("$json.zz.y", "TypeError: cannot read property 'y' of undefined"),
        ("$json.nul.x", "TypeError: cannot read property 'x' of null"),
        ("$json.l[4][0]", "TypeError: cannot read property '0' of undefined"),
        ("$json.zz['b c']", "TypeError: cannot read property 'b c' of undefined"),
        ("$input.all()[5].x", "of undefined"),
        ("$('start').last(1).x", "the node \"start\" has no port 1; it has: main"),
        ("$('split').first('nope').x", "the node \"split\" has no port \"nope\"; it has: true, false"),
        ("$('start').itemMatching(4)", "this node's input has 1 items, so there is no item 4"),
        ("$input.first(0)", "$input has no ports"),
        ("$json.t.trim", "the result is a function; call it with ()"),
        ("$json.l.map", "the result is a function; call it with ()"),
        ("$json.n.toFixed", "the result is a function; call it with ()"),
        ("$input.all().filter", "the result is a function; call it with ()"),
    ] {
        let [native, engine] = both(input.clone(), source, 0);
        assert_eq!(native, engine, "{source}");
        let error = fails(input.clone(), source);
        assert!(error.contains(expected), "{source}: {error}");
    }
    for (source, expected) in [
        ("$json.zz", json!(null)),
        ("$json.zz?.y.z", json!(null)),
        ("$json.nul?.x[0]", json!(null)),
        ("$json.n.y", json!(null)),
        ("$json.t[1]", json!("\u{fffd}")),
        ("$json.t.zz", json!(null)),
        ("$json.l.trim", json!(null)),
        ("$json.t.trim.x", json!(null)),
        ("$itemIndex.x", json!(null)),
    ] {
        check(input.clone(), source, expected);
    }
    let definition = definition();
    assert!(Expression::compile("$json.t.trim.name", &definition).needs_javascript());
    assert!(!Expression::compile("$json.trim.t.name", &definition).needs_javascript());
}

#[test]
fn the_methods_of_texts_lists_and_numbers_are_those_of_the_engine() {
    let scope = scope(json!([{}]));
    for (of, known) in [
        ("String.prototype", methods::STRING),
        ("Array.prototype", methods::ARRAY),
        ("Number.prototype", methods::NUMBER),
        ("Boolean.prototype", &[]),
    ] {
        let source = format!("Object.getOwnPropertyNames({of}).filter(n => n !== 'length').sort()");
        let names = evaluate_as(&scope, &Expression::forced_into_javascript(&source), 0).unwrap();
        let names: Vec<String> = serde_json::from_value(names).unwrap();
        let own: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !methods::OBJECT.contains(name)).collect();
        let mut known = known.to_vec();
        known.sort_unstable();
        assert_eq!(own, known, "{of}");
    }
    let source = "Object.getOwnPropertyNames(Object.prototype).sort()";
    let names = evaluate_as(&scope, &Expression::forced_into_javascript(source), 0).unwrap();
    assert_eq!(names, json!(methods::OBJECT));
}

/// A value whose whole numbers JavaScript counts exactly.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1_000_000_000_000i64..1_000_000_000_000).prop_map(Value::from),
        (-1.0e9..1.0e9).prop_map(|float: f64| Value::from(float)),
        prop::sample::select(vec!["1.0", "-0.0", "-0", "1E3", "2.500", "1e21", "1e-7", "0.000001"])
            .prop_map(json),
        "[a-zé😀\"\\\\ ]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[abc01]|b c|é|at|length", inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abc]".prop_map(|name| format!("?.{name}")),
        "[abc]".prop_map(|name| format!(".{name}")),
        "at|map|trim|toFixed|concat".prop_map(|name| format!("?.{name}")),
        Just("?.é".to_owned()),
        Just("?.length".to_owned()),
        (0usize..6).prop_map(|index| format!("?.[{index}]")),
        (0usize..6).prop_map(|index| format!("[{index}]")),
        "[abc01]".prop_map(|name| format!("?.['{name}']")),
        Just("[\"b c\"]".to_owned()),
    ]
}

fn root() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "$json",
        "$input.all()",
        "$input.first()",
        "$input.last()",
        "$input.item",
        "$('fetch').all()",
        "$('Get it').first()",
        "$('start').item",
        "$('fetch').item",
        "$('fetch').itemMatching(0)",
        "$('split').last('true')",
        "$('split').last(1)",
        "$run",
        "$workflow",
        "$env",
        "$itemIndex",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_needs_no_engine_is_what_the_engine_says(
        values in prop::collection::vec(value(), 1..4),
        root in root(),
        steps in prop::collection::vec(step(), 0..5),
        index in 0usize..3,
    ) {
        let input: Vec<Value> = values.into_iter().map(|value| json!({"a": value, "b": [value], "c": {"a": value}})).collect();
        let index = index.min(input.len() - 1);
        let source = format!("{root}{}", steps.concat());
        // What a method has itself is left to the engine.
        if Expression::compile(&source, &definition()).needs_javascript() {
            return Ok(());
        }
        let [native, engine] = both(json!(input), &source, index);
        prop_assert_eq!(native, engine, "{}", source);
    }

    #[test]
    fn no_text_makes_the_compiler_panic(source in "[$a-z.\\[\\]()'\"?0-9\\\\ é{}]{0,24}") {
        let _ = Expression::compile(&source, &definition());
    }
}
