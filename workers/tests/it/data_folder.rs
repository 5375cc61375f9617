//! What is in a worker's data folder is for its owner alone.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::app::{App, Task, pure_workflow};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn the_journal_is_its_owners_alone_also_one_that_was_not() {
    let mut app = App::start().await;
    let (folder, journal) = (app.data().to_owned(), app.data().join("journal.redb"));
    assert_eq!((mode(&folder), mode(&journal)), (0o700, 0o600));
    let run = app.submit(&Task::new(&pure_workflow())).await;
    app.succeeded(run).await;
    app.stop().await;
    with_mode(&folder, 0o755);
    with_mode(&journal, 0o644);
    app.start_again().await;
    assert_eq!((mode(&folder), mode(&journal)), (0o700, 0o600));
}

#[tokio::test]
async fn a_folder_that_holds_more_stays_as_it_is_and_the_journal_in_it_is_private() {
    let mut app = App::start().await;
    app.stop().await;
    let (folder, journal) = (app.data().to_owned(), app.data().join("journal.redb"));
    fs::write(folder.join("of-others"), "").unwrap();
    with_mode(&folder, 0o755);
    with_mode(&journal, 0o644);
    app.start_again().await;
    assert_eq!((mode(&folder), mode(&journal)), (0o755, 0o600));
}
