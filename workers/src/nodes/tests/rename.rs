//! `rename`: fields get other names.

use super::*;

#[test]
fn rename_gives_fields_other_names() {
    let item = json!([{"a": 1, "b": {"c": 2, "d e": 3}, "l": [{"d e": 4}, 5]}]);
    for (params, expected) in [
        (json!({}), item[0].clone()),
        (
            json!({"fields": {"a": "x", "missing": "y"}}),
            json!({"b": {"c": 2, "d e": 3}, "l": [{"d e": 4}, 5], "x": 1}),
        ),
        (
            json!({"fields": {"b.c": "c", "a": "b.a"}}),
            json!({"b": {"d e": 3, "a": 1}, "l": [{"d e": 4}, 5], "c": 2}),
        ),
        (
            json!({"fields": {"l.0.d e": "l.0.f"}}),
            json!({"a": 1, "b": {"c": 2, "d e": 3}, "l": [{"f": 4}, 5]}),
        ),
        // Names are exchanged; what had a name before is replaced.
        (
            json!({"fields": {"a": "l", "l": "a"}}),
            json!({"b": {"c": 2, "d e": 3}, "l": 1, "a": [{"d e": 4}, 5]}),
        ),
        (json!({"fields": {"a": "b"}}), json!({"b": 1, "l": [{"d e": 4}, 5]})),
        // An element of a list has no name.
        (json!({"fields": {"l.1": "x"}}), item[0].clone()),
        (
            json!({"patterns": [{"pattern": " ", "replace": "_"}]}),
            json!({"a": 1, "b": {"c": 2, "d_e": 3}, "l": [{"d_e": 4}, 5]}),
        ),
        (
            json!({"patterns": [{"pattern": "(?i)([A-Z])", "replace": "$1$1", "depth": 0}]}),
            json!({"aa": 1, "bb": {"c": 2, "d e": 3}, "ll": [{"d e": 4}, 5]}),
        ),
        (
            json!({"patterns": [{"pattern": "^d", "replace": "f", "depth": 1}]}),
            json!({"a": 1, "b": {"c": 2, "f e": 3}, "l": [{"d e": 4}, 5]}),
        ),
        (
            json!({"patterns": [{"pattern": "^d", "replace": "f", "depth": 2}]}),
            json!({"a": 1, "b": {"c": 2, "f e": 3}, "l": [{"f e": 4}, 5]}),
        ),
        // One after the other, after `fields`; of names that become equal the last one's value stays.
        (
            json!({"fields": {"a": "n"}, "patterns": [{"pattern": "^[bl]$", "replace": "m"}, {"pattern": "^m$", "replace": "n"}]}),
            json!({"n": 1}),
        ),
        (
            json!({"fields": {"{{ 'a' }}": "{{ 'x' + $json.a }}", "b": "y"}, "patterns": [{"pattern": "{{ '^' }}", "replace": "{{ '_' }}", "depth": 0}]}),
            json!({"_l": [{"d e": 4}, 5], "_x1": 1, "_y": {"c": 2, "d e": 3}}),
        ),
    ] {
        let output = made("rename", params.clone(), item.clone());
        assert_eq!(
            (ports(&output), json!(output.lineage)),
            (json!({ "main": [expected] }), json!({})),
            "{params}"
        );
    }
}

#[test]
fn an_item_whose_fields_have_no_place_fails_by_itself() {
    let data = json!({"params": {"fields": {"a": "b.c"}}, "on_error": "continue"});
    let failed = fails("rename", data, json!([{"a": 1, "b": {}}, {"a": 1, "b": 5}]));
    assert_eq!(failed.error.code, "invalid_path");
    let main = json!(failed.fallback.unwrap().ports["main"]);
    assert_eq!(main[0], json!({"b": {"c": 1}}));
    assert_eq!((&main[1]["a"], &main[1]["b"]), (&json!(1), &json!(5)), "as it came");
}

#[test]
fn expressions_that_only_a_run_knows_have_the_same_limits() {
    for (pattern, code) in [("[", "invalid_pattern"), (r"\w{99}", "invalid_pattern")] {
        let params = json!({"patterns": [{"pattern": "{{ $json.p }}", "replace": ""}]});
        let failed = fails("rename", json!({ "params": params }), json!([{ "p": pattern }]));
        assert_eq!(failed.error.code, code, "{pattern}");
    }
}

#[test]
fn no_longer_names_are_made_than_may_leave() {
    let params = json!({"patterns": [{"pattern": "a", "replace": "b".repeat(10_000)}]});
    for item in [
        json!({"a".repeat(1_000): 1}),
        (0..500).map(|n| (format!("a{n}"), json!(1))).collect::<Map<_, _>>().into(),
    ] {
        let failed = fails("rename", json!({ "params": params }), json!([item]));
        assert!(failed.error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", failed.error.message);
    }
}
