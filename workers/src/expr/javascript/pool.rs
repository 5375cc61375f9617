//! Children that wait for work.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use domain::limits::MAX_JAVASCRIPT_INPUT_BYTES;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::task::TaskTracker;

use super::{JavaScriptLimits, frame, process::Process};

/// Idle children, and how to start more.
pub(super) struct Pool {
    program: PathBuf,
    limits: JavaScriptLimits,
    /// The last one comes first: its memory is in the caches.
    idle: Mutex<Vec<Process>>,
    /// Children that are alive, and how many have something to do at most.
    alive: Arc<()>,
    most: usize,
    orders: Mutex<Option<mpsc::Sender<Order>>>,
    starting: TaskTracker,
}

/// A child that is to be started on a runtime.
type Order = (Handle, oneshot::Sender<io::Result<Process>>);

impl Pool {
    /// A pool without children. `program` is the worker's, which has the subcommand.
    pub(super) fn new(program: PathBuf, limits: JavaScriptLimits, most: usize) -> Arc<Self> {
        let (idle, orders, alive) = (Mutex::default(), Mutex::new(None), Arc::new(()));
        Arc::new(Self { program, limits, idle, alive, most, orders, starting: TaskTracker::new() })
    }

    /// A child that waits for a request.
    pub(super) async fn take(self: &Arc<Self>) -> io::Result<Process> {
        loop {
            let next = lock(&self.idle).pop();
            let Some(mut process) = next else { return self.start().await };
            // Somebody may have ended it.
            if process.is_alive() {
                self.warm();
                return Ok(process);
            }
        }
    }

    /// A child has answered, and waits again.
    pub(super) fn give_back(&self, process: Process) {
        lock(&self.idle).push(process);
    }

    /// Sees to it that a child waits, so that the next request need not.
    pub(super) fn warm(self: &Arc<Self>) {
        // Each child has a share of `alive`.
        if !lock(&self.idle).is_empty() || Arc::strong_count(&self.alive) > self.most {
            return;
        }
        let pool = Arc::clone(self);
        self.starting.spawn(async move {
            match pool.start().await {
                // Its engine is not made yet.
                Ok(process) => lock(&pool.idle).insert(0, process),
                Err(error) => tracing::warn!(%error, "a process for JavaScript cannot be started"),
            }
        });
    }

    async fn start(&self) -> io::Result<Process> {
        let (reply, started) = oneshot::channel();
        self.order((Handle::current(), reply))?;
        let mut process = started.await.map_err(|_| gone())??;
        let limits = frame::framed(&self.limits, MAX_JAVASCRIPT_INPUT_BYTES)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        process.send(&limits).await?;
        Ok(process)
    }

    /// Has a child started by the one thread that does nothing else: it lives as long as the pool, and children die with
    /// the thread that started them.
    fn order(&self, order: Order) -> io::Result<()> {
        let mut orders = lock(&self.orders);
        let sender = match &*orders {
            Some(sender) => sender,
            None => {
                let (sender, receiver) = mpsc::channel::<Order>();
                let (program, alive) = (self.program.clone(), Arc::downgrade(&self.alive));
                let work = move || {
                    for (runtime, reply) in receiver {
                        let Some(alive) = alive.upgrade() else { break };
                        let _runtime = runtime.enter();
                        // Who stopped waiting drops it, which ends it.
                        let _ = reply.send(Process::spawn(&program, alive));
                    }
                };
                thread::Builder::new().name("javascript".to_owned()).spawn(work)?;
                orders.insert(sender)
            }
        };
        sender.send(order).map_err(|_| gone())
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that starts processes has ended")
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

    use super::*;

    #[tokio::test]
    async fn asked_several_times_at_once_it_starts_one_child_ahead() {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("waits");
        fs::write(&program, "#!/bin/sh\nexec /bin/cat\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let limits = JavaScriptLimits { time: Duration::from_secs(1), ..JavaScriptLimits::default() };
        let pool = Pool::new(program, limits, 3);
        (0..9).for_each(|_| pool.warm());
        pool.starting.close();
        pool.starting.wait().await;
        assert_eq!(Arc::strong_count(&pool.alive) - 1, 1);
    }
}
