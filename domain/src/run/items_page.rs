//! The items of a step, by page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    definition::{Definition, inputs::Input},
    ids::NodeId,
    items::{Item, Items, Port, Ports},
    iteration::Iteration,
    limits::MAX_ANSWER_BYTES,
    measure::item_bytes,
};

/// Which items of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What it was given.
    In,
    /// What it gave.
    #[default]
    Out,
}

impl Side {
    /// The name in requests and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// A text that is no side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a side is `in` or `out`")]
pub struct InvalidSide;

impl FromStr for Side {
    type Err = InvalidSide;

    fn from_str(text: &str) -> Result<Self, InvalidSide> {
        [Self::In, Self::Out].into_iter().find(|side| side.as_str() == text).ok_or(InvalidSide)
    }
}

/// A page of the items of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ItemsPage {
    /// The node.
    pub node_id: NodeId,
    /// Which iteration of the loops around the node; missing outside loops.
    #[serde(default, skip_serializing_if = "Iteration::is_outside")]
    pub iteration: Iteration,
    /// Whether it was given them, or gave them.
    pub side: Side,
    /// By which port they left, or to which input they came; `null`: to all inputs.
    pub port: Option<String>,
    /// The items.
    #[schema(value_type = Vec<std::collections::BTreeMap<String, serde_json::Value>>)]
    pub items: Vec<Item>,
    /// How many there are in all.
    pub total: usize,
    /// Where this page begins.
    pub offset: usize,
    /// Where the next one begins; `null` on the last.
    pub next_offset: Option<usize>,
}

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOf<'a> {
    /// The output port, or the input.
    pub port: Option<&'a str>,
    /// Where it begins.
    pub offset: usize,
    /// How many items it has at most.
    pub limit: usize,
}

/// The ports, or the inputs, that there are instead of the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPort(pub Vec<String>);

/// A step, by node and iteration.
pub type StepId<'a> = (&'a NodeId, &'a Iteration);

impl ItemsPage {
    /// What a step gave, if it gave something; `definition`: that of its workflow, if it is known.
    ///
    /// # Errors
    /// When the node has no such port.
    pub fn out(
        step: StepId<'_>,
        definition: Option<&Definition>,
        gave: Option<&Ports>,
        page: PageOf<'_>,
    ) -> Result<Self, NoPort> {
        let node =
            definition.and_then(|definition| Some(&definition.nodes[definition.node(step.0.as_str())?]));
        let mut ports: Vec<&Port> = node.into_iter().flat_map(|node| &node.ports).collect();
        let others = gave.into_iter().flat_map(|gave| gave.keys());
        ports.extend(others.filter(|port| node.is_none_or(|node| !node.ports.contains(port))));
        let first = node.and_then(|node| node.main_ports().next()).or(ports.first().copied());
        let port = match page.port {
            None => first,
            Some(name) => ports.iter().copied().find(|port| ***port == *name),
        };
        let Some(port) = port else {
            return Err(NoPort(ports.iter().map(|port| port.to_string()).collect()));
        };
        let items = gave.and_then(|gave| gave.get(port));
        Ok(Self::of(step, (Side::Out, Some(port.to_string())), items.into_iter(), page))
    }

