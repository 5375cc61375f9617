//! An HTTP server of this process.

use std::time::Duration;

use axum::Router;
use http_server::ServerLimits;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A server that runs.
pub(crate) struct Server {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Server {
    /// Serves from now on.
    pub(crate) fn start(listener: TcpListener, router: Router) -> Self {
        let stop = CancellationToken::new();
        let server = http_server::serve(listener, router, ServerLimits::default(), stop.clone());
        Self { task: TaskTracker::new().spawn(server), stop }
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
