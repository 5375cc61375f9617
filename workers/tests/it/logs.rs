//! The log of the real program, as machines read it.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use crate::{
    app::{Answer, Endpoint, SECRET, Task, call_workflow, within},
    echo::{Echo, forms_of},
};

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// What a workflow sends to a server; nobody else is to see it.
const TOKEN: &str = "t0k3n-of-the-workflow";

/// What a workflow reads from the environment.
const OUTSIDE: &str = "SEKRET9/x7q from+outside";

/// The worker, without a database to record to, and its log.
struct Program {
    _child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Every line so far.
    said: Vec<String>,
}

impl Program {
    fn start(data: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .env_clear()
            .env("WORKER_DATA_DIR", data)
            .env("WORKER_LISTEN", "127.0.0.1:0")
            .env("WORKER_HTTP_ALLOW", "127.0.0.1")
            .env("WORKER_ENV_ALLOW", "OUTSIDE")
            .env("OUTSIDE", OUTSIDE)
            .env("CONNECTOR_SECRET", SECRET)
            .env("CLICKHOUSE_URL", "clickhouse://worker:s3cret-of-the-store@127.0.0.1:1/none")
            .env("LOG", "info,workers=debug,minireipaz=debug")
            .env("LOG_FORMAT", "json")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { _child: child, log, said: Vec::new() }
    }

