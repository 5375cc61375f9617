//! What a child is told of an attempt.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use domain::{definition::Definition, items::Port};

use super::{
    message::{Data, Form, NodeItems, Request, Seen},
    reads::{NodesRead, Parts, mentions, nodes_read},
};
use crate::expr::{
    links::RESUME_URL,
    scope::{Scope, find_node, ports},
    trail::Place,
};

/// The request for the values of `sources` for `items`, for the first item from the expression `from` on.
pub(super) fn request<'s>(
    scope: &'s Scope,
    (form, sources): (Form, &[Arc<str>]),
    items: &[usize],
    from: usize,
    most_bytes: usize,
    stop_at_limit: bool,
) -> Request<Data<'s>> {
    let scope = seen(scope, sources, items);
    Request { sources: sources.to_vec(), form, items: items.to_vec(), from, most_bytes, stop_at_limit, scope }
}

fn seen<'s>(scope: &'s Scope, sources: &[Arc<str>], items: &[usize]) -> Seen<Data<'s>> {
    let any_mentions = |name| sources.iter().any(|source| mentions(source, name));
    let input = any_mentions("$input").then(|| scope.input.iter().map(Data::Item).collect());
    let json = (input.is_none() && any_mentions("$json"))
        .then(|| items.iter().filter_map(|&item| scope.input.get(item)).map(Data::Item).collect());
    let page = scope.page.as_ref();
    let mut seen = Seen {
        input,
        json,
        run: any_mentions("$run").then(|| Data::Value(scope.run_object())),
        workflow: any_mentions("$workflow").then(|| Data::Value(scope.workflow_object())),
        env: any_mentions("$env").then(|| Data::Value(scope.env_object())),
        links: any_mentions(RESUME_URL).then(|| scope.link_key()).flatten(),
        response: page.filter(|_| any_mentions("$response")).map(|page| Data::Value(&page.response)),
        page_count: page.map(|page| page.count),
        now: scope.now.as_millis(),
        iteration: scope.iteration,
        names: BTreeMap::new(),
        all_names: false,
        nodes: Vec::new(),
    };
    let names: Vec<(&str, Parts)> = match nodes_read(sources.iter().map(|source| &**source)) {
        NodesRead::Named(names) => names.into_iter().collect(),
        NodesRead::Any => {
            seen.all_names = true;
            all_names(&scope.definition).into_iter().map(|name| (name, Parts::ALL)).collect()
        }
    };
    // A node may be called by its id and by its label.
    let mut read: BTreeMap<usize, (usize, Parts)> = BTreeMap::new();
    for (name, parts) in names {
        let place = find_node(&scope.definition, name).map(|node| {
            let next = read.len();
            let (place, known) = read.entry(node).or_insert((next, Parts::default()));
            *known = known.and(parts);
            *place
        });
        seen.names.insert(name.to_owned(), place);
    }
    let mut nodes: Vec<_> = read.into_iter().map(|(node, (place, parts))| (place, node, parts)).collect();
    nodes.sort_unstable_by_key(|(place, ..)| *place);
    seen.nodes = nodes.into_iter().map(|(_, node, parts)| node_items(scope, node, parts, items)).collect();
    seen
}

fn all_names(definition: &Definition) -> Vec<&str> {
    let names = definition.nodes.iter().flat_map(|node| [Some(node.id.as_str()), node.label.as_deref()]);
    names.flatten().collect()
}

fn node_items<'s>(scope: &'s Scope, node: usize, parts: Parts, items: &[usize]) -> NodeItems<Data<'s>> {
    let name = scope.node_name(node);
    let output = scope.outputs.get(node).and_then(Option::as_ref);
    let Some((declared, output)) = scope.definition.nodes.get(node).zip(output) else {
        return NodeItems { name, ports: None, main: Vec::new(), origins: Vec::new() };
    };
    let ports = ports(declared, output);
    let place = |port: &Port| ports.iter().position(|known| *known == port);
    let found: Vec<(usize, Result<Place, String>)> = match parts {
        Parts { matching: true, .. } => {
            (0..scope.input.len()).map(|index| (index, scope.origin(node, index))).collect()
        }
        Parts { item: true, .. } => items.iter().map(|&index| (index, scope.origin(node, index))).collect(),
        _ => Vec::new(),
    };
    let all = |port: &&Port| output.ports.get(*port).into_iter().flat_map(|items| items.iter());
    if parts.lists {
        let main = declared.main_ports().filter_map(place).collect();
        let origin = |Place { edge, item }: Place| {
            (place(&scope.definition.edges[edge].port).unwrap_or(usize::MAX), item as usize)
        };
        let origins = found.into_iter().map(|(index, found)| (index, found.map(origin))).collect();
        let ports = ports.iter().map(|port| (port.to_string(), all(port).map(Data::Item).collect()));
        return NodeItems { name, main, ports: Some(ports.collect()), origins };
    }
    let (mut places, mut belonging) = (HashMap::new(), Vec::new());
    let mut origin = |place: Place| {
        let at = *places.entry(place).or_insert_with(|| {
            belonging.extend(scope.item_at(place).map(Data::Item));
            belonging.len() - 1
        });
        (0, at)
    };
    let origins = found.into_iter().map(|(index, found)| (index, found.map(&mut origin))).collect();
    NodeItems { name, ports: Some(vec![(String::new(), belonging)]), main: Vec::new(), origins }
}
