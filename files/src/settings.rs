//! Settings of the file store.

use std::{collections::BTreeMap, fmt, time::Duration};

use url::Url;

/// Where files are kept, and how long.
#[derive(Clone)]
pub struct FilesSettings {
    /// `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. `FILES_URL`.
    pub url: Url,
    /// How long a file is kept after it was last stored. `FILES_TTL`, default `30d`.
    pub ttl: Duration,
    /// What a cloud wants to know: the variables that begin with `AWS_`, `GOOGLE_` and `AZURE_`, by their names.
    pub cloud: BTreeMap<String, String>,
}

impl FilesSettings {
    /// How long files are kept unless somebody says otherwise.
    pub const TTL: Duration = Duration::from_secs(30 * 24 * 3600);

    /// A place without anything else to know, such as a folder.
    #[must_use]
    pub const fn new(url: Url) -> Self {
        Self { url, ttl: Self::TTL, cloud: BTreeMap::new() }
    }
}

/// Without the values: they are secrets.
impl fmt::Debug for FilesSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, ttl, cloud } = self;
        let names: Vec<_> = cloud.keys().collect();
        f.debug_struct("FilesSettings")
            .field("url", &url.as_str())
            .field("ttl", ttl)
            .field("cloud", &names)
            .finish()
    }
}
