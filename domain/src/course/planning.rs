//! What of a plan fits a workflow, and what follows from it for each node.

use std::sync::Arc;

use serde_json::Value;

use super::{Course, Part, given, reach::leading_to};
use crate::{
    definition::{Definition, Edge},
    ids::NodeId,
    items::{Ports, input_items},
    kinds::{Kind, loop_::DONE},
    loops::WHOLE,
    run::{Extent, RunPlan, TEST},
    violation::{Violation, ViolationCode as Code, Violations},
};

/// A course in the making.
pub(super) struct Planning<'p> {
    plan: &'p RunPlan,
    definition: &'p Definition,
    violations: Violations,
    parts: Vec<Part>,
    /// Which nodes have pins.
    pinned: Vec<bool>,
}

impl<'p> Planning<'p> {
    pub(super) fn of(plan: &'p RunPlan, definition: &'p Definition) -> Self {
        Self { plan, definition, violations: Violations::new(), parts: Vec::new(), pinned: Vec::new() }
    }

    pub(super) fn course(mut self, kind: &str, input: &Value) -> Result<Course, Vec<Violation>> {
        self.pins();
        self.extent(input);
        let trigger = self.trigger(kind);
        self.check_start(trigger);
        let Self { violations, parts, .. } = self;
        violations.or(Course { trigger, parts })
    }

    /// What is given, by whoever started the run or by an earlier one.
    fn pins(&mut self) {
        let (plan, definition) = (self.plan, self.definition);
        self.parts = vec![Part::Executed; definition.nodes.len()];
        self.pinned = vec![false; definition.nodes.len()];
        for (id, ports) in &plan.pins {
            let path = format!("pins.{id}");
            let Some(node) = self.find(id, &path) else { continue };
            if self.can_be_pinned(node, ports, &path) {
                self.pinned[node] = true;
                self.parts[node] = Part::Pinned(Arc::new(given(&definition.nodes[node], ports.clone())));
            }
        }
        for id in &plan.earlier {
            if let Some(node) = definition.node(id.as_str()).filter(|node| !self.pinned[*node]) {
                self.parts[node] = Part::Earlier;
            }
        }
    }

    fn can_be_pinned(&mut self, index: usize, ports: &Ports, path: &str) -> bool {
        let definition = self.definition;
        let (node, loops) = (&definition.nodes[index], &definition.loops);
        let known = |port: &str| node.ports.iter().any(|own| **own == *port);
        for port in ports.keys().filter(|port| !known(port)) {
            let message =
                format!("{} ({}) has the ports {}", node.id, node.kind.name(), node.ports.join(", "));
            self.violations.add(format!("{path}.{port}"), Code::UnknownPort, message);
        }
        let ends_a_loop = || {
            let outermost =
                loops.entered_at(index).is_some_and(|scope| loops.scopes()[scope].parent == WHOLE);
            outermost && definition.is_batching(index) && ports.keys().all(|port| **port == *DONE)
        };
        if loops.scope_of(index) == WHOLE || ends_a_loop() {
            return ports.keys().all(|port| known(port));
        }
        let message = format!(
            "{} is in a loop, where each iteration gives something of its own; pin the nodes before the loop, or the \
             port `{DONE}` of the `loop` node, which skips its body",
            node.id
        );
        self.violations.add(path, Code::InLoop, message);
        false
    }

    fn extent(&mut self, input: &Value) {
        let (plan, definition) = (self.plan, self.definition);
        match &plan.extent {
            Extent::All => {}
            Extent::Until(id) => {
                let Some(node) = self.find(id, "until") else { return };
                let belongs = leading_to(definition, node, |node| self.pinned[node]);
                self.leave_out(|node| !belongs[node]);
            }
            Extent::Only(id) => {
                let Some(node) = self.find(id, "only") else { return };
                if definition.loops.scope_of(node) != WHOLE {
                    let message = format!(
                        "{id} is in a loop and cannot be tested alone; use `until` with it, or with a node after the loop"
                    );
                    self.violations.add("only", Code::InLoop, message);
                    return;
                }
                self.give_input(node, input);
                let pinned = self.pinned.clone();
                self.leave_out(|other| other != node && !pinned[other]);
            }
        }
    }

