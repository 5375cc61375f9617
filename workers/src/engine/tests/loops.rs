//! Loops: iterations one after the other, what leaves them, and how they end.

use std::sync::Arc;

use domain::{
    ids::{SignalId, SignalName},
    items::{Item, Ports},
    limits::MAX_ITEMS,
    retry::Failure,
    run::{RunStatus, WaitsFor},
};
use serde_json::{Value, json};

use super::scenario::{Scenario, workflow};
use crate::engine::{Command, Illegal, Outcome, StepKey};

/// A loop over the run's input: `body` hangs on its port `loop`, `end` is behind it.
fn over(items: usize, body: &str, data: &Value) -> Scenario {
    let text = format!("start:manual > l:loop; {body}; l.done > end:set");
    let input: Vec<Value> = (0..items).map(|n| json!({ "n": n })).collect();
    let mut run = Scenario::queued(workflow(&text, data), json!(input));
    run.tell(Command::Start).unwrap();
    run
}

fn items(output: &Value) -> Value {
    json!({ "main": output })
}

/// The loop hands out its next item, or gives what came back.
fn turn(run: &mut Scenario, id: &str) {
    let step = run.key(id);
    let output = super::laws::batch(&run.state, &step, 1);
    run.finish(id, Outcome::Succeeded(output));
}

fn brought(run: &Scenario, id: &str) -> Value {
    let inputs = run.inputs(id);
    json!(inputs.iter().flat_map(|input| input.items.iter()).collect::<Vec<_>>())
}

#[test]
fn a_loop_runs_its_body_once_for_each_batch_and_gives_in_the_end_what_came_back() {
    let mut run = over(2, "l.loop > a:set > l", &json!({}));
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute l[0]#1"]);
    turn(&mut run, "l");
    assert_eq!(run.effects(), ["execute a[0]#1"]);
    assert_eq!(brought(&run, "a"), json!([{ "n": 0 }]));
    run.give("a", &items(&json!([{ "came": "back" }])));
    assert_eq!(run.effects(), ["execute l[1]#1"]);
    turn(&mut run, "l");
    assert_eq!(brought(&run, "a"), json!([{ "n": 1 }]));
    run.give("a", &items(&json!([{ "came": "too" }, { "and": "more" }])));
    turn(&mut run, "l");
    assert_eq!(run.effects(), ["execute end#1"]);
    assert_eq!(brought(&run, "end"), json!([{ "came": "back" }, { "came": "too" }, { "and": "more" }]));
    run.succeed("end");
    assert_eq!(run.status(), RunStatus::Succeeded);
    let shown = run.step("a").unwrap();
    assert_eq!(shown.iteration.counters(), [1], "of a node its newest step is shown");
}

#[test]
fn an_iteration_that_gives_nothing_back_goes_on_with_the_next_batch() {
    let mut run = over(2, "l.loop > a:set > l", &json!({}));
    for _ in 0..2 {
        turn(&mut run, "l");
        run.give("a", &items(&json!([])));
    }
    turn(&mut run, "l");
    assert_eq!(run.status(), RunStatus::Succeeded, "what is behind the loop is skipped");
    assert_eq!(run.steps()["end"], "skipped");
}

#[test]
fn a_loop_that_is_given_nothing_is_skipped_with_its_body() {
    let run = over(0, "l.loop > a:set > l", &json!({}));
    assert_eq!(
        run.steps(),
        json!({ "start": "succeeded", "l": "skipped", "a": "skipped", "end": "skipped" })
    );
}

#[test]
fn the_next_iteration_waits_for_the_dead_ends_of_the_one_before() {
    let mut run = over(2, "l.loop > a:set > l; a > log:http_request", &json!({}));
    turn(&mut run, "l");
    run.succeed("a");
    assert_eq!(run.effects(), ["execute log[0]#1"]);
    run.succeed("log");
    assert_eq!(run.effects(), ["execute l[1]#1"]);
}

#[test]
fn what_leaves_a_loop_is_delivered_once_in_the_order_of_the_iterations() {
    let body = "l.loop > a:set > l; a > b:merge; l.done > b";
    let mut run = over(2, body, &json!({}));
    turn(&mut run, "l");
    run.give("a", &items(&json!([{ "a": 0 }])));
    turn(&mut run, "l");
    run.give("a", &items(&json!([{ "a": 1 }])));
    assert_eq!(run.effects(), ["execute l[2]#1"], "nothing has left yet");
    turn(&mut run, "l");
    let lists: Vec<_> = run.inputs("b").into_iter().map(|input| json!(input.items)).collect();
    assert_eq!(lists, [json!([{ "a": 0 }, { "a": 1 }]), json!([{ "a": 0 }, { "a": 1 }])]);
}

