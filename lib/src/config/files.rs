//! Settings of the file store.

use domain::duration::HumanDuration;
use files::FilesSettings;
use url::Url;

use super::Env;

/// What clouds are told by.
const CLOUDS: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// Reads `FILES_URL`, `FILES_TTL` and what a cloud wants to know. `None`: files are not stored.
pub fn files(env: &mut Env) -> Option<FilesSettings> {
    let url: Option<Url> = env.optional("FILES_URL");
    let ttl: Option<HumanDuration> = env.optional("FILES_TTL");
    if ttl.is_some_and(|ttl| ttl.0.is_zero()) {
        env.problem("FILES_TTL is more than nothing, such as 30d");
    }
    let mut settings = FilesSettings::new(url?);
    settings.ttl = ttl.map_or(settings.ttl, |ttl| ttl.0);
    // What is empty is as if it were not set, as everywhere: an empty key is not to be shown instead of the machine's own.
    let of_clouds = env.variables().iter().filter(|(name, value)| {
        CLOUDS.iter().any(|cloud| name.starts_with(cloud)) && !value.trim().is_empty()
    });
    settings.cloud = of_clouds.map(|(name, value)| (name.clone(), value.clone())).collect();
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cloud_wants_to_know_is_read_and_never_shown() {
        let mut env = Env::of([("FILES_URL", "s3://bucket/x"), ("FILES_TTL", "2h"), ("PATH", "/bin")])
            .with("AWS_SECRET_ACCESS_KEY", "hush")
            .with("AWS_SESSION_TOKEN", " ");
        let settings = files(&mut env).unwrap();
        assert_eq!((settings.ttl.as_secs(), settings.cloud.len()), (7_200, 1));
        let shown = format!("{settings:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn without_an_address_no_files_are_stored() {
        assert!(files(&mut Env::of([("FILES_TTL", "1d")])).is_none());
    }
}
