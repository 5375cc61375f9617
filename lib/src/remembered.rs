//! Options of tables that forget.

use quick_cache::{Options, OptionsBuilder};

/// Options of a table of about so many entries, which weigh `weight` together at most; `more` sets others.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "it never does")]
pub fn options(entries: usize, weight: usize, more: impl FnOnce(&mut OptionsBuilder)) -> Options {
    let mut options = OptionsBuilder::new();
    more(options.estimated_items_capacity(entries).weight_capacity(weight as u64));
    options.build().expect("both capacities are set")
}
