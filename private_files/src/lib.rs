//! Folders and files that are their owner's alone: 0700 and 0600, whatever the process's umask is.
//!
//! What is there already with wider rights is narrowed, unless that could take something else from others: a folder
//! that holds more than our data stays as it is, and who opens it says so.

use std::{
    ffi::OsStr,
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
/// Read, write and enter, for the group and for everybody.
const OTHERS: u32 = 0o077;
/// Nobody may delete what is another's: a place that is shared on purpose, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// A folder that others may enter too.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "somebody should be told"]
pub struct Open {
    path: PathBuf,
    mode: u32,
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode } = self;
        write!(
            f,
            "others may look into the data folder {} (mode {mode:o}), and it is not changed, for it holds more than our \
             data or is not ours: name a folder of its own, or narrow it with chmod 700",
            path.display()
        )
    }
}

/// Makes a folder, and those above it that are missing. One that is there is narrowed to its owner if nothing is in it
/// but what `is_ours` knows by its name.
///
/// # Errors
/// When there is no such folder and none can be made.
pub fn folder(path: &Path, is_ours: impl Fn(&OsStr) -> bool) -> io::Result<Option<Open>> {
    let is_new = !path.exists();
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
    if is_new {
        // The umask may have taken rights from the owner.
        fs::set_permissions(path, Permissions::from_mode(FOLDER))?;
    }
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(None);
    }
    let ours =
        mode & STICKY == 0 && fs::read_dir(path)?.all(|entry| entry.is_ok_and(|it| is_ours(&it.file_name())));
    if ours && fs::set_permissions(path, Permissions::from_mode(FOLDER)).is_ok() {
        return Ok(None);
    }
    Ok(Some(Open { path: path.to_owned(), mode: mode & 0o7777 }))
}

/// Opens a file to read and write it from its beginning, or makes it.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
}

/// Opens a file to add to its end, or makes it.
///
/// # Errors
/// When it cannot be opened.
pub fn append(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().append(true).create(true))
}

/// Writes a whole file, in the place of what was in it.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = open_with(path, OpenOptions::new().write(true).create(true).truncate(true))?;
    file.write_all(bytes.as_ref())
}

fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.mode(FILE).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != FILE {
        // It fails for a file of somebody else's, who decides about it.
        let _ = file.set_permissions(Permissions::from_mode(FILE));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn with_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn ours(name: &OsStr) -> bool {
        name == "ours"
    }

    #[test]
    fn a_new_folder_and_those_above_it_are_the_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a/b");
        assert_eq!(folder(&path, ours).unwrap(), None);
        assert_eq!((mode(&place.path().join("a")), mode(&path)), (FOLDER, FOLDER));
        assert_eq!(folder(&path, ours).unwrap(), None, "and again");
    }

    #[test]
    fn a_folder_with_wider_rights_is_narrowed_if_it_holds_nothing_but_ours() {
        let place = tempfile::tempdir().unwrap();
        for wide in [0o755, 0o750, 0o770, 0o777] {
            with_mode(place.path(), wide);
            assert_eq!(folder(place.path(), ours).unwrap(), None);
            assert_eq!(mode(place.path()), FOLDER);
            write(&place.path().join("ours"), "").unwrap();
        }
    }

    #[test]
    fn a_folder_that_others_use_too_stays_as_it_is_and_is_told() {
        let place = tempfile::tempdir().unwrap();
        with_mode(place.path(), 0o1777);
        let open = folder(place.path(), ours).unwrap().unwrap();
        assert_eq!((mode(place.path()), open.mode), (0o1777, 0o1777), "it is shared on purpose");
        with_mode(place.path(), 0o755);
        write(&place.path().join("theirs"), "").unwrap();
        let open = folder(place.path(), ours).unwrap().unwrap().to_string();
        assert_eq!(mode(place.path()), 0o755);
        assert!(open.contains("(mode 755)") && open.contains("chmod 700"), "{open}");
    }

    #[test]
    fn files_are_the_owners_alone_also_those_that_were_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        type Make = fn(&Path) -> io::Result<()>;
        let ways: [Make; 3] =
            [|path| open(path).map(drop), |path| append(path).map(drop), |path| write(path, "text")];
        for make in ways {
            make(&path).unwrap();
            assert_eq!(mode(&path), FILE);
            with_mode(&path, 0o664);
            make(&path).unwrap();
            assert_eq!(mode(&path), FILE);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_file_is_opened_as_it_is_added_to_or_written_anew() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        write(&path, "one").unwrap();
        open(&path).unwrap();
        append(&path).unwrap().write_all(b"two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "onetwo");
        write(&path, "3").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "3");
    }
}
