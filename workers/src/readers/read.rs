//! Reads a run: as it is, or once it has moved.

use std::{sync::Arc, time::Duration};

use domain::{ids::RunId, run::RunKey};
use minireipaz::{fair::TooManyWait, live::Ask, store::Head};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Readers, View, Waiter, Watched, look::Looked};

/// How long a run is waited for that is not known and may be on its way. After that the store may know more.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// How old such a run may be, by its id.
const YOUNG: Duration = Duration::from_secs(60);
/// How long the end of a run that was just accepted is listened for before the journal is asked, which takes a thread
/// and a transaction: most runs end sooner.
const LISTENS_FIRST: Duration = Duration::from_millis(100);
/// How old such a run may be, by its id.
const NEW: Duration = Duration::from_secs(1);
/// A run whose end is in the journal is published a moment later.
const JUST_ENDED: Duration = Duration::from_millis(250);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("this worker has no run {0} in progress, nor one that ended lately")]
    Unknown(RunId),
    #[error("this worker has no such step of the run any more, or not yet, or cannot tell what it was given")]
    NoSuchItems,
    #[error("the run has {bytes} bytes in the journal; runs above {limit} are read from the store")]
    TooLarge { bytes: usize, limit: usize },
    #[error(
        "{own} requests of this tenant wait for runs already; the limit of one worker is {limit}, of which a tenant \
         has half at most"
    )]
    TooManyWaiters { own: usize, limit: usize },
    #[error("too many requests of this tenant read runs: {0}")]
    TooManyReads(TooManyWait),
    #[error("the worker stops")]
    Stopping,
    #[error("the journal cannot be read: {0}")]
    Journal(String),
}

impl Readers {
    /// The run once it is as it was asked for, or as it is when the wait is over.
    pub(crate) async fn read(self: &Arc<Self>, key: RunKey, ask: Ask) -> Result<Arc<View>, NoAnswer> {
        let stop = self.stop.clone();
        let read = stop.run_until_cancelled(self.read_until(key, ask));
        read.await.unwrap_or(Err(NoAnswer::Stopping))
    }

    async fn read_until(self: &Arc<Self>, key: RunKey, ask: Ask) -> Result<Arc<View>, NoAnswer> {
        let begun = Instant::now();
        let deadline = begun + ask.wait;
        // Listen before looking, so that no change is missed.
        let mut watching = self.watch(&key, ask.after.is_some())?;
        if ask.after.is_none()
            && self.is_new(key.1)
            && let Some(view) = watching.moved(ask, deadline.min(begun + LISTENS_FIRST)).await
        {
            return Ok(view);
        }
        let limit = match watching.look(ask).await? {
            Looked::Whole(view) => return Ok(view),
            Looked::Waits => deadline,
            Looked::Ended => begun + JUST_ENDED,
            Looked::Unknown if self.may_come(key.1) && !ask.wait.is_zero() => {
                deadline.min(begun + ON_ITS_WAY)
            }
            Looked::Unknown => return Err(NoAnswer::Unknown(key.1)),
        };
        if let Some(view) = watching.moved(ask, limit).await {
            return Ok(view);
        }
        if limit < deadline {
            // It is known by now, or it is not here.
            match watching.look(ask).await? {
                Looked::Whole(view) => return Ok(view),
                Looked::Waits => {}
                Looked::Ended | Looked::Unknown => return watching.last().ok_or(NoAnswer::Unknown(key.1)),
            }
            if let Some(view) = watching.moved(ask, deadline).await {
                return Ok(view);
            }
        }
        match watching.look(Ask::NOW).await? {
            Looked::Whole(view) => Ok(view),
            Looked::Waits | Looked::Ended | Looked::Unknown => {
                watching.last().ok_or(NoAnswer::Unknown(key.1))
            }
        }
    }

    /// Whether a run has just been accepted.
    fn is_new(&self, run: RunId) -> bool {
        run.created_at().is_some_and(|at| self.clock.now().since(at) < NEW)
    }

    /// Whether a run that is not known may be on its way here. A derived id does not tell.
    fn may_come(&self, run: RunId) -> bool {
        run.created_at().is_none_or(|at| self.clock.now().since(at) < YOUNG)
    }

    fn watch(self: &Arc<Self>, key: &RunKey, of_changes: bool) -> Result<Watching, NoAnswer> {
        let place = self.take_place(&key.0)?;
        let mut state = self.lock();
        let ended = state.ended.get(key).cloned();
        let watched = state.watched.entry(key.clone()).or_insert_with(|| Watched {
            view: watch::Sender::new(None),
            waiters: 0,
            of_changes: 0,
        });
        if ended.is_some() {
            watched.view.send_replace(ended);
        }
        watched.waiters += 1;
        watched.of_changes += usize::from(of_changes);
        let view = watched.view.subscribe();
        drop(state);
        Ok(Watching { place, key: key.clone(), of_changes, view })
    }
}

/// Somebody waits for a run.
struct Watching {
    place: Waiter,
    key: RunKey,
    of_changes: bool,
    view: watch::Receiver<Option<Arc<View>>>,
}

impl Watching {
    /// What is known of the run: what was told, unless the journal has to be asked.
    async fn look(&self, ask: Ask) -> Result<Looked, NoAnswer> {
        match self.last() {
            Some(view) if is_met(ask, &view.head()) => Ok(Looked::Whole(view)),
            _ => self.place.readers.look(&self.key, ask).await,
        }
    }

    /// What was told last, if it is the end: whatever else was told may be old.
    fn last(&self) -> Option<Arc<View>> {
        self.view.borrow().clone().filter(|view| view.head().status.is_terminal())
    }

    /// The run once it is as it was asked for; `None` when it is not by `limit`.
    async fn moved(&mut self, ask: Ask, limit: Instant) -> Option<Arc<View>> {
        let met = |view: &Option<Arc<View>>| view.as_ref().is_some_and(|view| is_met(ask, &view.head()));
        // The sender lives as long as somebody waits.
        timeout_at(limit, self.view.wait_for(met)).await.ok()?.ok()?.clone()
    }
}

fn is_met(ask: Ask, head: &Head) -> bool {
    head.status.is_terminal() || ask.after.is_some_and(|after| head.revision > after)
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut state = self.place.readers.lock();
        if let Some(watched) = state.watched.get_mut(&self.key) {
            watched.waiters -= 1;
            watched.of_changes -= usize::from(self.of_changes);
            if watched.waiters == 0 {
                state.watched.remove(&self.key);
            }
        }
    }
}
