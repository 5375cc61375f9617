//! What each operator says, strict and loose.

use serde_json::json;

use super::*;

/// As JSON text, so that numbers stay as they are written.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn compared(rules: Rules, left: &str, op: &str, right: &str) -> Result<bool, String> {
    let op = Op::parse(op).unwrap();
    Comparer::new(rules).holds(op, &value(left), &value(right)).map_err(|error| error.to_string())
}

fn strict(left: &str, op: &str, right: &str) -> Result<bool, String> {
    compared(Rules { types: Types::Strict, ignore_case: false }, left, op, right)
}

fn loose(left: &str, op: &str, right: &str) -> Result<bool, String> {
    compared(Rules { types: Types::Loose, ignore_case: false }, left, op, right)
}

/// Cases that strict and loose types judge alike.
fn both(cases: &[(&str, &str, &str, bool)]) {
    for (left, op, right, expected) in cases {
        assert_eq!(strict(left, op, right), Ok(*expected), "{left} {op} {right}");
        assert_eq!(loose(left, op, right), Ok(*expected), "{left} {op} {right}, loose");
    }
}

#[test]
fn equality_is_by_value_and_type() {
    both(&[
        ("1", "eq", "1.0", true),
        ("0", "eq", "-0.0", true),
        ("100", "eq", "1e2", true),
        ("9007199254740993", "eq", "9007199254740992", false),
        ("123456789012345678901234567890", "eq", "123456789012345678901234567891", false),
        ("1", "ne", "2", true),
        (r#""a""#, "eq", r#""A""#, false),
        (r#""""#, "eq", "null", false),
        ("0", "eq", "null", false),
        ("false", "eq", "null", false),
        ("null", "eq", "null", true),
        ("null", "ne", "1", true),
        (r#"{"a": [1, 2.0]}"#, "eq", r#"{"a": [1.0, 2]}"#, true),
        (r#"{"a": 1, "b": 2}"#, "eq", r#"{"b": 2, "a": 1}"#, true),
        (r#"{"a": 1}"#, "eq", r#"{"a": 1, "b": null}"#, false),
        ("[1, 2]", "eq", "[2, 1]", false),
        ("\"é\"", "eq", "\"e\u{301}\"", false),
    ]);
    for (left, right) in
        [(r#""5""#, "5"), (r#"" 5.0 ""#, "5"), ("1", "true"), (r#""True""#, "true"), (r#""0""#, "false")]
    {
        assert_eq!(
            (strict(left, "eq", right), loose(left, "eq", right)),
            (Ok(false), Ok(true)),
            "{left} {right}"
        );
        assert_eq!(
            (strict(right, "eq", left), loose(right, "eq", left)),
            (Ok(false), Ok(true)),
            "{right} {left}"
        );
        assert_eq!((strict(left, "ne", right), loose(left, "ne", right)), (Ok(true), Ok(false)));
    }
    for (left, right) in
        [(r#""x""#, "5"), ("2", "true"), (r#""[1]""#, "[1]"), (r#""null""#, "null"), (r#""inf""#, "1e400")]
    {
        assert_eq!(loose(left, "eq", right), Ok(false), "{left} {right}");
    }
}

#[test]
fn numbers_have_an_order() {
    both(&[
        ("9007199254740993", "gt", "9007199254740992", true),
        ("-1", "lt", "18446744073709551615", true),
        ("2.5", "gte", "2.5", true),
        ("-0", "lt", "0", false),
        ("0", "lte", "-0.0", true),
        ("1.0", "gt", "1", false),
        ("1e3", "gte", "1000", true),
    ]);
    for (left, right) in [
        (r#""10""#, "9"),
        (r#""+10""#, r#""9""#),
        ("10", r#""09.""#),
        ("true", "0"),
        (r#""123456789012345678901""#, "123456789012345678900"),
    ] {
        assert_eq!(loose(left, "gt", right), Ok(true), "{left} {right}");
        assert!(strict(left, "gt", right).is_err(), "{left} {right}");
    }
}

#[test]
fn moments_are_compared_whatever_their_zones() {
    both(&[
        (r#""2026-01-01T10:00:00Z""#, "after", r#""2026-01-01T10:30:00+01:00""#, true),
        (r#""2026-01-01T10:00:00Z""#, "at_or_before", r#""2026-01-01T11:00:00+01:00""#, true),
        (r#""2026-01-01T10:00:00Z""#, "same_time", r#""2026-01-01T11:00:00.000+01:00""#, true),
        (r#""2026-01-01T10:00:00Z""#, "not_same_time", r#""2026-01-01T10:00:00.001Z""#, true),
        (r#""2026-01-01""#, "same_time", r#""2026-01-01T00:00:00Z""#, true),
        (r#""2026-01-02""#, "before", r#""2026-01-01T23:30:00-01:00""#, true),
        (r#""2026-01-02""#, "at_or_after", r#""2026-01-02""#, true),
    ]);
    for other in [r#""2026-01-01T10:00:00""#, r#"" 2026-01-01 10:00 ""#, "1767261600000", "1.7672616e12"] {
        assert_eq!(loose(r#""2026-01-01T10:00:00Z""#, "same_time", other), Ok(true), "{other}");
        assert!(strict(r#""2026-01-01T10:00:00Z""#, "same_time", other).is_err(), "{other}");
    }
    for none in
        [r#""soon""#, r#""2026-02-30""#, r#""+026-01-01""#, r#""2026""#, r#""""#, "true", "[]", "1e300"]
    {
        for types in [strict, loose] {
            let error = types(none, "before", r#""2026-01-01""#).unwrap_err();
            assert!(error.starts_with("`before` takes a time such as"), "{error}");
        }
    }
}

#[test]
fn texts_lists_and_objects_hold_something() {
    both(&[
        (r#""abc""#, "contains", r#""b""#, true),
        (r#""abc""#, "contains", r#""""#, true),
        (r#""abc""#, "not_contains", r#""x""#, true),
        ("[1, 2]", "contains", "2.0", true),
        ("[null]", "contains", "null", true),
        (r#"[{"a": 1}]"#, "contains", r#"{"a": 1.0}"#, true),
        (r#"{"k": null}"#, "contains", r#""k""#, true),
        (r#"{"k": null}"#, "not_contains", r#""K""#, true),
        (r#""abc""#, "starts_with", r#""ab""#, true),
        (r#""abc""#, "not_starts_with", r#""ab""#, false),
        (r#""abc""#, "ends_with", r#""ab""#, false),
        (r#""abc""#, "not_ends_with", r#""ab""#, true),
        (r#""order-17""#, "matches", r#""^order-\\d+$""#, true),
        (r#""Order-17""#, "matches", r#""(?i)^order""#, true),
        (r#""order-17""#, "not_matches", r#""^\\d+$""#, true),
        (r#""b""#, "in", r#"["a", "b"]"#, true),
        ("null", "in", "[null]", true),
        ("2", "not_in", "[1, 3]", true),
    ]);
    for (left, op, right) in [
        ("1205", "contains", "20"),
        (r#""a true b""#, "contains", "true"),
        (r#"["5"]"#, "contains", "5"),
        ("12", "starts_with", r#""1""#),
        (r#"{"a":1.0}"#, "ends_with", r#"":1}""#),
        ("17", "matches", r#""^\\d+$""#),
        (r#""5""#, "in", "[5]"),
        ("5", "in", r#""[4, 5]""#),
    ] {
        assert_eq!(loose(left, op, right), Ok(true), "{left} {op} {right}");
        assert_ne!(strict(left, op, right), Ok(true), "{left} {op} {right}");
    }
}

#[test]
fn lists_have_a_length() {
    both(&[
        ("[1, 2]", "length_eq", "2.0", true),
        ("[]", "length_ne", "0", false),
        ("[1]", "length_gt", "0.5", true),
        ("[1]", "length_gte", "1", true),
        ("[1]", "length_lt", "1", false),
        ("[1]", "length_lte", "1e2", true),
    ]);
    assert_eq!(loose(r#"" [1, 2] ""#, "length_gt", r#""1""#), Ok(true));
    for (left, right) in [(r#""ab""#, "2"), ("{}", "0"), ("[1]", r#""1""#)] {
        assert!(strict(left, "length_eq", right).is_err(), "{left} {right}");
    }
}

#[test]
fn booleans_presence_and_emptiness_take_no_right_side() {
    both(&[
        ("true", "is_true", "null", true),
        ("false", "is_true", "null", false),
        ("false", "is_false", "null", true),
        ("null", "is_true", "null", false),
        ("null", "is_false", "null", true),
        ("false", "exists", "null", true),
        (r#""""#, "exists", "null", true),
        ("null", "not_exists", "null", true),
        ("null", "empty", "null", true),
        ("{}", "empty", "null", true),
        (r#""""#, "empty", "null", true),
        (r#"" ""#, "empty", "null", false),
        ("0", "empty", "null", false),
        ("[0]", "not_empty", "null", true),
    ]);
    for (left, expected) in
        [(r#"" TRUE ""#, true), ("1", true), (r#""1""#, true), ("-0.0", false), (r#""false""#, false)]
    {
        assert_eq!(loose(left, "is_true", "null"), Ok(expected), "{left}");
        assert_eq!(loose(left, "is_false", "null"), Ok(!expected), "{left}");
        assert!(strict(left, "is_true", "null").is_err(), "{left}");
    }
    for none in ["2", r#""yes""#, r#""""#, "[]"] {
        assert!(loose(none, "is_true", "null").is_err(), "{none}");
    }
}

#[test]
fn with_null_nothing_holds_but_what_negates() {
    for op in Op::ALL.iter().filter(|op| !matches!(op.left(), Operand::Any)) {
        let right = op.right().map_or("null", |right| match right {
            Operand::Number => "1",
            Operand::Text => r#""a""#,
            Operand::Time => r#""2026-01-01""#,
            Operand::List => "[]",
            Operand::Any | Operand::Boolean | Operand::Holder => "true",
        });
        for types in [strict, loose] {
            assert_eq!(types("null", op.as_str(), right), Ok(op.negates().is_some()), "{}", op.as_str());
        }
    }
    both(&[
        ("1", "lt", "null", false),
        ("1", "gte", "null", false),
        (r#""a""#, "starts_with", "null", false),
        (r#""a""#, "contains", "null", false),
        (r#""a""#, "not_contains", "null", true),
        (r#""a""#, "in", "null", false),
        ("[]", "length_eq", "null", false),
        ("[]", "length_ne", "null", true),
    ]);
}

#[test]
fn an_operand_that_does_not_fit_is_an_error_that_says_what_to_do() {
    assert_eq!(
        strict(r#""5""#, "gt", "4").unwrap_err(),
        "`gt` takes a number on the left, not a string; convert it, for instance with Number(..) or String(..), or set \
         `types` to \"loose\""
    );
    assert_eq!(
        loose("4", "lte", r#""four""#).unwrap_err(),
        "`lte` takes a number on the right, not a string; and it cannot be converted"
    );
    for (left, op, right) in [
        ("true", "lt", "false"),
        (r#""a""#, "lt", r#""b""#),
        ("5", "contains", "5"),
        (r#""a1""#, "not_contains", "1"),
        ("{}", "contains", "1"),
        ("5", "not_starts_with", r#""5""#),
        (r#""a""#, "in", r#""abc""#),
        ("1", "matches", r#""1""#),
    ] {
        let error = strict(left, op, right).unwrap_err();
        assert!(error.starts_with(&format!("`{op}` takes a")), "{left} {op} {right}: {error}");
    }
    for types in [strict, loose] {
        assert_eq!(types("1e400", "gt", "1").unwrap_err(), "`gt` cannot compare numbers beyond 1.7e308");
        assert!(types(r#""a""#, "matches", r#""(""#).unwrap_err().contains("regular expression"));
        assert!(
            types(r#""a""#, "not_matches", r#""a{1000}{1000}""#).unwrap_err().contains("MAX_PATTERN_WEIGHT")
        );
    }
}

#[test]
fn case_may_be_ignored_in_all_texts_and_never_in_names_of_fields() {
    let rules = Rules { types: Types::Strict, ignore_case: true };
    for (left, op, right, expected) in [
        (r#""Straße""#, "eq", r#""STRASSE""#, true),
        (r#""ΟΔΟΣ""#, "eq", r#""οδος""#, true),
        (r#"[{"a": "X"}]"#, "eq", r#"[{"a": "x"}]"#, true),
        (r#"{"A": 1}"#, "eq", r#"{"a": 1}"#, false),
        (r#""ABC""#, "contains", r#""b""#, true),
        (r#"["A"]"#, "contains", r#""a""#, true),
        (r#"{"A": 1}"#, "contains", r#""a""#, false),
        (r#""ABC""#, "not_starts_with", r#""ab""#, false),
        (r#""ABC""#, "ends_with", r#""bC""#, true),
        (r#""b""#, "in", r#"["A", "B"]"#, true),
        (r#""ORDER-17""#, "matches", r#""^order-\\d+$""#, true),
    ] {
        assert_eq!(compared(rules, left, op, right), Ok(expected), "{left} {op} {right}");
    }
}

#[test]
fn long_texts_are_compared_without_being_written_anew_for_each_element() {
    let rules = Rules { types: Types::Loose, ignore_case: true };
    let long = Value::from("9".repeat(4_000_000));
    let list: Value =
        (0..10_000).map(|i| if i % 2 == 0 { json!(i) } else { json!(format!("9{i}")) }).collect();
    assert_eq!(Comparer::new(rules).holds(Op::In, &long, &list), Ok(false));
}
