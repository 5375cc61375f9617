//! Alerts: errors that keep coming back.

use async_trait::async_trait;
use domain::{
    alert::{Acknowledgement, Alert, AlertReport},
    ids::{AlertId, TenantId},
    timestamp::Timestamp,
};
use uuid::Uuid;

use super::{Page, PageRequest, StoreError};

/// Alerts. What one is follows from what all workers have seen of it.
#[async_trait]
pub trait AlertStore: Send + Sync + 'static {
    /// A worker tells what it has seen of alerts. It replaces what the same reporter told of the same one before.
    async fn report(&self, reports: &[AlertReport]) -> Result<(), StoreError>;

    /// Somebody knows. The first who says so is remembered.
    async fn acknowledge(&self, known: &Acknowledgement) -> Result<(), StoreError>;

    /// Alerts of a tenant, last raised first, as they are at `now`; with `open` only those that go on.
    async fn alerts(
        &self,
        tenant: &TenantId,
        page: &PageRequest,
        open: bool,
        now: Timestamp,
    ) -> Result<Page<Alert>, StoreError>;

    /// One alert as it is at `now`.
    async fn alert(
        &self,
        tenant: &TenantId,
        id: AlertId,
        now: Timestamp,
    ) -> Result<Option<Alert>, StoreError>;

    /// The alert about this pattern that was raised last, as it is at `now`.
    async fn newest_alert(
        &self,
        tenant: &TenantId,
        pattern: Uuid,
        now: Timestamp,
    ) -> Result<Option<Alert>, StoreError>;
}

#[cfg(any(test, feature = "testing"))]
mod in_memory {
    use domain::alert::cleared_at;

    use super::*;
    use crate::store::{
        Cursor,
        memory::{Call, MemoryStore, State, keep_newest, page as page_of},
    };

    #[expect(missing_docs, reason = "the trait says what they are")]
    impl Call {
        pub const REPORT: Self = Self::write("report");
        pub const ACKNOWLEDGE: Self = Self::write("acknowledge");
        pub const ALERTS: Self = Self::read("alerts");
    }

    #[async_trait]
    impl AlertStore for MemoryStore {
        async fn report(&self, reports: &[AlertReport]) -> Result<(), StoreError> {
            self.write(Call::REPORT, |state| {
                for report in reports {
                    let key = (report.tenant.clone(), report.id, report.reporter);
                    keep_newest(&mut state.alerts, key, report.clone(), version);
                }
                Ok(())
            })
            .await
        }

        async fn acknowledge(&self, known: &Acknowledgement) -> Result<(), StoreError> {
            self.write(Call::ACKNOWLEDGE, |state| {
                let key = (known.tenant.clone(), known.id);
                let first = state.acknowledged.entry(key).or_insert_with(|| known.clone());
                if known.at < first.at {
                    *first = known.clone();
                }
                Ok(())
            })
            .await
        }

        async fn alerts(
            &self,
            tenant: &TenantId,
            page: &PageRequest,
            open: bool,
            now: Timestamp,
        ) -> Result<Page<Alert>, StoreError> {
            self.read(Call::ALERTS, |state| {
                let mut alerts = all(state, tenant, now, |_| true);
                alerts.retain(|alert| !open || alert.cleared_at.is_none());
                let place = |alert: Alert| (Cursor { at: alert.raised_at, id: alert.id.0 }, Ok(alert));
                page_of(alerts.into_iter().map(place).collect(), page)
            })
            .await
        }

        async fn alert(
            &self,
            tenant: &TenantId,
            id: AlertId,
            now: Timestamp,
        ) -> Result<Option<Alert>, StoreError> {
            self.read(Call::ALERTS, |state| all(state, tenant, now, |report| report.id == id).pop()).await
        }

        async fn newest_alert(
            &self,
            tenant: &TenantId,
            pattern: Uuid,
            now: Timestamp,
        ) -> Result<Option<Alert>, StoreError> {
            self.read(Call::ALERTS, |state| {
                let alerts = all(state, tenant, now, |report| report.pattern.id(tenant) == pattern);
                alerts.into_iter().max_by_key(|alert| (alert.raised_at, alert.id))
            })
            .await
        }
    }

    fn all(
        state: &State,
        tenant: &TenantId,
        now: Timestamp,
        wanted: impl Fn(&AlertReport) -> bool,
    ) -> Vec<Alert> {
        let mut alerts: Vec<(Alert, std::time::Duration)> = Vec::new();
        for report in state.alerts.values().filter(|report| report.tenant == *tenant && wanted(report)) {
            let seen = Alert {
                id: report.id,
                pattern: report.pattern.clone(),
                message: report.message.clone(),
                raised_at: report.raised_at,
                last_seen_at: report.last_seen_at,
                count: report.count,
                cleared_at: None,
                acknowledged_at: None,
                acknowledged_by: None,
                announced_at: report.announced_at,
            };
            match alerts.iter_mut().find(|(alert, _)| alert.id == report.id) {
                None => alerts.push((seen, report.calm)),
                Some((alert, calm)) => {
                    *calm = (*calm).max(report.calm);
                    if seen.last_seen_at > alert.last_seen_at {
                        alert.message = seen.message;
                    }
                    alert.raised_at = alert.raised_at.min(seen.raised_at);
                    alert.last_seen_at = alert.last_seen_at.max(seen.last_seen_at);
                    alert.count += seen.count;
                    alert.announced_at = alert.announced_at.max(seen.announced_at);
                }
            }
        }
        let told = |(mut alert, calm): (Alert, std::time::Duration)| {
            alert.cleared_at = cleared_at(alert.last_seen_at, calm, now);
            if let Some(known) = state.acknowledged.get(&(tenant.clone(), alert.id)) {
                alert.acknowledged_at = Some(known.at);
                alert.acknowledged_by = Some(known.by.clone());
            }
            alert
        };
        alerts.into_iter().map(told).collect()
    }
}

/// Rises with every report of a reporter: it counts up, or has told whoever is to be told.
pub(super) const fn version(report: &AlertReport) -> u64 {
    2 * report.count + report.announced_at.is_some() as u64
}
