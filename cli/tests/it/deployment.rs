//! A Build Output whose functions are the probe (`probe.rs`), and `minireipaz serve` on it.

use std::{
    fs,
    path::Path,
    process::{ExitStatus, Stdio},
};

use minireipaz::testing::{eventually, soon};
use reqwest::Response;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
};

/// A deployment that is served.
pub struct Served {
    child: Child,
    address: String,
    lines: watch::Receiver<Vec<String>>,
    _reader: JoinSet<()>,
    _output: TempDir,
    pub http: reqwest::Client,
}

/// `/api/probe` may take a minute, `/api/slow` a second; `/api/broken` does not start.
fn output() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join(".vercel/output");
    let routes = json!([
        {"src": "^/api(?:/(.*))$", "headers": {"X-Both": "route", "X-Route": "$1"}, "continue": true},
        {"src": "^/old$", "headers": {"Location": "/new"}, "status": 308},
        {"handle": "filesystem"},
        {"src": "^/api/(probe|slow|broken)/(.*)$", "dest": "/api/$1?rest=$2", "check": true},
        {"src": "^/api(/.*)?$", "status": 404},
    ]);
    let probe = env!("CARGO_BIN_EXE_serve-probe");
    function(&output, "probe", probe, 60);
    function(&output, "slow", probe, 1);
    function(&output, "broken", "/bin/false", 60);
    fs::create_dir_all(output.join("static/docs")).unwrap();
    fs::write(output.join("static/index.html"), "<p>hello</p>").unwrap();
    fs::write(output.join("static/docs/data.json"), "{}").unwrap();
    fs::write(output.join("config.json"), json!({"version": 3, "routes": routes}).to_string()).unwrap();
    folder
}

fn function(output: &Path, name: &str, program: &str, seconds: u64) {
    let folder = output.join(format!("functions/api/{name}.func"));
    fs::create_dir_all(&folder).unwrap();
    let config = json!({
        "handler": "executable", "runtime": "executable", "maxDuration": seconds,
        "environment": {"OWN": name}, "filePathMap": {"executable": program},
    });
    fs::write(folder.join(".vc-config.json"), config.to_string()).unwrap();
}

impl Served {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(options: &[&str]) -> Self {
        let output = output();
        let from = output.path().join(".vercel/output").display().to_string();
        let options: Vec<_> = ["--from", &from].iter().chain(options).copied().collect();
        Self::start_on(output, &options).await
    }

    /// Serves what is in a folder; the options say where.
    pub async fn start_on(output: TempDir, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_minireipaz"))
            .args(["serve", "--port", "0"])
            .args(options)
            .env("GIVEN", "from outside")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (sender, lines) = watch::channel(Vec::new());
        let mut read = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(line)) = read.next_line().await {
                sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
            }
        });
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut served =
            Self { child, address: String::new(), lines, _reader: reader, _output: output, http };
        let ready = served.said("Ready:").await;
        served.address =
            ready.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        served
    }

    /// Waits for a line that contains this.
    pub async fn said(&self, text: &str) -> String {
        let mut lines = self.lines.clone();
        let found = soon(text, lines.wait_for(|lines| lines.iter().any(|line| line.contains(text)))).await;
        found.unwrap().iter().find(|line| line.contains(text)).unwrap().clone()
    }

    /// How many lines contain this so far.
    pub fn count(&self, text: &str) -> usize {
        self.lines.borrow().iter().filter(|line| line.contains(text)).count()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        soon(path, self.http.get(self.url(path)).send()).await.unwrap()
    }

    /// What the probe says about a request to it.
    pub async fn echo(&self) -> Value {
        self.get("/api/probe/echo").await.json().await.unwrap()
    }

    /// Calls the probe's process without the program under test.
    pub async fn directly(&self, echo: &Value, path: &str) {
        let url = format!("http://127.0.0.1:{}{path}", echo["port"].as_str().unwrap());
        assert!(soon(path, self.http.get(url).send()).await.unwrap().status().is_success());
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id().unwrap(), name);
    }

    pub async fn ended(&mut self) -> ExitStatus {
        soon("the program ends", self.child.wait()).await.unwrap()
    }
}

pub fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// The process of an echo.
pub fn pid(echo: &Value) -> u32 {
    echo["pid"].as_u64().unwrap().try_into().unwrap()
}

/// Whether a process, or a thread of it, is there. A zombie has only its entry left.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    state.is_some_and(|state| state != 'X' && (state != 'Z' || threads > 1))
}

/// Waits until the process has ended.
pub async fn gone(process: u32) {
    eventually("the function's process ends", async || !lives(process)).await;
}