#[test]
fn a_cycle_asks_again_until_it_is_ready() {
    let text =
        "start:manual > ask:http_request > ready:if; ready.false > wait:wait > ask; ready.true > use:set";
    let mut run = Scenario::started(workflow(text, &json!({})));
    for round in 0..3 {
        run.give("ask", &items(&json!([{ "round": round }])));
        let ready = round == 2;
        let answer = json!([{ "round": round }]);
        run.give("ready", &if ready { json!({ "true": answer }) } else { json!({ "false": answer }) });
        if !ready {
            let until = run.now.plus(std::time::Duration::from_secs(60));
            run.wait("wait", WaitsFor::moment(until), None);
            assert_eq!(run.status(), RunStatus::Waiting);
            run.restart();
            run.retry("wait");
            run.give("wait", &items(&answer));
            assert_eq!(run.effects(), [format!("execute ask[{}]#1", round + 1)]);
            assert_eq!(brought(&run, "ask"), answer, "what came back begins the next iteration");
        }
    }
    run.give("use", &items(&json!([{ "used": 2 }])));
    assert_eq!(run.status(), RunStatus::Succeeded);
    assert_eq!(run.run().output, Some(json!({ "use": [{ "used": 2 }] })));
    assert_eq!(run.replayed().progress, run.state.progress);
}

#[test]
fn loops_are_nested_and_the_inner_one_begins_anew_in_each_iteration() {
    let text = "start:manual > o:loop; o.loop > i:loop; i.loop > a:set > i; i.done > o; o.done > end:set";
    let mut run = Scenario::queued(workflow(text, &json!({})), json!([{ "n": 0 }, { "n": 1 }]));
    run.tell(Command::Start).unwrap();
    for outer in 0..2 {
        turn(&mut run, "o");
        turn(&mut run, "i");
        assert_eq!(run.effects(), [format!("execute a[{outer}.0]#1")]);
        run.give("a", &items(&json!([{ "of": outer }])));
        assert_eq!(run.effects(), [format!("execute i[{outer}.1]#1")]);
        turn(&mut run, "i");
    }
    turn(&mut run, "o");
    assert_eq!(brought(&run, "end"), json!([{ "of": 0 }, { "of": 1 }]));
}

#[test]
fn a_failure_leaves_the_body_by_the_port_error() {
    let data = json!({ "a": { "on_error": "error_port", "retry": { "max_attempts": 1 } } });
    let body = "l.loop > a:http_request > l; a.error > failed:merge; start > failed";
    let mut run = over(2, body, &data);
    turn(&mut run, "l");
    run.fail_with("a", Failure::Permanent, None, &json!({ "error": [{ "n": 0 }] }));
    assert_eq!(run.effects(), ["execute l[1]#1"], "the loop goes on without it");
    turn(&mut run, "l");
    run.succeed("a");
    turn(&mut run, "l");
    let lists: Vec<_> = run.inputs("failed").into_iter().map(|input| json!(input.items)).collect();
    assert_eq!(lists, [json!([{ "n": 0 }]), json!([{ "n": 0 }, { "n": 1 }])]);
}

#[test]
fn a_failure_in_an_iteration_ends_the_run() {
    let mut run = over(2, "l.loop > a:http_request > l", &json!({}));
    turn(&mut run, "l");
    run.fail("a", Failure::Permanent);
    assert_eq!(run.status(), RunStatus::Failed);
    assert_eq!(run.run().error.unwrap().node_id.unwrap().as_str(), "a");
}

#[test]
fn a_retry_in_an_iteration_is_an_attempt_of_that_iteration() {
    let mut run = over(2, "l.loop > a:http_request > l", &json!({}));
    turn(&mut run, "l");
    run.fail("a", super::scenario::UNAVAILABLE);
    run.retry("a");
    assert_eq!(run.effects(), ["execute a[0]#2"]);
    let first = StepKey { node: run.index("a"), iteration: vec![0].into() };
    run.succeed("a");
    turn(&mut run, "l");
    assert_eq!(run.effects(), ["execute a[1]#1"]);
    let outcome = Outcome::Succeeded(super::scenario::one_item());
    let late = Command::StepFinished { step: first.clone(), attempt: 2, outcome, jitter: 0.5 };
    assert_eq!(run.tell(late), Err(Illegal::StaleAttempt { step: first, attempt: 2 }));
}

#[test]
fn a_run_is_cancelled_in_the_middle_of_an_iteration() {
    let mut run = over(2, "l.loop > a:http_request > l", &json!({}));
    turn(&mut run, "l");
    run.succeed("a");
    turn(&mut run, "l");
    run.tell(Command::Cancel { reason: "enough".to_owned() }).unwrap();
    assert_eq!(run.status(), RunStatus::Cancelled);
    assert_eq!(run.effects(), ["abort a[1]", "cancel deadline"]);
}

