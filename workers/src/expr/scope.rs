//! What the expressions of one attempt see.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use domain::{
    definition::Definition,
    items::{Item, Items, Output},
    number,
    timestamp::Timestamp,
};
use minireipaz::telemetry::redact::Redactor;
use serde_json::{Value, json};

use crate::engine::RunHeader;

/// The data of one attempt. Everything in it is shared, so that it is cheap to make.
pub(crate) struct Scope {
    pub(crate) run: Arc<RunHeader>,
    pub(crate) definition: Arc<Definition>,
    pub(crate) workflow_name: Arc<str>,
    /// All items that came in, in edge order.
    pub(crate) input: Items,
    /// The outputs of settled nodes; shorter than the nodes when nothing is read.
    pub(crate) outputs: Vec<Option<Arc<Output>>>,
    /// Which iteration of the innermost loop around the node; `None` outside loops.
    pub(crate) iteration: Option<u32>,
    /// The same moment for all expressions of the attempt.
    pub(crate) now: Timestamp,
    /// What `$env` may see.
    pub(crate) env: Arc<BTreeMap<String, String>>,
    pub(crate) objects: Objects,
}

/// `$run`, `$workflow`, `$env` as values, made when they are first asked for.
#[derive(Default)]
pub(crate) struct Objects {
    run: OnceLock<Value>,
    workflow: OnceLock<Value>,
    env: OnceLock<Value>,
    /// What keeps `$env` out of errors.
    pub(super) redactor: OnceLock<Redactor>,
}

/// A list of items in pieces, as edges and ports deliver it.
pub(super) struct Segments<'s, T = Item>(pub(super) Vec<&'s [T]>);

impl<'s, T> Segments<'s, T> {
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|items| items.len()).sum()
    }

    pub(super) fn get(&self, mut index: usize) -> Option<&'s T> {
        for items in &self.0 {
            if let Some(item) = items.get(index) {
                return Some(item);
            }
            index -= items.len();
        }
        None
    }
}

impl Segments<'_> {
    pub(super) fn to_value(&self) -> Value {
        self.0.iter().flat_map(|items| items.iter()).map(number::canonical_item).collect()
    }
}

impl Scope {
    pub(super) fn run_object(&self) -> &Value {
        self.objects.run.get_or_init(|| {
            json!({
                "id": self.run.run_id,
                "attempt": self.run.attempt,
                "created_at": self.run.created_at,
                "trigger": self.run.trigger,
            })
        })
    }

    pub(super) fn workflow_object(&self) -> &Value {
        self.objects.workflow.get_or_init(|| {
            json!({
                "id": self.run.workflow_id,
                "version": self.run.workflow_version,
                "name": &*self.workflow_name,
            })
        })
    }

    pub(super) fn env_object(&self) -> &Value {
        self.objects.env.get_or_init(|| json!(&*self.env))
    }

    pub(super) fn input_items(&self) -> Segments<'_> {
        Segments(vec![&self.input])
    }

    /// The items of another node: of `port`, else of `main`, else (it has no `main`) of all its ports.
    pub(super) fn node_items(&self, node: usize, port: Option<&str>) -> Result<Segments<'_>, String> {
        let Some(output) = self.outputs.get(node).and_then(Option::as_ref) else {
            return Err(has_not_run(&self.node_name(node)));
        };
        if let Some(port) = port {
            return Ok(Segments(output.ports.get(port).map(|items| items.as_slice()).into_iter().collect()));
        }
        let Some(declared) = self.definition.nodes.get(node) else { return Ok(Segments(Vec::new())) };
        let items = declared.main_ports().filter_map(|port| output.ports.get(port));
        Ok(Segments(items.map(|items| items.as_slice()).collect()))
    }

    /// `.item`: the item that belongs to the one at that place.
    pub(super) fn paired<'s>(
        &self,
        items: &Segments<'s>,
        index: usize,
        node: Option<usize>,
    ) -> Result<Option<&'s Item>, String> {
        let place = paired(items.len(), index, || node.map(|node| self.node_name(node)))?;
        Ok(place.and_then(|place| items.get(place)))
    }

    pub(super) fn node_name(&self, node: usize) -> String {
        self.definition.nodes.get(node).map_or_else(
            || format!("#{node}"),
            |node| match &node.label {
                Some(label) => format!("{label:?} ({})", node.id),
                None => format!("{:?}", node.id.as_str()),
            },
        )
    }
}

/// Which of `count` items belongs to the item at `index`: the one in the same place, or the only one there is. Of a
/// named node there must be one.
pub(super) fn paired(
    count: usize,
    index: usize,
    node: impl FnOnce() -> Option<String>,
) -> Result<Option<usize>, String> {
    if count == 1 {
        return Ok(Some(0));
    }
    if index < count {
        return Ok(Some(index));
    }
    node().map_or(Ok(None), |node| {
        Err(format!(
            "the node {node} has {count} items, so none belongs to item {index}; use .first(), .last() or .all()[0]"
        ))
    })
}

/// Why a node that has not run has no items.
pub(super) fn has_not_run(node: &str) -> String {
    format!("the node {node} has not run before this one, so it has no items")
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Items and environment values are the users' data, and no log's business.
        f.debug_struct("Scope").field("run", &self.run.run_id).finish_non_exhaustive()
    }
}

/// The node with that id, or with that label.
pub(super) fn find_node(definition: &Definition, name: &str) -> Result<usize, String> {
    if let Some(node) = definition.node(name) {
        return Ok(node);
    }
    let mut labelled =
        definition.nodes.iter().enumerate().filter(|(_, node)| node.label.as_deref() == Some(name));
    match (labelled.next(), labelled.next()) {
        (Some((node, _)), None) => Ok(node),
        (Some(_), Some(_)) => Err(format!("more than one node is called {name:?}; use the node's id")),
        (None, _) => Err(unknown_node(name)),
    }
}

/// Why a name means no node.
pub(super) fn unknown_node(name: &str) -> String {
    format!("there is no node with the id or the label {name:?}")
}
