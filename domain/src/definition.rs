//! A workflow that is proven valid: what the engine runs.
//!
//! [`Definition::new`] reports every violation at once; [`Definition::of_saved`] is for a document that it has proven.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    ids::{NodeId, WorkflowId},
    items::{ERROR, MAIN, Port},
    kinds::{
        Effect, Kind,
        loop_::DONE,
        params::{Checker, Reader},
    },
    limits,
    loops::Loops,
    retry::RetryPolicy,
    violation::{Violation, ViolationCode as Code, Violations},
    workflow::{Concurrency, NodeDocument, OnError, WorkflowDocument},
};

mod document;
pub mod inputs;
mod loops;
mod retry;
mod triggers;

use document::{check_depth, check_document};
use retry::read_retry;
use triggers::check_triggers;

/// A run's time limit when the workflow has none: 30 days.
pub const DEFAULT_RUN_TIMEOUT: Duration = Duration::from_secs(30 * 86_400);

/// How long a run waits to begin when the workflow does not say: 7 days, as long as a Kafka keeps a task by default.
pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(7 * 86_400);

/// How many iterations a loop may have that does not say.
pub const DEFAULT_MAX_ITERATIONS: u32 = 1_000;

/// A valid workflow. Nodes and edges are referred to by their index.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its nodes, in the document's order.
    pub nodes: Vec<Node>,
    /// Its edges, in the document's order.
    pub edges: Vec<Edge>,
    /// Which of its nodes are loops, and how.
    pub loops: Loops,
    /// How many iterations a loop may have that is no `loop` node's.
    pub max_iterations: u32,
    /// Time limit of a run, from when a worker began it.
    pub timeout: Duration,
    /// How long a run may wait to begin, from its acceptance.
    pub start_timeout: Duration,
    /// The workflow that is started when a run fails.
    pub error_workflow: Option<WorkflowId>,
    /// The workflow that is started when an alert about this one is raised.
    pub alert_workflow: Option<WorkflowId>,
    /// How many of its runs may run at once.
    pub concurrency: Option<Concurrency>,
}

/// A valid node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// What people call it.
    pub label: Option<String>,
    /// Its kind.
    pub kind: Kind,
    /// Its parameters, expressions and all.
    pub params: Map<String, Value>,
    /// Time limit of one attempt.
    pub timeout: Duration,
    /// Retries.
    pub retry: RetryPolicy,
    /// What happens after the last attempt failed.
    pub on_error: OnError,
    /// Whether one empty item leaves when none does.
    pub always_output: bool,
    /// Whether it is given the first item only.
    pub execute_once: bool,
    /// Whether it is left out: what it is given leaves as it came.
    pub disabled: bool,
    /// Its output ports, `error` among them if it has it.
    pub ports: Vec<Port>,
    /// The edges that end here, in edge order.
    pub incoming: Vec<usize>,
    /// The edges that start here, in edge order.
    pub outgoing: Vec<usize>,
}

impl Node {
    /// By which port items leave for which it failed: `error` if the node has it, else `main`, else (an `if`) its last
    /// one. `None`: it has no port, or the run does not go on after a failure.
    #[must_use]
    pub fn failed_port(&self) -> Option<&Port> {
        let named = |name: &str| self.ports.iter().find(|port| ***port == *name);
        match self.on_error {
            OnError::Fail => None,
            OnError::ErrorPort => named(ERROR),
            OnError::Continue => named(MAIN).or(self.ports.last()),
        }
    }

    /// Its ports whose items count as its output: `main`, or all of them if it has no `main`.
    pub fn main_ports(&self) -> impl Iterator<Item = &Port> {
        let has_main = self.ports.iter().any(|port| **port == *MAIN);
        self.ports.iter().filter(move |port| if has_main { ***port == *MAIN } else { ***port != *ERROR })
    }

    /// By which port leaves what it did not decide about: `main`, or the first one; of a `loop` the one that leaves it.
    /// `None`: it has no port.
    #[must_use]
    pub fn first_port(&self) -> Option<&Port> {
        if self.kind == Kind::Loop {
            return self.ports.iter().find(|port| ***port == *DONE);
        }
        self.main_ports().next()
    }

    /// Whether it only computes.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.disabled || self.kind.declaration().effect == Effect::Pure
    }
}

/// A valid edge.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The node it starts from.
    pub source: usize,
    /// The port it starts from.
    pub port: Port,
    /// The node it leads to.
    pub target: usize,
    /// The input it leads to, for kinds that tell inputs apart.
    pub input: Option<String>,
}

