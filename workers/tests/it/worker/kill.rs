//! The real program, killed with signal 9.

use std::{path::Path, process::Stdio, time::Duration};

use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{
    rig::{SECRET, call, chain, post, task},
    target::Target,
};

const PATIENCE: Duration = Duration::from_secs(60);

struct Program {
    child: Child,
    tasks: String,
}

impl Program {
    /// Starts it, without a database to record to.
    async fn start(directory: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .env_clear()
            .env("WORKER_DATA_DIR", directory)
            .env("WORKER_LISTEN", "127.0.0.1:0")
            .env("WORKER_HTTP_ALLOW", "127.0.0.1")
            .env("WORKER_GRACE", "100ms")
            .env("CONNECTOR_SECRET", SECRET)
            .env("CLICKHOUSE_URL", "clickhouse://127.0.0.1:1/none")
            .env("LOG_FORMAT", "json")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = async {
            loop {
                let line = log.next_line().await.unwrap().expect("it says where it listens");
                let line: serde_json::Value = serde_json::from_str(&line).unwrap();
                if let Some(address) = line["address"].as_str() {
                    return format!("http://{address}/tasks");
                }
            }
        };
        let tasks = timeout(PATIENCE, listening).await.expect("it starts");
        // Kept open, so that the program can go on logging: there is room for what little it says.
        child.stderr = Some(log.into_inner().into_inner());
        Self { child, tasks }
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, as a supervisor does.
    async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        timeout(PATIENCE, self.child.wait()).await.expect("it stops").unwrap().code()
    }
}

#[tokio::test]
async fn a_killed_worker_repeats_only_the_step_that_it_was_killed_in() {
    let (directory, target) = (tempfile::tempdir().unwrap(), Target::start().await);
    let program = Program::start(directory.path()).await;
    let document = chain(&[
        call("first", &target.url("ok/first"), json!({})),
        call("second", &target.url("held/second"), json!({})),
        call("third", &target.url("ok/third"), json!({})),
    ]);
    let body = serde_json::to_vec(&[task(&document, json!({}))]).unwrap();
    assert_eq!(post(&Client::new(), &program.tasks, body.clone()).await.status(), StatusCode::OK);
    target.arrived(2).await;
    program.kill().await;

    let program = Program::start(directory.path()).await;
    target.arrived(3).await;
    target.release(2);
    target.arrived(4).await;
    assert_eq!(["first", "second", "third"].map(|name| target.count(name)), [1, 2, 1]);
    let again = post(&Client::new(), &program.tasks, body).await;
    let receipt: serde_json::Value = serde_json::from_str(&again.text().await.unwrap()).unwrap();
    assert_eq!(receipt["duplicates"], 1);
    assert_eq!(program.terminate().await, Some(0), "it stops in order, also without its database");
}

#[tokio::test]
async fn wrong_settings_are_all_named_and_end_with_their_own_code() {
    let ended = Command::new(env!("CARGO_BIN_EXE_worker"))
        .env_clear()
        .env("WORKER_MAX_STEPS", "many")
        .output()
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(64));
    let said = String::from_utf8(ended.stderr).unwrap();
    for name in ["WORKER_MAX_STEPS", "WORKER_DATA_DIR", "CONNECTOR_SECRET", "CLICKHOUSE_URL"] {
        assert!(said.contains(name), "{said}");
    }
}
