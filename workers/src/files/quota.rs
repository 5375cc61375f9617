//! How much a tenant has in the file store.
//!
//! The store is asked once for each tenant, and again after each sweep; in between what is stored here is counted as it
//! comes. So a tenant never has more than its bound by what this worker stores; what other workers store counts with the
//! next sweep.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::ids::TenantId;
use files::{FileStore, FilesError, charge};

/// Tenants that are remembered; when there are more, all are asked for anew.
const TENANTS: usize = 10_000;

/// What tenants have, and what each may have.
#[derive(Debug)]
pub(super) struct Quota {
    most: u64,
    used: Mutex<HashMap<TenantId, u64>>,
}

/// A tenant has as much as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "all files of a tenant have at most {most} bytes together (WORKER_MAX_FILE_BYTES_PER_TENANT), and this one would bring \
     more: wait until older ones are gone (FILES_TTL), or ask the operator for more"
)]
pub(crate) struct AboveQuota {
    most: u64,
}

/// What one file counts. Given back unless it is kept.
#[derive(Debug)]
pub(crate) struct Counted {
    quota: Arc<Quota>,
    tenant: TenantId,
    size: u64,
    charged: u64,
}

impl Quota {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: Mutex::new(HashMap::new()) }
    }

    pub(super) async fn begin(
        self: &Arc<Self>,
        store: &FileStore,
        tenant: &TenantId,
    ) -> Result<Counted, FilesError> {
        let is_known = self.lock().contains_key(tenant);
        if !is_known {
            let found = store.used(tenant).await?;
            let mut used = self.lock();
            if used.len() >= TENANTS {
                used.clear();
            }
            // Who asked at the same time may have counted something already.
            let entry = used.entry(tenant.clone()).or_default();
            *entry = (*entry).max(found);
        }
        Ok(Counted { quota: Arc::clone(self), tenant: tenant.clone(), size: 0, charged: 0 })
    }

    /// All tenants are asked for anew.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, u64>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts so many bytes more.
    pub(crate) fn more(&mut self, bytes: usize) -> Result<(), AboveQuota> {
        self.size += bytes as u64;
        let more = charge(self.size) - self.charged;
        let mut used = self.quota.lock();
        let entry = used.entry(self.tenant.clone()).or_default();
        if entry.saturating_add(more) > self.quota.most {
            return Err(AboveQuota { most: self.quota.most });
        }
        *entry += more;
        self.charged += more;
        Ok(())
    }

    /// It is stored, and was not there before.
    pub(crate) fn keep(mut self) {
        self.charged = 0;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(used) = self.quota.lock().get_mut(&self.tenant) {
            *used = used.saturating_sub(self.charged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(quota: &Arc<Quota>) -> Counted {
        Counted { quota: Arc::clone(quota), tenant: "t".parse().unwrap(), size: 0, charged: 0 }
    }

    #[test]
    fn what_is_not_kept_is_given_back_and_the_smallest_file_counts() {
        let quota = Arc::new(Quota::new(10_000));
        let mut kept = counted(&quota);
        kept.more(0).unwrap();
        kept.more(5_000).unwrap();
        kept.keep();
        assert_eq!(quota.lock()[&"t".parse::<TenantId>().unwrap()], 5_000);
        let mut dropped = counted(&quota);
        dropped.more(1).unwrap();
        let error = counted(&quota).more(1).unwrap_err();
        assert!(error.to_string().contains("10000 bytes together (WORKER_MAX_FILE_BYTES_PER_TENANT)"));
        drop(dropped);
        assert_eq!(counted(&quota).more(5_000), Ok(()));
        assert!(counted(&quota).more(5_001).is_err());
    }
}
