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
    raw_server::{RawServer, Reply, answer},
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
        settings.files = Some(Files::new(Arc::clone(&store), most_per_tenant, 1));
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
async fn what_is_announced_is_not_believed() {
    let kept = Kept::of(ROOM);
    // More comes than was announced: the rest is nothing of this answer.
    let server = RawServer::of(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n0123456789".to_vec()).await;
    let items = succeeded(kept.store(server.url()).await);
    assert_eq!(
        (&items[0]["data"]["$file"]["id"], &items[0]["data"]["$file"]["size"]),
        (&json!(hash(b"01234")), &json!(5))
    );

    // A reference may be forged: what is sent is as long as what is stored.
    let other = RawServer::of(answer(200, "", "{}")).await;
    for size in [json!(0), json!(4), json!(99_999_999_999_u64), json!("many")] {
        let file =
            json!({"id": hash(b"01234"), "name": "../../x\r\ny", "type": "a/b\r\nX-Evil: 1", "size": size});
        for body in
            [json!({"file": "{{ $json.data }}"}), json!({"multipart": {"x": {"file": "{{ $json.data }}"}}})]
        {
            let params = json!({"url": other.url(), "method": "POST", "body": body});
            succeeded(kept.run(params, json!([{"data": {"$file": file}}])).await);
            let came = other.only();
            assert_eq!(came.header("content-length"), Some(came.body.len().to_string().as_str()));
            assert!(came.text().contains("01234"), "{size}");
            assert!(!came.text().contains("\nX-Evil") && !came.head.contains("\nX-Evil"), "{came:?}");
        }
    }

    // Nothing of it is taken.
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 268435457\r\n\r\nbegin";
    let server = RawServer::start(|_| Reply::Hanging(head.into())).await;
    let failure = failed(kept.store(server.url()).await);
    assert_eq!((&*failure.error.code, failure.failure), ("response_too_large", Failure::Permanent));
    assert!(failure.error.message.contains("268435456 bytes (MAX_FILE_BYTES)"), "{}", failure.error.message);
    assert_eq!(kept.count(), 1);
}

#[tokio::test]
async fn what_never_ends_is_cut_at_the_quota_and_leaves_nothing() {
    let kept = Kept::of(8_000_000);
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..20 {
        endless.extend_from_slice(b"80000\r\n");
        endless.resize(endless.len() + 0x80000, b'x');
        endless.extend_from_slice(b"\r\n");
    }
    let server = RawServer::start(move |_| Reply::Hanging(endless.clone())).await;
    let failure = failed(kept.store(server.url()).await);
    assert_eq!((&*failure.error.code, failure.failure), ("file_quota", Failure::Permanent));
    eventually("nothing is left", async || kept.count() == 0).await;
    // What was on its way does not count any more.
    let server = RawServer::of(answer(200, "", vec![b'y'; 7_000_000])).await;
    succeeded(kept.store(server.url()).await);
}

#[tokio::test]
async fn tiny_files_have_a_limit_that_is_named() {
    let kept = Kept::of(30 * 4_096);
    let server = RawServer::start(|came| answer(200, "", came.line())).await;
    let url = format!("{}/{{{{ $json.number }}}}", server.url());
    let store = async |numbers: std::ops::Range<usize>| {
        let items: Vec<_> = numbers.map(|number| json!({"number": number})).collect();
        kept.run(json!({"url": url, "response": {"format": "file"}}), json!(items)).await
    };
    assert_eq!(succeeded(store(0..30).await).as_array().unwrap().len(), 30);
    let failure = failed(store(30..31).await);
    assert_eq!((&*failure.error.code, failure.failure), ("file_quota", Failure::Permanent));
    let said = &failure.error.message;
    assert!(said.contains("122880 bytes") && said.contains("counts as 4096"), "{said}");
    assert_eq!(kept.count(), 30);
}

#[tokio::test]
async fn a_name_from_outside_leads_nowhere() {
    let kept = Kept::of(ROOM);
    for (said, called) in [
        ("filename=\"../../etc/cron.d/x\"", "x"),
        ("filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b%00.txt", "aSet-Cookie: b.txt"),
        ("filename*=UTF-8''gpj.%E2%80%AEexe", "gpj.exe"),
        ("filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf", "日本.pdf"),
        ("filename=\"..\"", "path"),
        ("filename*=UTF-8''%FF%FE", "\u{fffd}\u{fffd}"),
    ] {
        let server =
            RawServer::of(answer(200, &format!("content-disposition: attachment; {said}\r\n"), "x")).await;
        let items = succeeded(kept.store(&format!("{}/a/path", server.url())).await);
        assert_eq!(items[0]["data"]["$file"]["name"], called, "{said}");
    }
    let long = format!("content-disposition: attachment; filename=\"{}\"\r\n", "n".repeat(5_000));
    let server = RawServer::of(answer(200, &long, "x")).await;
    let items = succeeded(kept.store(server.url()).await);
    assert_eq!(items[0]["data"]["$file"]["name"].as_str().unwrap().len(), 255);
    assert_eq!(kept.count(), 1, "it is one file, whatever it is called");
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
