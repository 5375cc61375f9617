//! A step's output while it grows, within the published limits, with the lineage of its items.

use std::sync::Arc;

use domain::{
    definition::Node,
    items::{FILE, Item, Output, Port},
    limits::{MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    lineage::Origins,
    run::NodeError,
};
use serde_json::{Value, json};

use crate::step::Inputs;

/// Deepest nesting of an item: JSON readers stop at 128 levels, and an item travels inside other documents.
const MAX_DEPTH: usize = 100;

/// Items by port, counted as they come.
#[derive(Debug)]
pub(crate) struct OutputBuilder<'s> {
    inputs: &'s Inputs,
    ports: Vec<PortBuilder>,
    bytes: usize,
}

#[derive(Debug)]
struct PortBuilder {
    port: Port,
    items: Vec<Item>,
    /// `None` as long as each item came from the one in its place.
    lineage: Option<Vec<Origins>>,
}

/// Which item of the step's input a new one came from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From<'o> {
    /// The one at that place of all that came in, in edge order.
    Item(usize),
    /// These.
    Origins(&'o Origins),
    /// None.
    Nothing,
}

impl<'s> OutputBuilder<'s> {
    /// An output whose ports are there even when nothing leaves by them, but for those of failed items.
    pub(crate) fn of(node: &Node, inputs: &'s Inputs) -> Self {
        let ports = node.ports.iter().filter(|port| ***port != *domain::items::ERROR);
        Self { inputs, ports: ports.map(PortBuilder::new).collect(), bytes: 0 }
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, port: &Port, item: Item, from: From<'_>) -> Result<(), Box<NodeError>> {
        self.bytes = self.bytes.saturating_add(measure_item(&item)?);
        let place = match self.ports.iter().position(|known| known.port == *port) {
            Some(place) => place,
            None => {
                self.ports.push(PortBuilder::new(port));
                self.ports.len() - 1
            }
        };
        let builder = &mut self.ports[place];
        within("MAX_ITEMS", "items by one port", builder.items.len() + 1, MAX_ITEMS)?;
        within("MAX_STEP_OUTPUT_BYTES", "bytes", self.bytes, MAX_STEP_OUTPUT_BYTES)?;
        builder.push(item, from, self.inputs);
        Ok(())
    }

    /// The output.
    pub(crate) fn finish(self) -> Output {
        let mut output = Output::default();
        for PortBuilder { port, items, lineage } in self.ports {
            if let Some(lineage) = lineage {
                output.lineage.insert(Arc::clone(&port), Arc::new(lineage));
            }
            output.ports.insert(port, Arc::new(items));
        }
        output
    }
}

impl PortBuilder {
    fn new(port: &Port) -> Self {
        Self { port: Arc::clone(port), items: Vec::new(), lineage: None }
    }

