//! A store of a test's own, and what tests say to it.

use std::{ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{file::FileId, ids::TenantId, timestamp::Timestamp};
use files::{FileStore, FilesError, FilesSettings, Stored, testing::Cloud};
use futures_util::TryStreamExt;
use tempfile::TempDir;
use url::Url;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A store in which nothing is that the test has not stored.
pub(crate) struct Kept {
    pub(crate) store: Arc<FileStore>,
    settings: FilesSettings,
    /// Where it is, if it is a folder.
    pub(crate) folder: Option<TempDir>,
}

pub(crate) fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "files have the system's time")]
pub(crate) fn now() -> Timestamp {
    DateTime::<Utc>::from(std::time::SystemTime::now()).into()
}

/// Bytes of which no two parts are alike.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 ^ (at / 65_537) as u8).collect()
}

/// Looks again and again, for a minute at most.
pub(crate) async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let mut pauses = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        while !look().await {
            pauses.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), looking).await.is_ok(), "in vain: {what}");
}

impl Kept {
    pub(crate) fn in_folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(folder.path().join("files")).unwrap();
        Self::of(FilesSettings::new(url), Some(folder))
    }

    /// `None`: the server cannot be had here, which has been said.
    pub(crate) async fn in_cloud(cloud: Cloud) -> Option<Self> {
        Some(Self::of(cloud.settings().await?, None))
    }

    fn of(settings: FilesSettings, folder: Option<TempDir>) -> Self {
        Self { store: Arc::new(FileStore::open(&settings).unwrap()), settings, folder }
    }

    /// The same place, as another process opens it.
    pub(crate) fn of_another_process(&self) -> Arc<FileStore> {
        Arc::new(FileStore::open(&self.settings).unwrap())
    }

    pub(crate) async fn put(&self, of: &str, chunks: &[&[u8]]) -> Stored {
        let mut upload = self.store.upload(&tenant(of));
        for chunk in chunks {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        upload.finish().await.unwrap()
    }

    pub(crate) async fn get(&self, of: &str, stored: &Stored, range: Option<Range<u64>>) -> Vec<u8> {
        let content = self.store.read(&tenant(of), &stored.id, range, now()).await.unwrap();
        assert_eq!(content.size, stored.size);
        content.bytes.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    /// Whether the tenant has it at that time: asked for in both ways.
    pub(crate) async fn has(&self, of: &str, id: &FileId, at: Timestamp) -> bool {
        let sized = self.store.size(&tenant(of), id, at).await.map(|_| ());
        let read = self.store.read(&tenant(of), id, None, at).await.map(|_| ());
        let has = |result: Result<(), FilesError>| match result {
            Ok(()) => true,
            Err(FilesError::NotFound { .. }) => false,
            Err(other) => panic!("{other:?}"),
        };
        let (sized, read) = (has(sized), has(read));
        assert_eq!(sized, read);
        sized
    }

    /// How many objects of ours there are, whole or on their way.
    pub(crate) async fn count(&self) -> usize {
        let swept = self.store.sweep(now()).await.unwrap();
        assert_eq!(swept.deleted, 0);
        swept.left
    }
}
