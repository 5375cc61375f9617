//! What the expressions of one attempt see.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use domain::{
    definition::{Definition, Node},
    items::{Item, Items, Output, Port},
    number,
    timestamp::Timestamp,
};
use minireipaz::telemetry::redact::Redactor;
use serde_json::{Value, json};

use super::trail::Trails;
use crate::{
    engine::{Crossings, RunHeader},
    step::Inputs,
};

/// The data of one attempt. Everything in it is shared, so that it is cheap to make.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) run: Arc<RunHeader>,
    pub(crate) definition: Arc<Definition>,
    pub(crate) workflow_name: Arc<str>,
    /// The node whose step it is.
    pub(crate) node: usize,
    /// What came in, edge by edge.
    pub(crate) inputs: Inputs,
    /// All items that came in, in edge order.
    pub(crate) input: Items,
    /// The outputs of settled nodes; shorter than the nodes when nothing is read.
    pub(crate) outputs: Vec<Option<Arc<Output>>>,
    /// What came out of loops and back into them; empty when nothing is read.
    pub(crate) crossings: Arc<Crossings>,
    /// Which iteration of the innermost loop around the node; `None` outside loops.
    pub(crate) iteration: Option<u32>,
    /// The same moment for all expressions of the attempt.
    pub(crate) now: Timestamp,
    /// What `$env` may see.
    pub(crate) env: Arc<BTreeMap<String, String>>,
    /// The page that came last, where a step asks for further ones.
    pub(crate) page: Option<Page>,
    pub(crate) objects: Objects,
    pub(crate) trails: Trails,
}

/// A port, as an expression names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PortName {
    Name(String),
    /// Its place among the node's ports.
    Index(usize),
}

/// `$response` and `$pageCount`: an answer that others may follow.
#[derive(Clone)]
pub(crate) struct Page {
    /// `{status, headers, body}`.
    pub(crate) response: Arc<Value>,
    /// How many pages have come, this one among them.
    pub(crate) count: usize,
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

/// A copy makes its own.
impl Clone for Objects {
    fn clone(&self) -> Self {
        Self::default()
    }
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
    /// What the expressions see that are evaluated behind a page.
    pub(crate) fn behind(&self, page: Page) -> Self {
        Self { page: Some(page), ..self.clone() }
    }

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
    pub(super) fn node_items(&self, node: usize, port: Option<&PortName>) -> Result<Segments<'_>, String> {
        let Some(output) = self.outputs.get(node).and_then(Option::as_ref) else {
            return Err(has_not_run(&self.node_name(node)));
        };
        let Some(declared) = self.definition.nodes.get(node) else { return Ok(Segments(Vec::new())) };
        let of = |port: &Port| output.ports.get(port).map(|items| items.as_slice());
        let Some(wanted) = port else { return Ok(Segments(declared.main_ports().filter_map(of).collect())) };
        let ports = ports(declared, output);
        let found = port_named(wanted, ports.iter().map(|port| &***port));
        let place = found.ok_or_else(|| no_such_port(wanted, &self.node_name(node), &ports))?;
        Ok(Segments(of(ports[place]).into_iter().collect()))
    }

    /// The item of another node that the one at that place came from.
    pub(super) fn origin_item(&self, node: usize, index: usize) -> Result<Option<&Item>, String> {
        Ok(self.item_at(self.origin(node, index)?))
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

/// A node's ports in the order in which it declares them, and whatever else its output has.
pub(super) fn ports<'d>(declared: &'d Node, output: &'d Output) -> Vec<&'d Port> {
    let others = output.ports.keys().filter(|port| !declared.ports.contains(port));
    declared.ports.iter().chain(others).collect()
}

/// Which of the ports is meant.
pub(super) fn port_named<'p>(
    wanted: &PortName,
    mut ports: impl ExactSizeIterator<Item = &'p str>,
) -> Option<usize> {
    match wanted {
        PortName::Index(index) => (*index < ports.len()).then_some(*index),
        PortName::Name(name) => ports.position(|port| port == name),
    }
}

/// Why a port has no items.
pub(super) fn no_such_port(wanted: &PortName, node: &str, ports: &[impl AsRef<str>]) -> String {
    let known: Vec<_> = ports.iter().map(AsRef::as_ref).collect();
    let wanted = match wanted {
        PortName::Name(name) => format!("{name:?}"),
        PortName::Index(index) => index.to_string(),
    };
    format!("the node {node} has no port {wanted}; it has: {}", known.join(", "))
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
