//! A store that is away.

use std::sync::Arc;

use bytes::Bytes;
use files::{FileStore, FilesError, testing::Cloud};

use crate::kept::{now, tenant};

#[tokio::test]
async fn a_store_that_is_away_is_told_without_naming_its_address_or_key() {
    let Some(server) = Cloud::S3.start().await else { return };
    let store = Arc::new(FileStore::open(&Cloud::S3.settings_at(server.port()).unwrap()).unwrap());
    let mut upload = store.upload(&tenant("acme"));
    upload.write(Bytes::from_static(b"stored")).await.unwrap();
    let stored = upload.finish().await.unwrap();
    let port = server.port().to_string();
    drop(server);

    let mut upload = store.upload(&tenant("acme"));
    upload.write(Bytes::from_static(b"not stored")).await.unwrap();
    let acme = tenant("acme");
    let (size, finished, used, swept) = tokio::join!(
        store.size(&acme, &stored.id, now()),
        upload.finish(),
        store.used(&acme),
        store.sweep(now())
    );
    for error in [size.unwrap_err(), finished.unwrap_err(), used.unwrap_err(), swept.unwrap_err()] {
        assert!(matches!(error, FilesError::Unavailable(_)), "{error:?}");
        assert!(!error.to_string().contains(&port), "{error}");
    }
}
