//! Tells the deployment's webhook, one announcement after the other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    alert::Alert,
    ids::{AlertId, TenantId},
    timestamp::Timestamp,
};
use metrics::counter;
use minireipaz::{clock::Clock, telemetry::names};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{AlertSettings, webhook::Webhook};

/// So many announcements may wait; what comes then is told when its error comes back.
const WAITING: usize = 1_000;

/// What has become of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Raised,
    Cleared,
}

/// Something that is to be told.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(super) event: Event,
    pub(super) tenant: TenantId,
    pub(super) alert: Alert,
}

impl Announcement {
    /// By which a receiver recognises it, whoever tells it.
    fn id(&self) -> String {
        match self.event {
            Event::Raised => format!("{}.raised", self.alert.id),
            // An alert may be over several times.
            Event::Cleared => format!("{}.cleared.{}", self.alert.id, self.alert.last_seen_at.as_millis()),
        }
    }

    fn body(&self, now: Timestamp) -> String {
        let kind = match self.event {
            Event::Raised => "alert.raised",
            Event::Cleared => "alert.cleared",
        };
        json!({ "type": kind, "timestamp": now, "data": { "tenant": self.tenant, "alert": self.alert } })
            .to_string()
    }
}

/// The way to the announcer, and what it has done.
#[derive(Debug, Clone)]
pub(crate) struct Announcements {
    sender: Option<mpsc::Sender<Announcement>>,
    /// When alerts were told of that are open here.
    told: Arc<Mutex<HashMap<AlertId, Timestamp>>>,
}

impl Announcements {
    /// Has something told, if there is anybody to tell.
    pub(super) fn tell(&self, announcement: Announcement) {
        let Some(sender) = &self.sender else { return };
        if let Err(error) = sender.try_send(announcement) {
            counter!(names::WORKER_ALERTS, names::OUTCOME => "not_announced").increment(1);
            tracing::warn!(%error, "an alert is not announced: at most {WAITING} announcements wait");
        }
    }

    /// When the alert was told of, if it was.
    pub(super) fn told_at(&self, id: AlertId) -> Option<Timestamp> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// Forgets those that are over.
    pub(super) fn retain(&self, open: impl Fn(&AlertId) -> bool) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| open(id));
    }
}

/// Tells the webhook.
pub(crate) struct Announcer {
    webhook: Webhook,
    receiver: mpsc::Receiver<Announcement>,
    told: Arc<Mutex<HashMap<AlertId, Timestamp>>>,
    clock: Arc<dyn Clock>,
}

/// The way to the announcer, and the announcer if there is anybody to tell.
pub(crate) fn announcements(
    settings: &AlertSettings,
    clock: &Arc<dyn Clock>,
) -> (Announcements, Option<Announcer>) {
    let told = Arc::default();
    let Some(url) = settings.webhook.clone() else {
        return (Announcements { sender: None, told }, None);
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    let announcer = Announcer {
        webhook: Webhook::new(url, settings.secret.clone()),
        receiver,
        told: Arc::clone(&told),
        clock: Arc::clone(clock),
    };
    (Announcements { sender: Some(sender), told }, Some(announcer))
}

impl Announcer {
    /// Tells until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.tell_all()).await;
    }

    async fn tell_all(mut self) {
        while let Some(announcement) = self.receiver.recv().await {
            let now = self.clock.now();
            let posted = self.webhook.post(&announcement.id(), now, &announcement.body(now)).await;
            let outcome = if posted.is_ok() { "announced" } else { "not_announced" };
            counter!(names::WORKER_ALERTS, names::OUTCOME => outcome).increment(1);
            match posted {
                Ok(()) if announcement.event == Event::Raised => {
                    let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.insert(announcement.alert.id, now);
                }
                Ok(()) => {}
                Err(error) => {
                    let id = announcement.alert.id;
                    tracing::error!(%error, alert.id = %id, "alert {id} is not announced; check ALERT_WEBHOOK_URL");
                }
            }
        }
        // Nobody can tell anything any more, and the worker goes on.
        std::future::pending::<()>().await;
    }
}
