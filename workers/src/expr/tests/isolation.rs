//! Nothing of one evaluation is there in the next.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{evaluate_as, scope};
use crate::expr::{Expression, JavaScriptLimits, javascript};

/// Evaluates twice, as two attempts would, and gives the second value.
fn second(source: &str) -> Result<serde_json::Value, String> {
    let expression = Expression::forced_into_javascript(source);
    let _ = evaluate_as(&scope(json!([{}])), &expression, 0);
    evaluate_as(&scope(json!([{}])), &expression, 0)
}

#[test]
fn an_attempt_finds_nothing_of_an_earlier_one() {
    for place in [
        "globalThis",
        "Object.prototype",
        "Array.prototype",
        "Function.prototype",
        "Function",
        "Error",
        "Error.prototype",
        "JSON",
        "Math",
        "Reflect",
        "Symbol.prototype",
        "Promise",
        "RegExp",
        "RegExp.prototype",
        "Date",
        "Uint8Array.prototype",
        "Object.getPrototypeOf(Uint8Array)",
        "Object.getPrototypeOf(Uint8Array.prototype)",
        "[][Symbol.iterator]().__proto__",
        "[].values().map(x => x).__proto__",
        "Iterator.from({next() {}}).__proto__",
        "Iterator.prototype",
        "'x'[Symbol.iterator]().__proto__",
        "new Map().entries().__proto__",
        "new Set().values().__proto__",
        "'x'.matchAll(/x/g).__proto__",
        "(function* () {})().__proto__.__proto__",
        "(function* () {}).__proto__",
        "(async function* () {})().__proto__.__proto__",
        "(async () => {}).__proto__",
        "Object.getOwnPropertyDescriptor((function () { return arguments })(), 'callee').get ?? JSON",
        "Object.getOwnPropertyDescriptor(Function.prototype, 'caller')?.get ?? JSON",
        "Array.prototype[Symbol.unscopables]",
        "$run",
        "$workflow",
        "$env",
        "$input.first()",
        "$('fetch').first()",
        "$",
        "$input",
        "$now",
        "DateTime",
        "DateTime.prototype",
        "Duration.prototype",
        "$now.zone",
        "Object.getPrototypeOf($now.zone)",
        "$now.loc",
        "Intl",
        "Intl.DateTimeFormat",
        "Intl.NumberFormat.prototype",
        "Buffer",
        "Buffer.prototype",
        "crypto",
        "console",
        "console.log",
        "$if",
        "$jmespath",
        "'x'.toDateTime",
    ] {
        let source = format!(
            "(() => {{ const place = {place}; const seen = place.left ?? 0; try {{ place.left = 1 }} catch {{}} return seen }})()"
        );
        assert_eq!(second(&source), Ok(json!(0)), "{place}");
    }
}

/// What nothing else stands between: the engine's memory is put back as it was.
#[test]
fn what_an_attempt_overwrites_is_whole_in_the_next() {
    for (spoil, use_it) in [
        ("Array.prototype.map = 1", "[1].map(x => x + 1)[0]"),
        (
            "Object.prototype.toString = 1; String.prototype.concat = 1",
            "'' + {}.toString().length + 'a'.concat('b')",
        ),
        ("delete globalThis.JSON; delete globalThis.Array", "JSON.stringify(Array.of(1))"),
        ("Object.setPrototypeOf(Array.prototype, null)", "[].hasOwnProperty('length')"),
        ("Math.random = () => 2", "Math.random() < 1"),
        ("RegExp.prototype.exec = () => { throw 1 }", "/a/.test('a')"),
        (
            "Symbol.iterator.left = 1; for (const n of [1]) { [][Symbol.iterator]().__proto__.next = null }",
            "[...'ab'].length",
        ),
        ("globalThis.kept = []; for (let n = 0; n < 1e5; n++) kept.push({ n })", "typeof kept"),
        ("Date.prototype.getTime = null; Date.now = null", "new Date(5).getTime() + typeof Date.now"),
        (
            "DateTime.prototype.toISO = () => 'left'; DateTime.fromISO = null",
            "$now.toISO() + typeof DateTime.fromISO",
        ),
        ("$now.constructor.prototype.plus = null", "$now.plus({ days: 1 }).toISODate()"),
        ("Intl.NumberFormat.prototype.format = null; delete globalThis.Intl", "(1234).toLocaleString()"),
        (
            "String.prototype.toDateTime = null; $jmespath = null",
            "'2026-01-01'.toDateTime().year + $jmespath({a: 1}, 'a')",
        ),
        ("console.log = null; crypto.createHash = null", "typeof console.log + typeof crypto.createHash"),
    ] {
        let value =
            |source: &str| evaluate_as(&scope(json!([{}])), &Expression::forced_into_javascript(source), 0);
        let expected = value(use_it).unwrap();
        for _ in 0..3 {
            let _ = value(&format!("(() => {{ {spoil} }})()"));
            assert_eq!(value(use_it), Ok(expected.clone()), "{spoil}");
        }
    }
}

#[test]
fn chance_is_not_the_same_for_each_attempt() {
    let draw = Expression::forced_into_javascript("Math.random()");
    let drawn: Vec<_> = (0..3).map(|_| evaluate_as(&scope(json!([{}])), &draw, 0).unwrap()).collect();
    assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2], "{drawn:?}");
    assert!(drawn.iter().all(|drawn| (0.0..1.0).contains(&drawn.as_f64().unwrap())));
}