    fn leave_out(&mut self, is_out: impl Fn(usize) -> bool) {
        for (node, part) in self.parts.iter_mut().enumerate().filter(|(node, _)| is_out(*node)) {
            self.pinned[node] = false;
            *part = Part::LeftOut;
        }
    }

    /// A node that is tested alone and that no pinned node leads to is given the run's input, by its first edge that can
    /// bring it.
    fn give_input(&mut self, node: usize, input: &Value) {
        let definition = self.definition;
        let edges = || definition.nodes[node].incoming.iter().map(|edge| &definition.edges[*edge]);
        if edges().any(|edge| self.pinned[edge.source]) {
            return;
        }
        // In a loop only what leaves it: what leads back would come again in each iteration.
        let leaves = |edge: &&Edge| {
            definition.loops.scope_of(edge.source) == WHOLE
                || definition.nodes[edge.source].outgoing.iter().all(|index| {
                    let other = &definition.edges[*index];
                    *other.port != *edge.port || definition.loops.route(*index).leaves.is_some()
                })
        };
        let Some(edge) = edges().find(leaves) else {
            if edges().next().is_some() {
                let message = "what leads here also leads back into its loop; use `until`, or pin a node before this one";
                self.violations.add("only", Code::InLoop, message);
            }
            return;
        };
        match input_items(input) {
            Ok(items) => {
                let ports = Ports::from([(Arc::clone(&edge.port), Arc::new(items))]);
                let output = given(&definition.nodes[edge.source], ports);
                self.pinned[edge.source] = true;
                self.parts[edge.source] = Part::Pinned(Arc::new(output));
            }
            Err(error) => self.violations.add("input", Code::InvalidType, error),
        }
    }

    /// The trigger that is named, else the one that is meant.
    fn trigger(&mut self, kind: &str) -> Option<usize> {
        let (plan, definition) = (self.plan, self.definition);
        let starts = |node: &usize| {
            let node = &definition.nodes[*node];
            node.kind.declaration().trigger && !node.disabled
        };
        if let Some(id) = &plan.trigger {
            let node = self.find(id, "trigger")?;
            if !starts(&node) {
                let message = format!("{id} is no trigger, or it is disabled");
                self.violations.add("trigger", Code::InvalidValue, message);
            }
            return Some(node);
        }
        if kind != TEST {
            return definition.trigger(kind);
        }
        let belongs = |node: &usize| !matches!(self.parts[*node], Part::LeftOut);
        let mut triggers = (0..self.parts.len()).filter(|node| starts(node) && belongs(node));
        // What a request starts comes first: the input is a request's.
        let manual = definition.trigger(Kind::Manual.name()).filter(belongs);
        manual.or_else(|| triggers.next())
    }

    /// A run in which nothing would be given to any node is a mistake.
    fn check_start(&mut self, trigger: Option<usize>) {
        let leads = |node: usize| !matches!(self.parts[node], Part::LeftOut);
        if trigger.is_some_and(leads) || self.pinned.contains(&true) || !self.violations.is_empty() {
            return;
        }
        let (path, message) = match &self.plan.extent {
            Extent::Until(id) => ("until", format!("no trigger leads to {id}; pin a node before it")),
            Extent::Only(id) => {
                ("only", format!("nothing leads to {id}, and it is no trigger that is enabled"))
            }
            // Whoever executes the run says so.
            Extent::All => return,
        };
        self.violations.add(path, Code::InvalidValue, message);
    }

    fn find(&mut self, id: &NodeId, path: &str) -> Option<usize> {
        let found = self.definition.node(id.as_str());
        if found.is_none() {
            self.violations.add(path, Code::UnknownNode, format!("the workflow has no node {id}"));
        }
        found
    }
}
