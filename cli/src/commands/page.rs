//! Lists, page by page.

use crate::display::print;

/// Which page of a list.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PageArgs {
    /// How many rows (1 to 200).
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(super) limit: u32,
    /// Where to go on: what the last page printed.
    #[arg(long)]
    pub(super) cursor: Option<String>,
    /// Print JSON as the API gave it.
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(test)]
impl PageArgs {
    /// The first rows.
    pub(super) const fn of(limit: u32) -> Self {
        Self { limit, cursor: None, json: false }
    }
}

/// How to see the next page.
pub(super) fn print_next(cursor: Option<&str>) {
    if let Some(cursor) = cursor {
        print(&console::style(format!("more: --cursor {cursor}")).dim().to_string());
    }
}
