//! How large data is: as compact JSON, without writing it.

use serde_json::Value;

use crate::{items::Item, limits::MAX_DEPTH};

/// Something is nested deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is nested deeper than the limit of {MAX_DEPTH} levels (MAX_DEPTH)")]
pub struct TooDeep;

/// An item's size in bytes.
///
/// # Errors
/// When it is nested too deeply.
pub fn item_bytes(item: &Item) -> Result<usize, TooDeep> {
    let mut bytes = 0;
    measure_map(item, 1, &mut bytes)?;
    Ok(bytes)
}

/// A value's size in bytes.
///
/// # Errors
/// When it is nested too deeply.
pub fn value_bytes(value: &Value) -> Result<usize, TooDeep> {
    let mut bytes = 0;
    measure(value, 1, &mut bytes)?;
    Ok(bytes)
}

fn measure_map(map: &Item, depth: usize, bytes: &mut usize) -> Result<(), TooDeep> {
    *bytes += 2 + map.len().saturating_sub(1);
    if depth > MAX_DEPTH {
        return Err(TooDeep);
    }
    map.iter().try_for_each(|(key, value)| {
        *bytes += text_bytes(key) + 1;
        measure(value, depth + 1, bytes)
    })
}

fn measure(value: &Value, depth: usize, bytes: &mut usize) -> Result<(), TooDeep> {
    match value {
        Value::Null | Value::Bool(true) => *bytes += 4,
        Value::Bool(false) => *bytes += 5,
        Value::Number(number) => *bytes += number_bytes(number),
        Value::String(text) => *bytes += text_bytes(text),
        Value::Array(list) => {
            *bytes += 2 + list.len().saturating_sub(1);
            if depth > MAX_DEPTH {
                return Err(TooDeep);
            }
            return list.iter().try_for_each(|inner| measure(inner, depth + 1, bytes));
        }
        Value::Object(map) => return measure_map(map, depth, bytes),
    }
    Ok(())
}

fn number_bytes(number: &serde_json::Number) -> usize {
    match number.as_i64() {
        Some(whole) => {
            whole.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1 + usize::from(whole < 0)
        }
        None => number.to_string().len(),
    }
}

fn text_bytes(text: &str) -> usize {
    let escapes: usize = text
        .bytes()
        .map(|b| match b {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
            0..0x20 => 5,
            _ => 0,
        })
        .sum();
    text.len() + 2 + escapes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_size_is_that_of_the_json(value in value()) {
            prop_assert_eq!(value_bytes(&value).unwrap(), serde_json::to_string(&value).unwrap().len());
            let item = Item::from_iter([("k".to_owned(), value)]);
            prop_assert_eq!(item_bytes(&item).unwrap(), serde_json::to_string(&item).unwrap().len());
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_by_name() {
        let deep = |levels| (0..levels).fold(Value::Null, |inner, _| json!({ "a": inner }));
        assert!(value_bytes(&deep(MAX_DEPTH)).is_ok());
        let error = item_bytes(&Item::from_iter([("k".to_owned(), deep(MAX_DEPTH))])).unwrap_err();
        assert!(error.to_string().contains("100 levels"), "{error}");
    }
}
