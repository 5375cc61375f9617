//! Takes what this worker has seen of alerts to the store, and has it told what is to be told.
//!
//! Whether an alert is a new one the store decides: what another worker, or this one before it was started again, has
//! raised and what is not long over, is gone on with under its id, and is told no second time.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use domain::{
    alert::{Alert, AlertReport, ErrorPattern},
    ids::{AlertId, TenantId},
    iteration::Iteration,
    run::{Parent, RunPlan, Trigger},
    timestamp::Timestamp,
};
use futures_util::FutureExt as _;
use metrics::counter;
use minireipaz::{
    clock::Clock,
    store::{Store, StoreError},
    telemetry::names,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    AlertSettings, Alerts,
    announcer::{Announcement, Announcements, Event},
    watch::{Change, Episode},
};
use crate::{
    engine::RunHeader,
    processor::{Input, Inputs},
};

/// Between two looks at what is new; a new alert is looked at once.
const EVERY: Duration = Duration::from_secs(5);
/// Who has raised an alert and not told of it for so long will not.
const FORGOTTEN: Duration = Duration::from_secs(600);

type Key = (TenantId, ErrorPattern);

/// Reports alerts.
pub(crate) struct Reporter {
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) settings: AlertSettings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) inputs: Inputs,
    pub(crate) announcements: Announcements,
}

/// An alert that this worker has seen, under the name that it has for all of them.
#[derive(Debug, Clone)]
struct Known {
    id: AlertId,
    /// When this worker has raised it.
    raised_here: Timestamp,
    /// When the first worker has.
    raised_at: Timestamp,
    announced_at: Option<Timestamp>,
    last_seen_at: Timestamp,
    is_told: bool,
}

#[derive(Debug, Default)]
struct Seen {
    known: HashMap<Key, Known>,
    /// What the store has not been told: the newest of each.
    pending: HashMap<Key, Change>,
}

