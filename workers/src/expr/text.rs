//! How values look inside text: as JavaScript writes them, lists and objects as JSON, nothing for `null`.

use serde_json::{Number, Value};

/// Appends a value.
pub(super) fn append(text: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::String(part) => text.push_str(part),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => append_number(text, number),
        Value::Array(_) | Value::Object(_) => text.push_str(&format!("{value}")),
    }
}

fn append_number(text: &mut String, number: &Number) {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        text.push_str(&format!("{number}"));
        return;
    };
    let size = float.abs();
    if size == 0.0 {
        text.push('0');
    } else if (1e-6..1e21).contains(&size) {
        text.push_str(&format!("{float}"));
    } else {
        let written = format!("{float:e}");
        // JavaScript writes the sign of a large exponent.
        text.push_str(&if size >= 1e21 { written.replacen('e', "e+", 1) } else { written });
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
            (json!(5.0), "5"),
            (json!(-0.0), "0"),
            (json!(0.1), "0.1"),
            (json!(1e21), "1e+21"),
            (json!(1.5e300), "1.5e+300"),
            (json!(1e20), "100000000000000000000"),
            (json!(0.000_001), "0.000001"),
            (json!(1.5e-7), "1.5e-7"),
            (json!(9_007_199_254_740_993_u64), "9007199254740993"),
            (json!({"a": [1, null]}), r#"{"a":[1,null]}"#),
        ] {
            let mut text = String::new();
            append(&mut text, &value);
            assert_eq!(text, expected);
        }
    }
}
