//! Scenarios and laws of the engine.

mod bounds;
mod branches;
mod contract;
mod endings;
mod failures;
mod laws;
mod options;
mod paths;
mod recovery;
mod scenario;
mod waits;
