//! A function's binary as a plain HTTP server: what Vercel's platform starts.

use std::{net::TcpListener, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use crate::request::{Answer, Call};

/// Variables of a function.
pub(crate) type Variables = Vec<(String, String)>;

/// How often a port may turn out to be taken between finding it free and using it.
const TRIES: usize = 5;

/// A running function, killed when it is dropped.
pub(crate) struct Function {
    process: Child,
    base: String,
    client: reqwest::Client,
    /// Its log, for those who asked for one.
    pub(crate) log: Option<Lines<BufReader<ChildStderr>>>,
}

/// The process of a function with these variables and no others.
pub(crate) fn command(binary: &str, variables: &Variables) -> Command {
    let mut command = Command::new(Path::new(binary));
    command.env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
    command.env("LOG", "off").stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    command
}

impl Function {
    /// Starts it; returns when it listens.
    pub(crate) async fn start(binary: &str, variables: &Variables) -> Self {
        Self::start_with(binary, variables, "off").await
    }

    /// The same with a log of these levels, for machines.
    pub(crate) async fn start_with(binary: &str, variables: &Variables, log: &str) -> Self {
        for _ in 0..TRIES {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut process = command(binary, variables)
                .env("VERCEL_DEV_PORT", port.to_string())
                .env("LOG", log)
                .env("LOG_FORMAT", "json")
                .stdout(Stdio::piped())
                .stderr(if log == "off" { Stdio::inherit() } else { Stdio::piped() })
                .spawn()
                .unwrap();
            let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
            // The runtime says one line when it listens; a process that cannot ends, and with it the stream.
            if said.next_line().await.unwrap().is_some() {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let log = process.stderr.take().map(|log| BufReader::new(log).lines());
                return Self { process, base: format!("http://127.0.0.1:{port}"), client, log };
            }
        }
        panic!("{binary} did not listen");
    }

    /// Where a path of it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Its process, to look at it.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Sends it a request.
    pub(crate) async fn send(&self, call: &Call) -> Answer {
        let question = if call.query.is_empty() { "" } else { "?" };
        let url = format!("{}{}{question}{}", self.base, call.path, call.query);
        let mut request = self.client.request(call.method.clone(), url);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let response = request.body(call.body.clone()).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer::new(status, &headers, response.bytes().await.unwrap().to_vec())
    }
}
