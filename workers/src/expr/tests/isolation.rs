//! Nothing of one evaluation is there in the next.

use serde_json::json;

use super::{evaluate_as, scope};
use crate::expr::Expression;

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
    ] {
        let source = format!(
            "(() => {{ const place = {place}; const seen = place.left ?? 0; try {{ place.left = 1 }} catch {{}} return seen }})()"
        );
        assert_eq!(second(&source), Ok(json!(0)), "{place}");
    }
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
