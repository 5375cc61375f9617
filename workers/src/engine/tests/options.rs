//! What nodes may say whatever their kind: `always_output`, `execute_once`, `disabled`.

use domain::{items::Item, run::RunStatus};
use serde_json::{Value, json};

use super::scenario::{Scenario, workflow};
use crate::engine::Command;

fn started(text: &str, data: &Value) -> Scenario {
    Scenario::started(workflow(text, data))
}

fn given(run: &Scenario, id: &str) -> Vec<(Option<String>, Value)> {
    run.inputs(id).into_iter().map(|input| (input.name.map(str::to_owned), json!(input.items))).collect()
}

#[test]
fn where_nothing_leaves_always_output_lets_one_empty_item_leave_by_the_first_port() {
    let data = json!({"keep": {"always_output": true}, "if": {"always_output": true}});
    let mut run = started("start:manual > keep:filter > if:if; if.true > yes:set; if.false > no:set", &data);
    run.give("keep", &json!({ "main": [] }));
    assert_eq!(run.effects(), ["execute if#1"]);
    assert_eq!(json!(run.inputs("if")[0].items), json!([{}]));
    assert_eq!(json!(run.step("keep").unwrap().output), json!({"main": [{}]}));
    run.give("if", &json!({ "true": [], "false": [] }));
    assert_eq!(run.effects(), ["execute yes#1"]);
    run.succeed("yes");
    assert_eq!(run.steps()["no"], "skipped");
    assert_eq!(run.replayed().status(), RunStatus::Succeeded);
}

#[test]
fn where_an_item_leaves_by_any_port_nothing_is_added() {
    let data = json!({"if": {"always_output": true}});
    let mut run = started("start:manual > if:if; if.true > yes:set; if.false > no:set", &data);
    run.give("if", &json!({ "true": [], "false": [{ "n": 1 }] }));
    assert_eq!(run.effects(), ["execute no#1"]);
    let without = started("start:manual > keep:filter > last:set", &json!({}));
    let mut without = without;
    without.give("keep", &json!({ "main": [] }));
    assert_eq!(without.steps()["last"], "skipped");
}

#[test]
fn an_empty_item_that_was_added_came_from_nowhere() {
    let data = json!({"keep": {"always_output": true}});
    let mut run = started("start:manual > keep:filter", &data);
    run.give("keep", &json!({ "main": [] }));
    let output = run.state.steps().get(&run.key("keep")).unwrap().output().unwrap();
    assert_eq!(json!(output.lineage), json!({"main": [[]]}));
}

#[test]
fn execute_once_gives_the_first_item_of_all() {
    let data = json!({"once": {"execute_once": true}});
    let mut run = started("start:manual > a:set > once:set; start > b:set > once", &data);
    run.give("b", &json!({ "main": [{ "n": 3 }] }));
    run.give("a", &json!({ "main": [{ "n": 1 }, { "n": 2 }] }));
    assert_eq!(given(&run, "once"), [(None, json!([{ "n": 1 }]))]);
}

#[test]
fn execute_once_gives_the_first_item_of_each_input_that_is_told_apart() {
    let data = json!({"once": {"execute_once": true}});
    let mut run = started(
        "start:manual > a:set > once:merge@left; start > b:set > once@right; start > c:set > once@right",
        &data,
    );
    run.give("a", &json!({ "main": [{ "n": 1 }, { "n": 2 }] }));
    run.give("b", &json!({ "main": [{ "n": 3 }, { "n": 4 }] }));
    run.give("c", &json!({ "main": [{ "n": 5 }] }));
    let (left, right) = (Some("left".to_owned()), Some("right".to_owned()));
    assert_eq!(given(&run, "once"), [(left, json!([{ "n": 1 }])), (right, json!([{ "n": 3 }]))]);
}

#[test]
fn a_disabled_node_is_given_everything_whatever_else_it_says() {
    let data = json!({"off": {"disabled": true, "execute_once": true}});
    let mut run = started("start:manual > a:set > off:set", &data);
    run.give("a", &json!({ "main": [{ "n": 1 }, { "n": 2 }] }));
    assert_eq!(given(&run, "off"), [(None, json!([{ "n": 1 }, { "n": 2 }]))]);
}

#[test]
fn a_triggers_options_are_about_the_runs_input() {
    let output = |data: Value, input: Value| {
        let mut run = Scenario::queued(workflow("start:manual > next:set", &json!({ "start": data })), input);
        run.tell(Command::Start).unwrap();
        json!(run.step("start").unwrap().output)["main"].clone()
    };
    let two = || json!([{ "n": 1 }, { "n": 2 }]);
    assert_eq!(output(json!({}), two()), two());
    assert_eq!(output(json!({ "execute_once": true }), two()), json!([{ "n": 1 }]));
    assert_eq!(output(json!({ "always_output": true }), json!([])), json!([Item::new()]));
    assert_eq!(output(json!({}), json!([])), json!([]));
}

#[test]
fn a_trigger_that_is_disabled_is_skipped_beside_the_one_that_is_not() {
    let data = json!({"off": {"disabled": true}});
    let mut run = started("off:manual > a:set; on:manual > b:set", &data);
    assert_eq!(run.effects(), ["set deadline at 3600000", "execute b#1"]);
    run.succeed("b");
    assert_eq!(run.steps(), json!({"off": "skipped", "a": "skipped", "on": "succeeded", "b": "succeeded"}));
}
