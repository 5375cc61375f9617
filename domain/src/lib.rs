//! The pure core: documents, ids, events and the rules that make a workflow valid.
//!
//! Nothing here does I/O, reads a clock or draws random numbers; what needs one of them takes its result as an
//! argument. It is a crate of its own so that the compiler holds this.

pub mod alert;
pub mod concurrency;
pub mod course;
pub mod credential;
pub mod dead_letter;
pub mod definition;
pub mod duration;
pub mod event;
pub mod file;
pub mod heartbeat;
pub mod ids;
pub mod items;
pub mod iteration;
pub mod json;
pub mod json_text;
pub mod kinds;
pub mod limits;
pub mod lineage;
pub mod loops;
pub mod measure;
pub mod number;
pub mod order;
pub mod retry;
pub mod retry_after;
pub mod run;
pub mod schedule;
pub mod stats;
pub mod sum;
pub mod template;
pub mod timestamp;
pub mod trace;
pub mod violation;
pub mod workflow;
