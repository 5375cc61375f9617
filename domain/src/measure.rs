//! How large and how deep data is: as compact JSON, without writing it.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    items::{Item, Items, Output},
    limits::MAX_DEPTH,
    lineage::{Origin, Origins},
    run::NodeError,
};

/// Something is nested deeper than a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is nested deeper than the limit of {MAX_DEPTH} levels (MAX_DEPTH)")]
pub struct TooDeep;

/// An item's size in bytes.
///
/// # Errors
/// When it is nested too deeply.
pub fn item_bytes(item: &Item) -> Result<usize, TooDeep> {
    let mut bytes = 0;
    measure_map(item, MAX_DEPTH, &mut bytes)?;
    Ok(bytes)
}

/// A value's size in bytes.
///
/// # Errors
/// When it is nested too deeply.
pub fn value_bytes(value: &Value) -> Result<usize, TooDeep> {
    value_bytes_within(value, MAX_DEPTH)
}

/// The size in bytes of a run's input: an item, or a list of items.
///
/// # Errors
/// When an item is nested too deeply.
pub fn input_bytes(input: &Value) -> Result<usize, TooDeep> {
    value_bytes_within(input, MAX_DEPTH + usize::from(input.is_array()))
}

/// The size in bytes of a value that may have this many levels: what holds items has more than they.
///
/// # Errors
/// When it is nested deeper.
pub fn value_bytes_within(value: &Value, levels: usize) -> Result<usize, TooDeep> {
    let mut bytes = 0;
    measure(value, levels, &mut bytes)?;
    Ok(bytes)
}

/// The size in bytes of what a step gave: its items by port, where they came from, its console, and what it answered. As
/// deep as it is.
#[must_use]
pub fn output_bytes(output: &Output) -> usize {
    let origins = |items: &Arc<Vec<Origins>>| {
        let pair = |origin: &Origin| 3 + digits(origin.input) + digits(origin.item);
        list_bytes(items.iter().map(|origins| list_bytes(origins.iter().map(pair))))
    };
    fields_bytes(output.ports.iter().map(|(port, of_port)| (&**port, items_bytes(of_port))))
        + fields_bytes(output.lineage.iter().map(|(port, of_port)| (&**port, origins(of_port))))
        + output.console.iter().map(|line| text_bytes(line) + 1).sum::<usize>()
        + output.response.as_ref().map_or(0, |response| response.bytes())
}

/// The size in bytes of a list of items. As deep as it is.
#[must_use]
pub fn items_bytes(items: &Items) -> usize {
    list_bytes(items.iter().map(map_bytes))
}

/// The size in bytes of an error, as the API shows it.
#[must_use]
pub fn error_bytes(error: &NodeError) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // An error is always JSON; what could not be written takes no room in an answer either.
    let _ = serde_json::to_writer(&mut count, error);
    count.0
}

fn map_bytes(map: &Item) -> usize {
    let mut bytes = 0;
    // Nothing is deeper than that.
    let _ = measure_map(map, usize::MAX, &mut bytes);
    bytes
}

fn list_bytes(entries: impl Iterator<Item = usize>) -> usize {
    entries.map(|bytes| bytes + 1).sum::<usize>().max(1) + 1
}

fn fields_bytes<'k>(fields: impl Iterator<Item = (&'k str, usize)>) -> usize {
    list_bytes(fields.map(|(key, bytes)| text_bytes(key) + 1 + bytes))
}

const fn digits(number: u32) -> usize {
    match number.checked_ilog10() {
        Some(more) => more as usize + 1,
        None => 1,
    }
}

/// The value with what is nested deeper than `levels` as JSON text instead: nothing of it is lost, and any reader takes
/// it.
#[must_use]
pub fn flattened(value: Value, levels: usize) -> Value {
    match value {
        value @ (Value::Array(_) | Value::Object(_)) if levels == 0 => Value::String(value.to_string()),
        Value::Array(list) => list.into_iter().map(|inner| flattened(inner, levels - 1)).collect(),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, inner)| (key, flattened(inner, levels - 1))).collect())
        }
        leaf => leaf,
    }
}

