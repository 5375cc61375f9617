//! What attempts share and may use.

use std::{collections::BTreeMap, sync::Arc};

use domain::{retry::Failure, run::NodeError};
use minireipaz::clock::Clock;

use super::{
    Callees,
    failure::{failed, panicked},
};
use crate::{
    credentials::Credentials,
    engine::Outcome,
    expr::{JavaScript, ResumeLinks},
    files::Files,
    http_client::HttpClient,
};

/// What the steps of a worker use.
pub(crate) struct Facilities {
    pub(crate) clock: Arc<dyn Clock>,
    /// What `$env` sees.
    pub(crate) env: Arc<BTreeMap<String, String>>,
    /// What makes the links of `$run.resumeUrl()`.
    pub(crate) links: Option<Arc<ResumeLinks>>,
    pub(crate) javascript: JavaScript,
    pub(crate) http: Arc<HttpClient>,
    /// What calls show; `None`: this worker opens no credentials.
    pub(crate) credentials: Option<Credentials>,
    /// Where the workflows are that steps call.
    pub(crate) callees: Arc<dyn Callees>,
    /// Where files are; `None`: this worker stores none.
    pub(crate) files: Option<Files>,
}

/// Runs `work` on a thread that may be blocked.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Outcome> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        if error.is_panic() {
            return panicked();
        }
        // Only at the runtime's end.
        failed(NodeError::new("aborted", "the worker is stopping"), Failure::Connection)
    })
}
