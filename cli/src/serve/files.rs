//! The files that a deployment publishes. The list is made once: what was not there then is not served, wherever a
//! path may point to.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use axum::{body::Body, response::Response};
use http::{HeaderValue, Method, Request, header};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::refusal::Refusal;

/// The most files that are served.
const MAX_FILES: usize = 20_000;

/// Published files by their paths.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, PathBuf>);

impl Files {
    /// Lists a folder, and what is below it.
    ///
    /// # Errors
    /// When it cannot be read, or has too many files.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut open = vec![(folder.to_owned(), String::new())];
        while let Some((folder, path)) = open.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let path = format!("{path}/{}", entry.file_name().to_string_lossy());
                if fs::metadata(entry.path())?.is_dir() {
                    open.push((entry.path(), path));
                } else {
                    files.insert(path, entry.path());
                }
                if files.len() > MAX_FILES {
                    return Err(io::Error::other(format!("there are more than {MAX_FILES} files")));
                }
            }
        }
        Ok(Self(files))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The file of a request's path: itself, or the index of the folder.
    pub(crate) fn find(&self, path: &str) -> Option<&Path> {
        let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
        let file = self.0.get(path.as_ref());
        file.or_else(|| self.0.get(&format!("{}/index.html", path.trim_end_matches('/'))))
            .map(PathBuf::as_path)
    }
}

/// Answers with a file.
pub(crate) async fn answer(file: &Path, request: Request<Body>) -> Result<Response, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    let Ok(answer) = ServeFile::new(file).oneshot(request).await;
    let mut answer = answer.map(Body::new);
    // As the platform says it: clients ask each time whether a file is still the same.
    let fresh = HeaderValue::from_static("public, max-age=0, must-revalidate");
    answer.headers_mut().entry(header::CACHE_CONTROL).or_insert(fresh);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_have_paths() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("static");
        fs::create_dir_all(root.join("docs")).unwrap();
        fs::write(folder.path().join("secret"), "").unwrap();
        for file in ["index.html", "a b.txt", "docs/index.html"] {
            fs::write(root.join(file), "").unwrap();
        }
        let files = Files::of(&root).unwrap();
        for (path, expected) in [
            ("/", Some("index.html")),
            ("/index.html", Some("index.html")),
            ("/a%20b.txt", Some("a b.txt")),
            ("/docs", Some("docs/index.html")),
            ("/docs/", Some("docs/index.html")),
            ("/../secret", None),
            ("/%2e%2e/secret", None),
            ("/docs/../../secret", None),
            ("/nothing", None),
        ] {
            assert_eq!(files.find(path), expected.map(|file| root.join(file)).as_deref(), "{path}");
        }
    }
}
