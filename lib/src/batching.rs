//! Coalescing of concurrent requests into batches, without a timer.
//!
//! A lone request starts at once. What arrives while the allowed number of batches runs waits and forms the next
//! batch, so the batches grow with the load and only as much as the load needs: the way group commit works.
//!
//! Tenants take turns: who waits alone is in the next batch, however much of others waits, and of one tenant no more may
//! wait than leaves room for others (see [`crate::fair`]).

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{sync::oneshot, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::fair::{FairTurns, Shares};
use domain::ids::TenantId;

/// Whose a request is: one tenant's, or several's, who have their turns together.
pub type Whose = Option<TenantId>;

/// Whose something is that is all of these tenants'.
pub fn whose<'t>(tenants: impl IntoIterator<Item = &'t TenantId>) -> Whose {
    let mut tenants = tenants.into_iter();
    let first = tenants.next()?;
    tenants.all(|tenant| tenant == first).then(|| first.clone())
}

/// How much: a number of items and their bytes. As a measure of a request, and as a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Items, such as records or rows.
    pub items: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Load {
    /// Nothing.
    pub const ZERO: Self = Self { items: 0, bytes: 0 };

    fn plus(self, other: Self) -> Self {
        Self { items: self.items.saturating_add(other.items), bytes: self.bytes.saturating_add(other.bytes) }
    }

    const fn fits(self, limit: Self) -> bool {
        self.items <= limit.items && self.bytes <= limit.bytes
    }

    /// How much of `whole` it is, in millionths, by what it takes more of.
    fn part_of(self, whole: Self) -> u64 {
        let part = |own: usize, all: usize| own as u128 * 1_000_000 / (all.max(1) as u128);
        let part = part(self.items, whole.items).max(part(self.bytes, whole.bytes));
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

/// The limits of a [`Coalescer`].
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// So many batches run at a time.
    pub in_flight: usize,
    /// The largest batch. A single request that is larger goes alone.
    pub batch: Load,
    /// So much may wait, of one tenant half of it, and less beside others; more is turned away. The request that reaches
    /// the limit is let in.
    pub queue: Load,
    /// How long after a batch's start the next may start, given the batch's load; see [`no_pacing`].
    pub pacing: fn(Load) -> Duration,
}

/// The next batch may start at once.
#[must_use]
pub const fn no_pacing(_: Load) -> Duration {
    Duration::ZERO
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum BatchError<E> {
    /// The batch failed; every caller in it gets the same error.
    #[error("{0}")]
    Failed(Arc<E>),
    /// Too much waits already; come back later.
    #[error(
        "too much waits already: the limit is {} items or {} bytes, of which one tenant has half at most; try again later",
        .limit.items, .limit.bytes
    )]
    Full {
        /// The limit.
        limit: Load,
    },
    /// The batch was stopped before it answered; whether it took effect is unknown.
    #[error("the batch was stopped before it answered")]
    Stopped,
}

impl<E> Clone for BatchError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Full { limit } => Self::Full { limit: *limit },
            Self::Stopped => Self::Stopped,
        }
    }
}

type Run<Req, Resp, E> = dyn Fn(Vec<Req>) -> BoxFuture<'static, Result<Vec<Resp>, E>> + Send + Sync;

/// Turns concurrent requests into batches.
///
/// A batch runs in a task of its own that lives only while there is work, so a caller that goes away does not hurt
/// the others. Dropping the coalescer stops its batches.
pub struct Coalescer<Req, Resp, E> {
    inner: Arc<Inner<Req, Resp, E>>,
    tasks: TaskTracker,
}

struct Inner<Req, Resp, E> {
    limits: BatchLimits,
    measure: fn(&Req) -> Load,
    run: Box<Run<Req, Resp, E>>,
    queue: Mutex<Queue<Req, Resp, E>>,
    stop: CancellationToken,
}

struct Queue<Req, Resp, E> {
    waiting: FairTurns<Whose, Waiting<Req, Resp, E>>,
    items: Shares<Whose>,
    bytes: Shares<Whose>,
    running: usize,
    /// No batch starts earlier; `None` before the first.
    not_before: Option<Instant>,
}

struct Waiting<Req, Resp, E> {
    whose: Whose,
    request: Req,
    load: Load,
    reply: oneshot::Sender<Result<Resp, BatchError<E>>>,
}

impl<Req, Resp, E> Queue<Req, Resp, E> {
    fn new(limit: Load) -> Self {
        let (items, bytes) = (Shares::halves(limit.items), Shares::halves(limit.bytes));
        Self { waiting: FairTurns::default(), items, bytes, running: 0, not_before: None }
    }

    fn has_room(&self, whose: &Whose) -> bool {
        self.items.has_room(whose) && self.bytes.has_room(whose)
    }

    fn push(&mut self, waiting: Waiting<Req, Resp, E>, cost: u64) {
        let whose = &waiting.whose;
        self.items.take(whose, waiting.load.items);
        self.bytes.take(whose, waiting.load.bytes);
        self.waiting.push(whose.clone(), waiting, cost);
    }

