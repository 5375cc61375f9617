//! Scenarios and laws of the engine.

mod bounds;
mod branches;
mod calls;
mod contract;
mod endings;
mod failures;
mod laws;
mod loops;
mod options;
mod paths;
mod plans;
mod recovery;
mod respond;
mod scenario;
mod waits;
