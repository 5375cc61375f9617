//! `minireipaz dev` in a process group and a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;

use minireipaz::testing::eventually;

use crate::{
    client::{Client, Identity},
    process::{self, Process},
};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_minireipaz");

/// A running system. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct System {
    /// The developer of the local tenant.
    pub api: Client,
    process: Process,
    data: Arc<TempDir>,
    port: u16,
    options: Vec<String>,
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl System {
    /// Starts one in a new folder.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more options.
    pub async fn start_with(options: &[&str]) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Self::start_on(data, free_port(), options).await
    }

    async fn start_on(data: Arc<TempDir>, port: u16, options: Vec<String>) -> Self {
        let _ = fs::remove_file(data.path().join("token"));
        let out = data.path().join("out");
        let mut command = Command::new(PROGRAM);
        command
            .args(["dev", "--port", &port.to_string(), "--data"])
            .arg(data.path())
            .args(&options)
            .env_remove("CLICKHOUSE_URL");
        let mut process = Process::start("minireipaz dev", &command, &out);
        eventually("minireipaz dev is ready", async || {
            if let Some(status) = process.ended() {
                panic!("minireipaz dev ended with {status}:\n{}", fs::read_to_string(&out).unwrap());
            }
            fs::read_to_string(data.path().join("token")).ok().filter(|token| !token.is_empty())
        })
        .await;
        let address = |part| address(data.path(), part);
        let identity = Identity { folder: data.path().join("issuer"), url: address("functions") };
        let api = Client::new(&address("functions"), &address("playground"), identity, "local");
        Self { api, process, data, port, options }
    }

    /// Kills it as a power cut would, and starts it again on the same folder.
    pub async fn crash_and_restart(mut self) -> Self {
        self.process.kill();
        self.restart().await
    }

    /// Stops it as Ctrl-C does; gives its exit status.
    pub async fn interrupt(&mut self) -> ExitStatus {
        // Only the program, as a supervisor would; the terminal would tell the whole group.
        self.process.stop_by("INT").await
    }

    /// Starts it again on the same folder, after it was stopped.
    pub async fn restart(self) -> Self {
        let (data, port, options) = (Arc::clone(&self.data), self.port, self.options.clone());
        drop(self);
        Self::start_on(data, port, options).await
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The program's process.
    #[allow(dead_code, reason = "the benches account for it")]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Processes whose command line names this system's folder, itself among them.
    pub fn processes(&self) -> Vec<u32> {
        process::processes_of(self.data.path())
    }

    /// A part's address, from `dev.json`.
    pub fn address(&self, part: &str) -> String {
        address(self.data.path(), part)
    }
}

fn address(data: &Path, part: &str) -> String {
    let text = fs::read_to_string(data.join("dev.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[part].as_str().unwrap().to_owned()
}

/// Runs the program to its end.
pub fn program(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A program that was built beside the one under test.
pub fn built(name: &str) -> PathBuf {
    Path::new(PROGRAM).with_file_name(name)
}
