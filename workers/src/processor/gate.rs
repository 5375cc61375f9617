//! Who is let in: the bounds of what may wait for the processor, and the reasons to let nobody in.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::{peers::HandoffQueue, recorder::Backlog};

/// Bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateLimits {
    /// Requests at a time.
    pub(crate) requests: usize,
    /// Bytes of their bodies.
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
    requests: AtomicUsize,
    bytes: AtomicUsize,
    to_begin: AtomicUsize,
    disk_failed: AtomicBool,
    closed: AtomicBool,
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
            requests: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            to_begin: AtomicUsize::new(0),
            disk_failed: AtomicBool::new(false),
            closed: AtomicBool::new(true),
        }
    }

    /// Whether a request with a body of that announced size would be let in now: who would not is told so before it
    /// sends. What another worker hands over adds nothing to what waits for other workers: two that are full must not
    /// wait for each other.
    pub(crate) fn announce(
        self: &Arc<Self>,
        announced: usize,
        handed_over: bool,
    ) -> Result<Arriving, Refusal> {
        self.check()?;
        if !handed_over && let Some(limit) = self.handoff_queue.is_full() {
            return Err(Refusal::Busy { what: "the bytes of tasks that wait for other workers", limit });
        }
        if self.requests.load(Ordering::Acquire) >= self.limits.requests {
            return Err(self.too_many_requests());
        }
        let taken = self.bytes.load(Ordering::Acquire);
        if taken > 0 && taken.saturating_add(announced) > self.limits.bytes {
            return Err(self.too_many_bytes());
        }
        Ok(Arriving { gate: Arc::clone(self), bytes: 0 })
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
        let taken = self.gate.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        self.bytes += bytes;
        // One body is let in however large it is: else it never would be.
        if taken > self.gate.limits.bytes && taken != self.bytes {
            return Err(self.gate.too_many_bytes());
        }
        Ok(())
    }

    /// All of it is there: gives it a place among the requests.
    pub(crate) fn admit(self) -> Result<Admission, Refusal> {
        self.gate.check()?;
        let requests = self.gate.requests.fetch_add(1, Ordering::AcqRel) + 1;
        let limit = self.gate.limits.requests;
        let admission = Admission { body: self };
        if requests > limit {
            return Err(admission.body.gate.too_many_requests());
        }
        Ok(admission)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.gate.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.body.gate.requests.fetch_sub(1, Ordering::AcqRel);
    }
}
