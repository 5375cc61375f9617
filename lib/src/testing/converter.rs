//! What a connector does to a record on its way.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

/// What Connect's `JsonConverter` makes of a record: it reads the value and writes it anew, with keys in another
/// order, whole numbers cut to 64 bits, and `-0.0` as `0.0`.
///
/// # Panics
/// When the record is no JSON.
#[must_use]
pub fn converted(record: &str) -> String {
    let value: Value = serde_json::from_str(record).unwrap_or_else(|error| panic!("{record}: {error}"));
    anew(value).to_string()
}

fn anew(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(as_java(&number)),
        Value::Array(list) => list.into_iter().map(anew).collect(),
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> = map.into_iter().collect();
            sorted.into_iter().map(|(name, value)| (name, anew(value))).collect()
        }
        other => other,
    }
}

/// A `long` or a `double`.
fn as_java(number: &Number) -> Number {
    match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => whole.cast_signed().into(),
        // Adding zero takes the sign of a zero.
        (None, Some(double)) if number.is_f64() => Number::from_f64(double + 0.0).unwrap_or_else(|| 0.into()),
        _ => number.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::converted;

    #[test]
    fn values_are_changed_as_they_were_seen_to_be() {
        let record = r#"{"b":12345678901234567890,"a":-0.0,"c":[{"z":-1,"y":1.50}],"t":"{\"b\": -0.0}"}"#;
        let expected = r#"{"a":0.0,"b":-6101065172474983726,"c":[{"y":1.5,"z":-1}],"t":"{\"b\": -0.0}"}"#;
        assert_eq!(converted(record), expected);
    }
}
