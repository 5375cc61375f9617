//! The local server: it starts, stops and never stays behind.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use minireipaz::{
    store::{
        Store as _,
        clickhouse::{self, ClickHouse},
        local::{LocalClickHouse, LocalError},
    },
    testing::eventually,
};

use super::config;

fn runs(pid: u32) -> bool {
    // One that has ended and is not collected yet does not run.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn a_stopped_server_is_gone_and_another_continues_with_its_data() {
    let data = tempfile::tempdir().unwrap();
    let first = LocalClickHouse::start(data.path(), None, |_| {}).await.unwrap();
    let (pid, port) = (first.pid(), first.port());
    let config = config(&first.url());
    clickhouse::migrate(&config).await.unwrap();
    first.stop().await;
    assert!(!runs(pid));

    let second = LocalClickHouse::start(data.path(), Some(port), |_| {}).await.unwrap();
    assert!(clickhouse::migrate(&config).await.unwrap().is_empty(), "the tables are still there");
    ClickHouse::connect(config).await.unwrap().ping().await.unwrap();
    let pid = second.pid();
    drop(second);
    assert!(!runs(pid));
}

#[tokio::test]
async fn everything_that_a_server_keeps_is_its_owners_alone() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = LocalClickHouse::start(&data, None, |_| {}).await.unwrap();
    clickhouse::migrate(&config(&server.url())).await.unwrap();
    let mut open = vec![data.clone()];
    let mut wide = Vec::new();
    let mut seen = 0;
    while let Some(path) = open.pop() {
        // Parts come and go while we look.
        let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
        seen += 1;
        if about.permissions().mode() & 0o077 != 0 && !about.is_symlink() {
            wide.push(path.clone());
        }
        if about.is_dir() {
            open.extend(std::fs::read_dir(&path).into_iter().flatten().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 50, "{seen}");
    assert_eq!(wide, <[std::path::PathBuf; 0]>::default());
    server.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_told_in_the_servers_words() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let data = tempfile::tempdir().unwrap();
    let error = LocalClickHouse::start(data.path(), Some(port), |_| {}).await.unwrap_err();
    assert!(matches!(&error, LocalError::Ended(said) if said.contains("Address already in use")), "{error}");
}

#[tokio::test]
async fn a_server_ends_when_the_process_that_started_it_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/clickhouse_server.py");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // The parent is a program that holds the server's standard input and is killed while it waits.
    let parent = "import subprocess, sys\n\
                  server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)\n\
                  print(server.pid, server.stderr.readline(), flush=True)\n\
                  server.wait()";
    let mut parent = Command::new("python3")
        .args(["-c", parent, "python3"])
        .arg(script)
        .arg("--data")
        .arg(data.path())
        .args(["--tcp-port", &port.to_string(), "--stop-with-stdin"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (pid, said) = line.split_once(' ').unwrap();
    assert_eq!(said.trim(), "starting");
    let pid = pid.parse().unwrap();
    assert!(runs(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("the server ends", async || !runs(pid)).await;
}
