use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{kinds::params::Checker, violation::Violations};

mod comparisons;
mod laws;

#[test]
fn truth_is_javascripts() {
    for (value, expected) in [
        (json!(null), false),
        (json!(0), false),
        (json!(-0.0), false),
        (json!(""), false),
        (json!(false), false),
        (json!("0"), true),
        (json!([]), true),
        (json!({}), true),
    ] {
        assert_eq!(truthy(&value), expected, "{value}");
    }
}

fn violations(condition: &Value) -> Vec<(String, String)> {
    let (mut violations, mut checker) = (Violations::new(), Checker::default());
    let params = At::root("p");
    let mut reader = Reader::saved(&mut violations, &mut checker);
    Condition::read_open(condition, &params.field("where"), &mut reader);
    violations.into_vec().into_iter().map(|found| (found.path, found.code.to_string())).collect()
}

#[test]
fn every_mistake_of_a_condition_is_found_with_its_place() {
    let check = |condition: Value, expected: &[(&str, &str)]| {
        let expected: Vec<_> = expected.iter().map(|(path, code)| ((*path).into(), (*code).into())).collect();
        assert_eq!(violations(&condition), expected, "{condition}");
    };
    check(json!("{{ $json.a }}"), &[]);
    check(json!({"all": [{"left": "{{ $json.a }}", "op": "exists"}, {"any": []}]}), &[]);
    check(json!("yes"), &[("p.where", "invalid_condition")]);
    check(json!(5), &[("p.where", "invalid_condition")]);
    check(json!({"all": [], "any": []}), &[("p.where", "invalid_condition")]);
    check(json!({"all": "x"}), &[("p.where.all", "invalid_condition")]);
    check(json!("{{ a"), &[("p.where", "invalid_expression")]);
    check(
        json!({"any": [{"left": 1, "op": "like", "right": 2}, {"left": 1, "op": "eq"}, {"left": "{{ x", "op": "empty", "right": 1}]}),
        &[
            ("p.where.any[0].op", "invalid_value"),
            ("p.where.any[1].right", "required"),
            ("p.where.any[2].left", "invalid_expression"),
            ("p.where.any[2].right", "invalid_value"),
        ],
    );
    check(json!({"left": 1, "op": "eq", "right": 2, "rigth": 3}), &[("p.where.rigth", "unknown_parameter")]);
    check(json!({"left": "a", "op": "matches", "right": "["}), &[("p.where.right", "invalid_value")]);
    let deep = (0..20).fold(json!(true), |inner, _| json!({"all": [inner]}));
    assert_eq!(violations(&deep).len(), 1);
}

/// What is wrong with patterns of one document, and how many of them were compiled.
fn checked(patterns: impl IntoIterator<Item = String>) -> (Vec<InvalidPattern>, usize) {
    let mut checker = PatternChecker::default();
    let wrong = patterns.into_iter().filter_map(|pattern| checker.check(&pattern).err()).collect();
    (wrong, checker.compiled())
}

#[test]
fn a_pattern_weighs_what_it_makes_and_not_what_it_is_long() {
    for (pattern, expected) in [
        ("abc", 10 + 3 + 3),
        (r"\d", 10 + 2 + 20),
        (r"\w+", 10 + 3 + 100),
        (r"[\w.-]+", 10 + 7 + 103),
        (r"\p{L}{3}", 10 + 8 + 300),
        (r"(?i)\p{L}", 10 + 9 + 200),
        ("(a{1,10}){2,5}", 10 + 14 + 55),
        ("(?:){100}", 10 + 9 + 100),
    ] {
        assert_eq!(pattern::weight(pattern), Ok(expected), "{pattern}");
    }
}

#[test]
fn a_pattern_that_is_too_heavy_is_refused_by_the_limits_name_and_not_compiled() {
    for pattern in [
        r"\p{L}{1000}",
        "(a{1,100}){1,100}",
        "((a{9}){9}{9}){9}{9}{9}",
        r"(?i)[\w&&\p{L}--\P{Lu}]{9}",
        "(?:){4294967295}{4294967295}",
        "([\u{1}-\u{ffff}]){99}",
        &"a".repeat(1_001),
        &"(".repeat(200_000),
    ] {
        let (wrong, compiled) = checked([pattern.to_owned()]);
        let [error @ InvalidPattern::TooLarge(_)] = wrong.as_slice() else {
            panic!("{pattern:.40}: {wrong:?}")
        };
        assert!(error.to_string().ends_with("above the limit of 1000 (MAX_PATTERN_WEIGHT)"), "{error}");
        assert_eq!(compiled, 0);
    }
    // What people write is far below.
    for pattern in [
        r"^[\w.+-]+@[\w-]+\.[\w.]{2,6}$",
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$",
        r"(?i)\berror\b",
    ] {
        assert_eq!(checked([pattern.to_owned()]), (Vec::new(), 1), "{pattern}");
    }
}

#[test]
fn patterns_that_are_too_heavy_together_are_refused_once_and_the_same_one_costs_once() {
    let (wrong, compiled) = checked((0..500).map(|i| format!(r"\w{i}")));
    let [error @ InvalidPattern::TooMuch(_)] = wrong.as_slice() else { panic!("{wrong:?}") };
    assert!(error.to_string().contains("above the limit of 8000 (MAX_PATTERNS_WEIGHT)"), "{error}");
    assert!(compiled <= 80, "{compiled}");
    assert_eq!(checked((0..500).map(|_| r"\w{5}".to_owned())), (Vec::new(), 1));
}

/// Patterns with everything that makes them large.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z]{1,3}",
        Just(".".to_owned()),
        Just(r"\w".to_owned()),
        Just(r"\W".to_owned()),
        Just(r"\d".to_owned()),
        Just(r"\p{L}".to_owned()),
        Just(r"[^a-z\d]".to_owned()),
        Just(r"[\w--\p{Lu}]".to_owned()),
        Just("[α-鼀]".to_owned()),
        Just("(?i:é)".to_owned()),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), 0..200_u32).prop_map(|(inner, times)| format!("(?:{inner}){{{times}}}")),
            (inner.clone(), 0..20_u32).prop_map(|(inner, times)| format!("({inner}){{{times},}}")),
            inner.clone().prop_map(|inner| format!("(?:{inner})*")),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|list| list.concat()),
            prop::collection::vec(inner, 1..4).prop_map(|list| format!("(?:{})", list.join("|"))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_pattern_that_is_light_can_be_compiled(pattern in pattern()) {
        match pattern::weight(&pattern) {
            Ok(_) => {
                for ignore_case in [false, true] {
                    prop_assert!(Patterns::new(ignore_case).find(&pattern).is_ok(), "{pattern}");
                }
            }
            Err(error) => prop_assert!(matches!(error, InvalidPattern::TooLarge(_)), "{pattern}: {error}"),
        }
    }
}
