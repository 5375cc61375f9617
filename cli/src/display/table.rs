//! Tables on the terminal: columns as wide as their widest cell.

use console::{Alignment, measure_text_width, pad_str};

/// Lines up rows under their titles.
pub(crate) fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell));
        cells.chain([measure_text_width(titles[column])]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded =
            cells.iter().zip(&widths).map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let titles: Vec<String> = titles.iter().map(|title| console::style(title).dim().to_string()).collect();
    let mut lines = vec![line(&titles)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        console::set_colors_enabled(false);
        let rows = vec![vec!["a".into(), "x".into()], vec!["långer".into(), "y".into()]];
        assert_eq!(table(&["id", "name"], &rows), "id      name\na       x\nlånger  y");
    }
}
