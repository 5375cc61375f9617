//! What came in, edge by edge.

use domain::{
    items::Items,
    lineage::{Origin, Origins},
};
use std::sync::Arc;

/// What one edge brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The edge's place among the node's incoming edges.
    pub place: u32,
    /// The input that it leads to, for kinds that tell inputs apart.
    pub name: Option<String>,
    /// Its items: at least one.
    pub items: Items,
}

/// What all edges brought that brought anything, in edge order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs(pub Vec<Input>);

impl Inputs {
    /// One input.
    #[must_use]
    pub fn one(items: Items) -> Self {
        Self(vec![Input { place: 0, name: None, items }])
    }

    /// How many items came in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|input| input.items.len()).sum()
    }

    /// Whether no item came in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All items as one list, in edge order: how most kinds see them.
    #[must_use]
    pub fn items(&self) -> Items {
        match self.0.as_slice() {
            [] => Arc::default(),
            [only] => Arc::clone(&only.items),
            several => Arc::new(several.iter().flat_map(|input| input.items.iter().cloned()).collect()),
        }
    }

    /// Whether the lineage of an item in its place need not be told.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.len() < 2
    }

    /// Where the item at that place of [`Self::items`] came from.
    pub(crate) fn origins(&self, mut index: usize) -> Origins {
        for input in &self.0 {
            if index < input.items.len() {
                let item = u32::try_from(index).unwrap_or(u32::MAX);
                return vec![Origin { input: input.place, item }];
            }
            index -= input.items.len();
        }
        Origins::new()
    }
}
