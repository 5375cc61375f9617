//! JavaScript in real processes: whatever an expression does ends, costs nobody else anything, and leaves nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::retry::Failure;
use minireipaz::clock::SystemClock;
use serde_json::{Value, json};
use workers::{
    engine::{Outcome, StepFailure},
    runner::{Attempt, JavaScriptLimits, Runner, RunnerSettings},
};

use crate::steps::{self, attempt, failed, node_attempt, succeeded};

pub(crate) fn settings(processes: usize) -> RunnerSettings {
    RunnerSettings { javascript_processes: processes, ..steps::settings() }
}

fn runner(processes: usize) -> Runner {
    Runner::new(settings(processes), Arc::new(SystemClock)).unwrap()
}

/// One whose expressions may compute for a short time only.
fn impatient(processes: usize) -> Runner {
    let time = Duration::from_millis(40);
    let javascript = JavaScriptLimits { time, slice: time, ..JavaScriptLimits::default() };
    Runner::new(RunnerSettings { javascript, ..settings(processes) }, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn set(expression: &str, items: Value) -> Attempt {
    let params = json!({"fields": {"x": format!("{{{{ {expression} }}}}")}, "keep": "none"});
    attempt("set", params, items)
}

fn of(tenant: &str, mut attempt: Attempt) -> Attempt {
    let mut run = (*attempt.task.run).clone();
    run.tenant = domain::ids::TenantId::parse(tenant).unwrap();
    attempt.task.run = Arc::new(run);
    attempt
}

pub(crate) async fn value(runner: &Runner, expression: &str) -> Value {
    succeeded(runner.run(set(expression, json!([{}]))).await)[0]["x"].take()
}

pub(crate) async fn failure(runner: &Runner, expression: &str) -> StepFailure {
    failed(runner.run(set(expression, json!([{}]))).await)
}

fn code(source: &str) -> Attempt {
    attempt("code", json!({ "source": source }), json!([{}]))
}

#[tokio::test]
async fn a_program_has_its_own_time_and_ends_for_good_when_it_is_up() {
    let javascript = JavaScriptLimits {
        time: Duration::from_millis(1),
        program: Duration::from_millis(300),
        ..JavaScriptLimits::default()
    };
    let runner = Runner::new(RunnerSettings { javascript, ..settings(1) }, Arc::new(SystemClock)).unwrap();
    let longer =
        "let n = 0; for (const end = Date.now() + 20; Date.now() < end;) n++; return { longer: true }";
    assert_eq!(succeeded(runner.run(code(longer)).await), json!([{"longer": true}]));
    for endless in [
        "for (;;) {}",
        "for (;;) await null; return []",
        "const f = async () => { for (;;) await f }; f(); return new Promise(() => {})",
        UNSTOPPABLE[0],
    ] {
        let failed = failed(runner.run(code(endless)).await);
        assert_eq!((failed.error.code.as_str(), failed.failure), ("code", Failure::Permanent), "{endless}");
        assert!(
            failed.error.message.contains("the limit of 300 ms for a program"),
            "{}",
            failed.error.message
        );
    }
    let bomb = "const all = []; for (;;) all.push('x'.repeat(1e6) + all.length)";
    let failed = failed(runner.run(code(bomb)).await);
    assert!(failed.error.message.contains("more memory than the limit"), "{}", failed.error.message);
    assert_eq!(value(&runner, "1 + 1").await, json!(2));
}

/// What no interrupt handler stops, or what does not ask it for long.
const UNSTOPPABLE: &[&str] = &[
    "[].reverse.call({length: 2**53 - 1}).length",
    "[].indexOf.call({length: 2**53 - 1}, 1)",
    "[].lastIndexOf.call({length: 2**53 - 1}, 1)",
    "[].includes.call({length: 2**53 - 1}, 1)",
    "[].fill.call({length: 2**53 - 1}, 1).length",
    "[].copyWithin.call({length: 2**53 - 1}, 1, 0).length",
    "[].unshift.call({length: 2**53 - 3}, 1)",
    "[].shift.call({length: 2**53 - 1})",
    "[].splice.call({length: 2**53 - 1}, 0, 1).length",
    "[].join.call({length: 2**53 - 1})",
    "[].findLast.call({length: 2**53 - 1}, Math.abs)",
    "[].some.call({length: 2**53 - 1}, Math.abs)",
    "[].every.call({length: 2**53 - 1}, isFinite)",
    "[].forEach.call({length: 2**53 - 1}, Math.abs)",
    "[].reduceRight.call({length: 2**53 - 1}, Math.max, 0)",
    "[].sort.call({length: 2**53 - 1}).length",
    "[].toReversed.call({length: 2**32 - 1}).length",
    "[].concat.call([], {length: 2**53 - 1, [Symbol.isConcatSpreadable]: true}).length",
    "[].flat.call({length: 2**53 - 1}).length",
    "Array.from({length: 2**53 - 1}).length",
    "Math.max.apply(null, {length: 65535}) ** 2n ** 9999999n",
    "(2n ** 900000n) ** 300n % 7n === 1n",
    "'a'.repeat(3e7).lastIndexOf('b'.repeat(1e6)) + 'a'.repeat(3e7).indexOf('a'.repeat(1.5e7) + 'b')",
    "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "JSON.parse('[' + '1,'.repeat(5e6) + '1]').length && (() => { for (;;) {} })()",
    "(() => { for (;;) {} })()",
];

#[tokio::test]
async fn whatever_does_not_stop_is_ended_soon_and_never_tried_again() {
    let runner = impatient(2);
    for expression in UNSTOPPABLE {
        let began = Instant::now();
        let failed = match runner.run(set(expression, json!([{}]))).await {
            Outcome::Failed(failed) => failed,
            other => panic!("{expression}: {other:?}"),
        };
        assert_eq!(failed.failure, Failure::Permanent, "{expression}: {:?}", failed.error);
        assert_eq!(failed.error.code, "expression", "{expression}: {:?}", failed.error);
        assert!(began.elapsed() < Duration::from_secs(20), "{expression} took {:?}", began.elapsed());
        assert_eq!(value(&runner, "6 * 7").await, json!(42), "after {expression}");
    }
}

#[tokio::test]
async fn the_error_of_what_does_not_stop_names_the_expression_and_the_limit() {
    let params = json!({"fields": {"a": "{{ 1 + 1 }}", "b": "{{ [].reverse.call({length: 2**53 - 1}) }}"}});
    let runner = impatient(1);
    let failed = failed(runner.run(attempt("set", params, json!([{}, {}]))).await);
    let message = &failed.error.message;
    assert!(message.starts_with("`{{ [].reverse.call({length: 2**53 - 1}) }}`"), "{message}");
    assert!(message.contains("the limit of 40 ms"), "{message}");
    assert!(failed.partial.is_none() && failed.fallback.is_none());
}

#[tokio::test]
async fn another_tenant_is_served_while_one_does_its_worst() {
    let runner = runner(2);
    let worst = set("[].reverse.call({length: 2**53 - 1}).length", json!([{}]));
    let evil: Vec<_> = (0..6).map(|_| runner.run(of("evil", worst.clone()))).collect();
    let mut evil: futures_util::stream::FuturesUnordered<_> = evil.into_iter().collect();
    assert!(futures_util::poll!(futures_util::StreamExt::next(&mut evil)).is_pending());
    let good = runner.run(of("good", set("$json.n + 1", json!([{"n": 1}]))));
    tokio::pin!(good);
    let (mut ended, mut served) = (0, None);
    while ended < 6 {
        tokio::select! {
            biased;
            outcome = &mut good, if served.is_none() => served = Some((ended, outcome)),
            outcome = futures_util::StreamExt::next(&mut evil) => {
                assert_eq!(failed(outcome.unwrap()).failure, Failure::Permanent);
                ended += 1;
            }
        }
    }
    let (before, outcome) = served.expect("it was served meanwhile");
    assert_eq!((before, succeeded(outcome)), (0, json!([{"x": 2}])), "a place is left to others");
}

#[tokio::test]
async fn a_tenant_with_much_that_is_allowed_does_not_hold_up_another() {
    let busy = "(() => { const t = Date.now(); while (Date.now() - t < 100); return 1 })()";
    let many: Vec<Value> = (0..200).map(|n| json!({ "n": n })).collect();
    // With one process there are no shares, but turns.
    for processes in [1, 2] {
        let runner = runner(processes);
        let busy = runner.run(of("busy", set(busy, json!(many))));
        tokio::pin!(busy);
        let good = runner.run(of("good", set("$json.n + 1", json!([{"n": 1}]))));
        let outcome = tokio::select! {
            biased;
            _ = &mut busy => panic!("it takes 20 s"),
            outcome = good => outcome,
        };
        assert_eq!(succeeded(outcome), json!([{"x": 2}]));
    }
}

#[tokio::test]
async fn nothing_survives_a_step() {
    let runner = runner(1);
    for (leave, look) in [
        ("(globalThis.left = 1, 0)", "typeof left"),
        ("(Array.prototype.map = () => 1, 0)", "[1].map(x => x + 1)[0] === 2 ? 'undefined' : 'left'"),
        ("(JSON.stringify = () => '1', 0)", "JSON.stringify([]) === '[]' ? 'undefined' : 'left'"),
        ("(Math.max = () => 'pwned', 0)", "Math.max(1, 2) === 2 ? 'undefined' : 'left'"),
        (
            "(Date.prototype.toJSON = () => 'pwned', 0)",
            "new Date(0).toJSON() === 'pwned' ? 'left' : 'undefined'",
        ),
        ("(Symbol.prototype.__proto__.left = 1, 0)", "typeof ({}).left"),
        ("(Promise.resolve().then(() => { Array.left = 1 }), 0)", "typeof Array.left"),
        ("(import.meta.left = 1, 0)", "typeof import.meta.left"),
    ] {
        // Some of them are refused; the others end with the step.
        let _ = runner.run(set(leave, json!([{}]))).await;
        assert_eq!(value(&runner, look).await, json!("undefined"), "{leave}");
    }
}

#[tokio::test]
async fn what_frozen_builtins_made_impossible_works() {
    let runner = runner(1);
    let item = json!([{"constructor": "Ferrari", "w": ["a", "toString"]}]);
    for (source, expected) in [
        (
            "Object.assign({}, {constructor: $json.constructor}, {x: 1})",
            json!({"constructor": "Ferrari", "x": 1}),
        ),
        ("$json.w.reduce((m, k) => { m[k] = 1; return m }, {})", json!({"a": 1, "toString": 1})),
        ("(() => { const e = new Error(); e.message = 'm'; return e.message })()", json!("m")),
    ] {
        assert_eq!(
            succeeded(runner.run(set(source, item.clone())).await),
            json!([{ "x": expected }]),
            "{source}"
        );
    }
    for (source, said) in [("null", "it threw null"), ("undefined", "it threw"), ("'words'", "words")] {
        let message = failure(&runner, &format!("(() => {{ throw {source} }})()")).await.error.message;
        assert!(message.contains(said) && !message.contains("memory"), "{message}");
    }
}

#[tokio::test]
async fn memory_is_bounded_whatever_takes_it() {
    let runner = runner(1);
    for bomb in [
        "(() => { const a = []; for (;;) a.push('x'.repeat(1e6) + a.length) })()",
        "(() => { let o = {}; for (;;) o = { o } })()",
        "(() => { const a = []; for (;;) a.push(new Uint8Array(1e6)) })()",
        "new Array(1e8).fill(0).length",
    ] {
        let failed = failure(&runner, bomb).await;
        assert_eq!(
            (failed.error.code.as_str(), failed.failure),
            ("expression", Failure::Permanent),
            "{bomb}"
        );
        assert!(failed.error.message.contains("limit"), "{bomb}: {}", failed.error.message);
        assert_eq!(value(&runner, "6 * 7").await, json!(42), "after {bomb}");
    }
}

#[tokio::test]
async fn a_stopped_expression_costs_only_its_item_when_the_step_goes_on() {
    let endless = "(() => { if ($json.n === 1) for (;;) {} return $json.n })()";
    let data = json!({"params": {"fields": {"x": format!("{{{{ {endless} }}}}")}}, "on_error": "continue"});
    let node = json!({"id": "call", "type": "set", "data": data});
    let failed = failed(impatient(1).run(node_attempt(node, json!([{"n": 0}, {"n": 1}, {"n": 2}]))).await);
    let left = json!(failed.fallback.unwrap().ports["main"]);
    assert_eq!((&left[0]["x"], &left[2]["x"]), (&json!(0), &json!(2)));
    assert_eq!(left[1]["error"]["code"], "expression");
}

#[tokio::test]
async fn a_step_that_is_given_up_on_frees_its_place_at_once() {
    let runner = runner(1);
    assert_eq!(value(&runner, "1 + 1").await, json!(2));
    {
        let endless = runner.run(set("(() => { for (;;) {} })()", json!([{}])));
        tokio::pin!(endless);
        assert!(futures_util::poll!(&mut endless).is_pending(), "it is under way");
    }
    assert_eq!(value(&runner, "6 * 7").await, json!(42));
}

#[tokio::test]
async fn a_step_whose_time_is_up_while_it_computes_is_not_tried_again() {
    let data = json!({"params": {"fields": {"x": "{{ (() => { for (;;) {} })() }}"}}, "timeout": "100ms"});
    let node = json!({"id": "call", "type": "set", "data": data});
    let failed = failed(runner(1).run(node_attempt(node, json!([{}]))).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("timeout", Failure::Permanent));
}

#[tokio::test]
async fn a_call_whose_parameters_do_not_stop_is_not_made_and_not_tried_again() {
    let url = "http://127.0.0.1:1/{{ [].reverse.call({length: 2**53 - 1}).length }}";
    let failed =
        failed(impatient(1).run(attempt("http_request", json!({ "url": url }), json!([{}, {}]))).await);
    assert_eq!((failed.error.code.as_str(), failed.failure), ("expression", Failure::Permanent));
    assert!(failed.error.message.contains("the limit of 40 ms"), "{}", failed.error.message);
}
