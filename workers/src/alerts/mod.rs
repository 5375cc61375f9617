//! Alerts: an error of a workflow that keeps coming back is noticed, recorded and told.
//!
//! `watch` counts, and is **pure**; `reporter` takes what it has seen to the store, starts workflows, and hands what is to
//! be told to `announcer`, which calls the deployment's `webhook`. Nothing of it is in the journal: a worker that starts
//! again counts from nothing, and goes on with the alerts that the store knows.

mod announcer;
mod reporter;
mod settings;
mod watch;
mod webhook;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use announcer::announcements;
use domain::timestamp::Timestamp;
pub(crate) use reporter::Reporter;
pub use settings::AlertSettings;
use tokio::sync::Notify;
use watch::{Change, Watch};
pub(crate) use watch::{Occurrence, Source};
pub use webhook::{InvalidWebhookSecret, WebhookSecret};

/// What counts errors, and who waits for what has become of it.
#[derive(Debug)]
pub(crate) struct Alerts {
    watch: Mutex<Watch>,
    raised: Notify,
}

impl Alerts {
    /// One of so many workers, each of which sees its part of a workflow's runs.
    pub(crate) fn new(settings: &AlertSettings, workers: usize) -> Self {
        Self { watch: Mutex::new(Watch::new(settings, workers)), raised: Notify::new() }
    }

    /// An error came.
    pub(crate) fn note(&self, occurrence: Occurrence, at: Timestamp) {
        if self.lock().note(occurrence, at) {
            self.raised.notify_one();
        }
    }

    fn collect(&self, now: Timestamp) -> Vec<Change> {
        self.lock().collect(now)
    }

    fn lock(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
