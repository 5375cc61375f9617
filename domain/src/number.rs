//! Numbers as JavaScript writes them, as long as that keeps their value.
//!
//! A number keeps its digits on its way through the product (`arbitrary_precision` of `serde_json`), since a double
//! holds neither every account number nor every amount. JavaScript writes one in one way (ECMA-262, `Number::toString`):
//! `1.0` is `1`, `-0.0` is `0`, `1E6` is `1000000`. What an expression gives and what becomes text is written so, unless the
//! number is none of JavaScript's: `9007199254740993` and `0.12345678901234567890` stay as they came.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Number, Value};

use crate::items::Item;

/// Largest whole number that JavaScript counts exactly: 2^53 - 1.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// A number of JavaScript's; `None` for what JSON cannot write: `NaN` and the infinities.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "whole and within the safe range")]
pub fn from_f64(float: f64) -> Option<Number> {
    if float.fract() == 0.0 && float.abs() <= MAX_SAFE {
        return Some(Number::from(float as i64));
    }
    float.is_finite().then(|| ryu_js::Buffer::new().format_finite(float).parse().ok()).flatten()
}

/// The number as text.
#[must_use]
pub fn text(number: &Number) -> Cow<'_, str> {
    rewritten(number.as_str()).map_or(Cow::Borrowed(number.as_str()), Cow::Owned)
}

/// The value with all its numbers as JavaScript writes them.
#[must_use]
pub fn canonical(value: &Value) -> Cow<'_, Value> {
    if is_canonical(value) { Cow::Borrowed(value) } else { Cow::Owned(made_canonical(value)) }
}

/// As [`canonical`], for an item.
#[must_use]
pub fn canonical_item(item: &Item) -> Value {
    item.iter().map(|(name, value)| (name.clone(), made_canonical(value))).collect()
}

fn is_canonical(value: &Value) -> bool {
    match value {
        Value::Number(number) => rewritten(number.as_str()).is_none(),
        Value::Array(list) => list.iter().all(is_canonical),
        Value::Object(map) => map.values().all(is_canonical),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn made_canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let canonical = rewritten(number.as_str()).and_then(|text| text.parse().ok());
            Value::Number(canonical.unwrap_or_else(|| number.clone()))
        }
        Value::Array(list) => list.iter().map(made_canonical).collect(),
        Value::Object(map) => canonical_item(map),
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

/// Compares by value: whole numbers exactly, others as floating point. `None` beyond what that holds.
#[must_use]
pub fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return Some(a.cmp(&b));
    }
    let (a, b) = (a.as_str(), b.as_str());
    if is_whole(a) && is_whole(b) {
        return Some(compare_whole(a, b));
    }
    let finite = |text: &str| text.parse::<f64>().ok().filter(|float| float.is_finite());
    match (finite(a), finite(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => (a == b).then_some(Ordering::Equal),
    }
}

/// Two whole numbers of any length; JSON writes none with leading zeros.
fn compare_whole(a: &str, b: &str) -> Ordering {
    let size = |digits: &str, other: &str| digits.len().cmp(&other.len()).then_with(|| digits.cmp(other));
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => size(a, b),
        (Some(a), Some(b)) => size(b, a),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}

/// Whether a JSON number is written without fraction and exponent.
fn is_whole(written: &str) -> bool {
    !written.contains(['.', 'e', 'E'])
}

/// How JavaScript writes it, if it writes the same value in another way.
fn rewritten(written: &str) -> Option<String> {
    if is_whole(written) {
        return (written == "-0").then(|| "0".to_owned());
    }
    let float = written.parse::<f64>().ok().filter(|float| float.is_finite())?;
    let mut buffer = ryu_js::Buffer::new();
    let canonical = buffer.format_finite(float);
    (canonical != written && decimal(canonical) == decimal(written)).then(|| canonical.to_owned())
}