#[test]
fn a_loop_has_as_many_iterations_as_it_may_and_the_run_fails_that_needs_more() {
    let data = json!({ "l": { "params": { "max_iterations": 2 } } });
    let mut run = over(2, "l.loop > a:set > l", &data);
    for _ in 0..2 {
        turn(&mut run, "l");
        run.succeed("a");
    }
    turn(&mut run, "l");
    assert_eq!(run.effects(), ["execute end#1"], "the end needs no iteration");

    let mut run = over(3, "l.loop > a:set > l", &data);
    for _ in 0..2 {
        turn(&mut run, "l");
        run.succeed("a");
    }
    let error = run.run().error.unwrap();
    assert_eq!((run.status(), error.code.as_str()), (RunStatus::Failed, "max_iterations"));
    assert_eq!(error.node_id.unwrap().as_str(), "l");
    assert!(error.message.contains("more than 2 iterations") && error.message.contains("max_iterations"));

    let mut run = Scenario::started(workflow("start:manual > a:set > a", &json!({})));
    for _ in 0..1_000 {
        run.succeed("a");
    }
    let error = run.run().error.unwrap();
    assert!(error.message.contains("more than 1000 iterations"), "{}", error.message);
    assert!(error.message.contains("settings.max_iterations"), "{}", error.message);
}

#[test]
fn what_an_edge_brings_out_of_a_loop_is_limited_as_what_leaves_a_step() {
    let half = || Arc::new(vec![Item::new(); MAX_ITEMS / 2]);
    let text = "start:manual > a:if; a.true > a; a.false > b:merge; start > b";
    let mut run = Scenario::started(workflow(text, &json!({})));
    let give = |run: &mut Scenario| {
        let again = Arc::new(vec![Item::new()]);
        let output = Ports::from([("true".into(), again), ("false".into(), half())]);
        run.finish("a", Outcome::Succeeded(output.into()));
    };
    give(&mut run);
    give(&mut run);
    assert_eq!(run.status(), RunStatus::Running);
    give(&mut run);
    let error = run.run().error.unwrap();
    assert_eq!((error.code.as_str(), error.node_id.unwrap().as_str()), ("limit", "a"));
    assert!(error.message.contains("10000 items (MAX_ITEMS)"), "{}", error.message);
}

#[test]
fn only_what_something_can_ask_for_is_kept_of_earlier_iterations() {
    let mut run = Scenario::started(workflow("start:manual > a:set > a", &json!({})));
    run.succeed("a");
    run.succeed("a");
    let before = (run.state.progress.given, run.state.progress.kept_memory);
    for _ in 0..500 {
        run.succeed("a");
        run.state.forget_changes();
    }
    assert_eq!((run.state.progress.given, run.state.progress.kept_memory), before);
    let kept = run.state.steps().of(run.index("a")).map(|step| step.iteration().count());
    assert_eq!(kept.collect::<Vec<_>>(), [502, 501]);
}

#[test]
fn a_node_is_seen_in_the_same_iteration_inside_and_in_its_last_one_outside() {
    let text = "start:manual > o:loop; o.loop > a:set > i:loop; i.loop > b:set > i; i.done > c:set > o; o.done > end:set";
    let mut run = Scenario::queued(workflow(text, &json!({})), json!([{ "n": 0 }, { "n": 1 }]));
    run.tell(Command::Start).unwrap();
    let seen = |run: &Scenario, by: &str, node: &str| {
        let output = run.state.seen_by(&run.key(by), run.index(node));
        output.map(|output| output.ports["main"][0]["at"].clone())
    };
    for outer in 0..2 {
        turn(&mut run, "o");
        assert_eq!(seen(&run, "a", "b"), None, "b has not run in this iteration");
        run.give("a", &items(&json!([{ "at": outer }])));
        turn(&mut run, "i");
        assert_eq!(seen(&run, "b", "a"), Some(json!(outer)));
        run.give("b", &items(&json!([{ "at": outer * 10 }])));
        assert_eq!(seen(&run, "i", "b"), None, "the inner loop is in its next iteration");
        turn(&mut run, "i");
        assert_eq!(seen(&run, "c", "b"), Some(json!(outer * 10)));
        run.succeed("c");
    }
    turn(&mut run, "o");
    assert_eq!((seen(&run, "end", "b"), seen(&run, "end", "a")), (Some(json!(10)), Some(json!(1))));
}

#[test]
fn a_signal_for_an_earlier_iteration_reaches_no_later_one() {
    let mut run = over(2, "l.loop > a:wait > l", &json!({}));
    let go = |run: &Scenario, n| {
        let (id, name) = (SignalId::at(run.now, n), SignalName::parse("go").unwrap());
        Command::Signal { step: run.key("a"), id, name, data: Arc::new(json!({})) }
    };
    let waits_for = || WaitsFor { signal: Some("go".into()), ..WaitsFor::default() };
    turn(&mut run, "l");
    run.wait("a", waits_for(), None);
    let (first, second) = (go(&run, 1), go(&run, 2));
    run.tell(first.clone()).unwrap();
    run.succeed("a");
    turn(&mut run, "l");
    run.wait("a", waits_for(), None);
    for late in [first, second] {
        assert!(matches!(run.tell(late), Err(Illegal::NobodyWaits(_))));
    }
    assert_eq!(run.status(), RunStatus::Waiting);
    run.tell(go(&run, 3)).unwrap();
    assert_eq!(run.status(), RunStatus::Running);
}
