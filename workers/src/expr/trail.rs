//! `$('node').item`: which item of another node an item of the step came from, along the lineage that stands beside the
//! items.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    items::Item,
    limits::MAX_LINEAGE_STEPS,
    lineage::{Origin, Origins},
};

use super::{Scope, scope::has_not_run};

/// How many items a step looks at, to find origins, before it is computed where it may take long.
pub(crate) const FEW_STEPS: usize = 10_000;

/// An item that an edge brought: of the edge's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) edge: usize,
    pub(super) item: u32,
}

/// What was found of the lineage so far, by all expressions of an attempt. Each item is looked at once for each node
/// that is asked for, so a graph in which ways part and meet again costs no more than its items.
#[derive(Clone)]
pub(crate) struct Trails {
    known: Arc<Mutex<Known>>,
    most: usize,
}

#[derive(Default)]
struct Known {
    /// By the node that is looked for.
    found: HashMap<(usize, Place), Found>,
    /// The only input that brought items, by node.
    only_input: HashMap<usize, Option<u32>>,
    steps: usize,
}

/// What is known of an item.
#[derive(Clone, Copy)]
enum Found {
    /// This item of the node leads to it.
    Leads(Place),
    /// None does: the way that was tried last ended at this node.
    EndsAt(usize),
}

/// Why there is no item.
enum Lost {
    /// No way leads to the node; the one that was tried last ended at this one.
    EndsAt(Option<usize>),
    TooFar,
}

impl Default for Trails {
    fn default() -> Self {
        Self::within(MAX_LINEAGE_STEPS)
    }
}

impl Trails {
    /// Trails that give up after so many steps.
    pub(crate) fn within(most: usize) -> Self {
        Self { known: Arc::default(), most }
    }

    /// Whether they have given up.
    pub(crate) fn gave_up(&self) -> bool {
        self.known().steps > self.most
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scope {
    /// The item of a node that the step's item at `index` came from: of several origins the first that leads there.
    ///
    /// # Errors
    /// When the node has not run, none of its items leads here, or it is too far to look; the text says what to do.
    pub(super) fn origin(&self, node: usize, index: usize) -> Result<Place, String> {
        if self.outputs.get(node).and_then(Option::as_ref).is_none() {
            return Err(has_not_run(&self.node_name(node)));
        }
        if index >= self.input.len() {
            return Err(no_such_item(index, self.input.len()));
        }
        self.follow(node, index).map_err(|lost| {
            let name = self.node_name(node);
            let instead = "use .first(), .last(), .all() or .itemMatching()";
            match lost {
                Lost::EndsAt(Some(end)) if end != self.node => format!(
                    "no item of the node {name} leads to item {index}: its way back ends at the node {}; {instead}",
                    self.node_name(end)
                ),
                Lost::EndsAt(_) => format!("no item of the node {name} leads to item {index}; {instead}"),
                Lost::TooFar => format!(
                    "it takes more than {} steps back (MAX_LINEAGE_STEPS) to find which items of the node {name} \
                     belong to those of this one; use .all(), or let the items carry what is needed",
                    self.trails.most
                ),
            }
        })
    }

    /// Looks at one origin after the other, each as far back as it goes.
    fn follow(&self, node: usize, index: usize) -> Result<Place, Lost> {
        let mut known = self.trails.known();
        // The items on the way, each with how many of its origins were tried.
        let mut way: Vec<(Place, usize)> = Vec::new();
        let own = self.inputs.origins(index);
        let (mut own_tried, mut end) = (0, None);
        let found = loop {
            let (at, origin) = match way.last_mut() {
                None => match own.get(own_tried) {
                    None => break None,
                    Some(origin) => {
                        own_tried += 1;
                        (self.node, *origin)
                    }
                },
                Some((place, tried)) => {
                    let at = self.definition.edges[place.edge].source;
                    match self.origin_of(*place, *tried, &mut known) {
                        Some(origin) => {
                            *tried += 1;
                            (at, origin)
                        }
                        None => {
                            let end = *end.get_or_insert(at);
                            known.found.insert((node, *place), Found::EndsAt(end));
                            way.pop();
                            continue;
                        }
                    }
                }
            };
            let Some(place) = self.place(at, origin) else { continue };
            let source = self.definition.edges[place.edge].source;
            if source == node {
                break Some(place);
            }
            match known.found.get(&(node, place)) {
                Some(Found::Leads(found)) => break Some(*found),
                Some(Found::EndsAt(there)) => end = Some(*there),
                None => {
                    known.steps += 1;
                    if known.steps > self.trails.most {
                        return Err(Lost::TooFar);
                    }
                    // Whoever comes here again before it is known went round in a circle.
                    known.found.insert((node, place), Found::EndsAt(source));
                    way.push((place, 0));
                    end = None;
                }
            }
        };
        if let Some(found) = found {
            known.found.extend(way.into_iter().map(|(place, _)| ((node, place), Found::Leads(found))));
        }
        found.ok_or(Lost::EndsAt(end))
    }

    /// What an origin of an item of that node means, if there is such an item.
    fn place(&self, node: usize, origin: Origin) -> Option<Place> {
        let incoming = &self.definition.nodes.get(node)?.incoming;
        let place = Place { edge: *incoming.get(usize::try_from(origin.input).ok()?)?, item: origin.item };
        self.item_at(place).map(|_| place)
    }

    /// The item.
    pub(super) fn item_at(&self, Place { edge, item }: Place) -> Option<&Item> {
        let edge = &self.definition.edges[edge];
        let items = self.outputs.get(edge.source)?.as_ref()?.ports.get(&edge.port)?;
        items.get(usize::try_from(item).ok()?)
    }

    /// An item's origin, by its place among them.
    fn origin_of(&self, place: Place, nth: usize, known: &mut Known) -> Option<Origin> {
        let edge = &self.definition.edges[place.edge];
        let output = self.outputs.get(edge.source)?.as_ref()?;
        if let Some(origins) = output.lineage.get(&edge.port) {
            let of_item: &Origins = origins.get(usize::try_from(place.item).ok()?)?;
            return of_item.get(nth).copied();
        }
        let only = *known.only_input.entry(edge.source).or_insert_with(|| self.only_input(edge.source));
        only.filter(|_| nth == 0).map(|input| Origin { input, item: place.item })
    }

    /// The only input of a node that brought items.
    fn only_input(&self, node: usize) -> Option<u32> {
        let brought = |edge: &usize| {
            let edge = &self.definition.edges[*edge];
            let output = self.outputs.get(edge.source).and_then(Option::as_ref);
            output.and_then(|output| output.ports.get(&edge.port)).is_some_and(|items| !items.is_empty())
        };
        let place = self.definition.nodes.get(node)?.incoming.iter().position(brought)?;
        u32::try_from(place).ok()
    }
}

/// Why there is nothing that belongs to an item: there is no such item.
pub(super) fn no_such_item(index: usize, count: usize) -> String {
    format!("this node's input has {count} items, so there is no item {index}")
}