/// How many levels of objects and lists a text of JSON opens at most, also when it is not whole.
#[must_use]
pub fn levels_of_text(json: &[u8]) -> usize {
    let (mut level, mut deepest) = (0usize, 0usize);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' => level = level.saturating_sub(1),
            b'"' => {
                // To the end of the string; what follows a backslash does not end it.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => {
                            bytes.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

fn measure_map(map: &Item, levels: usize, bytes: &mut usize) -> Result<(), TooDeep> {
    *bytes += 2 + map.len().saturating_sub(1);
    let within = levels.checked_sub(1).ok_or(TooDeep)?;
    map.iter().try_for_each(|(key, value)| {
        *bytes += text_bytes(key) + 1;
        measure(value, within, bytes)
    })
}

/// `levels` may be opened.
fn measure(value: &Value, levels: usize, bytes: &mut usize) -> Result<(), TooDeep> {
    match value {
        Value::Null | Value::Bool(true) => *bytes += 4,
        Value::Bool(false) => *bytes += 5,
        Value::Number(number) => *bytes += number.as_str().len(),
        Value::String(text) => *bytes += text_bytes(text),
        Value::Array(list) => {
            *bytes += 2 + list.len().saturating_sub(1);
            let within = levels.checked_sub(1).ok_or(TooDeep)?;
            return list.iter().try_for_each(|inner| measure(inner, within, bytes));
        }
        Value::Object(map) => return measure_map(map, levels, bytes),
    }
    Ok(())
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

/// About how much memory an item takes, in bytes.
///
/// That is what its texts are, and what maps, lists and values need beside them. An estimate for budgets, rather too
/// high than too low: a list of small objects takes many times its JSON.
#[must_use]
pub fn item_memory(item: &Item) -> usize {
    // The smallest map with anything in it has room for four.
    let room = if item.is_empty() { 0 } else { item.len().max(4) * ENTRY_BYTES };
    room + item.iter().map(|(key, value)| key.len() + value_memory(value)).sum::<usize>()
}

/// About how much memory a value holds, in bytes, beside the place where it stands; see [`item_memory`].
#[must_use]
pub fn value_memory(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(list) => list.len() * size_of::<Value>() + list.iter().map(value_memory).sum::<usize>(),
        Value::Object(map) => item_memory(map),
    }
}

/// An entry of a map: its key, its value, and its places in the map's list and in its index.
const ENTRY_BYTES: usize = size_of::<String>() + size_of::<Value>() + 32;

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

        #[test]
        fn levels_of_a_text_are_those_of_its_value(value in value()) {
            fn levels(value: &Value) -> usize {
                match value {
                    Value::Array(list) => 1 + list.iter().map(levels).max().unwrap_or(0),
                    Value::Object(map) => 1 + map.values().map(levels).max().unwrap_or(0),
                    _ => 0,
                }
            }
            let text = value.to_string();
            prop_assert_eq!(levels_of_text(text.as_bytes()), levels(&value));
            let limit = levels(&value) / 2;
            let flat = flattened(value.clone(), limit);
            prop_assert_eq!(levels(&flat), limit);
            prop_assert_eq!(flattened(value.clone(), levels(&value)), value);
        }

        #[test]
        fn levels_of_any_bytes_are_told(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(levels_of_text(&bytes) <= bytes.len());
        }
    }

    #[test]
    fn a_size_of_an_output_is_that_of_its_items_and_its_lineage() {
        let origin = |input, item| Origin { input, item };
        let written = |value: Value| value.to_string().len();
        for (items, lineage) in [
            (json!({}), vec![]),
            (json!({"main": []}), vec![]),
            (json!({"main": [{"a": "ü\""}, {}], "é": [{"b": [1, 2.5]}]}), vec![]),
            (json!({"main": [{}, {}]}), vec![vec![origin(0, 9), origin(10, 12_345)], vec![]]),
        ] {
            let ports = serde_json::from_value(items).unwrap();
            let mut output = Output { ports, ..Output::default() };
            if !lineage.is_empty() {
                output.lineage.insert("main".into(), Arc::new(lineage));
            }
            assert_eq!(output_bytes(&output), written(json!(output.ports)) + written(json!(output.lineage)));
        }
        let error = NodeError::new("c", "m\n").with_details(json!({"a": 1}));
        assert_eq!(error_bytes(&error), serde_json::to_string(&error).unwrap().len());
    }

    #[test]
    fn small_values_take_more_memory_than_their_json_and_long_texts_as_much() {
        let json_bytes = |value: &Value| value.to_string().len();
        let small = Value::from(vec![json!({"": 0}); 1_000]);
        assert!(value_memory(&small) > 20 * json_bytes(&small));
        let long = json!({"k": "x".repeat(100_000)});
        assert!((100_000..101_000).contains(&value_memory(&long)));
        assert_eq!(value_memory(&json!({})), 0);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_by_name() {
        let deep = |levels| (0..levels).fold(Value::Null, |inner, _| json!({ "a": inner }));
        assert!(value_bytes(&deep(MAX_DEPTH)).is_ok());
        let error = item_bytes(&Item::from_iter([("k".to_owned(), deep(MAX_DEPTH))])).unwrap_err();
        assert!(error.to_string().contains("100 levels"), "{error}");
        assert_eq!(value_bytes(&deep(MAX_DEPTH + 1)), Err(TooDeep));
        assert_eq!(flattened(json!([[1], {"a": [2]}]), 1), json!(["[1]", "{\"a\":[2]}"]));
    }
}
