//! Files of runs, as they are given.

use std::sync::Arc;

use bytes::Bytes;
use domain::file::FileId;
use files::{FileStore, FilesSettings, testing::Cloud};
use http::{HeaderMap, Method, StatusCode};
use minireipaz::{clock::SystemClock, http::HttpConfig};
use reqwest::redirect::Policy;
use tempfile::TempDir;
use url::Url;

use crate::app::{Server, TestApp};

struct Given {
    app: TestApp,
    server: Server,
    run: String,
    store: Arc<FileStore>,
    _folder: Option<TempDir>,
}

/// What came back: status, headers, bytes.
type Came = (StatusCode, HeaderMap, Vec<u8>);

impl Given {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        Self { _folder: Some(folder), ..Self::over(&FilesSettings::new(url)).await }
    }

    async fn over(settings: &FilesSettings) -> Self {
        let store = Arc::new(FileStore::open(settings).unwrap());
        let config = HttpConfig { files: Some(Arc::clone(&store)), ..HttpConfig::default() };
        let app = TestApp::with(Arc::new(SystemClock), config).await;
        let run = app.run(&app.workflow().await).await;
        app.deliver_all().await;
        let server = app.listen().await;
        Self { app, server, run: run.to_string(), store, _folder: None }
    }

    async fn store(&self, tenant: &str, bytes: impl Into<Bytes>) -> FileId {
        let mut upload = self.store.upload(&tenant.parse().unwrap());
        upload.write(bytes.into()).await.unwrap();
        upload.finish().await.unwrap().id
    }

    async fn ask(&self, method: Method, tenant: &str, query: &str, headers: &[(&str, &str)]) -> Came {
        let url = self.server.url(&format!("/api/v1/runs/{}/file?{query}", self.run));
        // A redirect is to be seen.
        let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
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
    let id = given.store("acme", &b"<script>\0\xff"[..]).await;
    let query = format!("file={id}&name=..%2Fgr%C3%B6%22L%22.html&type=text%2Fhtml");
    let (status, headers, bytes) = given.get(&query, &[]).await;
    assert_eq!((status.as_u16(), bytes.as_slice()), (200, &b"<script>\0\xff"[..]));
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-length", "10"),
        (
            "content-disposition",
            "attachment; filename=\"gr__L_.html\"; filename*=UTF-8''gr%C3%B6%22L%22.html",
        ),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
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
    let id = given.store("acme", &b"0123456789"[..]).await;
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
    let (ours, theirs) =
        (given.store("acme", &b"ours"[..]).await, given.store("other", &b"theirs"[..]).await);
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

#[tokio::test]
async fn a_large_file_is_given_in_pieces_where_the_store_has_no_addresses() {
    let given = Given::start().await;
    let whole = vec![7_u8; 9_000_000];
    let id = given.store("acme", whole.clone()).await;
    let (status, headers, bytes) = given.get(&format!("file={id}"), &[]).await;
    assert_eq!((status.as_u16(), &headers["content-length"]), (200, &"9000000".parse().unwrap()));
    assert!(bytes == whole);
}

#[tokio::test]
async fn a_large_file_is_a_redirect_to_an_address_that_names_it_where_the_store_has_some() {
    let Some(settings) = Cloud::S3.settings().await else { return };
    let given = Given::over(&settings).await;
    let whole: Vec<u8> = (0..6_000_000_u32).map(|at| (at % 251) as u8).collect();
    let (large, small) = (given.store("acme", whole.clone()).await, given.store("acme", &b"small"[..]).await);
    let query = "name=..%2Fgr%C3%B6%22L%22%0D%0AX-Evil%3A%201.html&type=text%2Fhtml";

    let (status, headers, bytes) = given.get(&format!("file={small}&{query}"), &[]).await;
    assert_eq!((status.as_u16(), bytes.as_slice()), (200, &b"small"[..]), "what is small comes at once");
    let named = headers["content-disposition"].clone();
    let (status, _, bytes) = given.get(&format!("file={large}&{query}"), &[("range", "bytes=0-99")]).await;
    assert_eq!(
        (status.as_u16(), bytes.as_slice()),
        (206, &whole[..100]),
        "a small part of something large, too"
    );

    let (status, headers, bytes) = given.get(&format!("file={large}&{query}"), &[]).await;
    assert_eq!((status.as_u16(), bytes.len()), (302, 0));
    let address = headers["location"].to_str().unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(&address).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-disposition"], named);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert!(answer.headers().get("x-evil").is_none());
    assert!(answer.bytes().await.unwrap() == whole);
    let part = client.get(&address).header("range", "bytes=5999999-").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, &whole[5_999_999..]));

    let (status, _, bytes) = given.ask(Method::GET, "other", &format!("file={large}"), &[]).await;
    assert_eq!((status.as_u16(), bytes.is_empty()), (404, false), "and for nobody else");
}

#[tokio::test]
async fn a_name_that_is_hostile_stays_a_name() {
    let given = Given::start().await;
    let id = given.store("acme", &b"x"[..]).await;
    for (name, plain, encoded) in [
        ("a%0D%0ASet-Cookie:%20b", "aSet-Cookie: b", "aSet-Cookie%3A%20b"),
        ("%22;%20filename=%22evil.exe", "_; filename=_evil.exe", "%22%3B%20filename%3D%22evil.exe"),
        ("..%5C..%5Cx", "x", "x"),
        ("%E2%80%AEgpj.exe", "gpj.exe", "gpj.exe"),
        ("..", "file", "file"),
        ("%00", "file", "file"),
        ("%E6%97%A5%E6%9C%AC.pdf", "__.pdf", "%E6%97%A5%E6%9C%AC.pdf"),
    ] {
        let (status, headers, _) = given.get(&format!("file={id}&name={name}"), &[]).await;
        let told = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
        assert_eq!((status.as_u16(), headers["content-disposition"].to_str().unwrap()), (200, told.as_str()));
    }
    let long = "n".repeat(3_000);
    let (status, headers, _) = given.get(&format!("file={id}&name={long}"), &[]).await;
    assert!(status.is_success() && headers["content-disposition"].len() < 600);
}