impl Definition {
    /// Checks a document.
    ///
    /// # Errors
    /// All violations, each with its path.
    pub fn new(document: &WorkflowDocument) -> Result<Self, Vec<Violation>> {
        Self::read(document, Some(Checker::default()))
    }

    /// A document that was saved, after [`Self::new`] had found it valid. Its expressions and patterns are not checked
    /// again: that takes the most time by far, and whoever evaluates them has to take them for anything anyway.
    ///
    /// # Errors
    /// All violations but theirs.
    pub fn of_saved(document: &WorkflowDocument) -> Result<Self, Vec<Violation>> {
        Self::read(document, None)
    }

    fn read(document: &WorkflowDocument, mut checker: Option<Checker>) -> Result<Self, Vec<Violation>> {
        let mut violations = Violations::new();
        check_document(document, &mut violations);
        if document.nodes.len() > limits::MAX_NODES || document.edges.len() > limits::MAX_EDGES {
            // What is too large is not looked at further.
            return Err(violations.into_vec());
        }
        check_depth(document, &mut violations);
        let index = index_nodes(document, &mut violations);
        let mut nodes: Vec<Option<Node>> = document
            .nodes
            .iter()
            .enumerate()
            .map(|(i, node)| read_node(node, &format!("nodes[{i}]"), checker.as_mut(), &mut violations))
            .collect();
        check_triggers(document, &mut violations);
        let mut edges = read_edges(document, &index, &nodes, &mut violations);
        name_inputs(&nodes, &mut edges);
        let loops = loops::read(document, &nodes, &edges, &mut violations);
        for (i, edge) in edges.iter().enumerate() {
            if let Some(node) = &mut nodes[edge.source] {
                node.outgoing.push(i);
            }
            if let Some(node) = &mut nodes[edge.target] {
                node.incoming.push(i);
            }
        }
        let timeout = document.settings.timeout.map_or(DEFAULT_RUN_TIMEOUT, |limit| limit.0);
        let start_timeout = document.settings.start_timeout.map_or(DEFAULT_START_TIMEOUT, |limit| limit.0);
        let max_iterations = document.settings.max_iterations.unwrap_or(DEFAULT_MAX_ITERATIONS);
        let nodes = nodes.into_iter().flatten().collect();
        let error_workflow = document.settings.error_workflow;
        let alert_workflow = document.settings.alert_workflow;
        let concurrency = document.settings.concurrency.clone();
        violations.or(Self {
            nodes,
            edges,
            loops,
            max_iterations,
            timeout,
            start_timeout,
            error_workflow,
            alert_workflow,
            concurrency,
        })
    }

    /// The node with that id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id.as_str() == id)
    }
}

fn index_nodes<'d>(document: &'d WorkflowDocument, violations: &mut Violations) -> HashMap<&'d str, usize> {
    let mut index = HashMap::new();
    for (i, node) in document.nodes.iter().enumerate() {
        if let Some(first) = index.get(node.id.as_str()) {
            let message = format!("nodes[{first}] has the id {:?} already", node.id.as_str());
            violations.add(format!("nodes[{i}].id"), Code::DuplicateId, message);
        } else {
            index.insert(node.id.as_str(), i);
        }
    }
    index
}

fn read_node(
    node: &NodeDocument,
    path: &str,
    checker: Option<&mut Checker>,
    violations: &mut Violations,
) -> Option<Node> {
    let Some(kind) = Kind::parse(&node.kind) else {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        let message = format!("{:?} is not a node kind; known are: {}", node.kind, known.join(", "));
        violations.add(format!("{path}.type"), Code::UnknownKind, message);
        return None;
    };
    let data = &node.data;
    let declared = kind.declaration();
    let mut reader = match checker {
        Some(checker) => Reader::saved(violations, checker),
        None => Reader::proven(violations),
    };
    kind.check(&data.params, &format!("{path}.data.params"), &mut reader);
    if data.timeout.is_some_and(|limit| limit.0.is_zero()) {
        let message = "a node's time limit must be longer than zero";
        violations.add(format!("{path}.data.timeout"), Code::InvalidValue, message);
    }
    let on_error = data.on_error.unwrap_or_default();
    if on_error == OnError::ErrorPort && !declared.error_port {
        let message = format!("{} has no port `error`; use `fail` or `continue`", declared.name);
        violations.add(format!("{path}.data.on_error"), Code::InvalidValue, message);
    }
    let retry = match &data.retry {
        None => declared.retry,
        Some(own) => read_retry(declared.retry, own, &format!("{path}.data.retry"), violations),
    };
    let mut ports = declared.ports.of(&data.params);
    if on_error == OnError::ErrorPort {
        ports.push(ERROR.into());
    }
    Some(Node {
        id: node.id.clone(),
        label: data.label.clone(),
        kind,
        params: data.params.clone(),
        timeout: data.timeout.map_or(declared.timeout, |limit| limit.0),
        retry,
        on_error,
        always_output: data.always_output,
        execute_once: data.execute_once,
        disabled: data.disabled,
        ports,
        incoming: Vec::new(),
        outgoing: Vec::new(),
    })
}

