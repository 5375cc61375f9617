//! Tables.

use domain::{limits::MAX_STEP_OUTPUT_BYTES, run::NodeError};
use scraper::ElementRef;

use super::{super::super::output::within, inline};

/// The rows of a table. `None`: it holds what a Markdown table cannot, as those do that only lay out a page.
pub(super) fn rows(table: &ElementRef<'_>) -> Option<Vec<Vec<String>>> {
    let is = |element: &ElementRef<'_>, names: &[&str]| names.contains(&element.value().name());
    let lays_out = table.descendent_elements().any(|inside| {
        inside.id() != table.id()
            && is(&inside, &["table", "ul", "ol", "pre", "blockquote", "h1", "h2", "h3"])
    });
    if lays_out {
        return None;
    }
    let rows: Vec<_> = table
        .descendent_elements()
        .filter(|element| is(element, &["tr"]))
        .map(|row| {
            let cells = row.child_elements().filter(|cell| is(cell, &["td", "th"]));
            cells.map(|cell| inline::one_line(&cell).replace('|', r"\|")).collect::<Vec<_>>()
        })
        .filter(|cells| !cells.is_empty())
        .collect();
    (!rows.is_empty()).then_some(rows)
}

/// The rows as Markdown; the first is the head, which tells how many columns there are.
pub(super) fn written(rows: &[Vec<String>]) -> Result<String, Box<NodeError>> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = Vec::with_capacity(rows.len() + 1);
    let mut bytes = 0;
    for (i, row) in rows.iter().enumerate() {
        let missing = if i == 0 { columns - row.len() } else { 0 };
        let line = format!("| {} |{}", row.join(" | "), "  |".repeat(missing));
        bytes += line.len() + 1;
        within("MAX_STEP_OUTPUT_BYTES", "bytes", bytes, MAX_STEP_OUTPUT_BYTES)?;
        lines.push(line);
        if i == 0 {
            lines.push(format!("|{}", " --- |".repeat(columns)));
        }
    }
    Ok(lines.join("\n"))
}
