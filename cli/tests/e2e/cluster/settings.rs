//! With which settings the parts are started.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::part::Plan;
use crate::{
    client::{Identity, read_json, repository},
    process::MARK,
    setting,
    system::{PROGRAM, built, free_port},
};

/// What connectors show.
pub const CONNECTOR_SECRET: &str = "a-secret-of-the-end-to-end-tests";

/// The scheduler function must answer within this time, so that a test sees it exceeded soon.
const SCHEDULER_TIMEOUT_MS: &str = "3000";

/// Where everything is.
#[derive(Debug)]
pub struct Settings {
    pub folder: PathBuf,
    pub kafka: String,
    pub bridge: String,
    pub functions: String,
    pub workers: [String; 2],
    pub tasks: String,
    pub events: String,
    pub database: String,
    pub identity: Identity,
    pub playground: String,
}

impl Settings {
    pub fn bridge(&self) -> Plan {
        self.bridge_at("bridge", &self.bridge)
    }

    /// A bridge beside the first one. Nobody produces to it; it delivers.
    pub fn second_bridge(&self) -> Plan {
        self.bridge_at("second bridge", &format!("http://127.0.0.1:{}", free_port()))
    }

    fn bridge_at(&self, name: &'static str, url: &str) -> Plan {
        let mut command = self.command(Path::new(PROGRAM));
        command.args(["bridge", "--kafka", &self.kafka, "--listen", host(url)]);
        for file in self.connectors() {
            command.arg("--connector").arg(file);
        }
        self.plan(name, command, format!("{url}/healthz"))
    }

    pub fn functions(&self) -> Plan {
        let mut command = self.command(Path::new(PROGRAM));
        let port = host(&self.functions).rsplit(':').next().unwrap();
        command.args(["serve", "--port", port]);
        match setting("E2E_FUNCTIONS") {
            Some(output) => command.arg("--from").arg(repository(&output)),
            None => command.arg("--functions").arg(built("")).arg("--project").arg(repository("")),
        };
        self.plan("functions", command, format!("{}/api/v1/ping", self.functions))
    }

    /// Makes the tables.
    pub fn migrate(&self) -> Command {
        let mut command = self.command(Path::new(PROGRAM));
        command.arg("migrate").stdout(Stdio::null());
        command
    }

    pub fn worker(&self, number: usize) -> Plan {
        let name = ["worker 1", "worker 2"][number];
        let url = &self.workers[number];
        // With SIGXFSZ ignored, a limit on file sizes is to the worker what a full disk is: a write fails.
        let mut command = self.command(Path::new("sh"));
        command
            .args(["-c", r#"trap '' XFSZ; exec "$0""#])
            .arg(built("worker"))
            .env("WORKER_LISTEN", host(url))
            .env("WORKER_PEERS", self.workers.join(","))
            .env("WORKER_SELF", url)
            .env("WORKER_DATA_DIR", self.folder.join(name));
        self.plan(name, command, format!("{url}/readyz"))
    }

    fn plan(&self, name: &'static str, command: Command, probe: String) -> Plan {
        Plan { name, command, log: self.folder.join(format!("{name}.log")), probe }
    }

    /// A command with all that parts read from their environment. Every part gets everything, as with one file of
    /// settings for all.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env(MARK, &self.folder).envs([
            ("KAFKA_REST_URL", self.bridge.as_str()),
            ("CLICKHOUSE_URL", &self.database),
            ("AUTH_ISSUER", &self.identity.url),
            ("AUTH_AUDIENCE", "minireipaz"),
            ("AUTH_JWKS_URL", &format!("{}/.well-known/jwks.json", self.identity.url)),
            ("CONNECTOR_SECRET", CONNECTOR_SECRET),
            ("LINK_SECRET", "the-links-of-the-end-to-end-tests"),
            ("HOOK_SECRET", "the-hooks-of-the-end-to-end-tests"),
            ("CREDENTIAL_KEYS", "e2e:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("PUBLIC_URL", &self.functions),
            ("CORS_ORIGINS", "*"),
            ("SCHEDULER_URL", &self.events),
            ("WORKER_URL", &self.tasks),
            // The web API that workflows call is on this machine.
            ("WORKER_HTTP_ALLOW", "127.0.0.0/8"),
            ("WORKER_ENV_ALLOW", "PLAYGROUND_URL"),
            ("PLAYGROUND_URL", &self.playground),
            ("FILES_URL", &format!("file://{}", self.folder.join("files").display())),
            ("LOG", "info"),
        ]);
        command
    }

    /// The connector files of the repository; one with a time limit that a test can wait for.
    fn connectors(&self) -> [PathBuf; 2] {
        let folder = self.folder.join("connectors");
        fs::create_dir_all(&folder).unwrap();
        ["workflows-http-sink.json", "tasks-http-sink.json"].map(|name| {
            let mut connector: Value = read_json(&repository("connectors").join(name));
            if name.starts_with("workflows") {
                connector["config"]["http.request.timeout.ms"] = json!(SCHEDULER_TIMEOUT_MS);
            }
            let file = folder.join(name);
            fs::write(&file, connector.to_string()).unwrap();
            file
        })
    }
}

fn host(url: &str) -> &str {
    url.trim_start_matches("http://")
}
