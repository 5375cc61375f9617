//! Who is let in: the bounds of what may wait for the processor, and the reasons to let nobody in.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use minireipaz::fair::Shares;

use crate::{peers::HandoffQueue, recorder::Backlog};

/// Who sends, and whose tasks a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    /// A connector, which knows one address: anybody's.
    Connector,
    /// Another worker, which says that they are this one's.
    Peer,
}

/// Bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateLimits {
    /// Requests at a time, of one kind of sender half of them.
    pub(crate) requests: usize,
    /// Bytes of their bodies, likewise.
    pub(crate) bytes: usize,
    /// Bytes of the journal that runs take which wait to begin.
    pub(crate) to_begin: usize,
}

/// Decides about each request, by [`Gate::announce`] already before its body is read.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: GateLimits,
    backlog: Arc<Backlog>,
    handoff_queue: Arc<HandoffQueue>,
    waiting: Mutex<Waiting>,
    to_begin: AtomicUsize,
    disk_failed: AtomicBool,
    closed: AtomicBool,
}

/// What waits for the processor.
#[derive(Debug)]
struct Waiting {
    requests: Shares<Sender>,
    bytes: Shares<Sender>,
}

impl Waiting {
    /// Whether bodies of that sender may take so much more.
    fn fits(&self, sender: Sender, bytes: usize) -> bool {
        let Some(before) = bytes.checked_sub(1) else { return true };
        let with = |held: usize| held.saturating_add(before);
        self.bytes.would_have_room(with(self.bytes.of(&sender)), with(self.bytes.taken()))
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Too much waits.
    #[error("the worker is busy: {what} reached the limit of {limit}; send the batch again later")]
    Busy { what: &'static str, limit: usize },
    /// The recorder is behind.
    #[error(
        "the store is behind: {what} that wait for it reached the limit of {limit}; send the batch again later"
    )]
    Backlog { what: &'static str, limit: usize },
    /// The journal cannot be written.
    #[error("the worker's journal cannot be written; check the disk of WORKER_DATA_DIR")]
    Disk,
    /// It is starting or stopping.
    #[error("the worker is starting or stopping; send the batch again")]
    Closed,
}

/// A request whose body is arriving. It has room for what is there of it, and no place among the requests: one whose
/// body never comes holds up nobody. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Arriving {
    gate: Arc<Gate>,
    sender: Sender,
    bytes: usize,
}

/// A request's place, and room for its body. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    body: Arriving,
}

impl Gate {
    /// A gate that is closed until it is opened.
    pub(crate) fn new(limits: GateLimits, backlog: Arc<Backlog>, handoff_queue: Arc<HandoffQueue>) -> Self {
        Self {
            limits,
            backlog,
            handoff_queue,
            waiting: Mutex::new(Waiting {
                requests: Shares::halves(limits.requests),
                bytes: Shares::halves(limits.bytes),
            }),
            to_begin: AtomicUsize::new(0),
            disk_failed: AtomicBool::new(false),
            closed: AtomicBool::new(true),
        }
    }

    /// Whether a request with a body of that announced size would be let in now: who would not is told so before it
    /// sends. What another worker hands over adds nothing to what waits for other workers: two that are full must not
    /// wait for each other.
    pub(crate) fn announce(self: &Arc<Self>, announced: usize, sender: Sender) -> Result<Arriving, Refusal> {
        self.check()?;
        if sender == Sender::Connector
            && let Some(limit) = self.handoff_queue.is_full()
        {
            return Err(Refusal::Busy { what: "the bytes of tasks that wait for other workers", limit });
        }
        let waiting = self.waiting();
        if !waiting.requests.has_room(&sender) {
            return Err(self.too_many_requests());
        }
        if waiting.bytes.of(&sender) > 0 && !waiting.fits(sender, announced) {
            return Err(self.too_many_bytes());
        }
        Ok(Arriving { gate: Arc::clone(self), sender, bytes: 0 })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn too_many_requests(&self) -> Refusal {
        Refusal::Busy { what: "the requests", limit: self.limits.requests }
    }

    const fn too_many_bytes(&self) -> Refusal {
        Refusal::Busy { what: "the bytes of request bodies", limit: self.limits.bytes }
    }

    /// Whether requests are let in at all.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Refusal::Closed);
        }
        if self.disk_failed.load(Ordering::Acquire) {
            return Err(Refusal::Disk);
        }
        if let Some((what, limit)) = self.backlog.is_full() {
            return Err(Refusal::Backlog { what, limit });
        }
        if self.to_begin.load(Ordering::Acquire) >= self.limits.to_begin {
            let what = "the bytes of runs that wait to begin";
            return Err(Refusal::Busy { what, limit: self.limits.to_begin });
        }
        Ok(())
    }

    /// Opens or closes the gate.
    pub(crate) fn set_open(&self, open: bool) {
        self.closed.store(!open, Ordering::Release);
    }

    /// Says whether the journal can be written.
    pub(crate) fn set_disk_failed(&self, failed: bool) {
        self.disk_failed.store(failed, Ordering::Release);
    }

    /// Says how many bytes of the journal the runs take that wait to begin.
    pub(crate) fn set_to_begin(&self, bytes: usize) {
        self.to_begin.store(bytes, Ordering::Release);
    }
}

impl Admission {
    /// The bytes that it was given for.
    pub(crate) const fn bytes(&self) -> usize {
        self.body.bytes
    }
}

impl Arriving {
    /// So many more bytes of it are there.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let mut waiting = self.gate.waiting();
        // One body is let in however large it is: else it never would be.
        let fits = waiting.bytes.of(&self.sender) == self.bytes || waiting.fits(self.sender, bytes);
        waiting.bytes.take(&self.sender, bytes);
        self.bytes += bytes;
        if fits { Ok(()) } else { Err(self.gate.too_many_bytes()) }
    }

    /// All of it is there: gives it a place among the requests.
    pub(crate) fn admit(self) -> Result<Admission, Refusal> {
        self.gate.check()?;
        {
            let mut waiting = self.gate.waiting();
            if !waiting.requests.has_room(&self.sender) {
                return Err(self.gate.too_many_requests());
            }
            waiting.requests.take(&self.sender, 1);
        }
        Ok(Admission { body: self })
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.gate.waiting().bytes.give_back(&self.sender, self.bytes);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Arriving { gate, sender, .. } = &self.body;
        gate.waiting().requests.give_back(sender, 1);
    }
}
