//! The worker's long tasks: each is vital, so the first that ends by itself ends the worker.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Runs the long tasks and notices when one ends.
#[derive(Debug)]
pub(crate) struct Supervisor {
    tasks: TaskTracker,
    ended: watch::Sender<Option<&'static str>>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Self { tasks: TaskTracker::new(), ended: watch::channel(None).0 }
    }

    /// Runs a task until it ends.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.witness(name);
        self.tasks.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(part = name, "the worker's {name} panicked");
            }
            ended();
        });
    }

    /// What a part calls that ends outside of the runtime.
    pub(crate) fn witness(&self, name: &'static str) -> impl FnOnce() + Send + 'static {
        let ended = self.ended.clone();
        move || {
            ended.send_if_modified(|first| first.is_none() && first.replace(name).is_none());
        }
    }

    /// Waits until a part ends, and says which.
    pub(crate) async fn ended(&self) -> &'static str {
        let mut ended = self.ended.subscribe();
        let first = ended.wait_for(Option::is_some).await;
        first.ok().and_then(|first| *first).unwrap_or("supervisor")
    }

    /// Waits until all tasks have ended.
    pub(crate) async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_part_that_ends_is_named_even_when_it_panics() {
        let supervisor = Supervisor::new();
        supervisor.spawn("ingest", std::future::pending());
        supervisor.spawn("recorder", async { panic!("as intended") });
        assert_eq!(supervisor.ended().await, "recorder");
        supervisor.witness("processor")();
        assert_eq!(supervisor.ended().await, "recorder");
    }
}
