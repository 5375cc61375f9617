//! Files that steps store and send: who may store how much, and when old ones go.

mod quota;
mod sweep;
mod tally;

use std::sync::Arc;

use domain::ids::TenantId;
use files::FileStore;
use minireipaz::fair::{Place, PlaceLimits, Places, TooManyWait};

pub(crate) use quota::{Counted, NotCounted};
pub(crate) use sweep::sweep;

use quota::Quota;

/// The file store of a worker's steps.
#[derive(Clone)]
pub struct Files {
    pub(crate) store: Arc<FileStore>,
    quota: Arc<Quota>,
    places: Arc<Places<TenantId>>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Files that are stored at the same time; each holds some 10 MB at most. More wait.
const PLACES: usize = 16;
/// Of a tenant, so many may wait.
const WAITING: usize = 256;

impl Files {
    /// A store of which a tenant may have so many bytes, and which so many workers share, this one among them.
    #[must_use]
    pub fn new(store: Arc<FileStore>, most_per_tenant: u64, workers: usize) -> Self {
        let quota = Arc::new(Quota::new(Arc::clone(&store), most_per_tenant, workers as u64));
        Self { store, quota, places: Places::new(PlaceLimits::halves(PLACES, WAITING)) }
    }

    /// Waits until a file may be stored.
    pub(crate) async fn place(&self, tenant: &TenantId) -> Result<Place<TenantId>, TooManyWait> {
        self.places.take(tenant).await
    }

    /// Begins to count what a tenant stores.
    pub(crate) async fn counted(&self, tenant: &TenantId) -> Result<Counted, files::FilesError> {
        self.quota.begin(tenant).await
    }
}
