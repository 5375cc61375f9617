//! Apache Kafka, run by `scripts/kafka_server.py`.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use serde::Deserialize;

use minireipaz::testing::eventually;

use crate::{
    client::repository,
    process::{self, MARK, Process},
};

/// A broker that keeps its data and its port across stops.
#[derive(Debug)]
pub struct Kafka {
    folder: PathBuf,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    script: Process,
    said: Said,
}

/// What the script says once the broker takes requests.
#[derive(Debug, Clone, Deserialize)]
struct Said {
    bootstrap: String,
    pid: u32,
}

impl Kafka {
    pub async fn start(folder: &Path) -> Self {
        let running = run(folder, None).await;
        Self { folder: folder.to_owned(), running: Mutex::new(running) }
    }

    /// `host:port`.
    pub fn bootstrap(&self) -> String {
        self.running.lock().unwrap().said.bootstrap.clone()
    }

    /// The broker's process.
    pub fn id(&self) -> u32 {
        self.running.lock().unwrap().said.pid
    }

    /// Kills the broker as a power cut would.
    pub async fn kill(&self) {
        process::signal("KILL", self.id());
        self.gone().await;
    }

    /// Stops the broker in order.
    pub async fn stop(&self) {
        self.running.lock().unwrap().script.terminate();
        self.gone().await;
    }

    async fn gone(&self) {
        eventually("the broker is gone", async || self.running.lock().unwrap().script.ended()).await;
    }

    /// Starts it again on its data and port.
    pub async fn start_again(&self) {
        let bootstrap = self.bootstrap();
        let running = run(&self.folder, bootstrap.rsplit(':').next()).await;
        *self.running.lock().unwrap() = running;
    }

    /// Starts it again if it does not run.
    pub async fn mend(&self) {
        let ended = self.running.lock().unwrap().script.ended();
        if ended.is_some() {
            eprintln!("Kafka had ended; it is started again");
            self.start_again().await;
        }
    }

    /// The most memory that the broker has held since its start, in MiB.
    pub fn peak_memory(&self) -> u64 {
        process::peak_memory(self.id())
    }
}

async fn run(folder: &Path, port: Option<&str>) -> Running {
    let mut command = Command::new("python3");
    command
        .arg(repository("scripts/kafka_server.py"))
        .arg("--dir")
        .arg(folder.join("kafka"))
        .env(MARK, folder);
    if let Some(port) = port {
        command.args(["--port", port]);
    }
    let log = folder.join("kafka.log");
    let mut script = Process::start_with("Kafka", &command, &log, Stdio::null(), Some(Stdio::piped()));
    let output = script.child().stdout.take().unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    thread::spawn(move || {
        // To the end of it, so that the script can always write.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    let line = eventually("Kafka takes requests", async || {
        if let Some(status) = script.ended() {
            panic!("Kafka ended with {status}:\n{}", std::fs::read_to_string(&log).unwrap());
        }
        told.try_recv().ok()
    })
    .await;
    Running { script, said: serde_json::from_str(&line).unwrap() }
}
