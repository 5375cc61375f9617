//! What a hostile or careless expression can do: nothing but fail its own step, soon.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{retry::Failure, run::NodeError};
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use workers::{engine::Outcome, runner::Runner};

use crate::steps::{attempt, node_attempt, settings};

fn runner() -> Runner {
    Runner::new(settings(), Arc::new(SystemClock)).unwrap()
}

async fn evaluate(expression: &str, items: Value) -> Result<Value, NodeError> {
    let params = json!({"fields": {"x": format!("{{{{ {expression} }}}}")}, "keep": "none"});
    match runner().run(attempt("set", params, items)).await {
        Outcome::Succeeded(output) => Ok(json!(output.ports["main"])),
        Outcome::Failed(failed) => {
            assert_eq!(failed.failure, Failure::Permanent, "{:?}", failed.error);
            Err(failed.error)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_uses_too_much_ends_with_the_limits_name() {
    for (expression, expected) in [
        ("(() => { for (;;) {} })()", "the limit of 250 ms"),
        (
            "(() => { while (true) { try { for (;;) {} } catch (e) {} finally { continue } } })()",
            "the limit of 250 ms",
        ),
        ("/(a+)+$/.test('a'.repeat(40) + 'b')", "the limit of 250 ms"),
        ("[].indexOf.call({length: 2 ** 53 - 1}, 1)", "the limit of 250 ms"),
        (
            "(() => { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length) })()",
            "more memory than the limit",
        ),
        ("'x'.repeat(1e9)", "limit"),
        ("new Array(1e8).fill(0).length", "limit"),
        ("(function f() { return f() + 1 })()", "stack"),
        ("(() => { let a = []; for (let i = 0; i < 100000; i++) a = [a]; return a })()", "stack"),
        ("'x'.repeat(5e6)", "above the limit of 4194304 bytes"),
    ] {
        let began = Instant::now();
        let error = evaluate(expression, json!([{}])).await.unwrap_err();
        assert_eq!(error.code, "expression", "{expression}: {error:?}");
        assert!(error.message.contains(expected), "{expression}: {}", error.message);
        assert!(began.elapsed() < Duration::from_secs(20), "{expression} took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn many_slow_items_end_with_the_nodes_time_limit() {
    let node = json!({
        "id": "call", "type": "set", "data": {
            "params": {"fields": {"x": "{{ (() => { for (;;) {} })() }}"}}, "timeout": "600ms", "on_error": "continue",
        },
    });
    let items: Vec<Value> = (0..1_000).map(|n| json!({ "n": n })).collect();
    let began = Instant::now();
    let Outcome::Failed(failed) = runner().run(node_attempt(node, json!(items))).await else {
        panic!("it cannot succeed")
    };
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Permanent));
    assert!(failed.error.message.contains("600ms"), "{}", failed.error.message);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn items_leave_each_other_nothing() {
    for expression in [
        "(() => { const seen = globalThis.seen; try { globalThis.seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const seen = Array.prototype.seen; try { Array.prototype.seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const seen = ({}).seen; try { ({}).__proto__.seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const seen = JSON.seen; try { JSON.seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const p = Object.getPrototypeOf([][Symbol.iterator]()); const seen = p.seen; try { p.seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const seen = $env.seen; try { $env.seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const seen = $input.first().seen; try { $input.first().seen = 1 } catch (e) {} return seen ?? 0 })()",
        "(() => { const seen = $input.all().length - 3; $input.all().push(1); return seen })()",
        "(() => { const seen = $json.seen; $json.seen = 1; return seen ?? 0 })()",
        "(() => { try { undeclared = 1 } catch (e) {} return typeof undeclared === 'undefined' ? 0 : 1 })()",
        "(() => { const d = Error.prepareStackTrace; try { Error.prepareStackTrace = () => 1 } catch (e) {} return d === undefined ? 0 : 1 })()",
    ] {
        let found = evaluate(expression, json!([{}, {}, {}])).await.unwrap();
        assert_eq!(found, json!([{"x": 0}, {"x": 0}, {"x": 0}]), "{expression}");
    }
}

#[tokio::test]
async fn nothing_of_the_machine_is_in_reach() {
    for name in [
        "process",
        "require",
        "std",
        "os",
        "fetch",
        "setTimeout",
        "Deno",
        "WebAssembly",
        "eval",
        "load",
        "print",
    ] {
        let found = evaluate(&format!("typeof {name}"), json!([{}])).await.unwrap();
        assert_eq!(found, json!([{"x": "undefined"}]), "{name}");
    }
    for expression in [
        "this.constructor.constructor('return process')()",
        "(() => {}).constructor('return this')()",
        "[].map.constructor('return this')()",
        "(async () => {}).constructor('return this')()",
        "(function* () {}).constructor('return this')()",
        "Reflect.construct(Function, ['return this'])()",
        "import('os')",
    ] {
        let error = evaluate(expression, json!([{}])).await.unwrap_err();
        assert_eq!(error.code, "expression", "{expression}");
    }
    assert_eq!(
        evaluate("(function () { return this })() === undefined", json!([{}])).await.unwrap(),
        json!([{"x": true}])
    );
    let keys = evaluate("Object.keys(globalThis)", json!([{}])).await.unwrap();
    assert_eq!(keys, json!([{"x": []}]));
}

#[tokio::test]
async fn an_expression_may_be_stopped_but_not_its_neighbours() {
    let runner = runner();
    let endless = json!({"fields": {"x": "{{ (() => { for (;;) {} })() }}"}});
    let quick = json!({"fields": {"x": "{{ 20 + 22 }}"}, "keep": "none"});
    let steps = (0..8).map(|n| if n % 2 == 0 { endless.clone() } else { quick.clone() });
    let outcomes =
        futures_util::future::join_all(steps.map(|params| runner.run(attempt("set", params, json!([{}])))))
            .await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Succeeded(output) => {
                assert_eq!((n % 2, json!(output.ports["main"])), (1, json!([{"x": 42}])));
            }
            Outcome::Failed(failed) => assert_eq!((n % 2, failed.error.code.as_str()), (0, "expression")),
            other => panic!("{other:?}"),
        }
    }
}
