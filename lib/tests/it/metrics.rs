//! The documented metrics are those of the code.

use std::{fs, path::Path};

use minireipaz::telemetry::names::{ALL, Metric, Part};

/// A part's table, as `docs/metrics.md` must have it.
fn table(part: Part) -> String {
    let mut table = "| name | type | labels | unit | meaning |\n|---|---|---|---|---|\n".to_owned();
    for Metric { name, kind, labels, unit, help, .. } in ALL.iter().filter(|metric| metric.part == part) {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = kind.as_str();
        table += &format!("| `{name}` | {kind} | {} | {unit} | {help} |\n", labels.join(", "));
    }
    table
}

#[test]
fn the_documented_metrics_are_those_of_the_code() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let document = fs::read_to_string(document).unwrap();
    for part in [Part::Process, Part::Calls, Part::Functions, Part::Doors, Part::Worker] {
        let table = table(part);
        assert!(document.contains(&table), "docs/metrics.md must have this table of {part:?}:\n{table}");
    }
    let known = |line: &&str| ALL.iter().any(|metric| line.contains(&format!("`{}", metric.name)));
    let unknown: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| `minireipaz_"))
        .filter(|line| !known(line))
        .collect();
    assert!(unknown.is_empty(), "the code has no such metrics: {unknown:#?}");
}
