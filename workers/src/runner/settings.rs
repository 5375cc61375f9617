//! The runner's settings.

use std::{collections::BTreeMap, num::NonZeroUsize};

use crate::{expr::JavaScriptLimits, http_client::HttpSettings};

/// What steps may do and use.
#[derive(Debug, Clone)]
pub struct RunnerSettings {
    /// What `$env` sees: the variables that `WORKER_ENV_ALLOW` names, and no others.
    pub env: BTreeMap<String, String>,
    /// Limits of JavaScript.
    pub javascript: JavaScriptLimits,
    /// Steps that run JavaScript at the same time; more wait. Each holds a thread.
    pub javascript_threads: usize,
    /// What `http_request` may do.
    pub http: HttpSettings,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            env: BTreeMap::new(),
            javascript: JavaScriptLimits::default(),
            javascript_threads: std::thread::available_parallelism().map_or(2, NonZeroUsize::get),
            http: HttpSettings::default(),
        }
    }
}
