//! The store: what is asked of files, and what becomes of old ones.

use std::{
    fmt, io,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{file::FileId, ids::TenantId, timestamp::Timestamp};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, path::Path};
use tokio::sync::RwLock;

use crate::{
    FilesError, FilesSettings, OpenError, Upload,
    address::Signing,
    leftovers, open,
    place::{self, Kind},
};

/// What came and was never finished is deleted after this time.
const INCOMING_TTL: Duration = Duration::from_secs(24 * 3600);

/// What the smallest file counts, so that a bound in bytes bounds their number too.
const LEAST_CHARGE: u64 = 4 * 1024;

/// How much a file of that size counts against what a tenant may have.
#[must_use]
pub const fn charge(size: u64) -> u64 {
    if size < LEAST_CHARGE { LEAST_CHARGE } else { size }
}

/// Files, by tenant and hash.
pub struct FileStore {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) opened: Place,
    /// A file that is stored again must not be deleted as the old one: who stores shares it, who deletes has it alone.
    pub(crate) exchange: RwLock<()>,
}

/// What is known of where files are.
pub(crate) struct Place {
    pub(crate) signing: Option<Signing>,
    prefix: Path,
    pub(crate) folder: Option<std::path::PathBuf>,
    ttl: Duration,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("prefix", &self.opened.prefix).finish_non_exhaustive()
    }
}

/// A file, or a part of it, that is being read.
pub struct Content {
    /// How large the whole file is.
    pub size: u64,
    /// Which of its bytes come.
    pub range: Range<u64>,
    /// They.
    pub bytes: BoxStream<'static, Result<Bytes, FilesError>>,
}

/// What a sweep has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files that were deleted.
    pub deleted: usize,
    /// Files that are left.
    pub left: usize,
}

impl FileStore {
    /// Opens a store. Nothing is reached for yet; a folder is made if it is missing.
    ///
    /// # Errors
    /// When the address is none, something that the cloud needs is missing, or the folder cannot be made.
    pub fn open(settings: &FilesSettings) -> Result<Self, OpenError> {
        let open::Opened { store, signing, prefix, folder } = open::open(settings)?;
        let opened = Place { signing, prefix, folder, ttl: settings.ttl };
        Ok(Self { store, opened, exchange: RwLock::new(()) })
    }

    /// Begins to store a file. What is not finished leaves nothing.
    #[must_use]
    pub fn upload(self: &Arc<Self>, tenant: &TenantId) -> Upload {
        Upload::new(Arc::clone(self), self.folder(tenant))
    }

    /// How large a file is.
    ///
    /// # Errors
    /// When the tenant has no such file, or not any more at `now`, or the store fails.
    pub async fn size(&self, tenant: &TenantId, id: &FileId, now: Timestamp) -> Result<u64, FilesError> {
        match self.store.head(&place::file(&self.folder(tenant), id)).await {
            Ok(meta) if !self.is_over(meta.last_modified, now) => Ok(meta.size),
            Ok(_) | Err(Error::NotFound { .. }) => Err(self.not_found(id)),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a file, or the bytes of it that are in `range`.
    ///
    /// # Errors
    /// As [`Self::size`], and when none of its bytes are in the range.
    pub async fn read(
        &self,
        tenant: &TenantId,
        id: &FileId,
        range: Option<Range<u64>>,
        now: Timestamp,
    ) -> Result<Content, FilesError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        match self.store.get_opts(&place::file(&self.folder(tenant), id), options).await {
            Ok(result) if !self.is_over(result.meta.last_modified, now) => {
                let (size, range) = (result.meta.size, result.range.clone());
                let bytes = result.into_stream().map_err(FilesError::from).boxed();
                Ok(Content { size, range, bytes })
            }
            Ok(_) | Err(Error::NotFound { .. }) => Err(self.not_found(id)),
            Err(error) => Err(error.into()),
        }
    }

    /// How much a tenant has, as [`charge`] counts it. It takes a request for each thousand files.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn used(&self, tenant: &TenantId) -> Result<u64, FilesError> {
        let listed = self.store.list(Some(&self.folder(tenant)));
        Ok(listed
            .try_fold(0_u64, |sum, meta| async move { Ok(sum.saturating_add(charge(meta.size))) })
            .await?)
    }

    /// Deletes what was last stored longer ago than files are kept, and nothing that is not ours.
    ///
    /// # Errors
    /// When the store fails; what is deleted by then stays deleted.
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, FilesError> {
        let prefix = &self.opened.prefix;
        let mut listed = self.store.list((!prefix.as_ref().is_empty()).then_some(prefix));
        let mut swept = Swept::default();
        while let Some(meta) = listed.try_next().await? {
            if place::kind(prefix, &meta.location) == Kind::Foreign {
                continue;
            }
            if self.is_to_go(&meta.location, meta.last_modified, now)
                && self.delete(&meta.location, now).await?
            {
                swept.deleted += 1;
            } else {
                swept.left += 1;
            }
        }
        swept.deleted += self.sweep_leftovers(now).await?;
        Ok(swept)
    }

    /// What only a folder can have.
    async fn sweep_leftovers(&self, now: Timestamp) -> Result<usize, FilesError> {
        let Some(folder) = self.opened.folder.clone() else { return Ok(0) };
        let is_old =
            move |written: SystemTime| now.since(DateTime::<Utc>::from(written).into()) > INCOMING_TTL;
        tokio::task::spawn_blocking(move || leftovers::sweep(&folder, is_old))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(FilesError::on_disk)
    }

    /// Deletes a file unless it has been stored again meanwhile.
    async fn delete(&self, path: &Path, now: Timestamp) -> Result<bool, FilesError> {
        let _alone = self.exchange.write().await;
        match self.store.head(path).await {
            Ok(meta) if self.is_to_go(path, meta.last_modified, now) => match self.store.delete(path).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(true),
                Err(error) => Err(error.into()),
            },
            Ok(_) => Ok(false),
            Err(Error::NotFound { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn is_to_go(&self, path: &Path, stored: DateTime<Utc>, now: Timestamp) -> bool {
        match place::kind(&self.opened.prefix, path) {
            Kind::File => self.is_over(stored, now),
            Kind::Incoming => now.since(Timestamp::from(stored)) > INCOMING_TTL,
            Kind::Foreign => false,
        }
    }

    fn is_over(&self, stored: DateTime<Utc>, now: Timestamp) -> bool {
        now.since(Timestamp::from(stored)) > self.opened.ttl
    }

    fn not_found(&self, id: &FileId) -> FilesError {
        FilesError::NotFound { id: id.clone(), ttl: self.opened.ttl }
    }

    pub(crate) fn folder(&self, tenant: &TenantId) -> Path {
        place::folder(&self.opened.prefix, tenant)
    }
}
