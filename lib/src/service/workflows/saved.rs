//! Versions with their documents, for runs that are planned along them.

use super::{Known, WorkflowError, Workflows, outline::unreadable};
use crate::service::StartRunError;
use domain::{
    ids::TenantId,
    workflow::{DocumentText, StoredWorkflow, WorkflowDocument, WorkflowKey},
};

impl Workflows {
    /// The version that is `wanted`, else the newest, read now. It is visible in the store.
    ///
    /// # Errors
    /// When there is no such workflow or version, it cannot be read, or the store does not answer.
    pub(in crate::service) async fn saved(
        &self,
        key: &WorkflowKey,
        wanted: Option<u32>,
    ) -> Result<StoredWorkflow, StartRunError> {
        let known = match self.newest(key).await? {
            Some(Known::Saved(version)) if !version.visible => self.shown(key, &version).await?,
            known => known,
        };
        let Some(known) = known.filter(|known| known.current().is_some()) else {
            return Err(StartRunError::NotFound(key.1));
        };
        let newest = known.version();
        match known {
            Known::Saved(version) if wanted.is_none_or(|wanted| wanted == newest) => {
                Ok(version.stored.clone())
            }
            Known::Unreadable(why) if wanted.is_none_or(|wanted| wanted == newest) => {
                Err(unreadable(&why).into())
            }
            _ => {
                let version = wanted.unwrap_or(newest);
                let named = (key.clone(), version);
                let mut found = self.store.at_versions(std::slice::from_ref(&named)).await?;
                match found.remove(&named) {
                    Some(stored) => Ok(stored.map_err(|why| unreadable(&why))?),
                    None => Err(StartRunError::NoVersion { workflow: key.1, version, newest }),
                }
            }
        }
    }

    /// A document that is not saved, if it is a valid workflow, and its text.
    ///
    /// # Errors
    /// When it is not valid, or too many documents of the tenant's wait to be checked.
    pub(in crate::service) async fn checked(
        &self,
        tenant: &TenantId,
        document: WorkflowDocument,
    ) -> Result<(WorkflowDocument, DocumentText), WorkflowError> {
        self.check.checked(tenant, document).await
    }
}
