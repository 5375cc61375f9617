//! What a run does otherwise than to begin at its trigger and go to the end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ids::NodeId,
    items::{Item, Ports},
    json_text::JsonText,
    limits::{MAX_ITEMS, above},
    measure::{TooDeep, item_bytes},
};

/// Outputs that nodes give without being executed, by port.
pub type Pins = BTreeMap<NodeId, Ports>;

/// What a run does otherwise; most runs have the empty one. In events it travels as a JSON text, with the pins in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Which nodes belong to the run.
    #[serde(default, skip_serializing_if = "Extent::is_all")]
    pub extent: Extent,
    /// The trigger node that gives the run's input; `None`: the one of the kind that started it, of a test run the
    /// first that leads to what is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<NodeId>,
    /// What nodes give without being executed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: Pins,
    /// Nodes that give what they gave in the run that this one replays.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub earlier: BTreeSet<NodeId>,
}

/// Which nodes of its workflow belong to a run. The others are skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All.
    #[default]
    All,
    /// This one and all before it, as far as it depends on them: nothing that only leads to a pinned node.
    Until(NodeId),
    /// This one. The pins of the nodes before it are its input; without any, the run's input is.
    Only(NodeId),
}

impl Extent {
    const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

impl RunPlan {
    /// Whether the run is an ordinary one.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        *self == Self::default()
    }

    /// The text of it that an event carries; `None` for that of an ordinary run.
    ///
    /// # Errors
    /// Never: all of it can be JSON.
    pub fn text(&self) -> serde_json::Result<Option<JsonText>> {
        (!self.is_ordinary()).then(|| JsonText::of(self)).transpose()
    }

    /// The plan that an event carries.
    ///
    /// # Errors
    /// When it is none, or its pins are above a limit: our functions refuse such pins, who else writes to a topic may
    /// not.
    pub fn read(text: Option<&JsonText>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::default()) };
        let plan: Self = text.read().map_err(|error| error.to_string())?;
        for (node, ports) in &plan.pins {
            for (port, items) in ports {
                let at = || format!("pins of the node {node}, port {port}");
                if items.len() > MAX_ITEMS {
                    return Err(format!("{}: {}", at(), above(items.len(), "items", MAX_ITEMS, "MAX_ITEMS")));
                }
                let deep = |item: &Item| item_bytes(item).err();
                if let Some(TooDeep) = items.iter().find_map(deep) {
                    return Err(format!("{}: {TooDeep}", at()));
                }
            }
        }
        Ok(plan)
    }

    /// As a value: what two requests are compared by.
    #[must_use]
    pub fn value(&self) -> Value {
        json!(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::limits::MAX_DEPTH;

    fn plan(item: Value) -> RunPlan {
        let Value::Object(item) = item else { panic!("an item is an object") };
        let node = |id: &str| NodeId::parse(id).unwrap();
        let ports = Ports::from([("main".into(), Arc::new(vec![item]))]);
        RunPlan {
            extent: Extent::Until(node("b")),
            trigger: Some(node("start")),
            pins: Pins::from([(node("a"), ports)]),
            earlier: BTreeSet::from([node("c")]),
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_an_ordinary_one_is_not_written() {
        let whole = plan(json!({"n": 1}));
        let text = whole.text().unwrap().unwrap();
        assert_eq!(
            text.as_str(),
            r#"{"extent":{"until":"b"},"trigger":"start","pins":{"a":{"main":[{"n":1}]}},"earlier":["c"]}"#
        );
        assert_eq!(RunPlan::read(Some(&text)), Ok(whole));
        assert_eq!(RunPlan::default().text().unwrap(), None);
        assert_eq!(RunPlan::read(None), Ok(RunPlan::default()));
    }

    #[test]
    fn pins_above_a_limit_are_refused_with_the_limit() {
        let deep = |levels: usize| (1..levels).fold(json!({"x": 1}), |inner, _| json!({ "a": inner }));
        let read = |plan: &RunPlan| RunPlan::read(plan.text().unwrap().as_ref());
        assert!(read(&plan(deep(MAX_DEPTH))).is_ok());
        assert!(read(&plan(deep(MAX_DEPTH + 1))).unwrap_err().contains("MAX_DEPTH"));
        let mut many = plan(json!({}));
        let items = Arc::new(vec![Item::new(); MAX_ITEMS + 1]);
        many.pins.values_mut().for_each(|ports| drop(ports.insert("main".into(), Arc::clone(&items))));
        assert!(read(&many).unwrap_err().contains("MAX_ITEMS"));
    }
}
