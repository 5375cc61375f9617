//! What takes long and is done on other threads, so that no tenant waits for it: to read a run with a long history, and
//! to let go of much memory.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use domain::ids::{RunId, TenantId};
use tokio::runtime::Handle;

use super::{
    Input, Inputs,
    returning::Ticket,
    stored::{Found, Patience, find},
    write::DISK_PAUSE,
};
use crate::{documents::Documents, journal::Journal};

/// What takes more memory than this is dropped elsewhere.
const MUCH: usize = 1 << 20;

/// The threads that do it.
pub(super) struct Aside {
    journal: Arc<Journal>,
    documents: Arc<Documents>,
    inputs: Inputs,
    runtime: Handle,
    stop: Arc<Stop>,
}

/// Whether what these threads do is of use.
#[derive(Default)]
pub(super) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn set(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether nobody waits for anything any more.
    pub(super) fn is_set(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long at most until that is so.
    fn is_set_within(&self, longest: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(stopped, longest, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A run that was read.
pub(crate) struct Returned {
    pub(super) tenant: TenantId,
    pub(super) run: RunId,
    pub(super) ticket: Ticket,
    pub(super) found: Found,
}

impl fmt::Debug for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").field("run", &self.run).finish_non_exhaustive()
    }
}

impl Aside {
    /// On threads of the current runtime.
    pub(super) fn new(journal: &Arc<Journal>, documents: &Arc<Documents>, inputs: Inputs) -> Self {
        Self {
            journal: Arc::clone(journal),
            documents: Arc::clone(documents),
            inputs,
            runtime: Handle::current(),
            stop: Arc::default(),
        }
    }

    /// Reads a run; the processor is told of it as [`Input::Returned`], whatever happens.
    pub(super) fn read(&self, tenant: TenantId, run: RunId, ticket: Ticket) {
        let mut report = Report {
            inputs: self.inputs.clone(),
            journal: Some(Arc::clone(&self.journal)),
            returned: Some(Returned { tenant, run, ticket, found: Found::Stopped }),
        };
        let (documents, stop) = (Arc::clone(&self.documents), Arc::clone(&self.stop));
        self.runtime.spawn_blocking(move || {
            if let (Some(journal), Some(returned)) = (&report.journal, &mut report.returned) {
                returned.found = read(journal, &documents, run, &stop);
            }
        });
    }

    /// Nobody waits for what is being read any more.
    pub(super) fn stop(&self) {
        self.stop.set();
    }

    /// Drops what takes about so many bytes of memory.
    pub(super) fn dispose<T: Send + 'static>(&self, bytes: usize, what: T) {
        if bytes > MUCH {
            self.runtime.spawn_blocking(move || drop(what));
        }
    }
}

/// Reads a run, also over times in which the disk fails: nothing else could go on then either.
fn read(journal: &Journal, documents: &Documents, run: RunId, stop: &Stop) -> Found {
    loop {
        let found = journal.read().and_then(|journal| find(&journal, documents, run, Patience::Until(stop)));
        match found {
            Ok(found) => return found,
            Err(error) => {
                tracing::error!(%error, "a run whose turn it is cannot be read; trying again");
                if stop.is_set_within(DISK_PAUSE) {
                    return Found::Stopped;
                }
            }
        }
    }
}

/// Tells the processor, also when the runtime ends and nothing was read.
struct Report {
    inputs: Inputs,
    journal: Option<Arc<Journal>>,
    /// Taken when it is dropped.
    returned: Option<Returned>,
}

impl Drop for Report {
    fn drop(&mut self) {
        // Whoever hears of it may close the journal.
        self.journal = None;
        if let Some(returned) = self.returned.take() {
            self.inputs.send(Input::Returned(Box::new(returned)));
        }
    }
}
