//! Restate: its server with the same ten steps as a service in Rust, each a process, in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::ensure;
use minireipaz::testing::eventually;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    accounting::{Accounts, Owner, Part},
    load::Workload,
    process::Process,
    system::free_port,
};

/// The two programs, as `scripts/bench_restate.sh` names them.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) server: PathBuf,
    pub(crate) service: PathBuf,
}

/// A running Restate.
pub(crate) struct Restate {
    programs: Programs,
    folder: TempDir,
    ports: Ports,
    server: Process,
    service: Process,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    node: u16,
    ingress: u16,
    admin: u16,
    service: u16,
}

impl Restate {
    /// Starts both in a new folder, and registers the service.
    pub(crate) async fn start(programs: Programs) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ports =
            Ports { node: free_port(), ingress: free_port(), admin: free_port(), service: free_port() };
        // Otherwise as it comes; without the calls home that it makes.
        let config = format!(
            "base-dir = {:?}\nnode-name = \"bench\"\nbind-ip = \"127.0.0.1\"\nbind-port = {}\nlisten-mode = \"tcp\"\n\
             disable-telemetry = true\nlog-filter = \"warn\"\n[ingress]\nbind-port = {}\n[admin]\nbind-port = {}\n",
            folder.path().join("data"),
            ports.node,
            ports.ingress,
            ports.admin,
        );
        fs::write(folder.path().join("restate.toml"), config)?;
        let (server, service) = processes(&programs, folder.path(), ports);
        let mut restate = Self { programs, folder, ports, server, service };
        restate.takes_requests().await;
        restate.register().await?;
        restate.first_result().await?;
        Ok(restate)
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_both().await
    }

    async fn stop_both(&mut self) -> anyhow::Result<()> {
        let status = self.server.stop_by("TERM").await;
        self.service.kill();
        ensure!(status.success(), "Restate ended with {status}");
        Ok(())
    }

    /// Stops both in order, and takes the time from their next start on the same data to the result of a run.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<Duration> {
        self.stop_both().await?;
        let begun = Instant::now();
        (self.server, self.service) = processes(&self.programs, self.folder.path(), self.ports);
        self.takes_requests().await;
        self.first_result().await?;
        Ok(begun.elapsed())
    }

    pub(crate) fn accounts(&self) -> Accounts {
        Accounts::of(vec![
            (self.server.id(), Owner::Part(Part::RestateServer)),
            (self.service.id(), Owner::Part(Part::RestateService)),
        ])
    }

    pub(crate) fn workload(&self) -> Workload {
        Workload::Restate { base: format!("http://127.0.0.1:{}", self.ports.ingress) }
    }

    async fn takes_requests(&mut self) {
        let (ingress, admin) = (self.ports.ingress, self.ports.admin);
        let addresses = [
            format!("http://127.0.0.1:{ingress}/restate/health"),
            format!("http://127.0.0.1:{admin}/health"),
        ];
        let log = self.folder.path().join("server.log");
        eventually("Restate takes requests", async || {
            if let Some(status) = self.server.ended() {
                panic!("Restate ended with {status}:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            for address in &addresses {
                if !reqwest::get(address).await.is_ok_and(|answer| answer.status().is_success()) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    async fn register(&self) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{}/deployments", self.ports.admin);
        let uri = format!("http://127.0.0.1:{}", self.ports.service);
        let request = reqwest::Client::new().post(url).json(&json!({"uri": uri}));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Until the partition that the run belongs to has a leader, requests may fail.
    async fn first_result(&self) -> anyhow::Result<()> {
        let workload = self.workload();
        eventually("Restate gives a result", async || {
            let mut connection = workload.connect().await.ok()?;
            workload.once(&mut connection).await.ok()
        })
        .await;
        Ok(())
    }
}

fn processes(programs: &Programs, folder: &Path, ports: Ports) -> (Process, Process) {
    let mut server = Command::new(&programs.server);
    server.args(["--no-logo", "--config-file"]).arg(folder.join("restate.toml")).current_dir(folder);
    let mut service = Command::new(&programs.service);
    service.arg(ports.service.to_string());
    (
        Process::start("Restate", &server, &folder.join("server.log")),
        Process::start("the Restate service", &service, &folder.join("service.log")),
    )
}
