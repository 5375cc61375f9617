//! A program of ours: started, killed, stopped and started again with the same settings.

use std::{
    path::PathBuf,
    process::{Command, ExitStatus},
    sync::{Mutex, MutexGuard},
};

use serde_json::Value;

use minireipaz::testing::eventually;

use crate::process::Process;

/// How to start a program, and how to see that it works.
#[derive(Debug)]
pub struct Plan {
    pub name: &'static str,
    pub command: Command,
    pub log: PathBuf,
    /// An address that answers 2xx once it works.
    pub probe: String,
}

/// A running program.
#[derive(Debug)]
pub struct Part {
    plan: Plan,
    running: Mutex<Process>,
}

impl Part {
    pub async fn start(plan: Plan) -> Self {
        let process = Process::start(plan.name, &plan.command, &plan.log);
        let part = Self { plan, running: Mutex::new(process) };
        part.works().await;
        part
    }

    pub const fn name(&self) -> &'static str {
        self.plan.name
    }

    pub fn id(&self) -> u32 {
        self.running().id()
    }

    /// Kills it as a power cut would.
    pub fn kill(&self) {
        self.running().kill();
    }

    /// Stops it as a supervisor does.
    pub async fn stop(&self) -> ExitStatus {
        self.running().terminate();
        eventually("it stops", async || self.running().ended()).await
    }

    /// What it says about its health.
    pub async fn health(&self) -> Option<Value> {
        reqwest::get(&self.plan.probe).await.ok()?.json().await.ok()
    }

    /// Starts it again if it does not run, so that a test that failed does not let those after it fail too.
    pub async fn mend(&self) {
        let ended = self.running().ended();
        if let Some(status) = ended {
            eprintln!("{} had ended with {status}; it is started again", self.name());
            self.start_again().await;
        }
    }

    /// Starts it again after it has ended, and waits until it works.
    pub async fn start_again(&self) {
        *self.running() = Process::start(self.plan.name, &self.plan.command, &self.plan.log);
        self.works().await;
    }

    /// The most memory that it has held since its start, in MiB.
    pub fn peak_memory(&self) -> u64 {
        self.running().peak_memory()
    }

    /// The end of what it has said.
    pub fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.plan.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Waits until it works.
    pub async fn works(&self) {
        let Plan { name, probe, .. } = &self.plan;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        eventually(&format!("{name} works"), async || {
            if let Some(status) = self.running().ended() {
                panic!("{name} ended with {status}:\n{}", self.said());
            }
            http.get(probe).send().await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
    }

    fn running(&self) -> MutexGuard<'_, Process> {
        self.running.lock().unwrap()
    }
}
