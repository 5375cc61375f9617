//! The credential that a step's calls show: opened once an attempt, and renewed when a server does not take it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use domain::ids::{CredentialId, TenantId};
use tokio::time::timeout_at;

use super::failure::CallFailure;
use crate::{
    credentials::{CredentialFailure, Credentials, Shown},
    step::Facilities,
};

/// What the calls of a step show.
pub(super) struct Presented {
    credentials: Credentials,
    shown: Mutex<Arc<Shown>>,
}

impl Presented {
    /// The credential, opened; `None`: the node names none.
    pub(super) async fn of(
        id: Option<CredentialId>,
        facilities: &Facilities,
        tenant: &TenantId,
        deadline: Instant,
    ) -> Result<Option<Self>, CallFailure> {
        let Some(id) = id else { return Ok(None) };
        let credentials = facilities.credentials.clone();
        let credentials = credentials.ok_or_else(|| CallFailure::of_credential(CredentialFailure::off()))?;
        let shown = timeout_at(deadline.into(), credentials.show(&(tenant.clone(), id))).await;
        let shown =
            shown.unwrap_or_else(|_| Err(CredentialFailure::late(id))).map_err(CallFailure::of_credential)?;
        Ok(Some(Self { credentials, shown: Mutex::new(Arc::new(shown)) }))
    }

    /// What is shown now.
    pub(super) fn shown(&self) -> Arc<Shown> {
        Arc::clone(&self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is shown once a server has refused this; `None`: there is nothing else to show.
    pub(super) async fn renewed(
        &self,
        refused: &Arc<Shown>,
        deadline: Instant,
    ) -> Option<Result<Arc<Shown>, CallFailure>> {
        refused.token()?;
        let now = self.shown();
        if !Arc::ptr_eq(&now, refused) {
            // Another call was refused before this one.
            return Some(Ok(now));
        }
        let renewed = timeout_at(deadline.into(), self.credentials.renew(refused)).await;
        let renewed = renewed.unwrap_or_else(|_| Err(CredentialFailure::late(refused.key().1)));
        Some(renewed.map_err(CallFailure::of_credential).map(|newer| {
            let newer = Arc::new(newer);
            *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&newer);
            newer
        }))
    }
}
