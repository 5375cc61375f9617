//! A running instance of a function: who uses its process, and when it ends.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    deployment::Function,
    event::{Event, Tell},
    process::Process,
};

/// Requests at a time in one process; a function has 1024 file descriptors there.
const MAX_CONCURRENCY: usize = 1000;

/// Why a running instance does not take a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It ends, or has ended.
    Gone,
    /// It has as many requests as it may have.
    Full,
}

/// A running instance.
#[derive(Debug)]
pub(crate) struct Instance {
    port: u16,
    usage: Mutex<Usage>,
    stop: CancellationToken,
    ended: CancellationToken,
}

#[derive(Debug)]
struct Usage {
    requests: usize,
    /// When the last request ended.
    since: Instant,
    /// No more requests are taken.
    closed: bool,
}

/// A request's hold on an instance: it is not idle as long as there is one.
#[derive(Debug)]
pub(crate) struct Lease(Arc<Instance>);

impl Lease {
    /// Where it listens on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    /// It broke an answer off, as a process does that is about to end and may still listen for a moment: no other request
    /// is to try it.
    pub(crate) fn is_failing(&self) {
        self.0.usage().closed = true;
    }

    /// Nothing listens there any more: no other request is to try it.
    pub(crate) fn is_gone(&self) {
        self.0.usage().closed = true;
        self.0.stop.cancel();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut usage = self.0.usage();
        usage.requests -= 1;
        usage.since = Instant::now();
    }
}

impl Instance {
    /// Takes over a process: it is stopped when it has been `idle` for so long, and watched by one of `tasks`.
    pub(crate) fn of(
        process: Process,
        function: Arc<Function>,
        idle: Duration,
        tell: Tell,
        tasks: &TaskTracker,
    ) -> Arc<Self> {
        let instance = Arc::new(Self {
            port: process.port(),
            usage: Mutex::new(Usage { requests: 0, since: Instant::now(), closed: false }),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        let watched = Arc::clone(&instance);
        tasks.spawn(async move { watched.watch(process, &function.path, idle, tell).await });
        instance
    }

    /// Takes a request.
    ///
    /// # Errors
    /// When it ends or is full.
    pub(crate) fn lease(self: &Arc<Self>) -> Result<Lease, Unavailable> {
        let mut usage = self.usage();
        if usage.closed {
            return Err(Unavailable::Gone);
        }
        if usage.requests >= MAX_CONCURRENCY {
            return Err(Unavailable::Full);
        }
        usage.requests += 1;
        Ok(Lease(Arc::clone(self)))
    }

    /// Ends the process.
    pub(crate) async fn stop(&self) {
        self.usage().closed = true;
        self.stop.cancel();
        self.ended.cancelled().await;
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the process until it has ended, and ends it when it is idle or no longer wanted.
    async fn watch(&self, mut process: Process, function: &str, idle: Duration, tell: Tell) {
        let mut look = self.usage().since + idle;
        loop {
            tokio::select! {
                how = process.ended() => {
                    tell(function, Event::Crashed(&how));
                    break;
                }
                () = self.stop.cancelled() => {
                    process.end().await;
                    break;
                }
                () = sleep_until(look) => match self.idle(idle) {
                    Ok(()) => {
                        process.end().await;
                        tell(function, Event::Idle(idle));
                        break;
                    }
                    Err(next) => look = next,
                },
            }
        }
        self.usage().closed = true;
        self.ended.cancel();
    }

    /// Closes it when nothing has asked for it for so long; else says when to look again.
    fn idle(&self, idle: Duration) -> Result<(), Instant> {
        let mut usage = self.usage();
        let now = Instant::now();
        let end = usage.since + idle;
        match usage.requests {
            0 if end <= now => {
                usage.closed = true;
                Ok(())
            }
            0 => Err(end),
            _ => Err(now + idle),
        }
    }
}
