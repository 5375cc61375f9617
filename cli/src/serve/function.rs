//! A function, as a deployment describes it.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its path, such as `/api/v1/runs/[id]`.
    pub(crate) path: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// How long a request may take, answer included.
    pub(crate) max_duration: Duration,
    /// Variables of its own.
    pub(crate) environment: BTreeMap<String, String>,
}

/// What the platform grants when nothing is said.
pub(crate) const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(300);
