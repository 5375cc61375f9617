//! The pure core: documents, ids, events and the rules that make a workflow valid.
//!
//! Nothing here does I/O, reads a clock or draws random numbers, except [`clock::SystemClock`],
//! which is the one place where the wall clock is read.

pub mod clock;
pub mod dag;
pub mod definition;
pub mod duration;
pub mod event;
pub mod ids;
pub mod items;
pub mod limits;
pub mod nodes;
pub mod retry;
pub mod run;
pub mod template;
pub mod timestamp;
pub mod trace;
pub mod violation;
pub mod workflow;
