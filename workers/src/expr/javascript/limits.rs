//! How much an expression or a program may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JavaScriptLimits {
    /// Longest time of one expression, in CPU time: a busy machine makes no expression wrong.
    pub time: Duration,
    /// Longest time of one run of a program, in CPU time.
    pub program: Duration,
    /// How long a step keeps its process when there is more to evaluate: then it lines up again, so that others get
    /// their turn. The expression that is being evaluated is finished first.
    pub slice: Duration,
    /// Most memory of the engine, in bytes, the items that are read included.
    pub memory: usize,
    /// Deepest stack, in bytes; must be well below the threads' own.
    pub stack: usize,
    /// Largest result of one expression, in bytes of JSON.
    pub output: usize,
}

impl Default for JavaScriptLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(250),
            program: Duration::from_secs(10),
            slice: Duration::from_millis(250),
            memory: 64 * 1024 * 1024,
            stack: 256 * 1024,
            output: domain::limits::MAX_STEP_OUTPUT_BYTES,
        }
    }
}
