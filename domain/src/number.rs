//! Numbers as JavaScript writes them, as long as that keeps their value.
//!
//! A number keeps its digits on its way through the product (`arbitrary_precision` of `serde_json`), since a double
//! holds neither every account number nor every amount. JavaScript writes one in one way (ECMA-262, `Number::toString`):
//! `1.0` is `1`, `-0.0` is `0`, `1E6` is `1000000`. What an expression gives and what becomes text is written so, unless the
//! number is none of JavaScript's: `9007199254740993` and `0.12345678901234567890` stay as they came.

use std::{borrow::Cow, cmp::Ordering, fmt};

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

/// A number's exact value, in one form: `1`, `1.0` and `10e-1` are the same.
///
/// Exponents beyond counting (some 10^18) are the largest there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Without zeros around them; empty for zero.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
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
    (canonical != written && Decimal::read(canonical) == Decimal::read(written)).then(|| canonical.to_owned())
}

impl Decimal {
    /// That of a number.
    #[must_use]
    pub fn of(number: &Number) -> Self {
        Self::read(number.as_str())
    }

    /// That of a number as JSON writes it.
    fn read(written: &str) -> Self {
        let (negative, size) = written.strip_prefix('-').map_or((false, written), |size| (true, size));
        let (mantissa, exponent) = size.split_once(['e', 'E']).unwrap_or((size, "0"));
        let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let exponent = exponent.parse::<i64>().unwrap_or(beyond);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let moved = length(&all) - length(digits) - length(fraction);
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Self { negative: false, digits: String::new(), exponent: 0 };
        }
        Self { negative, digits: digits.to_owned(), exponent: exponent.saturating_add(moved) }
    }

    /// How it stands to zero.
    const fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// How the sizes of two numbers compare that are not zero: by the power of ten of the first digit, then by digits.
    fn compare_size(&self, other: &Self) -> Ordering {
        let first = |of: &Self| of.exponent.saturating_add_unsigned(of.digits.len() as u64);
        first(self).cmp(&first(other)).then_with(|| self.digits.cmp(&other.digits))
    }
}

/// By value.
impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
            0 => Ordering::Equal,
            1 => self.compare_size(other),
            _ => other.compare_size(self),
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `-15e-1`: equal numbers are written alike.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let digits = if self.digits.is_empty() { "0" } else { &self.digits };
        write!(f, "{sign}{digits}e{}", self.exponent)
    }
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

    #[test]
    fn decimals_have_the_order_of_their_values_and_equal_ones_one_form() {
        let ascending = [
            "-1e99999999999999999999",
            "-1000000000000000000001",
            "-1e21",
            "-2",
            "-1.5",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.10000000000000000001",
            "0.12",
            "1",
            "9",
            "10",
            "9007199254740992",
            "9007199254740992.5",
            "9007199254740993",
            "1e400",
            "1e99999999999999999999",
        ]
        .map(|written| Decimal::of(&number(written)));
        assert!(ascending.is_sorted_by(|a, b| a < b), "{ascending:?}");
        for (a, b) in [("1", "1.0"), ("0", "-0.0"), ("100", "1e2"), ("0.10", "1E-1"), ("0e5", "0")] {
            let (a, b) = (Decimal::of(&number(a)), Decimal::of(&number(b)));
            assert_eq!((a.cmp(&b), a.to_string()), (Ordering::Equal, b.to_string()));
        }
    }

    proptest! {
        #[test]
        fn the_order_of_decimals_is_that_of_doubles(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.is_finite() && b.is_finite());
            let decimal = |float| Decimal::of(&from_f64(float).unwrap());
            prop_assert_eq!(Some(decimal(a).cmp(&decimal(b))), a.partial_cmp(&b));
        }

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
            prop_assert_eq!(Decimal::of(&before), Decimal::of(&after));
            prop_assert_eq!(text(&after), text(&before), "it is final");
        }

        #[test]
        fn the_order_of_whole_numbers_is_theirs(a in any::<i128>(), b in any::<i128>()) {
            prop_assert_eq!(compare(&number(&a.to_string()), &number(&b.to_string())), Some(a.cmp(&b)));
        }
    }
}
