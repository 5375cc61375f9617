//! What goes wrong with files.

use std::time::Duration;

use domain::{duration::HumanDuration, file::FileId, limits::MAX_FILE_BYTES};

/// Why a file is not stored or not given.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// Nobody has stored it for this tenant, or it is gone.
    #[error(
        "there is no file {id}: it was never stored for this tenant, or longer ago than files are kept, {} (FILES_TTL); \
         store it again", HumanDuration(*ttl)
    )]
    NotFound {
        /// Which.
        id: FileId,
        /// How long files are kept.
        ttl: Duration,
    },
    /// There is no such part of it.
    #[error("the file has {size} bytes, and none of them in the range that is asked for")]
    NoRange {
        /// How large it is.
        size: u64,
    },
    /// It is larger than a file may be.
    #[error("the file is larger than the limit of {MAX_FILE_BYTES} bytes (MAX_FILE_BYTES)")]
    TooLarge,
    /// The store does not do it. What it says is for operators: it may name their folders.
    #[error("the file store cannot do it now")]
    Unavailable(#[source] object_store::Error),
}

impl FilesError {
    /// The folder does not do it.
    pub(crate) fn on_disk(source: std::io::Error) -> Self {
        Self::Unavailable(object_store::Error::Generic { store: "folder", source: Box::new(source) })
    }
}

impl From<object_store::Error> for FilesError {
    fn from(error: object_store::Error) -> Self {
        Self::Unavailable(error)
    }
}
