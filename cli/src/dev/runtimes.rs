//! The parts' runtimes: each has its own, as each is a process of its own elsewhere.
//!
//! The threads have their part's name, so the system's accounting tells what each part costs (`make bench`).

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// A part's own threads. What still runs there when it is dropped is given up.
pub(super) struct PartRuntime(Option<Runtime>);

impl PartRuntime {
    /// Threads of that name.
    pub(super) fn new(part: &str) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name(part).build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs it to its end there; dropping the future gives it up.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let handle = self.0.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone());
        AbortOnDropHandle::new(TaskTracker::new().spawn_on(work, &handle)).await?
    }
}

impl Drop for PartRuntime {
    fn drop(&mut self) {
        // Dropping a runtime waits, which a task must not.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
