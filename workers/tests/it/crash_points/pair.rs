//! Two workers behind one address, with a real store: the first one dies, the second one takes what is its own.

use std::{
    fs::File,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use domain::{
    ids::{TenantId, WorkflowId},
    workflow::{DocumentText, StoredWorkflow, WorkflowSummary},
};
use minireipaz::{
    clock::{Clock as _, SystemClock},
    store::{
        StoreConfig, WorkflowChange, WorkflowStore as _,
        clickhouse::{self, ClickHouse},
        local::LocalClickHouse,
    },
    testing::{eventually, soon},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::Url;

use crate::{app::SECRET, peers::free_port};

/// Steps under way at a time: so many can be cut off by a crash.
pub(super) const MAX_STEPS: usize = 8;

pub(super) struct Pair {
    urls: [String; 2],
    http: reqwest::Client,
    first: Option<Child>,
    ended: Option<ExitStatus>,
    second: Child,
    database: LocalClickHouse,
    store: ClickHouse,
    folder: TempDir,
}

impl Pair {
    /// Starts the second one, and what both need.
    pub(super) async fn start(saved: Vec<(WorkflowId, Value)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("clickhouse");
        let database = LocalClickHouse::start_scratch(&data, |line| eprintln!("{line}")).await.unwrap();
        let config = StoreConfig::new(database.url().parse().unwrap());
        clickhouse::migrate(&config).await.unwrap();
        let store = ClickHouse::new(&config).unwrap();
        save(&store, saved).await;
        let urls = [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
        let second = worker(&folder, &urls, 1, &database.url(), None);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut pair = Self { urls, http, first: None, ended: None, second, database, store, folder };
        let ready = format!("{}/readyz", pair.urls[1]);
        eventually("the second worker is ready", async || is_ready(&pair.http, &ready).await).await;
        assert!(pair.second.try_wait().unwrap().is_none(), "it runs");
        pair
    }

    /// Starts the first one; `false` when it has died before it was ready.
    pub(super) async fn start_first(&mut self, armed: Option<&str>) -> bool {
        // A name in the log is one of this life.
        let _ = std::fs::remove_file(self.log());
        self.ended = None;
        self.first = Some(worker(&self.folder, &self.urls, 0, &self.database.url(), armed));
        let (http, ready) = (self.http.clone(), format!("{}/readyz", self.urls[0]));
        eventually("the first worker is ready or has ended", async || {
            if self.has_ended() { Some(false) } else { is_ready(&http, &ready).await.then_some(true) }
        })
        .await
    }

    fn has_ended(&mut self) -> bool {
        if let Some(first) = &mut self.first {
            self.ended = first.try_wait().unwrap();
        }
        self.ended.is_some()
    }

    /// The first one's address.
    pub(super) fn first(&self) -> &str {
        &self.urls[0]
    }

    pub(super) const fn store(&self) -> &ClickHouse {
        &self.store
    }

    /// Waits for the first one's end; `false` when it did not come.
    pub(super) async fn first_ends_within(&mut self, limit: Duration) -> bool {
        let Some(first) = &mut self.first else { return true };
        let ended = tokio::time::timeout(limit, first.wait()).await;
        self.ended = ended.ok().map(Result::unwrap);
        self.ended.is_some()
    }

    /// Whether the first one has ended there, and not otherwise.
    pub(super) fn was_killed_at(&self, point: &str) -> bool {
        self.said().contains(&format!("crash point {point}\n"))
    }

    /// The first one has ended, which it should have done there.
    pub(super) fn died_at(&self, point: &str) {
        assert!(self.was_killed_at(point), "{point}: {:?}\n{}", self.ended, self.said());
    }

    /// Kills the first one with signal 9.
    pub(super) async fn kill_first(&mut self) {
        if let Some(first) = &mut self.first {
            first.kill().await.unwrap();
        }
    }

    /// Asks the first one to stop.
    pub(super) fn terminate_first(&self) {
        self.first.as_ref().unwrap().id().into_iter().for_each(terminate);
    }

    /// Stops everything in order.
    pub(super) async fn stop(mut self) {
        self.terminate_first();
        self.second.id().into_iter().for_each(terminate);
        for child in [self.first.as_mut().unwrap(), &mut self.second] {
            let ended = soon("it stops", child.wait()).await.unwrap();
            assert!(ended.success(), "{ended}");
        }
        self.database.stop().await;
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("worker0.log")
    }

    /// The end of what the first one has said.
    fn said(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n") + "\n"
    }
}

fn worker(folder: &TempDir, urls: &[String; 2], own: usize, store: &str, armed: Option<&str>) -> Child {
    let data = folder.path().join(format!("data{own}"));
    let log = File::options().create(true).append(true).open(folder.path().join(format!("worker{own}.log")));
    Command::new(env!("CARGO_BIN_EXE_worker"))
        .env_clear()
        .env("WORKER_DATA_DIR", data)
        .env("WORKER_LISTEN", urls[own].trim_start_matches("http://"))
        .env("WORKER_PEERS", urls.join(","))
        .env("WORKER_SELF", &urls[own])
        .env("WORKER_HTTP_ALLOW", "127.0.0.1")
        .env("WORKER_GRACE", "100ms")
        .env("WORKER_MAX_STEPS", MAX_STEPS.to_string())
        // Of one tenant half of them: further ones wait to begin.
        .env("WORKER_MAX_RUNS", "12")
        .env("WORKER_CRASH_AT", armed.unwrap_or_default())
        // What one life stores is old in the next one.
        .env("FILES_URL", Url::from_directory_path(folder.path().join("files")).unwrap().as_str())
        .env("FILES_TTL", "1ms")
        .env("CONNECTOR_SECRET", SECRET)
        .env("CLICKHOUSE_URL", store)
        .env("LOG_FORMAT", "json")
        .stdout(Stdio::null())
        .stderr(log.unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn save(store: &ClickHouse, workflows: Vec<(WorkflowId, Value)>) {
    let at = SystemClock.now();
    let saved = |(id, document): (WorkflowId, Value)| {
        let (name, active, version) = ("Saved".to_owned(), false, 1);
        let summary = WorkflowSummary { id, name, active, version, created_at: at, updated_at: at };
        let workflow =
            StoredWorkflow { summary, document: DocumentText::parse(document.to_string()).unwrap() };
        WorkflowChange::Saved { tenant: TenantId::parse("acme").unwrap(), workflow }
    };
    store.save(&workflows.into_iter().map(saved).collect::<Vec<_>>()).await.unwrap();
}

fn terminate(id: u32) {
    let _ = kill(Pid::from_raw(i32::try_from(id).unwrap()), Signal::SIGTERM);
}

async fn is_ready(http: &reqwest::Client, url: &str) -> bool {
    http.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
}
