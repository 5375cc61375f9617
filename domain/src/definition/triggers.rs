//! What starts runs of a workflow: any number of triggers, of which each run begins at one.

use std::collections::HashMap;

use super::{Definition, Node};
use crate::{
    kinds::Kind,
    run::Trigger,
    violation::{ViolationCode as Code, Violations},
    workflow::WorkflowDocument,
};

impl Node {
    /// Whether it starts runs.
    #[must_use]
    pub fn is_trigger(&self) -> bool {
        self.kind.declaration().trigger && !self.disabled
    }
}

impl Definition {
    /// The first trigger of that kind which is not disabled.
    #[must_use]
    pub fn trigger(&self, kind: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.is_trigger() && node.kind.name() == kind)
    }

    /// At which node a run begins that this trigger starts: at the one that it names. Of a kind of which a workflow has
    /// one at most, and of which the trigger names none that is there, it is that one: its name may be another by now.
    #[must_use]
    pub fn begins_at(&self, trigger: &Trigger) -> Option<usize> {
        let kind = trigger.node_kind();
        let named = trigger.node.as_ref().and_then(|id| self.node(id.as_str())).filter(|node| {
            let node = &self.nodes[*node];
            node.is_trigger() && node.kind.name() == kind
        });
        let single = Kind::parse(kind).is_some_and(|kind| kind.declaration().single);
        named.or_else(|| self.trigger(kind).filter(|_| single))
    }
}

pub(super) fn check_triggers(document: &WorkflowDocument, violations: &mut Violations) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (i, node) in document.nodes.iter().enumerate() {
        let kind = Kind::parse(&node.kind).map(Kind::declaration).filter(|kind| kind.trigger);
        let Some(kind) = kind.filter(|_| !node.data.disabled) else { continue };
        match seen.get(kind.name) {
            Some(first) if kind.single => {
                let message =
                    format!("a workflow has at most one {} trigger, and nodes[{first}] is one", kind.name);
                violations.add(format!("nodes[{i}].type"), Code::DuplicateTrigger, message);
            }
            _ => {
                seen.insert(kind.name, i);
            }
        }
    }
    if seen.is_empty() {
        let message = "a workflow needs a trigger that is not disabled, such as a `manual` node";
        violations.add("nodes", Code::NoTrigger, message);
    }
}