    /// The next line that is the one; every line must be JSON and say when, how grave, where and what.
    async fn line(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        within("a line of the log", async {
            loop {
                let text = self.log.next_line().await.unwrap().expect("the program runs");
                let line: Value = serde_json::from_str(&text).unwrap();
                for field in ["time", "level", "target", "message"] {
                    assert!(line[field].is_string(), "{field} is missing: {text}");
                }
                self.said.push(text);
                if is_it(&line) {
                    return line;
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn lines_about_a_run_carry_its_ids_and_no_secret() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let mut program = Program::start(data.path());
    let address = program.line(|line| line["address"].is_string()).await["address"].clone();
    endpoint.on("/call", &[Answer::Status(503), Answer::Status(401)]);
    let again = json!({"retry": {"max_attempts": 2, "base": "1ms"}});
    let mut document = call_workflow(&[("call", endpoint.url("/call"), again)]);
    document["nodes"][1]["data"]["params"]["headers"] = json!({"Authorization": format!("Bearer {TOKEN}")});
    let task = Task::new(&document).input(json!({"password": "p4ssw0rd"})).traceparent(GIVEN);
    let url = format!("http://{}/tasks", address.as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let taken = client.post(&url).bearer_auth(SECRET).body(task.json()).send().await.unwrap();
    assert_eq!(taken.status().as_u16(), 200);
    assert_eq!(client.post(&url).bearer_auth("wr0ng-secret").send().await.unwrap().status().as_u16(), 401);

    let of_the_run = |line: &Value| line["run.id"] == task.run.to_string();
    let retry = program.line(|line| of_the_run(line) && line["delay_ms"].is_number()).await;
    let ended = program.line(|line| of_the_run(line) && line["run.status"].is_string()).await;
    for line in [&retry, &ended] {
        assert_eq!(line["trace_id"], GIVEN[3..35], "{line}");
        assert_eq!(line["span_id"].as_str().unwrap().len(), 16, "{line}");
        assert_eq!((&line["tenant"], &line["run.attempt"]), (&"acme".into(), &1.into()), "{line}");
        assert!(line["workflow.id"].is_string() && line["error.code"].is_string(), "{line}");
    }
    assert_eq!((&retry["node.id"], &retry["node.kind"]), (&"call".into(), &"http_request".into()));
    assert_eq!((&retry["attempt"], &ended["run.status"]), (&1.into(), &"failed".into()));
    assert_eq!(retry["span_id"], ended["span_id"], "both are about the run");
    let said = program.said.join("\n");
    for secret in [SECRET, TOKEN, "p4ssw0rd", "s3cret-of-the-store", "wr0ng-secret"] {
        assert!(!said.contains(secret), "{secret}:\n{said}");
    }
}

#[tokio::test]
async fn calls_that_fail_are_logged_without_what_they_sent_however_it_comes_back() {
    let (data, echo) = (tempfile::tempdir().unwrap(), Echo::start().await);
    let mut program = Program::start(data.path());
    let address = program.line(|line| line["address"].is_string()).await["address"].clone();
    let url = format!("http://{}/tasks", address.as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for form in Echo::FORMS {
        let target = format!("http://bob:{TOKEN}@{}/{form}?key={TOKEN}", echo.addr);
        let mut document = call_workflow(&[("call", target, json!({"retry": {"max_attempts": 1}}))]);
        let params = &mut document["nodes"][1]["data"]["params"];
        params["headers"] = json!({"X-Api-Key": "{{ $env.OUTSIDE }}"});
        params["body"] = json!({"json": {"password": "p4ssw0rd"}});
        let task = Task::new(&document);
        let taken = client.post(&url).bearer_auth(SECRET).body(task.json()).send().await.unwrap();
        assert_eq!(taken.status().as_u16(), 200);
        let id = task.run.to_string();
        program.line(|line| line["run.id"] == id.as_str() && line["run.status"] == "failed").await;
    }
    let said = program.said.join("\n");
    for form in [TOKEN, "p4ssw0rd", OUTSIDE].into_iter().flat_map(forms_of) {
        assert!(!said.contains(&form), "{form}:\n{said}");
    }
}

#[tokio::test]
async fn a_connector_that_is_refused_again_and_again_is_told_of_once() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let mut program = Program::start(data.path());
    let address = program.line(|line| line["address"].is_string()).await["address"].clone();
    let url = format!("http://{}/tasks", address.as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for secret in ["wr0ng-secret", "an0ther-secret"].iter().cycle().take(100) {
        assert_eq!(client.post(&url).bearer_auth(secret).send().await.unwrap().status().as_u16(), 401);
    }
    // What comes after all of them.
    endpoint.on("/call", &[Answer::Status(200)]);
    let task = Task::new(&call_workflow(&[("call", endpoint.url("/call"), json!({}))]));
    assert_eq!(client.post(&url).bearer_auth(SECRET).body(task.json()).send().await.unwrap().status(), 200);
    program.line(|line| line["run.id"] == task.run.to_string()).await;
    let refusals: Vec<_> = program.said.iter().filter(|line| line.contains("CONNECTOR_SECRET")).collect();
    let [told] = refusals[..] else { panic!("{refusals:#?}") };
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!((&told["level"], &told["reason"]), (&"WARN".into(), &"secret_wrong".into()), "{told}");
    assert_eq!(told["consumer"], "worker");
    let said = program.said.join("\n");
    assert!(!said.contains("wr0ng-secret") && !said.contains("an0ther-secret"), "{said}");
}

#[tokio::test]
async fn a_step_that_panics_is_told_of_once_with_its_place_and_nothing_of_what_it_said() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let mut program = Program::start(data.path());
    let address = program.line(|line| line["address"].is_string()).await["address"].clone();
    let url = format!("http://{}/tasks", address.as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let task = Task::new(&call_workflow(&[("panics at call", endpoint.url("/never"), json!({}))]));
    assert_eq!(client.post(&url).bearer_auth(SECRET).body(task.json()).send().await.unwrap().status(), 200);
    let id = task.run.to_string();
    program.line(|line| line["run.id"] == id.as_str() && line["run.status"] == "failed").await;
    let errors: Vec<_> = program.said.iter().filter(|line| line.contains("ERROR")).collect();
    let [told] = errors[..] else { panic!("{errors:#?}") };
    let told: Value = serde_json::from_str(told).unwrap();
    assert!(told["panic.place"].as_str().unwrap().contains(".rs:"), "{told}");
    assert_eq!((&told["run.id"], &told["node.id"]), (&id.into(), &"panics at call".into()), "{told}");
    assert!(!program.said.join("\n").contains("a secret of the node"));
}
