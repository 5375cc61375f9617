//! One attempt of one step: what it works on, what it may use, and how it fails.
//!
//! Below the runner, which executes attempts, and the node kinds, which know what to do in one.

mod callees;
mod facilities;
mod failure;
mod inputs;
mod task;

pub(crate) use callees::{Callee, Callees, NoCallees, Uncallable};
pub(crate) use facilities::{Facilities, on_thread};
pub(crate) use failure::{
    failed, failed_for_good, internal, panicked, timed_out, timeout_error, unevaluated, unknown_node,
    with_console,
};
pub use inputs::{Input, Inputs};
pub use task::StepTask;
