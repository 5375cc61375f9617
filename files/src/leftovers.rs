//! What killed processes have left in a folder.
//!
//! The library writes a file beside its place, as `<name>#<number>`, and moves it when it is whole; no listing of its
//! shows those, so they are looked for here.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::place;

/// Deletes them where `is_old` says so of when they were last written to, and says how many there were.
///
/// # Errors
/// When a folder cannot be read, or a file not be deleted.
pub(crate) fn sweep(root: &Path, is_old: impl Fn(SystemTime) -> bool) -> io::Result<usize> {
    let mut deleted = 0;
    for tenant in entries(root)? {
        if !name(&tenant).is_some_and(place::is_folder) {
            continue;
        }
        for folder in [tenant.join(place::INCOMING), tenant] {
            for path in entries(&folder)? {
                if name(&path).is_some_and(is_unfinished) {
                    deleted += usize::from(delete(&path, &is_old)?);
                }
            }
        }
    }
    Ok(deleted)
}

/// What a folder holds; one that is gone holds nothing.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn is_unfinished(name: &str) -> bool {
    name.split_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whoever writes to it may finish it or delete it meanwhile.
fn delete(path: &Path, is_old: impl Fn(SystemTime) -> bool) -> io::Result<bool> {
    let deleted = fs::metadata(path)
        .and_then(|about| about.modified())
        .and_then(|written| if is_old(written) { fs::remove_file(path).map(|()| true) } else { Ok(false) });
    match deleted {
        Err(error) if is_gone(&error) => Ok(false),
        result => result,
    }
}

/// A file in a folder's place is nothing of ours either.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
