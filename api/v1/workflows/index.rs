//! Placeholder until the routes exist.
fn main() {}
