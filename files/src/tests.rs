//! The store on a real folder.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{ids::TenantId, limits::MAX_FILE_BYTES, timestamp::Timestamp};
use futures_util::TryStreamExt;
use tempfile::TempDir;
use url::Url;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Kept {
    folder: TempDir,
    store: Arc<FileStore>,
}

fn kept() -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path().join("files")).unwrap();
    let store = Arc::new(FileStore::open(&FilesSettings::new(url)).unwrap());
    Kept { folder, store }
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "files have the system's time")]
fn clock() -> SystemTime {
    SystemTime::now()
}

fn now() -> Timestamp {
    DateTime::<Utc>::from(clock()).into()
}

impl Kept {
    async fn put(&self, of: &str, chunks: &[&[u8]]) -> Stored {
        let mut upload = self.store.upload(&tenant(of));
        for chunk in chunks {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        upload.finish().await.unwrap()
    }

    async fn get(&self, of: &str, stored: &Stored, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
        let content = self.store.read(&tenant(of), &stored.id, range, now()).await.unwrap();
        assert_eq!(content.size, stored.size);
        content.bytes.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    /// All files that are there, whatever they are.
    fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.path().join("files")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }
}

#[tokio::test]
async fn what_is_stored_comes_back_byte_for_byte() {
    let kept = kept();
    let large = vec![7_u8; 12 * 1024 * 1024 + 1];
    let kinds: [&[&[u8]]; 4] =
        [&[], &[b"a\0b", b"\xff\0"], &[&large, b"end"], &[b"begin", &large, &large[..3]]];
    for chunks in kinds {
        let stored = kept.put("acme", chunks).await;
        let whole = chunks.concat();
        assert!(stored.is_new && stored.size == whole.len() as u64);
        assert!(kept.get("acme", &stored, None).await == whole, "{} bytes", whole.len());
        assert_eq!(kept.store.size(&tenant("acme"), &stored.id, now()).await.unwrap(), stored.size);
        if stored.size > 4 {
            assert_eq!(kept.get("acme", &stored, Some(1..4)).await, whole[1..4]);
        }
    }
    assert_eq!(kept.files().len(), 4, "and nothing that came on the way is left");
}

#[tokio::test]
async fn the_same_bytes_are_one_file_of_a_tenant_and_nobody_elses() {
    let kept = kept();
    let first = kept.put("acme", &[b"same"]).await;
    let again = kept.put("acme", &[b"sa", b"me"]).await;
    assert_eq!((first.is_new, again.is_new, &first.id), (true, false, &again.id));
    let other = kept.store.size(&tenant("other"), &first.id, now()).await.unwrap_err();
    assert!(
        matches!(other, FilesError::NotFound { .. }) && other.to_string().contains("FILES_TTL"),
        "{other}"
    );
    assert!(kept.store.read(&tenant("other"), &first.id, None, now()).await.is_err());
    assert_eq!(kept.put("other", &[b"same"]).await.id, first.id);
    assert_eq!(kept.files().len(), 2);
    assert_eq!(kept.store.used(&tenant("acme")).await.unwrap(), charge(4));
}

#[tokio::test]
async fn folders_and_files_are_their_owners_alone() {
    let kept = kept();
    kept.put("acme", &[b"small"]).await;
    kept.put("acme", &[&vec![1; 6 * 1024 * 1024]]).await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in kept.files() {
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700), "{file:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_or_given_up_leaves_nothing() {
    let kept = kept();
    let piece = Bytes::from(vec![0; 16 * 1024 * 1024]);
    let mut upload = kept.store.upload(&tenant("acme"));
    let pieces = usize::try_from(MAX_FILE_BYTES).unwrap() / piece.len();
    for _ in 0..pieces {
        upload.write(piece.clone()).await.unwrap();
    }
    let error = upload.write(Bytes::from_static(b"x")).await.unwrap_err().to_string();
    assert!(error.contains("268435456 bytes (MAX_FILE_BYTES)"), "{error}");
    drop(upload);
    let gone = async {
        while !kept.files().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
}

#[tokio::test]
async fn what_is_old_goes_unless_it_is_stored_again() {
    let kept = kept();
    let old = kept.put("acme", &[b"old"]).await;
    let again = kept.put("acme", &[b"again"]).await;
    kept.put("acme", &[b"new"]).await;
    for file in kept.files() {
        let name = file.file_name().unwrap().to_str().unwrap();
        if [&old, &again].iter().any(|stored| stored.id.as_str() == name) {
            let before = clock() - 31 * DAY;
            fs::File::options().write(true).open(&file).unwrap().set_modified(before).unwrap();
        }
    }
    let gone = kept.store.size(&tenant("acme"), &old.id, now()).await;
    assert!(matches!(gone, Err(FilesError::NotFound { .. })), "over before it is deleted");
    assert!(!kept.put("acme", &[b"again"]).await.is_new);
    assert_eq!(kept.store.sweep(now()).await.unwrap(), Swept { deleted: 1, left: 2 });
    assert_eq!(kept.get("acme", &again, None).await, b"again");
    assert_eq!(kept.store.sweep(now().plus(31 * DAY)).await.unwrap(), Swept { deleted: 2, left: 0 });
    assert!(kept.files().is_empty());
}

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
