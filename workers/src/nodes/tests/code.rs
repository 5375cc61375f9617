//! `code`: what programs give, how they fail, where their items come from.

use domain::retry::Failure;
use serde_json::{Value, json};

use super::{attempt, check, fails, ports, run};
use crate::engine::Outcome;

fn program(source: &str) -> Value {
    json!({ "source": source })
}

fn each(source: &str) -> Value {
    json!({ "mode": "each", "source": source })
}

fn three() -> Value {
    json!([{"n": 1}, {"n": 2}, {"n": 3}])
}

#[test]
fn a_program_runs_once_for_all_items() {
    for (source, expected) in [
        ("return $input.all()", three()),
        (
            "return $input.all().map(item => ({ ...item, twice: item.n * 2 })).slice(1)",
            json!([{"n": 2, "twice": 4}, {"n": 3, "twice": 6}]),
        ),
        (
            "for (const item of $input.all()) item.seen = true;\nreturn $input.all();",
            json!([{"n": 1, "seen": true}, {"n": 2, "seen": true}, {"n": 3, "seen": true}]),
        ),
        (
            "return { count: $input.all().length, first: $json.n, at: $itemIndex }",
            json!([{"count": 3, "first": 1, "at": 0}]),
        ),
        ("return []", json!([])),
        ("return null", json!([])),
        ("const wait = async (n) => n + 1;\nreturn { n: await wait(1) };", json!([{"n": 2}])),
        ("return Promise.resolve({ n: 1 })", json!([{"n": 1}])),
        // The last value, also of a statement that is no expression.
        ("$input.last()", json!([{"n": 3}])),
        ("const a = 1;\nif (a) { [{ a }] } else { [] }", json!([{"a": 1}])),
        ("var sum = 0;\nfor (const { n } of $input.all()) sum += n;\n({ sum })", json!([{"sum": 6}])),
        ("return { text: `{{ ${1 + 1} }}` } // {{ no template", json!([{"text": "{{ 2 }}"}])),
        (
            "return { at: $now.toISO().length, of: $run.attempt, luxon: DateTime.fromISO('2026-01-01').year }",
            json!([{"at": 24, "of": 2, "luxon": 2026}]),
        ),
    ] {
        check("code", program(source), three(), json!({ "main": expected }));
    }
}

#[test]
fn a_program_runs_for_each_item() {
    for (source, expected) in [
        ("return { twice: $json.n * 2 }", json!([{"twice": 2}, {"twice": 4}, {"twice": 6}])),
        (
            "$json.index = $itemIndex; return $json",
            json!([{"n": 1, "index": 0}, {"n": 2, "index": 1}, {"n": 3, "index": 2}]),
        ),
        ("return $json.n === 2 ? null : $json", json!([{"n": 1}, {"n": 3}])),
        ("return $json.n === 2 ? [$json, $json] : []", json!([{"n": 2}, {"n": 2}])),
        (
            "({ all: $input.all().length, own: $input.item.n })",
            json!([{"all": 3, "own": 1}, {"all": 3, "own": 2}, {"all": 3, "own": 3}]),
        ),
        ("return { n: await Promise.resolve($json.n) }", three()),
    ] {
        check("code", each(source), three(), json!({ "main": expected }));
    }
}

#[test]
fn what_a_program_does_wrong_is_told_with_its_line() {
    for (source, said) in [
        ("const a = 1;\n\nreturn a.b.c", "line 3: TypeError: cannot read property 'c' of undefined"),
        ("function f() {\n  throw new Error('no stock');\n}\nreturn f()", "line 2: no stock"),
        (
            "const f = async () => {\n  nothing;\n};\nreturn await f()",
            "line 2: ReferenceError: nothing is not defined",
        ),
        ("let a = 1;\nmissing + a", "line 2: ReferenceError: missing is not defined"),
        ("return JSON.parse('{')", "line 1: SyntaxError"),
        ("const a = 1", "the program gives nothing; return a list of objects"),
        ("return undefined", "the program gives nothing"),
        ("return 5", "what the program gives is a number; an item is an object"),
        ("return [{}, 'x']", "element 1 of what the program gives is a string"),
        ("return { f: 10n }", "BigInt"),
        ("await new Promise(() => {}); return []", "it waits for a promise that nobody keeps"),
        ("return $('nobody').all()", "there is no node with the id or the label \"nobody\""),
        ("return fetch('https://a.example')", "line 1: ReferenceError: fetch is not defined"),
        ("return require('fs')", "require is not defined"),
    ] {
        let failed = fails("code", json!({"params": program(source)}), three());
        assert_eq!((failed.error.code.as_str(), failed.failure), ("code", Failure::Permanent), "{source}");
        assert!(failed.error.message.contains(said), "{source}: {}", failed.error.message);
    }
}

