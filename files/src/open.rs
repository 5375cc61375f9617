//! Opens the store that an address names.

use std::{fmt::Display, path::PathBuf, sync::Arc};

use object_store::{
    ObjectStore, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
    local::LocalFileSystem, path::Path, signer::Signer,
};

use crate::{FilesSettings, place};

/// Why a store is not opened.
#[derive(Debug, thiserror::Error)]
#[error("FILES_URL: {0}")]
pub struct OpenError(String);

/// A store, opened.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Who can give an address that opens a file for a while.
    pub(crate) signer: Option<Arc<dyn Signer>>,
    /// What is in front of all names.
    pub(crate) prefix: Path,
    /// The folder, if it is one of this machine.
    pub(crate) folder: Option<PathBuf>,
}

pub(crate) fn open(settings: &FilesSettings) -> Result<Opened, OpenError> {
    let url = &settings.url;
    let prefix = || Path::from_url_path(url.path()).map_err(wrong);
    // A name that a cloud does not know is for somebody else.
    macro_rules! cloud {
        ($builder:ty) => {{
            let known = settings
                .cloud
                .iter()
                .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)));
            let builder =
                known.fold(<$builder>::new(), |builder, (key, value)| builder.with_config(key, value));
            let store = Arc::new(builder.with_url(url.as_str()).build().map_err(wrong)?);
            let signer = Some(Arc::clone(&store) as Arc<dyn Signer>);
            Ok(Opened { store, signer, prefix: prefix()?, folder: None })
        }};
    }
    match url.scheme() {
        "file" => {
            let folder = url.to_file_path().map_err(|()| wrong("it names no folder of this machine"))?;
            let is_ours = |name: &std::ffi::OsStr| name.to_str().is_some_and(place::is_folder);
            if let Some(open) = private_files::folder(&folder, is_ours).map_err(wrong)? {
                tracing::warn!("{open}");
            }
            let store = LocalFileSystem::new_with_prefix(&folder).map_err(wrong)?.with_fsync(true);
            Ok(Opened { store: Arc::new(store), signer: None, prefix: Path::default(), folder: Some(folder) })
        }
        "s3" => cloud!(AmazonS3Builder),
        "gs" => cloud!(GoogleCloudStorageBuilder),
        "az" => cloud!(MicrosoftAzureBuilder),
        other => Err(wrong(format!("{other}: is not known; it begins with file:///, s3://, gs:// or az://"))),
    }
}

fn wrong(why: impl Display) -> OpenError {
    OpenError(why.to_string())
}
