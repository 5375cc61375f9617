//! `http_request` and files: answers that are stored, and files that are sent.

use std::{path::Path, sync::Arc};

use domain::{ids::TenantId, retry::Failure};
use files::{FileStore, FilesSettings};
use minireipaz::{clock::SystemClock, testing::eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use url::Url;
use workers::{
    engine::Outcome,
    runner::{Files, Runner},
};

use crate::{
    raw_server::{RawServer, answer},
    steps::{attempt, failed, settings, succeeded},
};

/// A runner with a file store of its own.
struct Kept {
    folder: TempDir,
    store: Arc<FileStore>,
    runner: Runner,
}

impl Kept {
    fn of(most_per_tenant: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        let store = Arc::new(FileStore::open(&FilesSettings::new(url)).unwrap());
        let mut settings = settings();
        settings.http.allow = "127.0.0.1".parse().unwrap();
        settings.files = Some(Files::new(Arc::clone(&store), most_per_tenant));
        let runner = Runner::new(settings, Arc::new(SystemClock)).unwrap();
        Self { folder, store, runner }
    }

    async fn run(&self, params: Value, items: Value) -> Outcome {
        self.runner.run(attempt("http_request", params, items)).await
    }

    async fn store(&self, url: &str) -> Outcome {
        self.run(json!({"url": url, "response": {"format": "file"}}), json!([{}])).await
    }

    fn count(&self) -> usize {
        count(self.folder.path())
    }
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { count(&path) } else { 1 })
        .sum()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

const ROOM: u64 = 1 << 30;

#[tokio::test]
async fn an_answer_is_stored_and_sent_on_byte_for_byte() {
    let kept = Kept::of(ROOM);
    let large: Vec<u8> = (0..12_000_000_u32).map(|i| (i % 251) as u8).collect();
    for bytes in [&b""[..], b"a\0\xff\r\n", &large] {
        let headers = "content-type: image/png\r\ncontent-disposition: attachment; filename*=UTF-8''gr%C3%B6%2F%22L%22.png\r\n";
        let server = RawServer::of(answer(200, headers, bytes)).await;
        let items = succeeded(kept.store(server.url()).await);
        assert_eq!(server.only().header("accept-encoding"), Some("identity"));
        let size = bytes.len();
        let file = json!({"id": hash(bytes), "name": "\"L\".png", "type": "image/png", "size": size});
        assert_eq!(items, json!([{"data": {"$file": file}}]));

        let other = RawServer::of(answer(200, "", "{}")).await;
        let sent = json!({"url": other.url(), "method": "PUT", "body": {"file": "{{ $json.data }}"}});
        succeeded(kept.run(sent, items.clone()).await);
        let came = other.only();
        assert!(came.body == bytes, "{size} bytes");
        assert_eq!(came.header("content-length"), Some(size.to_string().as_str()));
        assert_eq!(came.header("content-type"), Some("image/png"));

        let parts = json!({"note": "x", "scan": "{{ $json.data }}", "same": {"file": "{{ $json.data }}", "filename": "b.bin", "content_type": "a/b"}});
        let sent = json!({"url": other.url(), "method": "POST", "body": {"multipart": {"note": parts["note"], "scan": {"file": parts["scan"]}, "same": parts["same"]}}});
        succeeded(kept.run(sent, items).await);
        let came = other.only();
        assert_eq!(came.header("content-length").unwrap().parse::<usize>().unwrap(), came.body.len());
        assert_eq!(came.body.windows(14).filter(|it| it == b"Content-Type: ").count(), 2);
        let head = String::from_utf8_lossy(&came.body[..400.min(came.body.len())]).into_owned();
        assert!(
            head.contains("name=\"scan\"; filename=\"%22L%22.png\"\r\nContent-Type: image/png\r\n"),
            "{head}"
        );
        assert!(came.body.len() > 2 * size);
    }
    assert_eq!(kept.count(), 3);
}

#[tokio::test]
async fn an_encoded_answer_is_stored_decoded_and_a_refused_one_is_not_stored() {
    let kept = Kept::of(ROOM);
    let body = zstd::stream::encode_all(&b"rows"[..], 3).unwrap();
    let server = RawServer::of(answer(200, "content-encoding: zstd\r\n", body)).await;
    let items = succeeded(kept.store(&format!("{}/a/rows.csv?x=1", server.url())).await);
    assert_eq!(items[0]["data"]["$file"]["id"], hash(b"rows"));
    assert_eq!(items[0]["data"]["$file"]["name"], "rows.csv");

    let server = RawServer::of(answer(404, "content-type: text/plain\r\n", "no such")).await;
    let error = failed(kept.store(server.url()).await).error;
    assert_eq!((&*error.code, &error.details.unwrap()["body"]), ("http_status", &json!("no such")));
    assert_eq!(kept.count(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_nothing_and_is_tried_again() {
    let kept = Kept::of(ROOM);
    let mut cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n".to_vec();
    cut.resize(7_000_000, b'x');
    let server = RawServer::of(cut).await;
    let failure = failed(kept.store(server.url()).await);
    assert_eq!(failure.failure, Failure::Connection);
    eventually("nothing is left", async || kept.count() == 0).await;
}

#[tokio::test]
async fn a_tenant_stores_no_more_than_it_may() {
    // While something comes nobody knows that it is there already, so it needs room once more.
    let kept = Kept::of(120_000);
    let server = RawServer::of(answer(200, "", vec![b'x'; 60_000])).await;
    succeeded(kept.store(server.url()).await);
    succeeded(kept.store(server.url()).await);
    let server = RawServer::of(answer(200, "", vec![b'y'; 60_001])).await;
    let failure = failed(kept.store(server.url()).await);
    assert_eq!((&*failure.error.code, failure.failure), ("file_quota", Failure::Permanent));
    assert!(failure.error.message.contains("WORKER_MAX_FILE_BYTES_PER_TENANT"), "{}", failure.error.message);
    let server = RawServer::of(answer(200, "", vec![b'z'; 30_000])).await;
    succeeded(kept.store(server.url()).await);
    assert_eq!(kept.count(), 2);
}

#[tokio::test]
async fn a_reference_opens_nothing_of_another_tenant_and_nothing_that_is_unknown() {
    let kept = Kept::of(ROOM);
    let other: TenantId = "other".parse().unwrap();
    let mut upload = kept.store.upload(&other);
    upload.write(b"theirs".to_vec().into()).await.unwrap();
    let theirs = upload.finish().await.unwrap();
    let server = RawServer::of(answer(200, "", "{}")).await;
    for (id, code) in [
        (theirs.id.to_string(), "file_not_found"),
        ("f".repeat(64), "file_not_found"),
        ("../x".to_owned(), "invalid_params"),
    ] {
        let items = json!([{"data": {"$file": {"id": id, "name": "a", "type": "b/c", "size": 6}}}]);
        let params = json!({"url": server.url(), "method": "POST", "body": {"file": "{{ $json.data }}"}});
        let failure = failed(kept.run(params, items).await);
        assert_eq!((&*failure.error.code, failure.failure), (code, Failure::Permanent), "{id}");
    }
    assert!(server.take().is_empty(), "no call was made");
}

#[tokio::test]
async fn without_a_store_the_error_says_what_to_set() {
    let server = RawServer::of(answer(200, "", "x")).await;
    let outcome =
        crate::steps::run(json!({"url": server.url(), "response": {"format": "file"}}), json!([{}])).await;
    let error = failed(outcome).error;
    assert!(&*error.code == "no_file_store" && error.message.contains("FILES_URL"), "{error:?}");
}