    fn push(&mut self, item: Item, from: From<'_>, inputs: &Inputs) {
        let place = self.items.len();
        let in_place = match from {
            From::Item(index) => index == place && inputs.is_plain(),
            From::Origins(_) => false,
            From::Nothing => inputs.is_empty(),
        };
        self.items.push(item);
        if in_place && self.lineage.is_none() {
            return;
        }
        let before = || (0..place).map(|index| inputs.origins(index)).collect();
        self.lineage.get_or_insert_with(before).push(match from {
            From::Item(index) => inputs.origins(index),
            From::Origins(origins) => origins.clone(),
            From::Nothing => Origins::new(),
        });
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
/// When it is nested too deeply, or has a field that is reserved.
pub(crate) fn measure_item(item: &Item) -> Result<usize, Box<NodeError>> {
    let mut bytes = 1;
    match measure_map(item, 1, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(Unfit::TooDeep) => {
            let message = format!("an item is nested deeper than the limit of {MAX_DEPTH} levels");
            let details = json!({ "limit": "MAX_DEPTH", "most": MAX_DEPTH });
            Err(NodeError::new("limit", message).with_details(details).into())
        }
        Err(Unfit::Reserved) => {
            let message =
                format!("a field of an item is called {FILE:?}, which is reserved for files; rename it");
            Err(NodeError::new("reserved_field", message).into())
        }
    }
}

/// Why something cannot be part of an item.
enum Unfit {
    TooDeep,
    Reserved,
}

fn measure_map(map: &Item, depth: usize, bytes: &mut usize) -> Result<(), Unfit> {
    *bytes += 2 + map.len().saturating_sub(1);
    if depth > MAX_DEPTH {
        return Err(Unfit::TooDeep);
    }
    map.iter().try_for_each(|(key, value)| {
        if key == FILE {
            return Err(Unfit::Reserved);
        }
        *bytes += text_bytes(key) + 1;
        measure(value, depth + 1, bytes)
    })
}

fn measure(value: &Value, depth: usize, bytes: &mut usize) -> Result<(), Unfit> {
    match value {
        Value::Null | Value::Bool(true) => *bytes += 4,
        Value::Bool(false) => *bytes += 5,
        Value::Number(number) => *bytes += number_bytes(number),
        Value::String(text) => *bytes += text_bytes(text),
        Value::Array(list) => {
            *bytes += 2 + list.len().saturating_sub(1);
            if depth > MAX_DEPTH {
                return Err(Unfit::TooDeep);
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
        let inputs = Inputs::default();
        let empty = || OutputBuilder { inputs: &inputs, ports: Vec::new(), bytes: 0 };
        let (main, other) = ("main".into(), "other".into());
        let mut output = empty();
        for _ in 0..MAX_ITEMS {
            output.push(&main, Item::new(), From::Nothing).unwrap();
        }
        let error = output.push(&main, Item::new(), From::Nothing).unwrap_err();
        assert!(error.message.contains("MAX_ITEMS") && error.message.contains("10000"), "{}", error.message);
        output.push(&other, Item::new(), From::Nothing).unwrap();

        let big = Item::from_iter([("k".to_owned(), Value::from("x".repeat(MAX_STEP_OUTPUT_BYTES)))]);
        let error = empty().push(&main, big, From::Nothing).unwrap_err();
        assert!(error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", error.message);

        let deep = (0..MAX_DEPTH).fold(Value::Null, |inner, _| json!({ "a": inner }));
        let error = measure_item(&Item::from_iter([("k".to_owned(), deep)])).unwrap_err();
        assert!(error.message.contains("100 levels"), "{}", error.message);
    }

    #[test]
    fn the_field_of_files_is_reserved_wherever_it_stands() {
        let item = Item::from_iter([("a".to_owned(), json!([{ "$file": { "id": "x" } }]))]);
        let error = measure_item(&item).unwrap_err();
        assert_eq!(error.code, "reserved_field");
    }

    #[test]
    fn lineage_is_told_only_where_an_item_is_not_in_its_place() {
        let item = || Item::new();
        let items = |count| Arc::new(vec![item(); count]);
        let main: Port = "main".into();
        let lineage = |inputs: &Inputs, from: &[From<'_>]| {
            let mut output = OutputBuilder { inputs, ports: Vec::new(), bytes: 0 };
            from.iter().for_each(|from| output.push(&main, item(), *from).unwrap());
            serde_json::to_value(output.finish().lineage).unwrap()
        };
        let one = Inputs::one(items(3));
        assert_eq!(lineage(&one, &[From::Item(0), From::Item(1)]), json!({}));
        assert_eq!(
            lineage(&one, &[From::Item(0), From::Item(2), From::Nothing]),
            json!({ "main": [[[0, 0]], [[0, 2]], []] })
        );
        let input = |place, count| crate::step::Input { place, name: None, items: items(count) };
        let two = Inputs(vec![input(0, 1), input(2, 2)]);
        assert_eq!(
            lineage(&two, &[From::Item(0), From::Item(2)]),
            json!({ "main": [[[0, 0]], [[2, 1]]] }),
            "with several inputs the place alone says too little"
        );
        assert_eq!(lineage(&Inputs::default(), &[From::Nothing]), json!({}));
    }
}
