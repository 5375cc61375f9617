//! Which version of a workflow a run is started in.

use std::time::Duration;

use super::{
    Workflows,
    cache::{Cached, Known, Version},
    outline::unreadable,
};
use crate::{
    service::StartRunError,
    store::{StoreError, WorkflowChange},
};
use domain::{
    ids::NodeId,
    workflow::{Concurrency, WorkflowKey},
};

/// How long the start of a run waits to hear of a newer version.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a run is started in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) struct Chosen {
    /// The newest version that is known.
    pub(in crate::service) newest: u32,
    /// The version that was asked for, else the newest.
    pub(in crate::service) version: u32,
    /// Its `manual` trigger.
    pub(in crate::service) manual: NodeId,
    /// How many of its runs may run at once.
    pub(in crate::service) concurrency: Option<Concurrency>,
}

impl Workflows {
    /// What a run is to be started in: the version that is `wanted`, else the newest.
    ///
    /// It costs no read when one was made within the last second, and a version that is known no longer changes. What is
    /// chosen is visible in the store: else the scheduler, which reads it there, could not find it.
    ///
    /// # Errors
    /// When there is no such workflow or version, it is not started by request, or the store does not answer.
    pub(in crate::service) async fn to_start(
        &self,
        key: &WorkflowKey,
        wanted: Option<u32>,
    ) -> Result<Chosen, StartRunError> {
        let mut known = self.lately(key).await?;
        if known.as_ref().is_some_and(|known| wanted > Some(known.version())) {
            // It may have been saved within this second.
            known = self.newest(key).await?;
        }
        let known = match known {
            Some(Known::Saved(version)) if !version.visible => self.shown(key, &version).await?,
            known => known,
        };
        let Some(known) = known.filter(|known| known.current().is_some()) else {
            return Err(StartRunError::NotFound(key.1));
        };
        let newest = known.version();
        let version = wanted.unwrap_or(newest);
        let found = match known {
            Known::Saved(saved) if version == newest => {
                Some((saved.manual.clone(), saved.concurrency.clone()))
            }
            Known::Unreadable(why) if version == newest => return Err(unreadable(&why).into()),
            _ if version < newest => {
                let outline = self.outline((key.clone(), version)).await?;
                outline.map(|outline| (outline.manual.clone(), outline.concurrency.clone()))
            }
            _ => None,
        };
        match found {
            Some((Some(manual), concurrency)) => Ok(Chosen { newest, version, manual, concurrency }),
            Some((None, _)) => Err(StartRunError::NoManualTrigger { workflow: key.1, version }),
            None => Err(StartRunError::NoVersion { workflow: key.1, version, newest }),
        }
    }

    /// The newest version as it was within the last second, or was when the store last answered.
    pub(super) async fn lately(&self, key: &WorkflowKey) -> Result<Option<Known>, StoreError> {
        match self.cache.get(key) {
            Cached::Fresh(known) => Ok(Some(known)),
            Cached::Stale(known) => match tokio::time::timeout(PATIENCE, self.newest(key)).await {
                Ok(Ok(found)) => Ok(found),
                failed => {
                    let error = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => "it is slow".to_owned(),
                    };
                    tracing::warn!(workflow.id = %key.1, error, "the store does not answer: version last seen used");
                    self.cache.asked_in_vain(key);
                    Ok(Some(known))
                }
            },
            Cached::Nothing => self.newest(key).await,
        }
    }

    /// Writes a version that was saved here and that the store does not have yet; gives the newest that is known then.
    pub(super) async fn shown(
        &self,
        key: &WorkflowKey,
        version: &Version,
    ) -> Result<Option<Known>, StoreError> {
        let (tenant, workflow) = (key.0.clone(), version.stored.clone());
        self.store.save(&[WorkflowChange::Saved { tenant, workflow }]).await?;
        let seen = Known::Saved(Version::new(version.stored.clone(), true).into());
        Ok(self.cache.learn(key, Some(seen)))
    }
}
