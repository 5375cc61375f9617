//! What a step is given: which edges bring it, and which steps that comes from.

use std::{collections::HashSet, sync::Arc};

use super::{Definition, Node};
use crate::{items::Items, iteration::Iteration, loops::Destination};

/// What one edge brings to a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Input<'d> {
    /// The edge's place among the node's incoming edges.
    pub place: u32,
    /// The input that it leads to, for kinds that tell inputs apart.
    pub name: Option<&'d str>,
    /// Its items.
    pub items: Items,
}

/// Whose output an edge brings to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenBy {
    /// That of its source in this iteration.
    Step(Iteration),
    /// Those of all iterations of the loop that it leaves, joined.
    Loop,
}

impl Definition {
    /// Which edges may bring something to the step of a node in an iteration, in edge order, and whose it is. `None`: the
    /// node is in more or fewer loops than the iteration has counters.
    ///
    /// A `loop` is given what came from outside, each time; in further iterations of another loop its entry is given what
    /// came back from the one before.
    #[must_use]
    pub fn given_by(&self, node: usize, iteration: &Iteration) -> Option<Vec<(usize, GivenBy)>> {
        let counters = iteration.counters();
        let depth = |node: usize| self.loops.scopes()[self.loops.scope_of(node)].depth;
        if counters.len() != depth(node) {
            return None;
        }
        let comes_back =
            self.loops.entered_at(node).is_some() && !self.is_batching(node) && iteration.count() > 0;
        let brings = |edge: &usize| {
            let route = self.loops.route(*edge);
            let is_back = self.loops.entered_at(node).is_some() && route.to == Destination::Back;
            if is_back != comes_back {
                return None;
            }
            if route.leaves.is_some() {
                return Some((*edge, GivenBy::Loop));
            }
            let mut source = counters.get(..depth(self.edges[*edge].source))?.to_vec();
            if let Some(last) = source.last_mut().filter(|_| is_back) {
                *last -= 1;
            }
            Some((*edge, GivenBy::Step(source.into())))
        };
        Some(self.nodes.get(node)?.incoming.iter().filter_map(brings).collect())
    }
}

/// `execute_once`: the first item of all; where a kind tells inputs apart, of each input.
pub fn keep_first(inputs: &mut Vec<Input<'_>>, node: &Node) {
    if node.kind.declaration().inputs.is_empty() {
        inputs.truncate(1);
    } else {
        let mut seen = HashSet::new();
        inputs.retain(|input| input.name.is_none_or(|name| seen.insert(name)));
    }
    inputs.iter_mut().for_each(|input| first_only(&mut input.items));
}

/// Leaves the first item.
pub fn first_only(items: &mut Items) {
    if items.len() > 1 {
        *items = Arc::new(items.iter().take(1).cloned().collect());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A loop in a loop, and a cycle behind them.
    fn definition() -> Definition {
        let nodes = [
            ("start", "manual"),
            ("o", "loop"),
            ("i", "loop"),
            ("a", "noop"),
            ("ask", "noop"),
            ("ready", "if"),
            ("end", "noop"),
        ];
        let nodes = nodes.map(|(id, kind)| {
            let params = if kind == "if" { json!({"where": true}) } else { json!({}) };
            json!({"id": id, "type": kind, "data": {"params": params}})
        });
        let edges = [
            ("start", "main", "o"),
            ("o", "loop", "i"),
            ("i", "loop", "a"),
            ("a", "main", "i"),
            ("i", "done", "o"),
            ("o", "done", "ask"),
            ("ask", "main", "ready"),
            ("ready", "false", "ask"),
            ("ready", "true", "end"),
        ];
        let edges = edges
            .map(|(source, port, target)| json!({"source": source, "sourceHandle": port, "target": target}));
        let document = json!({"name": "Test", "nodes": nodes, "edges": edges});
        Definition::new(&serde_json::from_value(document).unwrap()).unwrap()
    }

    #[test]
    fn a_step_is_given_what_the_steps_before_it_in_its_iteration_gave() {
        let definition = definition();
        let given = |node: &str, counters: &[u32]| {
            let given = definition.given_by(definition.node(node).unwrap(), &counters.to_vec().into())?;
            let told = given.into_iter().map(|(edge, by)| {
                let source = definition.nodes[definition.edges[edge].source].id.to_string();
                (source, if let GivenBy::Step(at) = by { at.to_string() } else { "all".to_owned() })
            });
            Some(told.collect::<Vec<_>>())
        };
        let one = |source: &str, at: &str| Some(vec![(source.to_owned(), at.to_owned())]);
        assert_eq!(given("start", &[]), Some(vec![]));
        assert_eq!(given("o", &[3]), one("start", ""), "a loop has what came from outside");
        assert_eq!(given("i", &[3, 2]), one("o", "3"));
        assert_eq!(given("a", &[3, 2]), one("i", "3.2"));
        assert_eq!(given("ask", &[0]), one("o", "all"));
        assert_eq!(given("ask", &[4]), one("ready", "3"), "what came back began it");
        assert_eq!(given("ready", &[4]), one("ask", "4"));
        assert_eq!(given("end", &[4]), one("ready", "4"), "a dead end is part of each iteration");
        assert_eq!((given("end", &[]), given("a", &[1])), (None, None), "no such iteration");
    }
}
