use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{kinds::params::Checker, violation::Violations};

fn holds(left: &Value, op: &str, right: &Value) -> Result<bool, String> {
    Op::parse(op).unwrap().holds(left, right, &mut Patterns::default()).map_err(|error| error.to_string())
}

#[test]
fn comparisons_hold_by_type_and_value() {
    for (left, op, right, expected) in [
        (json!(1), "eq", json!(1.0), true),
        (json!("5"), "eq", json!(5), false),
        (json!({"a": [1, 2.0]}), "eq", json!({"a": [1.0, 2]}), true),
        (json!(null), "eq", json!(null), true),
        (json!(1), "ne", json!(2), true),
        (json!(9_007_199_254_740_993_u64), "gt", json!(9_007_199_254_740_992_u64), true),
        (json!(-1), "lt", json!(u64::MAX), true),
        (json!(2.5), "gte", json!(2.5), true),
        (json!("a"), "lt", json!("b"), true),
        (json!("2026-01-01T10:00:00Z"), "gt", json!("2026-01-01T10:30:00+01:00"), true),
        (json!("2026-01-01T10:00:00Z"), "lte", json!("2026-01-01T11:00:00+01:00"), true),
        (json!(null), "gt", json!(1), false),
        (json!(1), "lt", json!(null), false),
        (json!("abc"), "contains", json!("b"), true),
        (json!([1, 2]), "contains", json!(2.0), true),
        (json!({"k": null}), "contains", json!("k"), true),
        (json!(null), "contains", json!("k"), false),
        (json!(null), "not_contains", json!("k"), true),
        (json!("abc"), "not_contains", json!("x"), true),
        (json!("abc"), "starts_with", json!("ab"), true),
        (json!("abc"), "ends_with", json!("ab"), false),
        (json!("order-17"), "matches", json!(r"^order-\d+$"), true),
        (json!(false), "exists", json!(null), true),
        (json!(null), "not_exists", json!(null), true),
        (json!({}), "empty", json!(null), true),
        (json!(0), "empty", json!(null), false),
        (json!([0]), "not_empty", json!(null), true),
        (json!("b"), "in", json!(["a", "b"]), true),
        (json!(null), "in", json!([null]), true),
    ] {
        assert_eq!(holds(&left, op, &right), Ok(expected), "{left} {op} {right}");
    }
}

#[test]
fn a_comparison_that_can_never_hold_is_an_error() {
    for (left, op, right) in [
        (json!("5"), "gt", json!(4)),
        (json!(true), "lt", json!(false)),
        (json!(5), "contains", json!(5)),
        (json!("a1"), "contains", json!(1)),
        (json!(5), "starts_with", json!("5")),
        (json!("a"), "in", json!("abc")),
    ] {
        let error = holds(&left, op, &right).unwrap_err();
        assert!(error.contains("cannot compare") && error.contains(op), "{error}");
    }
    assert!(holds(&json!("a"), "matches", &json!("(")).unwrap_err().contains("regular expression"));
    assert!(
        holds(&json!("a"), "matches", &json!("a{1000}{1000}")).unwrap_err().contains("MAX_PATTERN_WEIGHT")
    );
}

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

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "[a-z0-9]{0,4}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_pattern_that_is_light_can_be_compiled(pattern in pattern()) {
        match pattern::weight(&pattern) {
            Ok(_) => prop_assert!(Patterns::default().find(&pattern).is_ok(), "{pattern}"),
            Err(error) => prop_assert!(matches!(error, InvalidPattern::TooLarge(_)), "{pattern}: {error}"),
        }
    }
}

proptest! {
    #[test]
    fn opposite_operators_never_agree(left in scalar(), right in scalar()) {
        for (op, opposite) in [("eq", "ne"), ("contains", "not_contains"), ("exists", "not_exists"), ("empty", "not_empty")] {
            if let (Ok(one), Ok(other)) = (holds(&left, op, &right), holds(&left, opposite, &right)) {
                prop_assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn order_is_total_within_a_type(a in any::<i64>(), b in any::<i64>()) {
        let (a, b) = (json!(a), json!(b));
        let one_of = ["lt", "eq", "gt"].into_iter().filter(|op| holds(&a, op, &b) == Ok(true)).count();
        prop_assert_eq!(one_of, 1);
        prop_assert_eq!(holds(&a, "lte", &b), holds(&b, "gte", &a));
    }
}
