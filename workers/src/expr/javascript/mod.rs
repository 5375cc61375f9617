//! The engine: `QuickJS`, one runtime for one attempt of one node, thrown away afterwards.
//!
//! A runtime of its own isolates runs from each other; within an attempt the language's own objects are frozen, so
//! that items cannot leave each other anything. Code can reach nothing but its arguments.
//!
//! What cannot be stopped: a single operation inside the engine, such as searching a text of megabytes for another,
//! is not interrupted before it is done. It holds one of the few threads for expressions, and its memory is bounded.

mod host;
mod limits;
mod result;
mod session;

pub use limits::JavaScriptLimits;
pub(super) use session::Session;
