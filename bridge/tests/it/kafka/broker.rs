//! Real brokers: one for all tests, or one of a test's own that it stops and starts.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// A broker with its folder. Dropped, it is stopped.
pub(crate) struct Broker {
    process: Option<Process>,
    dir: TempDir,
}

/// A running broker: `scripts/kafka_server.py`, which ends when its standard input does.
struct Process {
    child: Child,
    told: Value,
}

/// The broker that tests share; every test has topics and groups of its own. It is started by the first that needs
/// it, and ends with this process, whose end closes its standard input.
pub(crate) fn shared() -> String {
    static SHARED: OnceLock<(Process, String)> = OnceLock::new();
    let start = || {
        let dir = tempfile::tempdir().unwrap().keep();
        let process = Process::start(&dir, &["--scratch"]);
        let bootstrap = process.address("bootstrap");
        (process, bootstrap)
    };
    SHARED.get_or_init(start).1.clone()
}

impl Broker {
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let process = Some(Process::start(dir.path(), &[]));
        Self { process, dir }
    }

    pub(crate) fn with_sasl(user_and_password: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let process = Some(Process::start(dir.path(), &["--sasl", user_and_password]));
        Self { process, dir }
    }

    pub(crate) fn address(&self, name: &str) -> String {
        self.process.as_ref().unwrap().address(name)
    }

    /// The machine the broker runs on loses its power, as far as the broker can tell.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        let pid = process.told["pid"].to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        process.child.wait().unwrap();
    }

    /// The same data, the same address.
    pub(crate) fn start_again(&mut self) {
        self.process = Some(Process::start(self.dir.path(), &[]));
    }
}

impl Process {
    fn start(dir: &Path, more: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka_server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .args(["--stop-with-stdin", "--dir"])
            .arg(dir)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).expect("the broker says where it listens; see above why not");
        Self { child, told }
    }

    fn address(&self, name: &str) -> String {
        self.told[name].as_str().unwrap().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