#[test]
fn an_item_that_fails_leaves_alone() {
    let data = json!({"params": each("if ($json.n === 2) throw new Error('two');\nreturn $json"), "on_error": "error_port"});
    let failed = fails("code", data, three());
    let left = ports(failed.fallback.as_ref().unwrap());
    assert_eq!(left["main"], json!([{"n": 1}, {"n": 3}]));
    assert_eq!(left["error"][0]["error"]["message"], "line 1: two");
    let failed = fails("code", json!({"params": each("return $json.n < 3 ? $json : 'x'")}), three());
    assert!(
        failed.error.message.starts_with("item 2: what the program gives is a string"),
        "{}",
        failed.error.message
    );
}

/// The lineage of `main`.
fn lineage(params: &Value, input: Value) -> Value {
    match run(&attempt(&json!({"type": "code", "data": {"params": params}}), &[(None, input)])) {
        Outcome::Succeeded(output) => json!(output.lineage),
        other => panic!("{params}: {other:?}"),
    }
}

#[test]
fn items_come_from_those_that_they_are_or_stand_for() {
    for (source, expected) in [
        ("return $input.all()", json!({})),
        ("return $input.all().map(item => ({ ...item }))", json!({})),
        ("return $input.all().filter(item => item.n > 1)", json!({"main": [[[0, 1]], [[0, 2]]]})),
        ("return $input.all().toReversed()", json!({"main": [[[0, 2]], [[0, 1]], [[0, 0]]]})),
        ("return [$input.last(), { made: true }]", json!({"main": [[[0, 2]], []]})),
        ("return { count: 3 }", json!({"main": [[]]})),
    ] {
        assert_eq!(lineage(&program(source), three()), expected, "{source}");
    }
    assert_eq!(lineage(&program("return [{}, {}]"), json!([{}])), json!({"main": [[[0, 0]], [[0, 0]]]}));
    assert_eq!(lineage(&each("return { n: $json.n }"), three()), json!({}));
    let dropped = each("return $json.n > 1 ? [{}, {}] : null");
    assert_eq!(lineage(&dropped, three()), json!({"main": [[[0, 1]], [[0, 1]], [[0, 2]], [[0, 2]]]}));
}

#[test]
fn the_console_is_kept_with_the_step() {
    let source =
        "console.log('n', $json.n, [1], undefined, new Error('e'));\nconsole.warn('two');\nreturn $json";
    let node = json!({"type": "code", "data": {"params": each(source)}});
    let Outcome::Succeeded(output) = run(&attempt(&node, &[(None, json!([{"n": 1}, {"n": 2}]))])) else {
        panic!("it succeeds")
    };
    assert_eq!(output.console, ["n 1 [1] undefined Error: e", "two", "n 2 [1] undefined Error: e", "two"]);

    let failed =
        fails("code", json!({"params": program("console.log('before');\nthrow new Error('x')")}), three());
    assert_eq!(failed.error.details.unwrap()["console"], json!(["before"]));

    let much = program("for (let n = 0; n < 1e5; n++) console.log('x'.repeat(100)); return []");
    let node = json!({"type": "code", "data": {"params": much}});
    let Outcome::Succeeded(output) = run(&attempt(&node, &[(None, three())])) else { panic!("it succeeds") };
    let bytes: usize = output.console.iter().map(String::len).sum();
    assert!(bytes < 20_000 && output.console.last().unwrap().contains("MAX_CONSOLE_BYTES"), "{bytes}");
}

#[test]
fn nothing_of_one_item_is_there_for_the_next() {
    let source = "const seen = [typeof left, Array.left ?? 0];\ntry { Array.left = 1 } catch {}\ntry { left = 1 } catch {}\nreturn { seen }";
    let seen = json!({"seen": ["undefined", 0]});
    check("code", each(source), json!([{}, {}]), json!({"main": [seen, seen]}));
}
