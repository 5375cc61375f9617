//! Answers that are passed on as they come.

/// Marks an answer that may be too large to be held.
///
/// Vercel's runtime collects what is neither JSON nor a stream of events, and the platform passes on at most 4.5 MB of what
/// was collected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streamed;
