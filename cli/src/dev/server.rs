//! An HTTP server of this process.

use std::{io, time::Duration};

use axum::Router;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::listen::Listener;

/// A server that runs.
pub(crate) struct Server {
    task: JoinHandle<io::Result<()>>,
    stop: CancellationToken,
}

impl Server {
    /// Serves from now on.
    pub(crate) fn start(listener: Listener, router: Router) -> Self {
        let stop = CancellationToken::new();
        let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        Self { task: TaskTracker::new().spawn(async move { server.await }), stop }
    }

    /// Waits until it ends by itself, which it should not; says how.
    pub(crate) async fn ended(&mut self) -> String {
        format!("{:?}", (&mut self.task).await)
    }

    /// Finishes the requests that have begun, as far as they end within the limit.
    pub(crate) async fn stop(self, limit: Duration) {
        self.stop.cancel();
        let _ = timeout(limit, self.task).await;
    }
}
