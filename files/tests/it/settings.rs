//! How stores are named.

use files::{FileStore, FilesSettings};

#[test]
fn clouds_are_known_by_their_addresses_and_what_is_missing_is_named() {
    let open = |url: &str, cloud: &[(&str, &str)]| {
        let mut settings = FilesSettings::new(url.parse().unwrap());
        settings.cloud =
            cloud.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        FileStore::open(&settings).map_err(|error| error.to_string())
    };
    let aws = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "eu-central-1")];
    assert!(open("s3://bucket/prefix", &aws).is_ok());
    assert!(
        open("az://container", &[("AZURE_STORAGE_ACCOUNT_NAME", "a"), ("AZURE_STORAGE_ACCOUNT_KEY", "YQ==")])
            .is_ok()
    );
    let error = open("ftp://a/b", &[]).unwrap_err();
    assert!(error.starts_with("FILES_URL: ftp: is not known"), "{error}");
}
