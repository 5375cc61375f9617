//! Scenarios and laws of the engine.

mod bounds;
mod branches;
mod contract;
mod endings;
mod failures;
mod laws;
mod loops;
mod options;
mod paths;
mod recovery;
mod respond;
mod scenario;
mod waits;
