//! Alerts: looked at, and acknowledged.

use super::Tenants;
use crate::{
    service::Caller,
    store::{Page, PageRequest, StoreError},
};
use domain::{
    alert::{Acknowledgement, Alert},
    ids::AlertId,
};

/// Why an alert was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// It does not exist, or is another tenant's.
    #[error("there is no alert {0}")]
    NotFound(AlertId),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tenants {
    /// The caller's alerts, last raised first; with `open` only those that go on.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn alerts(
        &self,
        caller: &Caller,
        page: &PageRequest,
        open: bool,
    ) -> Result<Page<Alert>, StoreError> {
        self.store.alerts(&caller.tenant, page, open, self.clock.now()).await
    }

    /// Notes that `by` knows of an alert, and gives it as it is then. Who was the first stays.
    ///
    /// # Errors
    /// When there is no such alert, or the store does not answer.
    pub async fn acknowledge_alert(
        &self,
        caller: &Caller,
        id: AlertId,
        by: &str,
    ) -> Result<Alert, AlertError> {
        let (tenant, now) = (&caller.tenant, self.clock.now());
        let alert = self.store.alert(tenant, id, now).await?.ok_or(AlertError::NotFound(id))?;
        if alert.acknowledged_at.is_some() {
            return Ok(alert);
        }
        let known = Acknowledgement { tenant: tenant.clone(), id, by: by.to_owned(), at: now };
        self.store.acknowledge(&known).await?;
        Ok(self.store.alert(tenant, id, now).await?.unwrap_or(alert))
    }
}
