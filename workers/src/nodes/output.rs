//! A step's output while it grows, within the published limits.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    items::{Item, Ports},
    limits::{MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    run::NodeError,
};
use serde_json::{Value, json};

/// Deepest nesting of an item: JSON readers stop at 128 levels, and an item travels inside other documents.
const MAX_DEPTH: usize = 100;

/// Items by port, counted as they come.
#[derive(Debug, Default)]
pub(crate) struct Output {
    ports: BTreeMap<&'static str, Vec<Item>>,
    bytes: usize,
}

impl Output {
    /// An output whose ports are there even when nothing leaves by them.
    pub(crate) fn with_ports(ports: &[&'static str]) -> Self {
        Self { ports: ports.iter().map(|port| (*port, Vec::new())).collect(), bytes: 0 }
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, port: &'static str, item: Item) -> Result<(), Box<NodeError>> {
        self.bytes = self.bytes.saturating_add(measure_item(&item)?);
        let items = self.ports.entry(port).or_default();
        within("MAX_ITEMS", "items by one port", items.len() + 1, MAX_ITEMS)?;
        within("MAX_STEP_OUTPUT_BYTES", "bytes", self.bytes, MAX_STEP_OUTPUT_BYTES)?;
        items.push(item);
        Ok(())
    }

    /// The output as ports.
    pub(crate) fn into_ports(self) -> Ports {
        self.ports.into_iter().map(|(port, items)| (port.into(), Arc::new(items))).collect()
    }
}

/// An error that names the limit, when there is more than it allows.
pub(crate) fn within(limit: &str, what: &str, found: usize, most: usize) -> Result<(), Box<NodeError>> {
    if found <= most {
        return Ok(());
    }
    let message = format!("the step's output is above the limit of {most} {what} ({limit}); emit less");
    Err(NodeError::new("limit", message).with_details(json!({ "limit": limit, "most": most })).into())
}

/// The item's size as compact JSON, with the comma behind it.
///
/// # Errors
/// When it is nested too deeply.
pub(crate) fn measure_item(item: &Item) -> Result<usize, Box<NodeError>> {
    let mut bytes = 1;
    if !measure_map(item, 1, &mut bytes) {
        let message = format!("an item is nested deeper than the limit of {MAX_DEPTH} levels");
        let details = json!({ "limit": "MAX_DEPTH", "most": MAX_DEPTH });
        return Err(NodeError::new("limit", message).with_details(details).into());
    }
    Ok(bytes)
}

fn measure_map(map: &Item, depth: usize, bytes: &mut usize) -> bool {
    *bytes += 2 + map.len().saturating_sub(1);
    depth <= MAX_DEPTH
        && map.iter().all(|(key, value)| {
            *bytes += text_bytes(key) + 1;
            measure(value, depth + 1, bytes)
        })
}

fn measure(value: &Value, depth: usize, bytes: &mut usize) -> bool {
    match value {
        Value::Null | Value::Bool(true) => *bytes += 4,
        Value::Bool(false) => *bytes += 5,
        Value::Number(number) => *bytes += number_bytes(number),
        Value::String(text) => *bytes += text_bytes(text),
        Value::Array(list) => {
            *bytes += 2 + list.len().saturating_sub(1);
            return depth <= MAX_DEPTH && list.iter().all(|inner| measure(inner, depth + 1, bytes));
        }
        Value::Object(map) => return measure_map(map, depth, bytes),
    }
    true
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
        fn an_items_size_is_that_of_its_json(value in value()) {
            let item = Item::from_iter([("k".to_owned(), value)]);
            let json = serde_json::to_string(&item).unwrap();
            prop_assert_eq!(measure_item(&item).unwrap(), json.len() + 1);
        }
    }

    #[test]
    fn what_is_above_a_limit_is_refused_by_name() {
        let mut output = Output::default();
        for _ in 0..MAX_ITEMS {
            output.push("main", Item::new()).unwrap();
        }
        let error = output.push("main", Item::new()).unwrap_err();
        assert!(error.message.contains("MAX_ITEMS") && error.message.contains("10000"), "{}", error.message);
        output.push("other", Item::new()).unwrap();

        let big = Item::from_iter([("k".to_owned(), Value::from("x".repeat(MAX_STEP_OUTPUT_BYTES)))]);
        let error = Output::default().push("main", big).unwrap_err();
        assert!(error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", error.message);

        let deep = (0..MAX_DEPTH).fold(Value::Null, |inner, _| json!({ "a": inner }));
        let error = measure_item(&Item::from_iter([("k".to_owned(), deep)])).unwrap_err();
        assert!(error.message.contains("100 levels"), "{}", error.message);
    }
}
