//! Opens the store that an address names.

use std::{fmt::Display, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, local::LocalFileSystem, path::Path,
    signer::Signer,
};

use crate::{FilesSettings, address::Signing, place};

/// How long a cloud may say nothing: while a part is sent, an answer is waited for, or a file comes. There is no limit for
/// a whole request, since a file is read as slowly as the one takes it who gets it.
const SILENCE: Duration = Duration::from_secs(60);

/// No retry begins later than this after the first attempt: who waits for a step or an answer has a limit of his own.
const RETRIES: Duration = Duration::from_secs(20);

/// Why a store is not opened.
#[derive(Debug, thiserror::Error)]
#[error("FILES_URL: {0}")]
pub struct OpenError(String);

/// A store, opened.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Who makes addresses that open a file for a while.
    pub(crate) signing: Option<Signing>,
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
        ($builder:ty, $of_requests:expr) => {{
            let known = settings
                .cloud
                .iter()
                .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)));
            let builder = <$builder>::new().with_client_options(client()).with_retry(retries());
            let builder = known.fold(builder, |builder, (key, value)| builder.with_config(key, value));
            let store = Arc::new(builder.with_url(url.as_str()).build().map_err(wrong)?);
            let signer = Arc::clone(&store) as Arc<dyn Signer>;
            let signing = Some(Signing { signer, of_requests: $of_requests });
            Ok(Opened { store, signing, prefix: prefix()?, folder: None })
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
            Ok(Opened {
                store: Arc::new(store),
                signing: None,
                prefix: Path::default(),
                folder: Some(folder),
            })
        }
        "s3" => cloud!(AmazonS3Builder, true),
        "gs" => cloud!(GoogleCloudStorageBuilder, true),
        "az" => cloud!(MicrosoftAzureBuilder, false),
        other => Err(wrong(format!("{other}: is not known; it begins with file:///, s3://, gs:// or az://"))),
    }
}

fn client() -> ClientOptions {
    ClientOptions::new().with_timeout_disabled().with_read_timeout(SILENCE)
}

fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 5, retry_timeout: RETRIES }
}

fn wrong(why: impl Display) -> OpenError {
    OpenError(why.to_string())
}