    /// What a step was given.
    ///
    /// # Errors
    /// When no edge leads to such an input of the node.
    pub fn given(
        step: StepId<'_>,
        definition: &Definition,
        inputs: &[Input<'_>],
        page: PageOf<'_>,
    ) -> Result<Self, NoPort> {
        let node = definition.node(step.0.as_str()).map(|node| &definition.nodes[node]);
        let edges = node.into_iter().flat_map(|node| &node.incoming).map(|edge| &definition.edges[*edge]);
        let names: Vec<_> = edges.filter_map(|edge| edge.input.as_deref()).collect();
        if let Some(name) = page.port
            && !names.contains(&name)
        {
            return Err(NoPort(names.into_iter().map(str::to_owned).collect()));
        }
        let wanted = inputs.iter().filter(|input| page.port.is_none() || input.name == page.port);
        Ok(Self::of(step, (Side::In, page.port.map(str::to_owned)), wanted.map(|input| &input.items), page))
    }

    /// A page ends before it is larger than an answer may be; it has one item at least if there is one.
    fn of<'i>(
        (node, iteration): StepId<'_>,
        (side, port): (Side, Option<String>),
        lists: impl Iterator<Item = &'i Items>,
        page: PageOf<'_>,
    ) -> Self {
        let (mut items, mut total, mut bytes, mut full) = (Vec::new(), 0, 0, false);
        for list in lists {
            let from = page.offset.saturating_sub(total).min(list.len());
            total += list.len();
            for item in &list[from..] {
                bytes += item_bytes(item).map_or(MAX_ANSWER_BYTES, |bytes| bytes + 1);
                full |= items.len() == page.limit || (bytes > MAX_ANSWER_BYTES && !items.is_empty());
                if full {
                    break;
                }
                items.push(item.clone());
            }
        }
        let next_offset = full.then_some(page.offset + items.len());
        let (node_id, iteration, offset) = (node.clone(), iteration.clone(), page.offset);
        Self { node_id, iteration, side, port, items, total, offset, next_offset }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn list(items: &Value) -> Items {
        Arc::new(items.as_array().unwrap().iter().map(|item| item.as_object().unwrap().clone()).collect())
    }

    fn page(lists: &[Items], offset: usize, limit: usize) -> (Value, usize, Option<usize>) {
        let (node, iteration) = (NodeId::parse("a").unwrap(), Iteration::outside());
        let page = PageOf { port: None, offset, limit };
        let page = ItemsPage::of((&node, &iteration), (Side::In, None), lists.iter(), page);
        assert_eq!(page.offset, offset);
        (json!(page.items), page.total, page.next_offset)
    }

    #[test]
    fn pages_follow_each_other_over_all_that_the_edges_brought() {
        let lists =
            [list(&json!([{"n": 0}, {"n": 1}])), list(&json!([])), list(&json!([{"n": 2}, {"n": 3}]))];
        assert_eq!(page(&lists, 0, 3), (json!([{"n": 0}, {"n": 1}, {"n": 2}]), 4, Some(3)));
        assert_eq!(page(&lists, 3, 3), (json!([{"n": 3}]), 4, None));
        assert_eq!(page(&lists, 2, 2), (json!([{"n": 2}, {"n": 3}]), 4, None));
        assert_eq!(page(&lists, 9, 2), (json!([]), 4, None));
        assert_eq!(page(&[], 0, 2), (json!([]), 0, None));
    }

    #[test]
    fn a_page_is_no_larger_than_an_answer_may_be() {
        let large = json!({"text": "x".repeat(MAX_ANSWER_BYTES / 2)});
        let lists = [list(&json!([large, large, {"n": 2}]))];
        let (items, total, next) = page(&lists, 0, 10);
        assert_eq!((items.as_array().unwrap().len(), total, next), (1, 3, Some(1)));
        assert_eq!(page(&lists, 1, 10).2, None);
    }

    #[test]
    fn a_port_that_there_is_not_is_refused_with_those_that_there_are() {
        let (node, iteration) = (NodeId::parse("a").unwrap(), Iteration::outside());
        let step = (&node, &iteration);
        let document = json!({
            "name": "Test",
            "nodes": [
                {"id": "start", "type": "manual"},
                {"id": "a", "type": "if", "data": {"params": {"where": true}}}
            ],
            "edges": [{"source": "start", "target": "a"}],
        });
        let definition = Definition::new(&serde_json::from_value(document).unwrap()).unwrap();
        let gave = Ports::from([("false".into(), list(&json!([{"n": 1}])))]);
        let of = |definition, port, gave| {
            let page = PageOf { port, offset: 0, limit: 10 };
            ItemsPage::out(step, definition, gave, page).map(|page| (page.port.unwrap(), page.total))
        };
        let both = || Some(&definition);
        assert_eq!(of(both(), Some("false"), Some(&gave)), Ok(("false".to_owned(), 1)));
        assert_eq!(of(both(), None, Some(&gave)), Ok(("true".to_owned(), 0)));
        assert_eq!(of(both(), Some("true"), None), Ok(("true".to_owned(), 0)), "it has not ended");
        assert_eq!(of(both(), Some("x"), None), Err(NoPort(vec!["true".to_owned(), "false".to_owned()])));
        assert_eq!(of(None, None, Some(&gave)), Ok(("false".to_owned(), 1)), "nobody knows its workflow");
        let page = PageOf { port: Some("left"), offset: 0, limit: 10 };
        assert_eq!(ItemsPage::given(step, &definition, &[], page), Err(NoPort(Vec::new())));
    }
}
