//! A real `ClickHouse` server on this machine, for development and tests.
//!
//! `scripts/clickhouse_server.py` finds or installs the server and runs it; its comments say how. It stops when its
//! standard input ends, so it never outlives this process, even after kill -9.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{MissedTickBehavior, interval, timeout},
};

use super::clickhouse::ClickHouse;
use crate::store::{Store as _, StoreConfig};

const SCRIPT: &str = include_str!("../../../scripts/clickhouse_server.py");
/// How often a starting server is asked whether it is there. It takes most of a second.
const POLL: Duration = Duration::from_millis(20);
/// How often a running server is looked after.
const WATCH: Duration = Duration::from_millis(500);
/// A server that has been installed answers within this time even on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a server may take to stop before it is killed; nothing acknowledged is lost then either.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Another process may take a port between its choice and its use.
const PORTS_TRIED: usize = 3;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct LocalClickHouse {
    child: Child,
    port: u16,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The data directory or a process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The server ended instead of starting; the text says what it said.
    #[error("the ClickHouse server ended before it answered:\n{0}")]
    Ended(String),
    /// The server runs but did not answer.
    #[error("the ClickHouse server did not answer on port {port} within {} s; its log is in {}", .limit.as_secs(), .log.display())]
    Silent {
        /// Its port.
        port: u16,
        /// How long it had.
        limit: Duration,
        /// Its log file.
        log: PathBuf,
    },
}

impl LocalClickHouse {
    /// Starts a server that keeps its data in `data`, on `port` or on a free one, and waits until it answers.
    /// `progress` is told in words what takes time: the first start on a machine downloads 180 MB.
    ///
    /// # Errors
    /// When there is no server to start and none can be installed; or when it does not start.
    pub async fn start(
        data: &Path,
        port: Option<u16>,
        progress: impl FnMut(&str),
    ) -> Result<Self, LocalError> {
        Self::start_with(data, port, &[], progress).await
    }

    /// The same for tests: `data` is deleted after the server has stopped, which it also does when this process ends.
    ///
    /// # Errors
    /// As for [`LocalClickHouse::start`].
    pub async fn start_scratch(data: &Path, progress: impl FnMut(&str)) -> Result<Self, LocalError> {
        Self::start_with(data, None, &["--scratch"], progress).await
    }

    async fn start_with(
        data: &Path,
        port: Option<u16>,
        flags: &[&str],
        mut progress: impl FnMut(&str),
    ) -> Result<Self, LocalError> {
        let script = data.join("clickhouse_server.py");
        let io = |what: String| move |source| LocalError::Io { what, source };
        // The script narrows the folder once it knows that it is its own, or says that others may look into it.
        let _ =
            private_files::folder(data, |_| false).map_err(io(format!("cannot make {}", data.display())))?;
        private_files::write(&script, SCRIPT).map_err(io(format!("cannot write {}", script.display())))?;
        let mut tried = 0;
        loop {
            tried += 1;
            let result = match port {
                Some(port) => start_on(data, &script, port, flags, &mut progress).await,
                None => {
                    let port = free_port().map_err(io("there is no free port".to_owned()))?;
                    start_on(data, &script, port, flags, &mut progress).await
                }
            };
            match result {
                Err(LocalError::Ended(said))
                    if port.is_none() && tried < PORTS_TRIED && said.contains("Address already in use") => {}
                result => return result,
            }
        }
    }

    /// Where it is, as `CLICKHOUSE_URL` says it. The database is `minireipaz`, which `migrate` creates.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port, "minireipaz")
    }

    /// The same for another database.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// The native protocol's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process, to look at it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server has ended by itself, or was killed by somebody.
    pub async fn ended(&mut self) {
        let mut ticks = interval(WATCH);
        while self.is_running() {
            ticks.tick().await;
        }
    }

    /// Stops the server and waits until it is gone, so that another may use its data.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        let mut ticks = interval(POLL);
        let gone = async {
            while self.is_running() {
                ticks.tick().await;
            }
        };
        // Past the limit, dropping it kills it.
        let _ = timeout(STOP_LIMIT, gone).await;
    }

    /// Kills the server as a power cut would, and waits until it is gone.
    pub fn kill_hard(mut self) {
        self.kill();
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn kill(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for LocalClickHouse {
    fn drop(&mut self) {
        self.kill();
    }
}

fn url(port: u16, database: &str) -> String {
    format!("clickhouse://default@127.0.0.1:{port}/{database}")
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

async fn start_on(
    data: &Path,
    script: &Path,
    port: u16,
    flags: &[&str],
    progress: &mut impl FnMut(&str),
) -> Result<LocalClickHouse, LocalError> {
    let mut child = Command::new("python3")
        .arg(script)
        .arg("--data")
        .arg(data)
        .args(["--tcp-port", &port.to_string(), "--stop-with-stdin"])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C in a terminal goes to the whole group. The server is to be stopped last, by the one that started it.
        .process_group(0)
        .spawn()
        .map_err(|source| LocalError::Io {
            what: "cannot run python3, which starts ClickHouse".to_owned(),
            source,
        })?;
    let mut lines = lines(&mut child);
    let mut server = LocalClickHouse { child, port };
    let mut said = VecDeque::new();
    // Installing has no time limit: only the network knows. The script says when the server itself starts.
    while let Some(line) = lines.recv().await {
        if line == "starting" {
            return server.answers(data, lines, said).await;
        }
        progress(&line);
        remember(&mut said, line);
    }
    server.kill();
    Err(ended(data, said))
}

impl LocalClickHouse {
    async fn answers(
        mut self,
        data: &Path,
        mut lines: UnboundedReceiver<String>,
        mut said: VecDeque<String>,
    ) -> Result<Self, LocalError> {
        let ask = async {
            let mut ticks = interval(POLL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if !self.is_running() || answers(self.port).await {
                    return;
                }
            }
        };
        if timeout(START_LIMIT, ask).await.is_err() {
            return Err(LocalError::Silent {
                port: self.port,
                limit: START_LIMIT,
                log: data.join("server.log"),
            });
        }
        // Somebody else's server on the same port would have answered too, but ours has ended then.
        if self.is_running() {
            return Ok(self);
        }
        while let Some(line) = lines.recv().await {
            remember(&mut said, line);
        }
        Err(ended(data, said))
    }
}

async fn answers(port: u16) -> bool {
    let Ok(address) = url(port, "default").parse() else { return false };
    let Ok(store) = ClickHouse::new(&StoreConfig::new(address)) else { return false };
    store.ping().await.is_ok()
}

/// What the script says, line by line. A thread reads it to its end, so that the pipe never fills up.
fn lines(child: &mut Child) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    receiver
}

const LINES_KEPT: usize = 12;

fn remember(said: &mut VecDeque<String>, line: String) {
    if said.len() == LINES_KEPT {
        said.pop_front();
    }
    said.push_back(line);
}

/// What it said last, and what its own log said.
fn ended(data: &Path, said: VecDeque<String>) -> LocalError {
    let log = std::fs::read_to_string(data.join("server.err.log")).unwrap_or_default();
    let mut lines: Vec<String> = said.into();
    let tail: Vec<&str> = log.lines().rev().filter(|line| line.contains("<Error>")).take(3).collect();
    lines.extend(tail.into_iter().rev().map(|line| line[..line.floor_char_boundary(500)].to_owned()));
    LocalError::Ended(lines.join("\n"))
}