fn read_edges(
    document: &WorkflowDocument,
    index: &HashMap<&str, usize>,
    nodes: &[Option<Node>],
    violations: &mut Violations,
) -> Vec<Edge> {
    let mut seen = HashSet::new();
    let mut edges = Vec::with_capacity(document.edges.len());
    for (i, edge) in document.edges.iter().enumerate() {
        let mut end = |field: &str, id: &NodeId| {
            let found = index.get(id.as_str()).copied();
            if found.is_none() {
                let message = format!("there is no node with the id {:?}", id.as_str());
                violations.add(format!("edges[{i}].{field}"), Code::DanglingEdge, message);
            }
            found
        };
        let (source, target) = (end("source", &edge.source), end("target", &edge.target));
        let (Some(source), Some(target)) = (source, target) else { continue };
        let port = Port::from(edge.source_handle.as_deref().unwrap_or(MAIN));
        if let Some(node) = &nodes[source] {
            check_port(node, &port, &format!("edges[{i}].sourceHandle"), violations);
        }
        if let Some(node) = &nodes[target] {
            let declared = node.kind.declaration();
            if declared.trigger {
                let message = format!("{} is a trigger: nothing can lead to it", node.id);
                violations.add(format!("edges[{i}].target"), Code::TriggerHasInput, message);
            }
            let known = declared.inputs;
            if let Some(input) = edge.target_handle.as_deref().filter(|input| {
                // React Flow gives a node's only input any name; only kinds that tell inputs apart mind.
                !known.is_empty() && !known.contains(input) && *input != MAIN
            }) {
                let message = format!(
                    "{:?} is not an input of {}; known are: {}",
                    input,
                    declared.name,
                    known.join(", ")
                );
                violations.add(format!("edges[{i}].targetHandle"), Code::UnknownInput, message);
            }
        }
        if !seen.insert((source, port.clone(), target, edge.target_handle.clone())) {
            violations.add(format!("edges[{i}]"), Code::DuplicateEdge, "an earlier edge has the same ends");
        }
        edges.push(Edge { source, port, target, input: edge.target_handle.clone() });
    }
    edges
}

/// Edges without a `targetHandle` (or with `main`) take the inputs that are still free, in edge order: what an edge
/// means must not depend on which of the others brought items.
fn name_inputs(nodes: &[Option<Node>], edges: &mut [Edge]) {
    for (target, node) in nodes.iter().enumerate() {
        let Some(node) = node else { continue };
        let taken: Vec<String> =
            edges.iter().filter(|e| e.target == target).filter_map(|e| e.input.clone()).collect();
        let mut free =
            node.kind.declaration().inputs.iter().filter(|name| !taken.iter().any(|taken| taken == *name));
        let unnamed = edges
            .iter_mut()
            .filter(|e| e.target == target && e.input.as_deref().is_none_or(|input| input == MAIN));
        for (edge, name) in unnamed.zip(&mut free) {
            edge.input = Some((*name).to_owned());
        }
    }
}

fn check_port(node: &Node, port: &str, path: &str, violations: &mut Violations) {
    if node.ports.iter().any(|known| **known == *port) {
        return;
    }
    let message = if port == ERROR && node.kind.declaration().error_port {
        format!("node {} has the port `error` only with `on_error: error_port`", node.id)
    } else if node.ports.is_empty() {
        format!("node {} ({}) has no output ports", node.id, node.kind.name())
    } else {
        format!(
            "{port:?} is not a port of node {} ({}); known are: {}",
            node.id,
            node.kind.name(),
            node.ports.join(", ")
        )
    };
    violations.add(path, Code::UnknownPort, message);
}
