//! `ClickHouse`, which keeps its data and its port across stops.

use std::path::{Path, PathBuf};

use minireipaz::store::local::LocalClickHouse;
use tokio::sync::Mutex;

use crate::process;

/// A server.
#[derive(Debug)]
pub struct Database {
    data: PathBuf,
    url: String,
    port: u16,
    running: Mutex<Option<LocalClickHouse>>,
}

impl Database {
    pub async fn start(folder: &Path) -> Self {
        let data = folder.join("clickhouse");
        let running = LocalClickHouse::start(&data, None, |_| {}).await.unwrap();
        Self { url: running.url(), port: running.port(), data, running: Mutex::new(Some(running)) }
    }

    /// As `CLICKHOUSE_URL` says it.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Its process, while it runs.
    pub async fn id(&self) -> Option<u32> {
        self.running.lock().await.as_ref().map(LocalClickHouse::pid)
    }

    /// Kills it as a power cut would.
    pub async fn kill(&self) {
        if let Some(server) = self.running.lock().await.take() {
            server.kill_hard();
        }
    }

    /// Stops it in order.
    pub async fn stop(&self) {
        if let Some(server) = self.running.lock().await.take() {
            server.stop().await;
        }
    }

    /// Starts it again on its data and port.
    pub async fn start_again(&self) {
        let server = LocalClickHouse::start(&self.data, Some(self.port), |_| {}).await.unwrap();
        *self.running.lock().await = Some(server);
    }

    /// Starts it again if it does not run.
    pub async fn mend(&self) {
        if self.running.lock().await.is_none() {
            eprintln!("ClickHouse had ended; it is started again");
            self.start_again().await;
        }
    }

    /// The most memory that it has held since its start, in MiB.
    pub async fn peak_memory(&self) -> u64 {
        self.id().await.map_or(0, process::peak_memory)
    }
}
