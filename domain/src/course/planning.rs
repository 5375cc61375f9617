//! What of a plan fits a workflow, and what follows from it for each node.

use std::sync::Arc;

use serde_json::Value;

use super::{Course, Part, given, reach::leading_to};
use crate::{
    definition::Definition,
    ids::NodeId,
    items::{Ports, input_items},
    kinds::{Kind, loop_::DONE},
    loops::{Destination, WHOLE},
    run::{Extent, RunPlan, Trigger},
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

    pub(super) fn course(mut self, started_by: &Trigger, input: &Value) -> Result<Course, Vec<Violation>> {
        self.pins();
        self.extent(input);
        let trigger = self.trigger(started_by);
        self.check_start(trigger);
        let Self { plan, violations, parts, .. } = self;
        let once = matches!(plan.extent, Extent::Only(_));
        violations.or(Course { trigger, parts, once })
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
        let node = &definition.nodes[index];
        let known = |port: &str| node.ports.iter().any(|own| **own == *port);
        for port in ports.keys().filter(|port| !known(port)) {
            let message =
                format!("{} ({}) has the ports {}", node.id, node.kind.name(), node.ports.join(", "));
            self.violations.add(format!("{path}.{port}"), Code::UnknownPort, message);
        }
        let once = matches!(self.plan.extent, Extent::Only(_));
        if once || !definition.is_batching(index) || ports.keys().all(|port| **port == *DONE) {
            return ports.keys().all(|port| known(port));
        }
        let message = format!(
            "what {} hands out would come again in each iteration; pin its port `{DONE}`, which skips its body, or the \
             nodes before it",
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
                let belongs = leading_to(definition, node, |node| {
                    self.pinned[node] && definition.loops.scope_of(node) == WHOLE
                });
                self.leave_out(|node| !belongs[node]);
            }
            Extent::Only(id) => {
                let Some(node) = self.find(id, "only") else { return };
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

    /// A node that is tested alone and that no pinned node leads to is given the run's input, by its first edge.
    fn give_input(&mut self, node: usize, input: &Value) {
        let definition = self.definition;
        let mut sources = definition.nodes[node].incoming.iter().map(|edge| definition.edges[*edge].source);
        if sources.any(|source| self.pinned[source]) {
            return;
        }
        // Of a loop the input is what leads into it.
        let leads_in = |index: &&usize| definition.loops.route(**index).to != Destination::Back;
        let incoming = &definition.nodes[node].incoming;
        let first = incoming.iter().find(leads_in).or(incoming.first());
        let Some(edge) = first.map(|index| &definition.edges[*index]) else { return };
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
    fn trigger(&mut self, started_by: &Trigger) -> Option<usize> {
        let (plan, definition) = (self.plan, self.definition);
        let starts = |node: &usize| definition.nodes[*node].is_trigger();
        if let Some(id) = &plan.trigger {
            let node = self.find(id, "trigger")?;
            if !starts(&node) {
                let message = format!("{id} is no trigger, or it is disabled");
                self.violations.add("trigger", Code::InvalidValue, message);
            }
            return Some(node);
        }
        if !started_by.is_test() {
            return definition.begins_at(started_by);
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
