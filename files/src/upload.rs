//! A file that comes: hashed while it is written, and in the store under its hash when it is whole.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use domain::{file::FileId, limits::MAX_FILE_BYTES};
use object_store::{
    Attribute, Attributes, Error, ObjectStoreExt, PutMultipartOptions, PutOptions, WriteMultipart, path::Path,
};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::{FileStore, FilesError, place};

/// What is sent to a store at a time; a smaller file is sent as a whole. The clouds take no smaller parts.
const PART: usize = 5 * 1024 * 1024;

/// Parts under way at a time, beside the one that fills up.
const PARTS: usize = 1;

/// A file that comes. Dropped before it is finished it leaves nothing.
pub struct Upload {
    store: Arc<FileStore>,
    folder: Path,
    hash: Sha256,
    size: u64,
    came: Came,
}

/// What has come.
enum Came {
    /// So little that it is kept here.
    Little(BytesMut),
    /// It is on its way to a place of its own; `None` once it is there, or given up.
    Much(Path, Option<WriteMultipart>),
}

/// A file that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: FileId,
    /// How large it is.
    pub size: u64,
    /// Whether it was not there before.
    pub is_new: bool,
}

impl Upload {
    pub(crate) fn new(store: Arc<FileStore>, folder: Path) -> Self {
        Self { store, folder, hash: Sha256::new(), size: 0, came: Came::Little(BytesMut::new()) }
    }

    /// Takes what comes next.
    ///
    /// # Errors
    /// When the file is too large, or the store fails. It cannot be gone on with then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), FilesError> {
        self.size += bytes.len() as u64;
        if self.size > MAX_FILE_BYTES {
            return Err(FilesError::TooLarge);
        }
        self.hash.update(&bytes);
        match &mut self.came {
            Came::Little(came) if came.len() + bytes.len() <= PART => came.extend_from_slice(&bytes),
            Came::Little(came) => {
                let came = std::mem::take(came).freeze();
                self.store.make_folder(&self.folder, true)?;
                let path = place::incoming(&self.folder);
                let options = PutMultipartOptions {
                    attributes: self.store.attributes(),
                    ..PutMultipartOptions::default()
                };
                let upload = self.store.store.put_multipart_opts(&path, options).await?;
                let mut writing = WriteMultipart::new_with_chunk_size(upload, PART);
                writing.put(came);
                writing.put(bytes);
                self.came = Came::Much(path, Some(writing));
            }
            Came::Much(_, writing) => {
                let Some(writing) = writing else { return Ok(()) };
                writing.wait_for_capacity(PARTS).await?;
                // It is a copy: what came may be a small part of something large.
                writing.write(&bytes);
            }
        }
        Ok(())
    }

    /// Puts the file in its place. One that is there already is as if it were new from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finish(mut self) -> Result<Stored, FilesError> {
        let id = FileId::of_hash(&std::mem::take(&mut self.hash).finalize());
        let target = place::file(&self.folder, &id);
        let store = Arc::clone(&self.store);
        let _shared = store.exchange.read().await;
        let is_new = match store.store.head(&target).await {
            Ok(_) => false,
            Err(Error::NotFound { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        match &mut self.came {
            Came::Little(came) => {
                store.make_folder(&self.folder, false)?;
                let options = PutOptions { attributes: store.attributes(), ..PutOptions::default() };
                store.store.put_opts(&target, std::mem::take(came).freeze().into(), options).await?;
            }
            Came::Much(path, writing) => {
                if let Some(writing) = writing.take() {
                    writing.finish().await?;
                }
                if let Err(error) = store.store.rename(path, &target).await {
                    // It would be swept in the end.
                    let _ = store.store.delete(path).await;
                    return Err(error.into());
                }
            }
        }
        store.narrow(&target)?;
        Ok(Stored { id, size: self.size, is_new })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Came::Much(_, writing) = &mut self.came
            && let Some(writing) = writing.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = writing.abort().await {
                    tracing::warn!(%error, "what came of a file is left in the store");
                }
            });
        }
    }
}

impl FileStore {
    /// What a browser is told that asks a cloud itself: these bytes are nothing to show.
    fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        // A folder keeps none.
        if self.opened.folder.is_none() {
            attributes.insert(Attribute::ContentType, "application/octet-stream".into());
            attributes.insert(Attribute::ContentDisposition, "attachment".into());
        }
        attributes
    }

    /// A tenant's folder on this machine is its owner's alone.
    fn make_folder(&self, folder: &Path, incoming: bool) -> Result<(), FilesError> {
        let Some(root) = &self.opened.folder else { return Ok(()) };
        let mut path = root.join(folder.as_ref());
        if incoming {
            path = path.join("incoming");
        }
        private_files::folder(&path, |_| true).map(|_| ()).map_err(FilesError::on_disk)
    }

    fn narrow(&self, file: &Path) -> Result<(), FilesError> {
        let Some(root) = &self.opened.folder else { return Ok(()) };
        private_files::open(&root.join(file.as_ref())).map(|_| ()).map_err(FilesError::on_disk)
    }
}
