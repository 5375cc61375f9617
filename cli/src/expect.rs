//! Compares an output with the expected one, and says where they differ.

use std::fmt;

use serde_json::Value;

/// One place where two values differ.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference<'v> {
    path: String,
    expected: Option<&'v Value>,
    actual: Option<&'v Value>,
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
        write!(f, "{}: expected {}, got {}", self.path, show(self.expected), show(self.actual))
    }
}

/// All differences, outermost first. Numbers are compared by value: `1` equals `1.0`.
pub(crate) fn differences<'v>(expected: &'v Value, actual: &'v Value) -> Vec<Difference<'v>> {
    let mut found = Vec::new();
    compare("output".to_owned(), Some(expected), Some(actual), &mut found);
    found
}

fn compare<'v>(
    path: String,
    expected: Option<&'v Value>,
    actual: Option<&'v Value>,
    found: &mut Vec<Difference<'v>>,
) {
    match (expected, actual) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            for (key, value) in left {
                compare(format!("{path}.{key}"), Some(value), right.get(key), found);
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                compare(format!("{path}.{key}"), None, Some(value), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for i in 0..left.len().max(right.len()) {
                compare(format!("{path}[{i}]"), left.get(i), right.get(i), found);
            }
        }
        (Some(Value::Number(left)), Some(Value::Number(right))) if left.as_f64() == right.as_f64() => {}
        _ if expected == actual => {}
        _ => found.push(Difference { path, expected, actual }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_outputs_have_no_differences_whatever_the_order_of_their_fields() {
        let (expected, actual) = (json!({"a": [1, {"b": 2}], "c": 1}), json!({"c": 1.0, "a": [1, {"b": 2}]}));
        assert!(differences(&expected, &actual).is_empty());
    }

    #[test]
    fn each_difference_names_its_place() {
        let expected = json!({"end": [{"price": 1, "old": true}, {}]});
        let actual = json!({"end": [{"price": 2, "new": "x"}]});
        let lines: Vec<_> = differences(&expected, &actual).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "output.end[0].price: expected 1, got 2",
                "output.end[0].old: expected true, got nothing",
                "output.end[0].new: expected nothing, got \"x\"",
                "output.end[1]: expected {}, got nothing",
            ]
        );
    }
}
