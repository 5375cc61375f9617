//! What JavaScript expressions came to, looked up when a node asks.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::console::Console;

/// The values of some expressions for some items. Each can be taken once.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// The place of an expression among all of them, by the address of its text.
    columns: HashMap<usize, usize>,
    /// The items of which all is known, in ascending order.
    items: Vec<usize>,
    /// Item by item, perhaps the first ones of another item at the end; fewer when an expression ended it.
    cells: Vec<Option<Result<Value, String>>>,
    console: Console,
}

impl Values {
    /// Values of these expressions, none of which is known yet.
    pub(super) fn of(sources: &[Arc<str>]) -> Self {
        let columns = sources.iter().enumerate().map(|(column, source)| (address(source), column)).collect();
        Self { columns, ..Self::default() }
    }

    /// Adds an answer's values for the first of these items, after those that are there. When a limit `ended` it, no
    /// more come for any of them.
    pub(super) fn extend(&mut self, items: &[usize], cells: Vec<Result<Value, String>>, ended: bool) {
        let whole = if ended { items.len() } else { (self.begun() + cells.len()) / self.columns.len() };
        self.items.extend_from_slice(&items[..whole.min(items.len())]);
        self.cells.extend(cells.into_iter().map(Some));
    }

    /// Adds what was written to the console.
    pub(super) fn say(&mut self, lines: Vec<String>) {
        lines.into_iter().for_each(|line| self.console.push(line));
    }

    /// What was written to the console; it is taken out.
    pub(crate) fn take_console(&mut self) -> Vec<String> {
        self.console.take()
    }

    /// How many expressions have a value for the item after those of which all is known.
    pub(super) fn begun(&self) -> usize {
        self.cells.len().saturating_sub(self.items.len() * self.columns.len())
    }

    /// How many items have all their values.
    pub(crate) fn items(&self) -> usize {
        self.items.len()
    }

    /// The value of an expression for an item, or why it has none.
    pub(in crate::expr) fn take(&mut self, source: &Arc<str>, item: usize) -> Result<Value, String> {
        let place = self.items.binary_search(&item).ok().zip(self.columns.get(&address(source)));
        let Some((row, column)) = place else {
            return Err("it was not evaluated, which is a bug of the worker".to_owned());
        };
        match self.cells.get_mut(row * self.columns.len() + column) {
            Some(cell) => cell
                .take()
                .unwrap_or_else(|| Err("its value was taken, which is a bug of the worker".to_owned())),
            // A step that fails with its first error stops at a limit.
            None => Err("it was not evaluated, since a limit stopped one before it".to_owned()),
        }
    }
}

/// Two expressions with the same text are still two.
fn address(source: &Arc<str>) -> usize {
    Arc::as_ptr(source).cast::<u8>().addr()
}
