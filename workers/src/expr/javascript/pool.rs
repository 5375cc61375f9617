//! Children that wait for work.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc},
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
    waiting: Mutex<Waiting>,
    /// Children that are alive or ordered have a share of it each.
    alive: Arc<()>,
    /// How many have something to do at most; one more may wait.
    most: usize,
    orders: Mutex<Option<mpsc::Sender<Order>>>,
    starting: TaskTracker,
}

#[derive(Default)]
struct Waiting {
    /// The last one comes first: its memory is in the caches.
    idle: Vec<Process>,
    /// Held by who starts one ahead of need.
    ahead: Weak<()>,
}

/// A child that is to be started on a runtime, and its share of those that are alive.
struct Order {
    runtime: Handle,
    alive: Arc<()>,
    reply: oneshot::Sender<io::Result<Process>>,
}

impl Pool {
    /// A pool without children. `program` is the worker's, which has the subcommand.
    pub(super) fn new(program: PathBuf, limits: JavaScriptLimits, most: usize) -> Arc<Self> {
        let (waiting, orders, alive) = (Mutex::default(), Mutex::new(None), Arc::new(()));
        Arc::new(Self { program, limits, waiting, alive, most, orders, starting: TaskTracker::new() })
    }

    /// A child that waits for a request.
    pub(super) async fn take(self: &Arc<Self>) -> io::Result<Process> {
        loop {
            let next = lock(&self.waiting).idle.pop();
            let Some(mut process) = next else { return self.start(Arc::clone(&self.alive)).await };
            // Somebody may have ended it.
            if process.is_alive() {
                self.warm();
                return Ok(process);
            }
        }
    }

    /// A child has answered, and waits again.
    pub(super) fn give_back(&self, process: Process) {
        lock(&self.waiting).idle.push(process);
    }

    /// Sees to it that a child waits, so that the next request need not.
    pub(super) fn warm(self: &Arc<Self>) {
        let Some((alive, ahead)) = self.ahead() else { return };
        let pool = Arc::clone(self);
        self.starting.spawn(async move {
            match pool.start(alive).await {
                // Its engine is not made yet.
                Ok(process) => lock(&pool.waiting).idle.insert(0, process),
                Err(error) => tracing::warn!(%error, "a process for JavaScript cannot be started"),
            }
            drop(ahead);
        });
    }

    /// The share of a child that is started ahead of need, and what says that it is, if one should be.
    fn ahead(&self) -> Option<(Arc<()>, Arc<()>)> {
        let mut waiting = lock(&self.waiting);
        let enough = !waiting.idle.is_empty()
            || waiting.ahead.strong_count() > 0
            || Arc::strong_count(&self.alive) > self.most;
        if enough {
            return None;
        }
        let ahead = Arc::new(());
        waiting.ahead = Arc::downgrade(&ahead);
        Some((Arc::clone(&self.alive), ahead))
    }

    async fn start(&self, alive: Arc<()>) -> io::Result<Process> {
        let (reply, started) = oneshot::channel();
        self.order(Order { runtime: Handle::current(), alive, reply })?;
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
                let program = self.program.clone();
                let work = move || {
                    for Order { runtime, alive, reply } in receiver {
                        if reply.is_closed() {
                            continue;
                        }
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
    use super::*;

    #[tokio::test]
    async fn asked_several_times_at_once_it_starts_one_child_ahead() {
        // It neither reads nor ends by itself.
        let pool = Pool::new("/bin/yes".into(), JavaScriptLimits::default(), 3);
        (0..9).for_each(|_| pool.warm());
        pool.starting.close();
        pool.starting.wait().await;
        assert_eq!((lock(&pool.waiting).idle.len(), Arc::strong_count(&pool.alive) - 1), (1, 1));
    }

    #[tokio::test]
    async fn no_more_than_one_child_is_alive_beside_those_that_have_something_to_do() {
        let pool = Pool::new("/bin/yes".into(), JavaScriptLimits::default(), 2);
        for _ in 0..3 {
            pool.warm();
            let (one, two) = tokio::join!(pool.take(), pool.take());
            for process in [one, two] {
                pool.warm();
                pool.give_back(process.unwrap());
            }
            let alive = Arc::strong_count(&pool.alive) - 1;
            assert!((2..=3).contains(&alive), "{alive}");
        }
    }
}
