//! Keys: by what items are told apart.

use std::fmt::Write;

use domain::{items::Item, kinds::params::path::FieldPath, number};
use serde_json::Value;

/// The key that fields make of an item, as text: equal for equal values, by type and value. `None`: one of them is
/// missing or `null`, which is no key.
pub(super) fn key_of(item: &Item, fields: &[FieldPath]) -> Option<String> {
    let mut key = String::new();
    for field in fields {
        let value = field.get(item).filter(|value| !value.is_null())?;
        append(&mut key, value);
        key.push('\n');
    }
    Some(key)
}

/// As JSON in one way: numbers are the same however written, fields in whatever order.
fn append(key: &mut String, value: &Value) {
    match value {
        Value::Number(number) => key.push_str(&number::text(number)),
        Value::Array(list) => {
            key.push('[');
            for element in list {
                append(key, element);
                key.push(',');
            }
            key.push(']');
        }
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            key.push('{');
            for (name, value) in fields {
                append(key, &Value::from(name.as_str()));
                append(key, value);
                key.push(',');
            }
            key.push('}');
        }
        // Writing into a text cannot fail.
        plain => drop(write!(key, "{plain}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(value: Value) -> Option<String> {
        let fields = [FieldPath::parse("a").unwrap(), FieldPath::parse("b.c").unwrap()];
        let Value::Object(item) = value else { panic!("an item") };
        key_of(&item, &fields)
    }

    #[test]
    fn equal_values_make_equal_keys_and_others_do_not() {
        let one = |a: Value| key(json!({"a": a, "b": {"c": 1}})).unwrap();
        for (a, b) in [
            (json!(1), json!(1.0)),
            (json!(0), json!(-0.0)),
            (json!({"x": 1, "y": [2.0]}), json!({"y": [2], "x": 1})),
        ] {
            assert_eq!(one(a.clone()), one(b.clone()), "{a} {b}");
        }
        for (a, b) in [
            (json!(1), json!("1")),
            (json!(true), json!("true")),
            (json!([1, 2]), json!([12])),
            (json!([1]), json!("[1,]")),
            (json!({"x": 1}), json!({"x": "1"})),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)),
            (json!(""), json!("\n")),
        ] {
            assert_ne!(one(a.clone()), one(b.clone()), "{a} {b}");
        }
        let of = |a: &str, c: &str| key(json!({"a": a, "b": {"c": c}})).unwrap();
        assert_ne!(of("x", "yz"), of("xy", "z"), "a key knows where a field ends");
        for none in [json!({"a": 1}), json!({"a": null, "b": {"c": 1}}), json!({"a": 1, "b": {"c": null}})] {
            assert_eq!(key(none), None);
        }
    }
}
