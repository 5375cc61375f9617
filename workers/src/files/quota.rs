//! How much a tenant has in the file store.
//!
//! The store is asked when it has to be, for one tenant by one at a time; in between, what is stored here is counted as it
//! comes. See [`Tally`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::ids::TenantId;
use files::{FileStore, FilesError, charge};
use tokio::time::Instant;

use super::tally::Tally;

/// Tenants that are remembered; when there are more, those of whom nothing is on its way are asked for anew.
const TENANTS: usize = 10_000;

/// What tenants have, and what each may have.
#[derive(Debug)]
pub(super) struct Quota {
    store: Arc<FileStore>,
    most: u64,
    /// How many share the store.
    workers: u64,
    tenants: Mutex<HashMap<TenantId, Arc<Account>>>,
}

/// One tenant's.
#[derive(Debug, Default)]
struct Account {
    tally: Mutex<Tally>,
    /// Held by who asks the store.
    asking: tokio::sync::Mutex<()>,
}

/// Why a file is not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCounted {
    /// The tenant has as much as it may have.
    #[error(
        "all files of a tenant have at most {most} bytes together (WORKER_MAX_FILE_BYTES_PER_TENANT), a file counts as 4096 at \
         least, and this one would bring more{}: wait until older ones are gone (FILES_TTL), or ask the operator for more",
        parted(*workers)
    )]
    AboveQuota {
        /// In bytes.
        most: u64,
        /// Who may each store a part of what is left.
        workers: u64,
    },
    /// The store does not say how much there is.
    #[error(transparent)]
    Store(#[from] FilesError),
}

fn parted(workers: u64) -> String {
    if workers > 1 {
        format!(" than this worker may still store of it, one of {workers} parts of what is left")
    } else {
        String::new()
    }
}

/// What one file counts. Given back unless it is kept.
#[derive(Debug)]
pub(crate) struct Counted {
    quota: Arc<Quota>,
    tenant: TenantId,
    account: Arc<Account>,
    size: u64,
    charged: u64,
}

impl Quota {
    pub(super) fn new(store: Arc<FileStore>, most: u64, workers: u64) -> Self {
        Self { store, most, workers, tenants: Mutex::default() }
    }

    pub(super) async fn begin(self: &Arc<Self>, tenant: &TenantId) -> Result<Counted, FilesError> {
        let account = self.account(tenant);
        let counted = Counted {
            quota: Arc::clone(self),
            tenant: tenant.clone(),
            account: Arc::clone(&account),
            size: 0,
            charged: 0,
        };
        if account.tally().is_stale(Instant::now()) {
            self.ask(tenant, &account, Tally::is_stale).await?;
        }
        Ok(counted)
    }

    /// Every tenant is asked for anew before it stores anything.
    pub(super) fn forget(&self) {
        self.lock().retain(|_, account| {
            account.tally().forget();
            is_used(account)
        });
    }

    fn account(&self, tenant: &TenantId) -> Arc<Account> {
        let mut tenants = self.lock();
        if tenants.len() >= TENANTS && !tenants.contains_key(tenant) {
            tenants.retain(|_, account| is_used(account));
        }
        Arc::clone(tenants.entry(tenant.clone()).or_default())
    }

    /// Asks the store, unless somebody else has just done it, after which `is_needed` is not true any more.
    async fn ask(
        &self,
        tenant: &TenantId,
        account: &Account,
        is_needed: impl Fn(&Tally, Instant) -> bool,
    ) -> Result<(), FilesError> {
        let _asking = account.asking.lock().await;
        let seen = {
            let tally = account.tally();
            if !is_needed(&tally, Instant::now()) {
                return Ok(());
            }
            tally.kept()
        };
        let found = self.store.used(tenant).await?;
        account.tally().count(found, seen, (self.most, self.workers), Instant::now());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<Account>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a file is on its way: who counts it goes on with this account, so there must be no other of the tenant.
fn is_used(account: &Arc<Account>) -> bool {
    Arc::strong_count(account) > 1 || !account.tally().is_idle()
}

impl Account {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts so many bytes more. Where they do not fit, the store is asked whether there is room by now.
    pub(crate) async fn more(&mut self, bytes: usize) -> Result<(), NotCounted> {
        self.size += bytes as u64;
        let more = charge(self.size) - self.charged;
        if !self.take(more) {
            let quota = &self.quota;
            quota.ask(&self.tenant, &self.account, Tally::may_count_again).await?;
            if !self.take(more) {
                return Err(NotCounted::AboveQuota { most: self.quota.most, workers: self.quota.workers });
            }
        }
        Ok(())
    }

    fn take(&mut self, more: u64) -> bool {
        let taken = self.account.tally().take(more);
        if taken {
            self.charged += more;
        }
        taken
    }

    /// It is stored, and was not there before.
    pub(crate) fn keep(mut self) {
        self.account.tally().keep(std::mem::take(&mut self.charged));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.account.tally().give_back(self.charged);
    }
}

#[cfg(test)]
mod tests;
