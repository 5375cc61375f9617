//! The runner's settings.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use minireipaz::credentials::CredentialKeys;

use crate::{
    expr::{JavaScriptLimits, ResumeLinks},
    files::Files,
    http_client::HttpSettings,
};

/// What steps may do and use.
#[derive(Debug, Clone)]
pub struct RunnerSettings {
    /// What `$env` sees: the variables that `WORKER_ENV_ALLOW` names, and no others.
    pub env: BTreeMap<String, String>,
    /// Limits of JavaScript.
    pub javascript: JavaScriptLimits,
    /// Processes for JavaScript: so many steps evaluate it at the same time, and of one tenant half as many; more wait.
    /// `WORKER_JAVASCRIPT_PROCESSES`, default the number of cores, at least 2.
    pub javascript_processes: usize,
    /// The program that they run, which calls [`crate::runner::javascript_child`] first: the worker's own if it is
    /// `None`. For tests and benchmarks, whose own program does not.
    pub javascript_program: Option<PathBuf>,
    /// What makes the links of `$run.resumeUrl()`: `PUBLIC_URL`, `LINK_SECRET` and `LINK_SECRET_NEXT`; without them there
    /// are none.
    pub links: Option<ResumeLinks>,
    /// What opens credentials: `CREDENTIAL_KEYS`; without it steps show none.
    pub credential_keys: Option<CredentialKeys>,
    /// What `http_request` may do.
    pub http: HttpSettings,
    /// Where files are; `None`: steps store and send none.
    pub files: Option<Files>,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            env: BTreeMap::new(),
            javascript: JavaScriptLimits::default(),
            javascript_processes: std::thread::available_parallelism().map_or(2, NonZeroUsize::get).max(2),
            javascript_program: None,
            links: None,
            credential_keys: None,
            http: HttpSettings::default(),
            files: None,
        }
    }
}
