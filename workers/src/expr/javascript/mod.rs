//! The engine: `QuickJS`.
//!
//! A runtime belongs to one tenant, and in it the language's own objects are frozen, so that neither items nor runs
//! can leave each other anything: an expression reaches its arguments, what it makes itself, and what is frozen. That
//! is why a runtime may be used again, which saves the milliseconds that a frozen world costs; one that a limit
//! stopped, or that an expression left a promise in, is thrown away.
//!
//! What cannot be stopped: a single operation inside the engine, such as searching a text of megabytes for another,
//! is not interrupted before it is done. It holds one of the few threads for expressions, and its memory is bounded.

mod host;
mod limits;
mod pool;
mod result;
mod session;

pub use limits::JavaScriptLimits;
pub(super) use pool::Pooled;
