//! A file through the real function, which holds no more of it than a few pieces.

use std::{fs, sync::Arc};

use domain::{
    ids::{RunId, TenantId, WorkflowId},
    run::{NewRun, Run, RunStatus, Trigger},
};
use files::{FileStore, FilesSettings};
use minireipaz::{
    clock::{Clock, SystemClock},
    store::{
        Facts, RunStore as _, StoreConfig,
        clickhouse::{self, ClickHouse},
        local::LocalClickHouse,
    },
};
use serde_json::Value;
use url::Url;

use crate::{
    answers::{AWAY, Identity},
    function::Function,
};

/// More than the platform passes on of an answer that was collected, and more than the function may take.
const SIZE: usize = 60_000_000;
const MOST_KILOBYTES: u64 = 20_000;
const PIECE: usize = 1_000_000;

/// The most memory that the process has had, in kilobytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn store(files: &Arc<FileStore>, tenant: &TenantId, size: usize) -> String {
    let mut upload = files.upload(tenant);
    for piece in 0..size.div_ceil(PIECE) {
        let piece = vec![(piece % 251) as u8; PIECE.min(size - piece * PIECE)];
        upload.write(piece.into()).await.unwrap();
    }
    upload.finish().await.unwrap().id.to_string()
}

#[tokio::test]
async fn a_file_of_any_size_passes_through_a_function_that_does_not_hold_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = LocalClickHouse::start_scratch(&folder.path().join("clickhouse"), |_| ()).await.unwrap();
    let config = StoreConfig::new(database.url().parse().unwrap());
    clickhouse::migrate(&config).await.unwrap();
    let tenant: TenantId = "local".parse().unwrap();
    let new = NewRun {
        id: RunId(uuid::Uuid::now_v7()),
        workflow_id: WorkflowId(uuid::Uuid::nil()),
        workflow_version: 1,
        attempt: 1,
        trigger: Trigger::manual(),
        input: Value::Null,
        created_at: SystemClock.now(),
    };
    let run = new.id;
    let ended = Run { status: RunStatus::Succeeded, ..new.queued() };
    let runs = ClickHouse::connect(config).await.unwrap();
    runs.record(&Facts::of_runs(vec![(tenant.clone(), ended)])).await.unwrap();

    let url = Url::from_directory_path(folder.path().join("files")).unwrap();
    let files = Arc::new(FileStore::open(&FilesSettings::new(url.clone())).unwrap());
    let (small, large) = (store(&files, &tenant, 1_000_001).await, store(&files, &tenant, SIZE).await);

    let identity = Identity::start().await;
    let mut variables = identity.variables(&format!("http://{AWAY}"), &database.url());
    variables.push(("FILES_URL".to_owned(), url.to_string()));
    let function = Function::start(env!("CARGO_BIN_EXE_runs-id-part"), &variables).await;
    let token = identity.token("runs:read");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let download = async |file: &str| {
        let url = function.url(&format!("/api/v1/runs/{run}/file?file={file}&name=a.bin"));
        let mut answer = client.get(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let announced = answer.content_length().unwrap();
        let mut came = 0;
        while let Some(piece) = answer.chunk().await.unwrap() {
            came += piece.len() as u64;
        }
        assert_eq!(came, announced);
        came
    };
    assert_eq!(download(&small).await, 1_000_001);
    let before = peak(function.pid());
    assert_eq!(download(&large).await, SIZE as u64);
    let more = peak(function.pid()) - before;
    assert!(more < MOST_KILOBYTES, "{more} kB more than before");
    database.stop().await;
}
