//! Asks the worker of one run for all who wait for it.
//!
//! One request is out: it ends when the run has moved. While the worker answers, the store is asked about that run only
//! now and then; when the worker does not answer or does not know the run, as if there were no worker.

use std::{sync::Arc, time::Duration};

use domain::run::RunKey;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{Heard, Inner};
use crate::{
    live::{Ask, LiveError, LiveRun, LiveRuns},
    service::FoundRun,
};

/// What those who wait for a run want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Every revision above this one, and the end.
    After(u64),
    /// Only the end.
    End,
}

impl Wanted {
    /// What makes both hear what they want.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::After(one), Self::After(other)) => Self::After(one.min(other)),
            (Self::After(after), Self::End) | (Self::End, Self::After(after)) => Self::After(after),
            (Self::End, Self::End) => Self::End,
        }
    }
}

/// How long a request waits: what most proxies let through.
const WAIT: Duration = Duration::from_secs(25);
/// Before asking again after an answer that was no news.
const AFTER_NO_NEWS: Duration = Duration::from_millis(100);
/// Before asking again a worker that did not know the run, or did not answer.
const AFTER_NOTHING: Duration = Duration::from_secs(1);

/// The one that asks about one run.
pub(super) struct Asking {
    pub(super) inner: Arc<Inner>,
    pub(super) live: Arc<dyn LiveRuns>,
    pub(super) key: RunKey,
    /// Somebody wants to hear more than was asked for.
    pub(super) wants_more: Arc<Notify>,
}

impl Asking {
    /// Asks until the run has ended; ended from outside when nobody waits any more.
    pub(super) async fn run(self) {
        while let Some(ask) = self.next() {
            let answer = tokio::select! {
                answer = self.live.ask(&self.key, ask) => answer,
                () = self.wants_more.notified() => continue,
            };
            let pause = match answer {
                Ok(Some(run)) => self.tell(run),
                Ok(None) => self.fall_back(None),
                Err(error) => self.fall_back(Some(&error)),
            };
            sleep(pause).await;
        }
    }

    /// What to ask next; `None` when there is nothing more to hear.
    fn next(&self) -> Option<Ask> {
        let table = self.inner.table();
        let watched = table.runs.get(&self.key)?;
        let heard = watched.heard.borrow().as_ref().and_then(Heard::head);
        if heard.is_some_and(|head| head.status.is_terminal()) {
            return None;
        }
        let after = match watched.wanted {
            Wanted::End => None,
            Wanted::After(after) => Some(heard.map_or(after, |head| head.revision.max(after))),
        };
        Some(Ask { after, wait: WAIT })
    }

    /// Tells what the worker has said; how long to wait before asking again.
    fn tell(&self, run: LiveRun) -> Duration {
        let mut table = self.inner.table();
        let beside = self.inner.settings.beside_worker;
        let Some(watched) = table.runs.get_mut(&self.key) else { return Duration::ZERO };
        let now = Instant::now();
        let moved = watched.hears(Heard::Run(FoundRun::Live(run)));
        if moved {
            watched.active = now;
        }
        watched.live = true;
        watched.due = now + beside;
        if moved { Duration::ZERO } else { AFTER_NO_NEWS }
    }

    /// Leaves the run to the store; how long to wait before asking again.
    fn fall_back(&self, error: Option<&LiveError>) -> Duration {
        tracing::debug!(run.id = %self.key.1, error = error.map(tracing::field::display), "the store is asked instead");
        let mut table = self.inner.table();
        if let Some(watched) = table.runs.get_mut(&self.key)
            && std::mem::replace(&mut watched.live, false)
        {
            watched.due = Instant::now();
            drop(table);
            self.inner.joined.notify_one();
        }
        AFTER_NOTHING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_every_change_hears_it_whoever_waits_beside() {
        use Wanted::{After, End};
        assert_eq!((End.and(End), End.and(After(3)), After(3).and(End)), (End, After(3), After(3)));
        assert_eq!((After(3).and(After(2)), After(1).and(After(2))), (After(2), After(1)));
    }
}
