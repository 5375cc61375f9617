//! Where a loop is: the iteration that is under way, and what its edges have brought so far.

use std::{collections::BTreeMap, sync::Arc};

use domain::{items::Items, iteration::Iteration, measure::items_bytes};

/// A loop of a run, or the run as a whole. At most one iteration of it is under way at a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ScopeRun {
    /// The newest iteration.
    pub(super) iteration: Iteration,
    /// Steps of it, and loops inside it, that are not settled.
    pub(super) open: usize,
    /// A `loop` has handed out all that it had: no further iteration follows.
    pub(super) over: bool,
    /// How many items a `loop` has handed out.
    pub(super) taken: usize,
    /// What a `loop` hands out, once it has begun.
    pub(super) given: Option<Given>,
    /// What began this iteration, unless it is the first one, or a `loop` goes on.
    pub(super) began_with: Vec<Brought>,
    /// What edges that lead back have brought in this iteration.
    pub(super) back: Vec<Brought>,
    /// All that came back to a `loop`, in the order of the iterations.
    pub(super) returned: Vec<Brought>,
    /// How many items that is.
    pub(super) returned_items: usize,
    /// What edges bring out of it that lead out.
    pub(super) exits: BTreeMap<usize, Leaving>,
}

/// What an edge brings out of a loop, in the order of the iterations.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Leaving {
    pub(super) lists: Vec<Items>,
    /// How many items they have.
    pub(super) items: usize,
    /// What they take as compact JSON.
    pub(super) bytes: usize,
}

/// What an edge brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// The edge's place among the incoming edges of the node that it leads to.
    pub place: u32,
    /// Its items.
    pub items: Items,
}

/// What a `loop` hands out: all that it was given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Given {
    /// All items, in edge order.
    pub(super) items: Items,
    /// From which of its edges they are: the edge's place, and how many.
    pub(super) pieces: Vec<(u32, usize)>,
}

/// Where a `loop` is when it is executed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Round {
    /// How many of its items it has handed out.
    pub taken: usize,
    /// From which of its edges its items are: the edge's place, and how many.
    pub pieces: Vec<(u32, usize)>,
    /// What came back; only once all of its items are handed out.
    pub returned: Vec<Brought>,
}

impl From<Vec<Items>> for Leaving {
    fn from(lists: Vec<Items>) -> Self {
        let items = lists.iter().map(|items| items.len()).sum();
        let bytes = lists.iter().map(items_bytes).sum();
        Self { lists, items, bytes }
    }
}

impl ScopeRun {
    pub(super) fn new(iteration: Iteration) -> Self {
        Self { iteration, open: 1, ..Self::default() }
    }

    /// Lists of items that it alone keeps.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Items> {
        let brought = self.began_with.iter().chain(&self.back).chain(&self.returned);
        // What came in by one edge is its source's.
        let given = self.given.iter().filter(|given| given.pieces.len() > 1).map(|given| &given.items);
        brought
            .map(|brought| &brought.items)
            .chain(self.exits.values().flat_map(|leaving| &leaving.lists))
            .chain(given)
    }
}

/// Several lists as one; a single one is shared.
pub(super) fn joined(mut lists: Vec<Items>) -> Items {
    match lists.pop() {
        None => Items::default(),
        Some(only) if lists.is_empty() => only,
        Some(last) => {
            lists.push(last);
            Arc::new(lists.iter().flat_map(|items| items.iter().cloned()).collect())
        }
    }
}
