//! A step's output while it grows, within the published limits, with the lineage of its items.

use std::sync::Arc;

use domain::{
    definition::Node,
    items::{Item, Output, Port},
    limits::{MAX_DEPTH, MAX_ITEMS, MAX_STEP_OUTPUT_BYTES},
    lineage::Origins,
    measure::{self, TooDeep},
    run::NodeError,
};
use serde_json::{Value, json};
use smallvec::SmallVec;

use crate::step::Inputs;

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

/// How much an output held.
#[derive(Debug)]
pub(crate) struct Mark {
    bytes: usize,
    items: SmallVec<[usize; 4]>,
}

/// Which item of the step's input a new one came from.
#[derive(Debug, Clone)]
pub(crate) enum CameFrom {
    /// The one at that place of all that came in, in edge order.
    Item(usize),
    /// These.
    Origins(Origins),
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
    pub(crate) fn push(&mut self, port: &Port, item: Item, from: CameFrom) -> Result<(), Box<NodeError>> {
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

    /// How much it holds, to go back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes, items: self.ports.iter().map(|port| port.items.len()).collect() }
    }

    /// Forgets what came after the mark.
    pub(crate) fn back_to(&mut self, mark: &Mark) {
        self.bytes = mark.bytes;
        for (place, port) in self.ports.iter_mut().enumerate() {
            port.truncate(mark.items.get(place).copied().unwrap_or(0));
        }
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

    fn truncate(&mut self, items: usize) {
        self.items.truncate(items);
        if let Some(lineage) = &mut self.lineage {
            lineage.truncate(items);
        }
    }

    fn push(&mut self, item: Item, from: CameFrom, inputs: &Inputs) {
        let place = self.items.len();
        let in_place = match &from {
            CameFrom::Item(index) => *index == place && inputs.is_plain(),
            CameFrom::Origins(_) => false,
            CameFrom::Nothing => inputs.is_empty(),
        };
        self.items.push(item);
        if in_place && self.lineage.is_none() {
            return;
        }
        let before = || (0..place).map(|index| inputs.origins(index)).collect();
        self.lineage.get_or_insert_with(before).push(match from {
            CameFrom::Item(index) => inputs.origins(index),
            CameFrom::Origins(origins) => origins,
            CameFrom::Nothing => Origins::new(),
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
/// When it is nested too deeply.
pub(crate) fn measure_item(item: &Item) -> Result<usize, Box<NodeError>> {
    measure::item_bytes(item).map(|bytes| bytes + 1).map_err(|too_deep| refused(&too_deep))
}

/// As [`measure_item`], for a value in one.
///
/// # Errors
/// When it is nested too deeply.
pub(crate) fn measure_value(value: &Value) -> Result<usize, Box<NodeError>> {
    measure::value_bytes(value).map(|bytes| bytes + 1).map_err(|too_deep| refused(&too_deep))
}

fn refused(too_deep: &TooDeep) -> Box<NodeError> {
    let details = json!({ "limit": "MAX_DEPTH", "most": MAX_DEPTH });
    NodeError::new("limit", format!("an item cannot leave: {too_deep}")).with_details(details).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_a_limit_is_refused_by_name() {
        let inputs = Inputs::default();
        let empty = || OutputBuilder { inputs: &inputs, ports: Vec::new(), bytes: 0 };
        let (main, other) = ("main".into(), "other".into());
        let mut output = empty();
        for _ in 0..MAX_ITEMS {
            output.push(&main, Item::new(), CameFrom::Nothing).unwrap();
        }
        let error = output.push(&main, Item::new(), CameFrom::Nothing).unwrap_err();
        assert!(error.message.contains("MAX_ITEMS") && error.message.contains("10000"), "{}", error.message);
        output.push(&other, Item::new(), CameFrom::Nothing).unwrap();

        let big = Item::from_iter([("k".to_owned(), Value::from("x".repeat(MAX_STEP_OUTPUT_BYTES)))]);
        let error = empty().push(&main, big, CameFrom::Nothing).unwrap_err();
        assert!(error.message.contains("MAX_STEP_OUTPUT_BYTES"), "{}", error.message);

        let deep = (0..MAX_DEPTH).fold(Value::Null, |inner, _| json!({ "a": inner }));
        let error = measure_item(&Item::from_iter([("k".to_owned(), deep)])).unwrap_err();
        assert!(error.message.contains("100 levels"), "{}", error.message);
    }

    #[test]
    fn lineage_is_told_only_where_an_item_is_not_in_its_place() {
        let item = || Item::new();
        let items = |count| Arc::new(vec![item(); count]);
        let main: Port = "main".into();
        let lineage = |inputs: &Inputs, from: &[CameFrom]| {
            let mut output = OutputBuilder { inputs, ports: Vec::new(), bytes: 0 };
            from.iter().for_each(|from| output.push(&main, item(), from.clone()).unwrap());
            serde_json::to_value(output.finish().lineage).unwrap()
        };
        let one = Inputs::one(items(3));
        assert_eq!(lineage(&one, &[CameFrom::Item(0), CameFrom::Item(1)]), json!({}));
        assert_eq!(
            lineage(&one, &[CameFrom::Item(0), CameFrom::Item(2), CameFrom::Nothing]),
            json!({ "main": [[[0, 0]], [[0, 2]], []] })
        );
        let input = |place, count| crate::step::Input { place, name: None, items: items(count) };
        let two = Inputs(vec![input(0, 1), input(2, 2)]);
        assert_eq!(
            lineage(&two, &[CameFrom::Item(0), CameFrom::Item(2)]),
            json!({ "main": [[[0, 0]], [[2, 1]]] }),
            "with several inputs the place alone says too little"
        );
        assert_eq!(lineage(&Inputs::default(), &[CameFrom::Nothing]), json!({}));
    }

    #[test]
    fn what_came_after_a_mark_can_be_forgotten() {
        let inputs = Inputs::one(Arc::new(vec![Item::new(); 9]));
        let mut output = OutputBuilder { inputs: &inputs, ports: Vec::new(), bytes: 0 };
        let (main, other): (Port, Port) = ("main".into(), "other".into());
        output.push(&main, Item::new(), CameFrom::Item(0)).unwrap();
        let (mark, bytes) = (output.mark(), output.bytes);
        output.push(&main, Item::new(), CameFrom::Item(5)).unwrap();
        output.push(&other, Item::new(), CameFrom::Item(0)).unwrap();
        output.back_to(&mark);
        assert_eq!(output.bytes, bytes);
        output.push(&main, Item::new(), CameFrom::Item(7)).unwrap();
        let made = output.finish();
        assert_eq!(json!(made.lineage["main"]), json!([[[0, 0]], [[0, 7]]]));
        assert_eq!((made.ports["main"].len(), made.ports["other"].len()), (2, 0));
    }
}
