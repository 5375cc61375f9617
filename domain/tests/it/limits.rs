//! The table of the limits, and the one for people.

use std::path::Path;

use domain::limits;

#[test]
fn the_documented_limits_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
    let text = std::fs::read_to_string(path).unwrap();
    let documented: Vec<_> = text.lines().filter(|line| line.starts_with("| `MAX")).collect();
    assert_eq!(documented.len(), limits::ALL.len());
    for (row, limit) in documented.iter().zip(limits::ALL) {
        let begin = format!("| `{}` | {} {} | ", limit.name, limit.most, limit.unit);
        assert!(row.starts_with(&begin), "{row} does not begin with {begin}");
    }
}