/// A decimal's sign, digits without zeros around them, and the power of ten of the last one. `None` when the exponent
/// is beyond counting.
fn decimal(written: &str) -> Option<(bool, String, i64)> {
    let (negative, size) = written.strip_prefix('-').map_or((false, written), |size| (true, size));
    let (mantissa, exponent) = match size.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (size, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let moved = i64::try_from(all.len() - digits.len()).ok()? - i64::try_from(fraction.len()).ok()?;
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, digits.to_owned(), exponent.checked_add(moved)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn number(written: &str) -> Number {
        let Value::Number(number) = serde_json::from_str(written).unwrap() else { panic!("{written}") };
        number
    }

    #[test]
    fn numbers_are_written_as_javascript_does_unless_that_would_change_them() {
        for (written, expected) in [
            ("1", "1"),
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e5", "0"),
            ("12.50", "12.5"),
            ("1E6", "1000000"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1.5e300", "1.5e+300"),
            ("1e-6", "0.000001"),
            ("1.50e-7", "1.5e-7"),
            ("0.0000001", "1e-7"),
            ("5e-324", "5e-324"),
            ("9007199254740993", "9007199254740993"),
            ("-1000000000000000000000", "-1000000000000000000000"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("0.12345678901234567890", "0.12345678901234567890"),
            ("9007199254740993.0", "9007199254740993.0"),
            ("1e400", "1e+400"),
            ("1e-400", "1e-400"),
        ] {
            assert_eq!(text(&number(written)), expected, "{written}");
            let canonical = canonical(&json!({"a": [number(written)]})).into_owned();
            assert_eq!(canonical.to_string(), format!(r#"{{"a":[{expected}]}}"#));
        }
    }

    #[test]
    fn whole_numbers_of_javascript_have_no_fraction_and_no_exponent_below_ten_to_the_21st() {
        for (float, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (2f64.powi(53), "9007199254740992"),
            (1_795_644_849_000.0 * 1e6, "1795644849000000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(from_f64(float).unwrap().to_string(), expected);
        }
        assert!([f64::NAN, f64::INFINITY, -f64::INFINITY].into_iter().all(|float| from_f64(float).is_none()));
    }

    #[test]
    fn numbers_are_compared_by_value_and_whole_ones_exactly() {
        for (a, b, expected) in [
            ("1", "1.0", Some(Ordering::Equal)),
            ("0", "-0", Some(Ordering::Equal)),
            ("1000000000000000000001", "1000000000000000000000", Some(Ordering::Greater)),
            ("-1000000000000000000001", "-1000000000000000000000", Some(Ordering::Less)),
            ("-1000000000000000000001", "5", Some(Ordering::Less)),
            ("18446744073709551615", "-1", Some(Ordering::Greater)),
            ("1e400", "1e400", Some(Ordering::Equal)),
            ("1e400", "1", None),
        ] {
            assert_eq!(compare(&number(a), &number(b)), expected, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn a_double_keeps_its_value_and_is_written_in_one_way(float in any::<f64>()) {
            prop_assume!(float.is_finite());
            let written = from_f64(float).unwrap();
            prop_assert_eq!(written.as_f64(), Some(float));
            prop_assert_eq!(text(&written).into_owned(), written.to_string());
            // However it was written before.
            for other in [format!("{float:?}"), format!("{float:e}")] {
                prop_assert_eq!(text(&number(&other)).into_owned(), written.to_string());
            }
        }

        #[test]
        fn writing_a_number_anew_never_changes_it(written in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?") {
            let before = number(&written);
            let after = number(&text(&before));
            prop_assert_eq!(decimal(before.as_str()), decimal(after.as_str()));
            prop_assert_eq!(text(&after), text(&before), "it is final");
        }

        #[test]
        fn the_order_of_whole_numbers_is_theirs(a in any::<i128>(), b in any::<i128>()) {
            prop_assert_eq!(compare(&number(&a.to_string()), &number(&b.to_string())), Some(a.cmp(&b)));
        }
    }
}
