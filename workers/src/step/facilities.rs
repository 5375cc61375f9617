//! What attempts share and may use.

use std::{collections::BTreeMap, sync::Arc};

use domain::{retry::Failure, run::NodeError};
use minireipaz::clock::Clock;

use super::failure::{failed, panicked};
use crate::{engine::Outcome, expr::JavaScript, files::Files, http_client::HttpClient};

/// What the steps of a worker use.
pub(crate) struct Facilities {
    pub(crate) clock: Arc<dyn Clock>,
    /// What `$env` sees.
    pub(crate) env: Arc<BTreeMap<String, String>>,
    pub(crate) javascript: JavaScript,
    pub(crate) http: HttpClient,
    /// Where files are; `None`: this worker stores none.
    pub(crate) files: Option<Files>,
}

/// Runs `work` on a thread that may be blocked.
pub(crate) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Outcome> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panicked(&*panic),
        // Only at the runtime's end.
        Err(_) => failed(NodeError::new("aborted", "the worker is stopping"), Failure::Connection),
    })
}
