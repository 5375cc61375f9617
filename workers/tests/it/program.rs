//! The real program, killed with signal 9.

use std::{path::Path, process::Stdio, time::Duration};

use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::app::{Answer, Endpoint, SECRET, Task, batch, call_workflow};

const PATIENCE: Duration = Duration::from_secs(60);

/// The program, running.
pub(crate) struct Program {
    child: Child,
    address: String,
}

impl Program {
    /// Starts it, without a database to record to.
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::start_at(directory, "127.0.0.1:0").await
    }

    /// The same at this address.
    pub(crate) async fn start_at(directory: &Path, listen: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .env_clear()
            .env("WORKER_DATA_DIR", directory)
            .env("WORKER_LISTEN", listen)
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
                    return address.to_owned();
                }
            }
        };
        let address = timeout(PATIENCE, listening).await.expect("it starts");
        // Kept open, so that the program can go on logging: there is room for what little it says.
        child.stderr = Some(log.into_inner().into_inner());
        Self { child, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Hands it tasks; what became of them.
    pub(crate) async fn post(&self, tasks: &[Task]) -> serde_json::Value {
        let post = Client::new()
            .post(format!("http://{}/tasks", self.address))
            .bearer_auth(SECRET)
            .body(batch(tasks));
        let response = post.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    /// Kills it with signal 9.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, as a supervisor does.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().unwrap().to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        timeout(PATIENCE, self.child.wait()).await.expect("it stops").unwrap().code()
    }
}

#[tokio::test]
async fn a_killed_worker_repeats_only_the_step_that_it_was_killed_in() {
    let (directory, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    endpoint.on("/second", &[Answer::Never, Answer::Status(200)]);
    let program = Program::start(directory.path()).await;
    let calls = ["first", "second", "third"].map(|id| (id, endpoint.url(&format!("/{id}")), json!({})));
    let tasks = [Task::new(&call_workflow(&calls))];
    program.post(&tasks).await;
    endpoint.called("/second", 1).await;
    program.kill().await;

    let program = Program::start(directory.path()).await;
    endpoint.called("/third", 1).await;
    assert_eq!(["/first", "/second", "/third"].map(|path| endpoint.count(path)), [1, 2, 1]);
    assert_eq!(program.post(&tasks).await["duplicates"], 1);
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
