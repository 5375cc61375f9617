//! What a deployment has: Kafka, `ClickHouse`, the bridge, the function binaries, and two workers behind one address.
//!
//! Every part is a process of its own, started with the settings that README names; nothing is shared but the
//! network. The harness itself is the load balancer, the identity provider and the web API that workflows call.

mod balancer;
mod database;
mod kafka;
mod part;
mod services;
pub mod settings;

use std::sync::Arc;

use libtest_mimic::Failed;
use tempfile::TempDir;

pub use balancer::{Balancer, Fault};
pub use database::Database;
pub use kafka::Kafka;
pub use part::Part;
use services::Services;
use settings::Settings;

use minireipaz::testing::eventually;

use crate::{
    client::Client,
    process::{command_line, processes_of},
    system::free_port,
};

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    pub kafka: Kafka,
    pub database: Database,
    pub bridge: Part,
    pub functions: Part,
    pub workers: [Part; 2],
    /// The workers' address.
    pub tasks: Balancer,
    /// The scheduler function's address.
    pub events: Balancer,
    services: Services,
    settings: Settings,
    folder: Arc<TempDir>,
}

impl Cluster {
    /// Starts one with all data in a new folder. Nothing waits for anything that it does not need: what a part calls
    /// may not be there yet, as after a power cut.
    pub async fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path();
        let services = Services::start(path).await;
        let ports = [(); 4].map(|()| free_port());
        let [bridge, functions, one, other] = ports.map(|port| format!("http://127.0.0.1:{port}"));
        let tasks = Balancer::start(&[&one, &other]).await;
        let events = Balancer::start(&[&functions]).await;
        let (kafka, database) = tokio::join!(Kafka::start(path), Database::start(path));
        let settings = Settings {
            folder: path.to_owned(),
            kafka: kafka.bootstrap(),
            bridge,
            functions,
            workers: [one, other],
            tasks: tasks.url(),
            events: events.url(),
            database: database.url(),
            identity: services.identity.clone(),
            playground: services.playground.clone(),
        };
        // As before a deployment: workers are ready without it, and functions then miss tables for some seconds.
        let migrated = settings.migrate().status().unwrap();
        assert!(migrated.success(), "{migrated}");
        let (bridge, functions, one, other) = tokio::join!(
            Part::start(settings.bridge()),
            Part::start(settings.functions()),
            Part::start(settings.worker(0)),
            Part::start(settings.worker(1)),
        );
        let workers = [one, other];
        Self { kafka, database, bridge, functions, workers, tasks, events, services, settings, folder }
    }

    /// A caller of this tenant.
    pub fn client(&self, tenant: &str) -> Client {
        let Services { identity, playground, .. } = &self.services;
        Client::new(&self.settings.functions, playground, identity.clone(), tenant)
    }

    /// The bridge's address.
    pub fn bridge_url(&self) -> &str {
        &self.settings.bridge
    }

    /// Each worker's own address.
    pub fn worker_urls(&self) -> &[String; 2] {
        &self.settings.workers
    }

    /// Starts a second bridge, which shares the deliveries with the first one.
    pub async fn second_bridge(&self) -> Part {
        Part::start(self.settings.second_bridge()).await
    }

    /// Puts right what a test that failed has left.
    pub async fn mend(&self) {
        self.kafka.mend().await;
        self.database.mend().await;
        for part in self.parts() {
            part.mend().await;
        }
        self.tasks.mend();
        self.events.mend();
    }

    /// Every part that is a program of ours.
    pub fn parts(&self) -> [&Part; 4] {
        [&self.bridge, &self.functions, &self.workers[0], &self.workers[1]]
    }

    /// Stops everything in the order in which a person would, and looks whether a process is left.
    pub async fn stop(self) -> Result<(), Failed> {
        let mut wrong = Vec::new();
        for part in [&self.functions, &self.bridge, &self.workers[0], &self.workers[1]] {
            let status = part.stop().await;
            if !status.success() {
                wrong.push(format!("{} ended with {status}:\n{}", part.name(), part.said()));
            }
        }
        self.database.stop().await;
        self.kafka.stop().await;
        let folder = self.folder.path();
        let gone = eventually("every process is gone", async || processes_of(folder).is_empty());
        if tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.is_err() {
            let left: Vec<_> = processes_of(folder).into_iter().map(|pid| (pid, command_line(pid))).collect();
            wrong.push(format!("processes are left: {left:?}"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
    }
}