#[test]
fn what_waits_for_a_promise_is_thrown_away_with_its_engine() {
    let source = "(() => { const seen = globalThis.then ?? 0; Promise.resolve().then(() => { Array.left = 1 }); return seen })()";
    assert_eq!(second(source), Ok(json!(0)));
}

#[test]
fn each_attempt_has_its_own_values() {
    let expression = Expression::forced_into_javascript("$input.all().length + $json.n");
    for n in 1..4 {
        let input: Vec<_> = (0..n).map(|_| json!({ "n": n })).collect();
        assert_eq!(evaluate_as(&scope(json!(input)), &expression, 0), Ok(json!(2 * n)));
    }
}

#[test]
fn a_stopped_engine_costs_the_next_item_nothing() {
    let endless = Expression::forced_into_javascript("(() => { for (;;) {} })()");
    let bomb = Expression::forced_into_javascript(
        "(() => { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length) })()",
    );
    for bad in [endless, bomb] {
        assert!(evaluate_as(&scope(json!([{}])), &bad, 0).unwrap_err().contains("limit"));
        let good = Expression::forced_into_javascript("6 * 7");
        assert_eq!(evaluate_as(&scope(json!([{}])), &good, 0), Ok(json!(42)));
    }
}

#[test]
fn only_where_memory_was_refused_is_memory_what_failed() {
    let fill = "const a = []; for (;;) a.push('x'.repeat(1e6) + a.length)";
    for (source, expected) in [
        (format!("(() => {{ try {{ {fill} }} catch {{ return 'caught' }} }})()"), Ok("caught")),
        (format!("(() => {{ {fill} }})() // throw"), Err("more memory than the limit")),
        ("(() => { throw null })()".to_owned(), Err("it threw null")),
        ("(() => { throw new Error('out of memory') })()".to_owned(), Err("out of memory")),
    ] {
        let value = evaluate_as(&scope(json!([{}])), &Expression::forced_into_javascript(&source), 0);
        match (value, expected) {
            (Ok(value), Ok(expected)) => assert_eq!(value, json!(expected)),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{source}: {why}"),
            (value, _) => panic!("{source}: {value:?}"),
        }
    }
}

#[test]
fn a_step_with_many_expressions_gives_its_place_back_between_two_of_them() {
    let limits = JavaScriptLimits { slice: Duration::ZERO, ..JavaScriptLimits::default() };
    let sources: Vec<Arc<str>> = ["'a' + 1", "[2, 3].at($json.n)", "4 * 1"].map(Arc::from).into();
    let scope = scope(json!([{}, {"n": 1}]));
    let (mut values, messages) = javascript::values_and_messages(&scope, &sources, 1, limits);
    assert_eq!(messages, 3);
    let taken: Vec<_> = sources.iter().map(|source| values.take(source, 1)).collect();
    assert_eq!(taken, [Ok(json!("a1")), Ok(json!(3)), Ok(json!(4))]);
}

/// Whatever was saved, and by whom: an expression is one expression, and cannot go on behind the wrapper's end.
#[test]
fn an_expression_cannot_close_what_it_stands_in() {
    for source in [
        "1) }), (function(){ return (41+1 /* } */",
        "1) }); let leak = []; (function ($json) { return (leak.push(1) /* } */",
        "1 }); (function(){ return (2",
        "1\n) }\nfunction f() { return (\n2",
        "1] }\nfunction f() { return [2",
        "1); ((2",
        "1; 2",
        "1 //*/\n) } ; { (2",
        "1 /*",
        "`${1",
        "1 <!-- a({\n) } /*",
        "1 <!-- a(\n0) }), leak, (function(){ return ( 2 <!-- b )",
        "...[1]",
        "",
        "return 1",
        "await 1",
        "export default 1",
        "1,",
    ] {
        let expression = Expression::forced_into_javascript(source);
        let error = evaluate_as(&scope(json!([{}])), &expression, 0).unwrap_err();
        assert!(error.contains("SyntaxError"), "{source}: {error}");
    }
    for (source, expected) in [
        ("(1, 2)", json!(2)),
        ("1, 2", json!(2)),
        ("1 // )", json!(1)),
        ("/* ) */ 1", json!(1)),
        ("')]}' + `)${'('}]}`", json!(")]})(]}")),
        ("/[)\\]}]/.test(')')", json!(true)),
        ("((n) => { while (n --> 0) {} return n })(3)", json!(-1)),
        ("(() => 1)()", json!(1)),
    ] {
        let expression = Expression::forced_into_javascript(source);
        assert_eq!(evaluate_as(&scope(json!([{}])), &expression, 0), Ok(expected), "{source}");
    }
}

#[test]
fn what_is_thrown_fails_by_its_own_name() {
    for (thrown, said) in [("null", "it threw null"), ("undefined", "it threw"), ("'words'", "words")] {
        let expression = Expression::forced_into_javascript(&format!("(() => {{ throw {thrown} }})()"));
        let error = evaluate_as(&scope(json!([{}])), &expression, 0).unwrap_err();
        assert!(error.contains(said) && !error.contains("memory"), "{error}");
    }
}
