//! Files of any size take the same memory.
//!
//! What this program allocates is counted, so nothing depends on time; the test is a binary of its own, since the counting
//! allocator is the whole program's.
#![expect(clippy::unwrap_used, reason = "tests")]

mod api;
mod outside;
#[path = "../it/steps.rs"]
#[expect(dead_code, clippy::needless_pass_by_value, reason = "what the other tests need of it")]
mod steps;

use std::sync::Arc;

use files::{FileStore, FilesSettings, testing::Cloud};
use minireipaz::clock::SystemClock;
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;
use workers::runner::{Files, Runner};

use crate::{api::Api, outside::Outside};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Only one test counts at a time.
static COUNTING: Mutex<()> = Mutex::const_new(());

const MB: usize = 1_000_000;

/// What a step and a download may hold, whatever the size of the file.
const MOST: usize = 40 * MB;

/// How much more a file four times as large may take: the noise of buffers.
const NOISE: usize = 8 * MB;

/// Everything that a file passes through.
struct Way {
    runner: Runner,
    api: Api,
    outside: Outside,
}

impl Way {
    async fn over(settings: &FilesSettings) -> Self {
        let store = Arc::new(FileStore::open(settings).unwrap());
        let mut runner = steps::settings();
        runner.http.allow = "127.0.0.1".parse().unwrap();
        runner.files = Some(Files::new(Arc::clone(&store), 1 << 40, 1));
        let runner = Runner::new(runner, Arc::new(SystemClock)).unwrap();
        Self { runner, api: Api::start(store).await, outside: Outside::start().await }
    }

    async fn step(&self, params: Value, items: Value) -> Value {
        steps::succeeded(self.runner.run(steps::attempt("http_request", params, items)).await)
    }

    /// Takes a file of that size all the way, and gives the most that was held in each part of it.
    async fn peaks(&self, size: usize) -> [(&'static str, usize); 4] {
        let url = self.outside.url(&format!("files/{size}"));
        let (download, items) =
            peak_of(self.step(json!({"url": url, "response": {"format": "file"}}), json!([{}]))).await;
        let file = items[0]["data"]["$file"].clone();
        assert_eq!((&file["size"], &file["id"]), (&json!(size), &json!(outside::hash(size))));

        let sink = self.outside.url("sink");
        let sent = json!({"url": sink, "method": "POST", "body": {"file": "{{ $json.data }}"}});
        let (upload, came) = peak_of(self.step(sent, items.clone())).await;
        assert_eq!((&came[0]["bytes"], &came[0]["sha256"]), (&file["size"], &file["id"]));

        let parts = json!({"note": "x", "file": {"file": "{{ $json.data }}"}});
        let sent = json!({"url": sink, "method": "POST", "body": {"multipart": parts}});
        let (multipart, came) = peak_of(self.step(sent, items)).await;
        assert!(came[0]["bytes"].as_u64().unwrap() > size as u64);

        let (given, came) = peak_of(self.api.download(file["id"].as_str().unwrap())).await;
        assert_eq!((json!(came.bytes), json!(came.hash)), (file["size"].clone(), file["id"].clone()));
        assert!(came.disposition.contains("filename*=UTF-8''caf%C3%A9.bin"), "{}", came.disposition);
        [("download", download), ("upload", upload), ("multipart", multipart), ("the API", given)]
    }
}

/// The most that was held while something was done, beyond what was held before.
async fn peak_of<T>(doing: impl Future<Output = T>) -> (usize, T) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = doing.await;
    (MEMORY.peak_usage().saturating_sub(before), result)
}

async fn takes_the_same_memory(settings: &FilesSettings) {
    let _alone = COUNTING.lock().await;
    let way = Way::over(settings).await;
    // What is made once is made.
    way.peaks(12 * MB).await;
    let (smaller, larger) = (way.peaks(50 * MB).await, way.peaks(200 * MB).await);
    eprintln!("50 MB: {smaller:?}\n200 MB: {larger:?}");
    for ((part, smaller), (_, larger)) in smaller.into_iter().zip(larger) {
        assert!(larger < MOST && larger < smaller + NOISE, "{part}: {smaller} bytes, then {larger}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_four_times_as_large_takes_the_same_memory_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    takes_the_same_memory(&FilesSettings::new(url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_four_times_as_large_takes_the_same_memory_at_s3() {
    if let Some(settings) = Cloud::S3.settings().await {
        takes_the_same_memory(&settings).await;
    }
}
