//! Published limits. Every error that comes from one names it.

/// Largest request body that a function accepts: 1 MiB, which fits the broker's default record size with room
/// for the envelope (Vercel itself stops at 4.5 MB).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Largest workflow document, as compact JSON. It travels in every task, so it must leave room for the input.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Largest input of a run, as compact JSON.
pub const MAX_INPUT_BYTES: usize = 512 * 1024;
/// Most nodes in a workflow.
pub const MAX_NODES: usize = 500;
/// Most edges in a workflow.
pub const MAX_EDGES: usize = 2_000;
/// Most items that one port of one step may emit.
pub const MAX_ITEMS: usize = 10_000;
/// Largest output of a step, as compact JSON.
pub const MAX_STEP_OUTPUT_BYTES: usize = 4 * 1024 * 1024;
/// Deepest nesting of an item, and of an error's details: JSON readers stop at 128 levels, and both travel inside other
/// documents.
pub const MAX_DEPTH: usize = 100;
/// Longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY: usize = 255;
/// Largest limit of concurrent runs.
pub const MAX_CONCURRENCY: u32 = 10_000;
/// Most attempts that a node's retry may ask for.
pub const MAX_ATTEMPTS: u32 = 100;
