//! Runs as their workers know them, which is before the store does.
//!
//! A worker answers `GET /runs/{id}?tenant=&after=&wait=` from what is durable in its journal: for runs in progress, and
//! for those that ended until the store has them, and a little longer; at `/runs/{id}/items` it gives the items of a
//! step by page. [`Ask`] and [`ItemsAsk`] are the requests in the form that both sides share, [`LiveRuns`] what a function asks, [`WorkerDoor`] the one that asks over HTTP.

#[cfg(feature = "api")]
mod config;
mod items;
mod wire;
#[cfg(feature = "api")]
mod worker_door;

#[cfg(feature = "api")]
pub use config::LiveConfig;
pub use items::{ITEMS, ItemsAsk, MOST_ITEMS};
pub use wire::{Ask, InvalidAsk, LONGEST_WAIT, OWNER_UNAVAILABLE, PATH, UNKNOWN_RUN};
#[cfg(feature = "api")]
pub use worker_door::WorkerDoor;

use async_trait::async_trait;
use bytes::Bytes;
use domain::run::RunKey;

use crate::store::Head;

/// Who may know runs before the store does.
#[async_trait]
pub trait LiveRuns: Send + Sync + 'static {
    /// The run once it is as it was asked for, or as it is when the wait is over. `None`: nobody there knows it, and the
    /// store has to be asked.
    ///
    /// # Errors
    /// When there is no answer: also then the store has to be asked.
    async fn ask(&self, key: &RunKey, ask: Ask) -> Result<Option<LiveRun>, LiveError>;

    /// The items of a step, as the JSON of a page ([`domain::run::ItemsPage`]). `None`: nobody there can tell, and the
    /// store has to be asked.
    ///
    /// # Errors
    /// When there is no answer: also then the store has to be asked.
    async fn items(&self, key: &RunKey, ask: &ItemsAsk) -> Result<Option<Bytes>, LiveError>;
}

/// A run as its worker knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRun {
    /// Where it is.
    pub head: Head,
    /// The run with its steps: the JSON that the API shows, to the letter.
    pub json: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// It has not answered for a while and is left alone.
    #[error("the worker did not answer lately; it is asked again soon")]
    Away,
    /// It has no room for another one who waits.
    #[error("the worker has no room for more who wait")]
    Busy,
    /// The one that has the run cannot be reached; others can.
    #[error("the worker that the run belongs to cannot be reached")]
    OwnerAway,
    /// It did not answer, or not with what was asked for.
    #[error("the worker gave no answer: {0}")]
    Failed(String),
}
