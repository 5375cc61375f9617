//! Nothing that a test program has started outlives it, even when it is killed.

use std::process::Command;

use minireipaz::testing::eventually;

use crate::{
    cluster::Cluster,
    process::{Process, processes_of},
};

/// Set: the program starts a cluster, says so in this file, and does nothing more.
pub const HOLD: &str = "E2E_HOLD";

/// What the program does then.
pub async fn hold(file: &str) {
    let _cluster = Cluster::start().await;
    std::fs::write(file, "started").unwrap();
    std::future::pending::<()>().await;
}

pub async fn no_process_of_a_cluster_outlives_its_killed_test_program() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(HOLD, &said).env("TMPDIR", folder.path());
    let mut program = Process::start("a test program", &command, &folder.path().join("log"));
    eventually("it has started a cluster", async || {
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(program.ended().is_none(), "it ended:\n{}", log());
        said.exists()
    })
    .await;
    let parts = processes_of(folder.path()).len();
    assert!(parts >= 8, "the program, Kafka, ClickHouse, the bridge, the functions and two workers: {parts}");
    program.kill();
    eventually("every process is gone", async || processes_of(folder.path()).is_empty()).await;
}
