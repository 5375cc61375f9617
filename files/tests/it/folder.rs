//! What only a folder has: rights, times that can be set, and what killed processes leave.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use domain::{file::FileId, limits::MAX_FILE_BYTES};
use files::{Swept, charge};

use crate::kept::{DAY, Kept, bytes, eventually, now, tenant};

#[expect(clippy::disallowed_methods, reason = "files have the system's time")]
fn clock() -> SystemTime {
    SystemTime::now()
}

fn root(kept: &Kept) -> PathBuf {
    kept.folder.as_ref().unwrap().path().join("files")
}

/// All files that are there, whatever they are.
fn all(kept: &Kept) -> Vec<PathBuf> {
    let mut folders = vec![root(kept)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

fn make_old(file: &Path, age: Duration) {
    fs::File::options().write(true).open(file).unwrap().set_modified(clock() - age).unwrap();
}

#[tokio::test]
async fn folders_and_files_are_their_owners_alone() {
    let kept = Kept::in_folder();
    kept.put("acme", &[b"small"]).await;
    kept.put("acme", &[&bytes(6 * 1024 * 1024)]).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in all(&kept) {
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700), "{file:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_leaves_nothing() {
    let kept = Kept::in_folder();
    let piece = Bytes::from(vec![0; 16 * 1024 * 1024]);
    let mut upload = kept.store.upload(&tenant("acme"));
    for _ in 0..usize::try_from(MAX_FILE_BYTES).unwrap() / piece.len() {
        upload.write(piece.clone()).await.unwrap();
    }
    let error = upload.write(Bytes::from_static(b"x")).await.unwrap_err().to_string();
    assert!(error.contains("268435456 bytes (MAX_FILE_BYTES)"), "{error}");
    drop(upload);
    eventually("nothing is left", async || all(&kept).is_empty()).await;
}

#[tokio::test]
async fn what_is_old_goes_and_what_was_stored_again_stays() {
    let kept = Kept::in_folder();
    let old = kept.put("acme", &[b"old"]).await;
    let again = kept.put("acme", &[b"again"]).await;
    kept.put("acme", &[b"new"]).await;
    for file in all(&kept) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if [&old, &again].iter().any(|stored| stored.id.as_str() == name) {
            make_old(&file, 31 * DAY);
        }
    }
    assert!(!kept.put("acme", &[b"again"]).await.is_new);
    assert_eq!(kept.store.sweep(now()).await.unwrap(), Swept { deleted: 1, left: 2 });
    assert!(!kept.has("acme", &old.id, now()).await);
    assert_eq!(kept.get("acme", &again, None).await, b"again");
}

#[tokio::test]
async fn what_killed_processes_left_goes_after_a_day_and_nothing_else() {
    let kept = Kept::in_folder();
    let stored = kept.put("acme", &[b"whole"]).await;
    let whole = all(&kept).remove(0);
    let tenants = whole.parent().unwrap().to_owned();
    let incoming = tenants.join("incoming");
    fs::create_dir_all(&incoming).unwrap();
    fs::create_dir_all(root(&kept).join("not-a-tenant")).unwrap();
    // As the library calls what is on its way, and what is nothing of the kind.
    let left = [incoming.join("0a1b#1"), incoming.join("0a1b#12"), tenants.join(format!("{}#1", stored.id))];
    let others = [
        incoming.join("note#a"),
        tenants.join("README#"),
        root(&kept).join("backup#1"),
        root(&kept).join("not-a-tenant/x#1"),
    ];
    for path in left.iter().chain(&others) {
        fs::write(path, b"half").unwrap();
    }
    kept.store.sweep(now()).await.unwrap();
    assert!(left.iter().all(|path| path.exists()), "somebody may be writing them");
    for path in left.iter().chain(&others).chain([&whole]) {
        make_old(path, 2 * DAY);
    }
    kept.store.sweep(now()).await.unwrap();
    assert!(left.iter().all(|path| !path.exists()));
    assert!(others.iter().skip(1).all(|path| path.exists()), "{:?}", all(&kept));
    assert_eq!(kept.get("acme", &stored, None).await, b"whole");
}

#[tokio::test]
async fn ten_thousand_tiny_files_are_counted_and_swept() {
    let kept = Kept::in_folder();
    kept.put("acme", &[b"tiny"]).await;
    let folder = all(&kept).remove(0).parent().unwrap().to_owned();
    // As they would be there, but for the time that it takes to have each of them on disk.
    for number in 1..10_000_u32 {
        fs::write(
            folder.join(FileId::of_hash(&[&number.to_be_bytes()[..], &[0; 28]].concat()).as_str()),
            b"tiny",
        )
        .unwrap();
    }
    assert_eq!(kept.store.used(&tenant("acme")).await.unwrap(), 10_000 * charge(4));
    let swept = kept.store.sweep(now().plus(31 * DAY)).await.unwrap();
    assert_eq!(swept, Swept { deleted: 10_000, left: 0 });
    assert!(all(&kept).is_empty());
}