    /// Who is next, if it fits in a batch that has so much already.
    fn pop(&mut self, size: Load, largest: Load) -> Option<Waiting<Req, Resp, E>> {
        let (next, _) = self.waiting.peek()?;
        if size != Load::ZERO && !size.plus(next.load).fits(largest) {
            return None;
        }
        let next = self.waiting.pop()?;
        self.items.give_back(&next.whose, next.load.items);
        self.bytes.give_back(&next.whose, next.load.bytes);
        Some(next)
    }
}

/// The requests of a batch, and where their answers go.
type Taken<Req, Resp, E> = (Vec<Req>, Vec<oneshot::Sender<Result<Resp, BatchError<E>>>>);

impl<Req, Resp, E> Coalescer<Req, Resp, E>
where
    Req: Send + 'static,
    Resp: Send + 'static,
    E: Send + Sync + 'static,
{
    /// A coalescer whose batches are done by `run`: as many answers as requests, in their order.
    /// `measure` tells a request's load.
    pub fn new<F, Fut>(limits: BatchLimits, measure: fn(&Req) -> Load, run: F) -> Self
    where
        F: Fn(Vec<Req>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Resp>, E>> + Send + 'static,
    {
        let inner = Inner {
            limits,
            measure,
            run: Box::new(move |requests| run(requests).boxed()),
            queue: Mutex::new(Queue::new(limits.queue)),
            stop: CancellationToken::new(),
        };
        Self { inner: Arc::new(inner), tasks: TaskTracker::new() }
    }

    /// Hands in a request of somebody's and waits for its answer. A caller that stops waiting withdraws its request, unless
    /// its batch has started.
    ///
    /// # Errors
    /// The batch's error; or that too much waits already; or that the batch was stopped.
    pub async fn submit(&self, whose: Whose, request: Req) -> Result<Resp, BatchError<E>> {
        let (reply, answer) = oneshot::channel();
        let load = (self.inner.measure)(&request);
        let start = {
            let mut queue = self.inner.lock();
            if !queue.has_room(&whose) {
                return Err(BatchError::Full { limit: self.inner.limits.queue });
            }
            let cost = load.part_of(self.inner.limits.batch);
            queue.push(Waiting { whose, request, load, reply }, cost);
            let start = queue.running < self.inner.limits.in_flight.max(1);
            queue.running += usize::from(start);
            start
        };
        if start {
            self.tasks.spawn(Arc::clone(&self.inner).work());
        }
        answer.await.unwrap_or(Err(BatchError::Stopped))
    }

    /// Waits until nothing is left to do. For a graceful stop, once nobody submits any more.
    pub async fn drain(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

impl<Req, Resp, E> Inner<Req, Resp, E> {
    /// Runs batches until nothing waits.
    async fn work(self: Arc<Self>) {
        while let Some(next) = self.next() {
            let work = async {
                match next {
                    Next::Pause(until) => tokio::time::sleep_until(until).await,
                    Next::Batch((requests, replies)) => self.run(requests, replies).await,
                }
            };
            if self.stop.run_until_cancelled(work).await.is_none() {
                return;
            }
        }
    }

    /// The next thing to do. `None` when nothing waits; this worker is then no longer counted as running, under
    /// the same lock, so that no request can be left behind.
    fn next(&self) -> Option<Next<Req, Resp, E>> {
        let mut queue = self.lock();
        if queue.waiting.is_empty() {
            queue.running -= 1;
            return None;
        }
        let now = Instant::now();
        if let Some(until) = queue.not_before.filter(|at| *at > now) {
            return Some(Next::Pause(until));
        }
        let (mut requests, mut replies, mut size) = (Vec::new(), Vec::new(), Load::ZERO);
        while let Some(Waiting { request, load, reply, .. }) = queue.pop(size, self.limits.batch) {
            if !reply.is_closed() {
                size = size.plus(load);
                requests.push(request);
                replies.push(reply);
            }
        }
        let gap = (self.limits.pacing)(size);
        if !gap.is_zero() && !requests.is_empty() {
            queue.not_before = Some(now + gap);
        }
        Some(Next::Batch((requests, replies)))
    }

    async fn run(&self, requests: Vec<Req>, replies: Vec<oneshot::Sender<Result<Resp, BatchError<E>>>>) {
        if requests.is_empty() {
            return;
        }
        // A panic must not take the worker with it: the callers would wait for ever. They see `Stopped`.
        let work = AssertUnwindSafe(async { (self.run)(requests).await });
        let Ok(result) = work.catch_unwind().await else { return };
        match result {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for reply in replies {
                    let _ = reply.send(Err(BatchError::Failed(Arc::clone(&error))));
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<Req, Resp, E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next<Req, Resp, E> {
    Pause(Instant),
    Batch(Taken<Req, Resp, E>),
}

impl<Req, Resp, E> Drop for Coalescer<Req, Resp, E> {
    fn drop(&mut self) {
        self.inner.stop.cancel();
    }
}

impl<Req, Resp, E> fmt::Debug for Coalescer<Req, Resp, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.inner.lock();
        f.debug_struct("Coalescer")
            .field("waiting", &queue.waiting.len())
            .field("running", &queue.running)
            .finish()
    }
}

#[cfg(test)]
mod tests;
