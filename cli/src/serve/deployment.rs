//! A deployment, as it is served: its functions, its files, and which path leads to which.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf, time::Duration};

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use super::{files::Files, routes::Table};

/// The platform's name for a machine of one's own.
pub(crate) const REGION: &str = "dev1";
/// How long a request may take where nothing is said.
pub(crate) const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(300);

/// Everything that a deployment consists of.
#[derive(Debug)]
pub(crate) struct Deployment {
    /// Where it comes from, for people.
    pub(crate) origin: String,
    pub(crate) table: Table,
    pub(crate) files: Files,
    pub(crate) functions: Vec<Function>,
}

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

/// Reads a JSON file that describes a deployment.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what it should be", path.display()))
}
