//! What a child is told of an attempt.

use std::{collections::BTreeMap, sync::Arc};

use domain::definition::Definition;

use super::{
    message::{Data, NodeItems, Request, Seen},
    reads::{NodesRead, mentions, nodes_read},
};
use crate::expr::scope::{Scope, find_node};

/// The request for the values of `sources` for `items`, for the first item from the expression `from` on.
pub(super) fn request<'s>(
    scope: &'s Scope,
    sources: &[Arc<str>],
    items: &[usize],
    from: usize,
    most_bytes: usize,
    stop_at_limit: bool,
) -> Request<Data<'s>> {
    let scope = seen(scope, sources, items);
    Request { sources: sources.to_vec(), items: items.to_vec(), from, most_bytes, stop_at_limit, scope }
}

fn seen<'s>(scope: &'s Scope, sources: &[Arc<str>], items: &[usize]) -> Seen<Data<'s>> {
    let any_mentions = |name| sources.iter().any(|source| mentions(source, name));
    let input = any_mentions("$input").then(|| scope.input.iter().map(Data::Item).collect());
    let json = (input.is_none() && any_mentions("$json"))
        .then(|| items.iter().filter_map(|&item| scope.input.get(item)).map(Data::Item).collect());
    let mut seen = Seen {
        input,
        json,
        run: any_mentions("$run").then(|| Data::Value(scope.run_object())),
        workflow: any_mentions("$workflow").then(|| Data::Value(scope.workflow_object())),
        env: any_mentions("$env").then(|| Data::Value(scope.env_object())),
        now: scope.now.as_millis(),
        iteration: scope.iteration,
        names: BTreeMap::new(),
        all_names: false,
        nodes: Vec::new(),
    };
    let names: Vec<&str> = match nodes_read(sources.iter().map(|source| &**source)) {
        NodesRead::Named(names) => names,
        NodesRead::Any => {
            seen.all_names = true;
            all_names(&scope.definition)
        }
    };
    let mut places = BTreeMap::new();
    for name in names {
        let place = find_node(&scope.definition, name).map(|node| {
            *places.entry(node).or_insert_with(|| {
                seen.nodes.push(node_items(scope, node));
                seen.nodes.len() - 1
            })
        });
        seen.names.insert(name.to_owned(), place);
    }
    seen
}

fn all_names(definition: &Definition) -> Vec<&str> {
    let names = definition.nodes.iter().flat_map(|node| [Some(node.id.as_str()), node.label.as_deref()]);
    names.flatten().collect()
}

fn node_items(scope: &Scope, node: usize) -> NodeItems<Data<'_>> {
    let name = scope.node_name(node);
    let Some(output) = scope.outputs.get(node).and_then(Option::as_ref) else {
        return NodeItems { name, ports: None, main: Vec::new() };
    };
    let ports: Vec<_> = output
        .ports
        .iter()
        .map(|(port, items)| (port.to_string(), items.iter().map(Data::Item).collect()))
        .collect();
    let main = scope.definition.nodes.get(node).into_iter().flat_map(|declared| {
        declared
            .main_ports()
            .filter_map(|main| output.ports.keys().position(|port| *port == *main))
            .collect::<Vec<_>>()
    });
    NodeItems { name, main: main.collect(), ports: Some(ports) }
}
