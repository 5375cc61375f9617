//! Scenarios and laws of the engine.

mod endings;
mod failures;
mod paths;
mod recovery;
mod scenario;
