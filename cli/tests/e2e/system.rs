//! `minireipaz dev` in a process group and a folder of its own.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use minireipaz::auth::issuer::{LocalIssuer, TokenRequest};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_minireipaz");

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running system. Dropping it kills its whole process group.
pub struct System {
    child: Child,
    data: Arc<TempDir>,
    port: u16,
    options: Vec<String>,
    http: reqwest::Client,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }

    /// Checks that it is this problem.
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert!(self.body["detail"].is_string() && self.body["request_id"].is_string(), "{:#}", self.body);
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `is` gives something, and fails after [`PATIENCE`].
pub async fn until<T>(what: &str, mut is: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = is().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
        let log = fs::OpenOptions::new().create(true).append(true).open(data.path().join("out")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["dev", "--port", &port.to_string(), "--data"])
            .arg(data.path())
            .args(&options)
            .env_remove("CLICKHOUSE_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut system = Self { child, data, port, options, http: reqwest::Client::new() };
        let out = system.data.path().join("out");
        until("minireipaz dev is ready", async || {
            if let Some(status) = system.child.try_wait().unwrap() {
                panic!("minireipaz dev ended with {status}:\n{}", fs::read_to_string(&out).unwrap());
            }
            fs::read_to_string(system.data.path().join("token")).ok().filter(|token| !token.is_empty())
        })
        .await;
        system
    }

    /// Kills it as a power cut would, and starts it again on the same folder.
    pub async fn crash_and_restart(mut self) -> Self {
        let (data, port, options) = (Arc::clone(&self.data), self.port, self.options.clone());
        self.signal("KILL");
        self.child.wait().unwrap();
        drop(self);
        Self::start_on(data, port, options).await
    }

    /// Stops it as Ctrl-C does; gives its exit status.
    pub async fn interrupt(&mut self) -> ExitStatus {
        // Only the program, as a supervisor would; the terminal would tell the whole group.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let child = &mut self.child;
        until("minireipaz dev stops", async || child.try_wait().unwrap()).await
    }

    /// Starts it again on the same folder, after it was stopped.
    pub async fn restart(self) -> Self {
        let (data, port, options) = (Arc::clone(&self.data), self.port, self.options.clone());
        drop(self);
        Self::start_on(data, port, options).await
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Processes whose command line names this system's folder, itself among them.
    pub fn processes(&self) -> Vec<u32> {
        processes_of(self.data.path())
    }

    /// A part's address, from `dev.json`.
    pub fn address(&self, part: &str) -> String {
        let text = fs::read_to_string(self.data.path().join("dev.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()[part].as_str().unwrap().to_owned()
    }

    pub fn token(&self) -> String {
        fs::read_to_string(self.data.path().join("token")).unwrap().trim().to_owned()
    }

    /// A token of the system's own issuer.
    pub fn issuer(&self) -> LocalIssuer {
        LocalIssuer::open(&self.data.path().join("issuer"), &self.address("functions"), "minireipaz").unwrap()
    }

    pub fn token_of(&self, tenant: &str) -> String {
        self.issuer().token(&request_of(tenant)).unwrap()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://127.0.0.1:{}/api/v1{path}", self.port))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.timeout(PATIENCE).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(self.token())).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).bearer_auth(self.token()).json(body)).await
    }

    /// Saves a workflow; gives its id.
    pub async fn save(&self, document: &Value) -> String {
        let saved = self.post("/workflows", document).await;
        assert_eq!(saved.status, 201, "{:#}", saved.body);
        saved.id()
    }

    /// Starts a run; gives its id.
    pub async fn run(&self, workflow: &str, input: &Value) -> String {
        let run =
            self.post(&format!("/workflows/{workflow}/runs"), &serde_json::json!({"input": input})).await;
        assert_eq!(run.status, 202, "{:#}", run.body);
        run.id()
    }

    /// Waits for a run's end.
    pub async fn result(&self, run: &str) -> Value {
        until("the run ends", async || {
            let run = self.get(&format!("/runs/{run}?wait=5")).await;
            assert!(matches!(run.status, 200 | 404 | 503), "{run:?}");
            let ended = matches!(
                run.body["status"].as_str(),
                Some("succeeded" | "failed" | "timed_out" | "cancelled")
            );
            ended.then_some(run.body)
        })
        .await
    }

    /// Calls of the playground to one path, oldest first.
    pub async fn calls(&self, path: &str) -> Vec<Value> {
        let url = format!("{}/calls?path={path}", self.address("playground"));
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.wait();
    }
}

pub fn request_of(tenant: &str) -> TokenRequest {
    let scopes = "workflows:read workflows:write runs:read runs:write";
    TokenRequest {
        tenant: tenant.into(),
        subject: "tester".into(),
        scopes: scopes.into(),
        lifetime: Duration::from_secs(300),
    }
}

/// Processes whose command line names this folder.
pub fn processes_of(folder: &Path) -> Vec<u32> {
    let folder = folder.to_str().unwrap();
    let named = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(folder)
    };
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(named).collect()
}

/// Runs the program to its end.
pub fn program(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