impl Reporter {
    /// Reports until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.report_all()).await;
    }

    async fn report_all(self) {
        let (reporter, mut seen) = (Uuid::new_v4(), Seen::default());
        loop {
            let raised = self.alerts.raised.notified();
            let _ = tokio::time::timeout(EVERY, raised).await;
            let now = self.clock.now();
            for change in self.alerts.collect(now) {
                seen.pending.insert((change.tenant.clone(), change.pattern.clone()), change);
            }
            let settled = AssertUnwindSafe(self.settle(reporter, &mut seen, now)).catch_unwind().await;
            match settled {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, alerts = seen.pending.len(), "alerts are not recorded yet");
                }
                Err(_) => tracing::error!("the store panicked over alerts"),
            }
            self.forget(&mut seen, now);
        }
    }

    async fn settle(&self, reporter: Uuid, seen: &mut Seen, now: Timestamp) -> Result<(), StoreError> {
        if seen.pending.is_empty() {
            return Ok(());
        }
        for (key, change) in &seen.pending {
            let goes_on =
                seen.known.get(key).is_some_and(|known| known.raised_here == change.episode.raised_at);
            if !goes_on {
                let known = self.identify(key, &change.episode, now).await?;
                seen.known.insert(key.clone(), known);
            }
        }
        let reports: Vec<_> = seen
            .pending
            .iter()
            .filter_map(|(key, change)| {
                let known = seen.known.get_mut(key)?;
                known.last_seen_at = change.episode.last_seen_at;
                known.announced_at = known.announced_at.or_else(|| self.announcements.told_at(known.id));
                Some(self.report_of(reporter, key, known, &change.episode))
            })
            .collect();
        self.store.report(&reports).await?;
        for (key, change) in std::mem::take(&mut seen.pending) {
            let Some(known) = seen.known.get_mut(&key) else { continue };
            if !known.is_told {
                known.is_told = true;
                self.raise(&key, known, &change.episode);
            }
            if change.over {
                self.clear(&key, known, now).await;
            }
        }
        Ok(())
    }

    /// Which alert it is.
    async fn identify(&self, key: &Key, episode: &Episode, now: Timestamp) -> Result<Known, StoreError> {
        let (tenant, pattern) = key;
        let pattern = pattern.id(tenant);
        let newest = self.store.newest_alert(tenant, pattern, now).await?;
        let (raised_here, last_seen_at) = (episode.raised_at, episode.last_seen_at);
        let goes_on = |alert: &Alert| {
            alert.cleared_at.is_none_or(|over| raised_here.since(over) <= self.settings.cool_down)
        };
        Ok(match newest.filter(goes_on) {
            Some(Alert { id, raised_at, announced_at, .. }) => Known {
                id,
                raised_here,
                raised_at,
                announced_at,
                last_seen_at,
                is_told: announced_at.is_some()
                    || self.settings.webhook.is_none()
                    || now.since(raised_at) < FORGOTTEN,
            },
            None => Known {
                id: AlertId::of(pattern, raised_here, self.settings.window),
                raised_here,
                raised_at: raised_here,
                announced_at: None,
                last_seen_at,
                is_told: false,
            },
        })
    }

    fn report_of(
        &self,
        reporter: Uuid,
        (tenant, pattern): &Key,
        known: &Known,
        episode: &Episode,
    ) -> AlertReport {
        AlertReport {
            tenant: tenant.clone(),
            id: known.id,
            reporter,
            pattern: pattern.clone(),
            message: episode.message.clone(),
            raised_at: known.raised_here,
            last_seen_at: episode.last_seen_at,
            count: episode.count,
            calm: self.settings.window,
            announced_at: known.announced_at,
        }
    }

    /// Tells of an alert whoever is to be told.
    fn raise(&self, key: &Key, known: &Known, episode: &Episode) {
        let (tenant, pattern) = key;
        let (id, code) = (known.id, pattern.code.as_str());
        counter!(names::WORKER_ALERTS, names::OUTCOME => "raised").increment(1);
        tracing::warn!(
            alert.id = %id, tenant = %tenant, workflow.id = %pattern.workflow_id, error.code = code,
            "alert {id} is raised: {code} keeps coming back in workflow {}", pattern.workflow_id
        );
        let alert = shown(key, known, episode);
        // Who goes on with another's has only to tell what that one could not.
        let is_first = known.raised_at == known.raised_here;
        if let Some(header) = alert_run(tenant, &alert, episode).filter(|_| is_first) {
            // The journal has it from the next commit on.
            self.inputs.send(Input::AlertRun(Box::new(header)));
        }
        self.announcements.tell(Announcement { event: Event::Raised, tenant: tenant.clone(), alert });
    }

    /// Tells that an alert is over, if it is at all workers.
    async fn clear(&self, (tenant, _): &Key, known: &Known, now: Timestamp) {
        if self.settings.webhook.is_none() {
            return;
        }
        match self.store.alert(tenant, known.id, now).await {
            Ok(Some(alert)) if alert.cleared_at.is_some() => {
                let tenant = tenant.clone();
                self.announcements.tell(Announcement { event: Event::Cleared, tenant, alert });
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, alert.id = %known.id, "whether an alert is over cannot be read");
            }
        }
    }

    /// What is long over is not gone on with.
    fn forget(&self, seen: &mut Seen, now: Timestamp) {
        let longest = self.settings.window.saturating_add(self.settings.cool_down) + EVERY;
        seen.known
            .retain(|key, known| seen.pending.contains_key(key) || now.since(known.last_seen_at) <= longest);
        self.announcements.retain(|id| seen.known.values().any(|known| known.id == *id));
    }
}

fn shown((_, pattern): &Key, known: &Known, episode: &Episode) -> Alert {
    Alert {
        id: known.id,
        pattern: pattern.clone(),
        message: episode.message.clone(),
        raised_at: known.raised_at,
        last_seen_at: episode.last_seen_at,
        count: episode.count,
        cleared_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
        announced_at: None,
    }
}

/// The run that is started for an alert, if its workflow names one.
fn alert_run(tenant: &TenantId, alert: &Alert, episode: &Episode) -> Option<RunHeader> {
    let source = &episode.source;
    let own = alert.pattern.workflow_id;
    let workflow_id = source.alert_workflow.filter(|other| *other != own)?;
    let parent = Parent {
        run_id: source.run,
        node_id: alert.pattern.node_id.clone(),
        iteration: Iteration::outside(),
        item: None,
        depth: source.depth + 1,
        waits: false,
        // Neither errors nor alerts of it start anything.
        after_error: true,
    };
    Some(RunHeader {
        tenant: tenant.clone(),
        run_id: source.run.of_alert(alert.id),
        attempt: 1,
        workflow_id,
        workflow_version: 0,
        trigger: Trigger::alert(parent),
        input: json!({
            "alert": {
                "id": alert.id,
                "pattern": alert.pattern,
                "message": alert.message,
                "raised_at": alert.raised_at,
                "last_seen_at": alert.last_seen_at,
                "count": alert.count,
            },
            "run": { "id": source.run },
            "workflow": { "id": own, "name": source.workflow },
        }),
        plan: RunPlan::default(),
        created_at: alert.raised_at,
        traceparent: None,
    })
}
