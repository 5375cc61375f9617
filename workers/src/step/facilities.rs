//! What attempts share and may use.

use std::{collections::BTreeMap, sync::Arc};

use domain::{retry::Failure, run::NodeError};
use minireipaz::clock::Clock;
use tokio::sync::Semaphore;

use super::failure::{failed, panicked};
use crate::{engine::Outcome, expr::JavaScriptLimits, http_client::HttpClient};

/// What the steps of a worker use.
pub(crate) struct Facilities {
    pub(crate) clock: Arc<dyn Clock>,
    /// What `$env` sees.
    pub(crate) env: Arc<BTreeMap<String, String>>,
    pub(crate) javascript: JavaScript,
    pub(crate) http: HttpClient,
}

/// The engine for expressions: its limits, and places for those that use it at the same time.
pub(crate) struct JavaScript {
    pub(crate) limits: JavaScriptLimits,
    places: Arc<Semaphore>,
}

impl JavaScript {
    pub(crate) fn new(limits: JavaScriptLimits, places: usize) -> Self {
        Self { limits, places: Arc::new(Semaphore::new(places.max(1))) }
    }
}

#[cfg(test)]
impl JavaScript {
    pub(crate) const fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }
}

impl Facilities {
    /// Runs `work` on a thread that may be blocked. The place of a step that is given up on stays taken until its
    /// thread is really free.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        needs_javascript: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Outcome> {
        let places = &self.javascript.places;
        let place = if needs_javascript { Arc::clone(places).acquire_owned().await.ok() } else { None };
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        })
        .await;
        done.map_err(|error| match error.try_into_panic() {
            Ok(panic) => panicked(&*panic),
            // Only at the runtime's end.
            Err(_) => failed(NodeError::new("aborted", "the worker is stopping"), Failure::Connection),
        })
    }
}
