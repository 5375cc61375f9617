//! Files of runs, as they are given.

use std::sync::Arc;

use domain::file::FileId;
use files::{FileStore, FilesSettings};
use http::{HeaderMap, Method, StatusCode};
use minireipaz::{clock::SystemClock, http::HttpConfig};
use tempfile::TempDir;
use url::Url;

use crate::app::{Server, TestApp};

struct Given {
    app: TestApp,
    server: Server,
    run: String,
    store: Arc<FileStore>,
    _folder: TempDir,
}

/// What came back: status, headers, bytes.
type Came = (StatusCode, HeaderMap, Vec<u8>);

impl Given {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        let store = Arc::new(FileStore::open(&FilesSettings::new(url)).unwrap());
        let config = HttpConfig { files: Some(Arc::clone(&store)), ..HttpConfig::default() };
        let app = TestApp::with(Arc::new(SystemClock), config).await;
        let run = app.run(&app.workflow().await).await;
        app.deliver_all().await;
        let server = app.listen().await;
        Self { app, server, run: run.to_string(), store, _folder: folder }
    }

    async fn store(&self, tenant: &str, bytes: &'static [u8]) -> FileId {
        let mut upload = self.store.upload(&tenant.parse().unwrap());
        upload.write(bytes.into()).await.unwrap();
        upload.finish().await.unwrap().id
    }

    async fn ask(&self, method: Method, tenant: &str, query: &str, headers: &[(&str, &str)]) -> Came {
        let url = self.server.url(&format!("/api/v1/runs/{}/file?{query}", self.run));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.request(method, url).bearer_auth(self.app.token_of(tenant));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.bytes().await.unwrap().to_vec())
    }

    async fn get(&self, query: &str, headers: &[(&str, &str)]) -> Came {
        self.ask(Method::GET, "acme", query, headers).await
    }
}

#[tokio::test]
async fn a_file_is_given_to_be_saved_under_its_name_and_never_shown() {
    let given = Given::start().await;
    let id = given.store("acme", b"<script>\0\xff").await;
    let query = format!("file={id}&name=..%2Fgr%C3%B6%22L%22.html&type=text%2Fhtml");
    let (status, headers, bytes) = given.get(&query, &[]).await;
    assert_eq!((status.as_u16(), bytes.as_slice()), (200, &b"<script>\0\xff"[..]));
    for (name, value) in [
        ("content-type", "text/html"),
        ("content-length", "10"),
        (
            "content-disposition",
            "attachment; filename=\"gr__L_.html\"; filename*=UTF-8''gr%C3%B6%22L%22.html",
        ),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("etag", format!("\"{id}\"").as_str()),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let (status, head, bytes) = given.ask(Method::HEAD, "acme", &query, &[]).await;
    assert_eq!((status.as_u16(), &head["content-length"], bytes.len()), (200, &headers["content-length"], 0));
}

#[tokio::test]
async fn ranges_are_given_as_they_are_asked_for() {
    let given = Given::start().await;
    let id = given.store("acme", b"0123456789").await;
    let (query, etag) = (format!("file={id}"), format!("\"{id}\""));
    for (headers, status, told, bytes) in [
        (vec![("range", "bytes=2-3")], 206, Some("bytes 2-3/10"), &b"23"[..]),
        (vec![("range", "bytes=-1")], 206, Some("bytes 9-9/10"), b"9"),
        (vec![("range", "bytes=8-99"), ("if-range", etag.as_str())], 206, Some("bytes 8-9/10"), b"89"),
        (vec![("range", "bytes=8-9"), ("if-range", "\"other\"")], 200, None, b"0123456789"),
        (vec![("if-none-match", etag.as_str())], 304, None, b""),
    ] {
        let (found, answered, came) = given.get(&query, &headers).await;
        assert_eq!((found.as_u16(), came.as_slice()), (status, bytes), "{headers:?}");
        assert_eq!(answered.get("content-range").map(|value| value.to_str().unwrap()), told, "{headers:?}");
    }
    let (status, headers, _) = given.get(&query, &[("range", "bytes=10-")]).await;
    assert_eq!((status.as_u16(), &headers["content-range"]), (416, &"bytes */10".parse().unwrap()));
}

#[tokio::test]
async fn nobody_gets_what_is_anothers_or_was_never_stored() {
    let given = Given::start().await;
    let (ours, theirs) = (given.store("acme", b"ours").await, given.store("other", b"theirs").await);
    for (tenant, id, code) in [
        ("acme", theirs.to_string(), "file_not_found"),
        ("acme", "0".repeat(64), "file_not_found"),
        ("other", theirs.to_string(), "run_not_found"),
        ("other", ours.to_string(), "run_not_found"),
    ] {
        let (status, _, bytes) = given.ask(Method::GET, tenant, &format!("file={id}"), &[]).await;
        let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((status.as_u16(), problem["code"].as_str()), (404, Some(code)), "{tenant} {id}");
    }
    for query in ["", "file=..%2Fx"] {
        assert_eq!(given.get(query, &[]).await.0.as_u16(), 400, "{query}");
    }
}
