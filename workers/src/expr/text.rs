//! How values look inside text: as JavaScript writes them, lists and objects as JSON, nothing for `null`.

use std::fmt::Write;

use serde_json::Value;

/// Appends a value of an expression's: its numbers are written as JavaScript does.
pub(crate) fn append(text: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(part) => text.push_str(part),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number.as_str()),
        Value::Array(_) | Value::Object(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_in_javascript() {
        for (value, expected) in [
            (json!(null), ""),
            (json!("a\"b"), "a\"b"),
            (json!(true), "true"),
            (json!(0.1), "0.1"),
            (json!(9_007_199_254_740_993_u64), "9007199254740993"),
            (json!({"a": [1, null]}), r#"{"a":[1,null]}"#),
        ] {
            let mut text = String::new();
            append(&mut text, &value);
            assert_eq!(text, expected);
        }
    }
}
