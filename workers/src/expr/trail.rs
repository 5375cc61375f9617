//! `$('node').item`: which item of another node an item of the step came from, along the lineage that stands beside the
//! items.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    items::{Item, Items, Output},
    iteration::Iteration,
    kinds::loop_::{DONE, LOOP},
    limits::MAX_LINEAGE_STEPS,
    lineage::{Origin, Origins},
    loops::Destination,
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
    /// The only input that brought items to the step of which an edge brought some, by the edge.
    only_input: HashMap<usize, Option<u32>>,
    /// How many items came back to a `loop` in all, by the place of the edge.
    returned: HashMap<(usize, u32), usize>,
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
    /// The way leads to an iteration of this node of which nothing is kept.
    Earlier(usize),
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
                Lost::Earlier(end) => format!(
                    "the item of the node {name} that leads to item {index} is not known any more: the way back leads to \
                     an earlier iteration of the node {}, and only what it gave last is kept; let the items carry what is \
                     needed, or {instead}",
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
        let (mut own_tried, mut end, mut earlier) = (0, None, None);
        let found = loop {
            let (at, iteration, origin) = match way.last_mut() {
                None => match own.get(own_tried) {
                    None => break None,
                    Some(origin) => {
                        own_tried += 1;
                        (self.node, &self.crossings.at, *origin)
                    }
                },
                Some((place, tried)) => {
                    let at = self.definition.edges[place.edge].source;
                    match self.origin_of(*place, *tried, &mut known) {
                        Some(origin) => {
                            *tried += 1;
                            (at, self.seen(place.edge).0, origin)
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
            let place = match self.place((at, iteration), origin, &mut known) {
                Ok(Some(place)) => place,
                Ok(None) => continue,
                Err(source) => {
                    earlier.get_or_insert(source);
                    continue;
                }
            };
            let source = self.definition.edges[place.edge].source;
            if source == node {
                if self.is_shown(place.edge) {
                    break Some(place);
                }
                earlier.get_or_insert(source);
                continue;
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
        found.ok_or_else(|| earlier.map_or(Lost::EndsAt(end), Lost::Earlier))
    }

    /// What an origin of an item means that a node gave in an iteration, if there is such an item.
    ///
    /// # Errors
    /// When it is of an iteration of which the output is not kept; of which node.
    fn place(
        &self,
        (node, iteration): (usize, &Iteration),
        origin: Origin,
        known: &mut Known,
    ) -> Result<Option<Place>, usize> {
        let incoming = self.definition.nodes.get(node).map(|node| &node.incoming);
        let edge = incoming.and_then(|incoming| incoming.get(usize::try_from(origin.input).ok()?));
        let Some(&edge) = edge else { return Ok(None) };
        let there = |item: u32| Some(Place { edge, item }).filter(|place| self.item_at(*place).is_some());
        let (loops, source) = (&self.definition.loops, self.definition.edges[edge].source);
        let (route, (seen, _)) = (loops.route(edge), self.seen(edge));
        let comes_back = route.to == Destination::Back && loops.entered_at(node).is_some();
        // What all iterations gave by this edge, in their order; what the one gave that is seen is at its end.
        let all = match (comes_back, route.leaves) {
            (false, None) => {
                let depth = seen.counters().len();
                let same = self.item_at(Place { edge, item: 0 }).is_none()
                    || iteration.counters().get(..depth) == Some(seen.counters());
                return if same { Ok(there(origin.item)) } else { Err(source) };
            }
            (false, Some(_)) => self.crossings.left.get(&edge).copied(),
            (true, _) if self.definition.is_batching(node) => Some(self.returned(node, origin.input, known)),
            (true, _) => None,
        };
        let newest = self.items_of(edge).map_or(0, |items| items.len());
        let before = all.and_then(|all| u32::try_from(all.checked_sub(newest)?).ok());
        let item = before.and_then(|before| origin.item.checked_sub(before));
        item.and_then(there).map(Some).ok_or(source)
    }

    /// How many items came back to a `loop` in all by one of its edges, as what it gave in the end tells.
    fn returned(&self, node: usize, input: u32, known: &mut Known) -> usize {
        *known.returned.entry((node, input)).or_insert_with(|| {
            let output = self.outputs.get(node).and_then(Option::as_ref);
            let done = output.and_then(|output| output.lineage.get(DONE));
            let origins = done.into_iter().flat_map(|items| items.iter()).flatten();
            origins.filter(|origin| origin.input == input).count()
        })
    }

    /// The item.
    pub(super) fn item_at(&self, Place { edge, item }: Place) -> Option<&Item> {
        self.items_of(edge)?.get(usize::try_from(item).ok()?)
    }

    /// What is seen of what an edge brings.
    fn items_of(&self, edge: usize) -> Option<&Items> {
        self.seen(edge).1?.ports.get(&self.definition.edges[edge].port)
    }

    /// Whether that is what the node's name stands for in expressions.
    fn is_shown(&self, edge: usize) -> bool {
        let shown = self.outputs.get(self.definition.edges[edge].source).and_then(Option::as_ref);
        self.seen(edge).1.map(Arc::as_ptr) == shown.map(Arc::as_ptr)
    }

    /// What is seen of the node from which an edge leads, and of which iteration it is.
    fn seen(&self, edge: usize) -> (&Iteration, Option<&Arc<Output>>) {
        const OUTSIDE: &Iteration = &Iteration::outside();
        let edge = &self.definition.edges[edge];
        if *edge.port == *LOOP
            && let Some((iteration, output)) = self.crossings.handed_out.get(&edge.source)
        {
            return (iteration, Some(output));
        }
        let iteration = self.crossings.seen.get(&edge.source).unwrap_or(OUTSIDE);
        (iteration, self.outputs.get(edge.source).and_then(Option::as_ref))
    }

    /// An item's origin, by its place among them.
    fn origin_of(&self, place: Place, nth: usize, known: &mut Known) -> Option<Origin> {
        let output = self.seen(place.edge).1?;
        if let Some(origins) = output.lineage.get(&self.definition.edges[place.edge].port) {
            let of_item: &Origins = origins.get(usize::try_from(place.item).ok()?)?;
            return of_item.get(nth).copied();
        }
        let only = *known.only_input.entry(place.edge).or_insert_with(|| self.only_input(place.edge));
        only.filter(|_| nth == 0).map(|input| Origin { input, item: place.item })
    }

    /// The only input that brought items to the step from which an edge leads.
    fn only_input(&self, edge: usize) -> Option<u32> {
        let node = self.definition.edges[edge].source;
        let (iteration, loops) = (self.seen(edge).0, &self.definition.loops);
        let is_entry = loops.entered_at(node).is_some();
        let came_back = is_entry && !self.definition.is_batching(node) && iteration.count() > 0;
        let brought = |edge: &usize| {
            let route = loops.route(*edge);
            if is_entry && (route.to == Destination::Back) != came_back {
                return false;
            }
            // Which of several edges brought what came back, nothing tells; it is of an earlier iteration in any case.
            came_back
                || match route.leaves {
                    Some(_) => self.crossings.left.get(edge).is_some_and(|items| *items > 0),
                    None => self.items_of(*edge).is_some_and(|items| !items.is_empty()),
                }
        };
        let place = self.definition.nodes.get(node)?.incoming.iter().position(brought)?;
        u32::try_from(place).ok()
    }
}

/// Why there is nothing that belongs to an item: there is no such item.
pub(super) fn no_such_item(index: usize, count: usize) -> String {
    format!("this node's input has {count} items, so there is no item {index}")
}
