//! The worker's settings.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use domain::duration::HumanDuration;
use files::FilesSettings;
use http_server::ServerLimits;
use minireipaz::{
    auth::{CallbackSecrets, LinkSecrets},
    bus::BusConfig,
    config::{self, Env},
    credentials::CredentialKeys,
    fair::half,
};
use secrecy::SecretString;

use crate::{
    alerts::AlertSettings,
    clock::ClockSettings,
    peers::Peers,
    runner::{ResumeLinks, RunnerSettings},
};

/// Less room for runs, or for what waits for the store, would hold no more than a few large ones: 64 MiB.
const LEAST_BYTES: usize = 64 << 20;

/// The worker's settings.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Where it listens. `WORKER_LISTEN`, default `127.0.0.1:8081`.
    pub listen: SocketAddr,
    /// Where its journal is; it must outlive the process. `WORKER_DATA_DIR`, required.
    pub data_dir: PathBuf,
    /// What its door allows those who connect; there are no variables for it.
    pub door: ServerLimits,
    /// Secrets of connectors. `CONNECTOR_SECRET` (required) and `CONNECTOR_SECRET_NEXT`.
    pub secrets: CallbackSecrets,
    /// The workers that share the connector's address. `WORKER_PEERS` and `WORKER_SELF`, default none.
    pub peers: Peers,
    /// Steps under way at a time. `WORKER_MAX_STEPS`, default 256.
    pub max_steps: usize,
    /// Of them, of one tenant when no other wants any; beside others it has fewer, so that a place is kept free for who
    /// comes new. `WORKER_MAX_STEPS_PER_TENANT`, default half of all.
    pub max_steps_per_tenant: usize,
    /// Runs that have begun and do not only wait for something, of one tenant half of it; further ones wait in the
    /// journal until there is room. `WORKER_MAX_RUNS`, default 50,000.
    pub max_runs: usize,
    /// Bytes of the journal that runs may take which wait to begin, of one tenant half of it: a further run of its fails.
    /// When all of it is taken, batches are sent back with 429. `WORKER_MAX_QUEUED_BYTES`, default 4,294,967,296.
    pub max_queued_bytes: usize,
    /// Memory that the data of runs may take, in bytes, of one tenant's half of it; above it runs whose steps wait leave
    /// memory, and steps begin one after the other. A run that alone takes half of it fails. `WORKER_MAX_RUN_BYTES`,
    /// default 536,870,912.
    pub max_run_bytes: usize,
    /// Rows that may wait for the store before batches are sent back with 429; when half of them are one tenant's, its
    /// steps wait. `WORKER_MAX_BACKLOG`, default 1,000,000.
    pub max_backlog: usize,
    /// Bytes of those rows, likewise. `WORKER_MAX_BACKLOG_BYTES`, default 1,073,741,824.
    pub max_backlog_bytes: usize,
    /// Where files of steps are, and how long. `FILES_URL`, without it steps store and send none, and `FILES_TTL`.
    pub files: Option<FilesSettings>,
    /// Bytes that a tenant's files may take together; a file of less than 4 KiB counts as so many.
    /// `WORKER_MAX_FILE_BYTES_PER_TENANT`, default 10,737,418,240.
    pub max_file_bytes_per_tenant: u64,
    /// Its ticks, which start what is due by schedules: `KAFKA_REST_URL`, without it there are none, and `WORKER_TICK`.
    pub clock: Option<ClockSettings>,
    /// How long stopping may take: until then steps go on, and what they gave is recorded. `WORKER_GRACE`, default
    /// `20s`.
    pub grace: Duration,
    /// When an error that keeps coming back is an alert, and who is told: `ALERT_THRESHOLD`, `ALERT_WINDOW`,
    /// `ALERT_COOL_DOWN`, `ALERT_WEBHOOK_URL` and `ALERT_WEBHOOK_SECRET`.
    pub alerts: AlertSettings,
    /// What steps may do: `WORKER_JAVASCRIPT_PROCESSES`, `WORKER_ENV_ALLOW` (names of variables that `$env` may read,
    /// separated by commas), `WORKER_HTTP_ALLOW` (hosts and networks that are not public and may be called all the same),
    /// what links are made with: `PUBLIC_URL`, `LINK_SECRET`; and what opens credentials: `CREDENTIAL_KEYS`.
    pub runner: RunnerSettings,
}

impl WorkerConfig {
    /// Settings with the defaults.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, secrets: CallbackSecrets) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            data_dir: data_dir.into(),
            door: ServerLimits::default(),
            secrets,
            peers: Peers::none(SecretString::default()),
            max_steps: 256,
            max_steps_per_tenant: 128,
            max_runs: 50_000,
            max_queued_bytes: 4 << 30,
            max_run_bytes: 512 << 20,
            max_backlog: 1_000_000,
            max_backlog_bytes: 1 << 30,
            files: None,
            max_file_bytes_per_tenant: 10 << 30,
            clock: None,
            grace: Duration::from_secs(20),
            alerts: AlertSettings::default(),
            runner: RunnerSettings::default(),
        }
    }

    /// How many requests may wait for runs at its door: half of the connections that it allows, so that connectors
    /// always find one.
    pub(crate) fn waiters(&self) -> usize {
        self.door.connections_here() / 2
    }

    /// Reads the settings; what is wrong is noted in `env`.
    pub fn from_env(env: &mut Env) -> Option<Self> {
        let secrets = CallbackSecrets::from_env(env);
        let peers = Peers::from_env(env);
        let data_dir = env.required::<PathBuf>("WORKER_DATA_DIR");
        let listen: Option<SocketAddr> = env.optional("WORKER_LISTEN");
        let max_steps: Option<usize> = env.optional("WORKER_MAX_STEPS");
        let per_tenant: Option<usize> = env.optional("WORKER_MAX_STEPS_PER_TENANT");
        let max_runs: Option<usize> = env.optional("WORKER_MAX_RUNS");
        let max_queued_bytes: Option<usize> = env.optional("WORKER_MAX_QUEUED_BYTES");
        let max_run_bytes: Option<usize> = env.optional("WORKER_MAX_RUN_BYTES");
        let max_backlog: Option<usize> = env.optional("WORKER_MAX_BACKLOG");
        let max_backlog_bytes: Option<usize> = env.optional("WORKER_MAX_BACKLOG_BYTES");
        let files = config::files(env);
        let max_file_bytes: Option<u64> = env.optional("WORKER_MAX_FILE_BYTES_PER_TENANT");
        let grace: Option<HumanDuration> = env.optional("WORKER_GRACE");
        let alerts = AlertSettings::from_env(env);
        let every: HumanDuration = env.or("WORKER_TICK", HumanDuration(ClockSettings::EVERY));
        if every.0 < ClockSettings::SHORTEST {
            env.problem("WORKER_TICK is at least 100ms");
        }
        let bus = env.optional::<String>("KAFKA_REST_URL").and_then(|_| BusConfig::from_env(env));
        let clock = bus.map(|bus| ClockSettings { bus, every: every.0 });
        let mut runner = RunnerSettings::default();
        let processes: Option<usize> = env.optional("WORKER_JAVASCRIPT_PROCESSES");
        runner.javascript_processes = processes.unwrap_or(runner.javascript_processes);
        runner.http.allow = env.or("WORKER_HTTP_ALLOW", runner.http.allow);
        let names: String = env.or("WORKER_ENV_ALLOW", String::new());
        runner.env = list(&names)
            .filter_map(|name| env.optional::<String>(name).map(|value| (name.to_owned(), value)))
            .collect();
        let links = LinkSecrets::with_address_from_env(env);
        runner.credential_keys = CredentialKeys::from_env(env);
        runner.links = links.map(|(api, secrets)| ResumeLinks { api, secrets });
        if [max_steps, per_tenant, max_runs, max_backlog, processes].contains(&Some(0)) {
            env.problem(
                "WORKER_MAX_STEPS, WORKER_MAX_STEPS_PER_TENANT, WORKER_MAX_RUNS, WORKER_MAX_BACKLOG and \
                 WORKER_JAVASCRIPT_PROCESSES are at least 1",
            );
        }
        if [max_queued_bytes, max_run_bytes, max_backlog_bytes]
            .iter()
            .flatten()
            .any(|bytes| *bytes < LEAST_BYTES)
        {
            env.problem(format!(
                "WORKER_MAX_QUEUED_BYTES, WORKER_MAX_RUN_BYTES and WORKER_MAX_BACKLOG_BYTES are at least {LEAST_BYTES}: what \
                 a few large runs take"
            ));
        }
        // Only now: whatever is wrong has been noted.
        let defaults = Self::new(data_dir?, secrets?);
        let max_steps = max_steps.unwrap_or(defaults.max_steps);
        Some(Self {
            listen: listen.unwrap_or(defaults.listen),
            peers: peers?,
            max_steps,
            max_steps_per_tenant: per_tenant.unwrap_or(half(max_steps)),
            max_runs: max_runs.unwrap_or(defaults.max_runs),
            max_queued_bytes: max_queued_bytes.unwrap_or(defaults.max_queued_bytes),
            max_run_bytes: max_run_bytes.unwrap_or(defaults.max_run_bytes),
            max_backlog: max_backlog.unwrap_or(defaults.max_backlog),
            max_backlog_bytes: max_backlog_bytes.unwrap_or(defaults.max_backlog_bytes),
            files,
            max_file_bytes_per_tenant: max_file_bytes.unwrap_or(defaults.max_file_bytes_per_tenant),
            clock,
            grace: grace.map_or(defaults.grace, |grace| grace.0),
            alerts,
            runner,
            ..defaults
        })
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: [&str; 5] = [
        "WORKER_MAX_STEPS",
        "WORKER_MAX_STEPS_PER_TENANT",
        "WORKER_MAX_RUNS",
        "WORKER_MAX_BACKLOG",
        "WORKER_JAVASCRIPT_PROCESSES",
    ];

    fn read(name: &str, value: &str) -> Result<WorkerConfig, String> {
        let required =
            [("WORKER_DATA_DIR", "/data"), ("CONNECTOR_SECRET", "0123456789abcdef0123456789abcdef")];
        let mut env = Env::of(required).with(name, value);
        let config = WorkerConfig::from_env(&mut env);
        env.finish(config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_limit_of_nothing_is_refused_by_name() {
        for name in LIMITS {
            assert!(read(name, "1").is_ok(), "{name}");
            let said = read(name, "0").expect_err(name);
            assert!(said.contains(name) && said.contains("at least 1"), "{said}");
        }
    }

    #[test]
    fn less_memory_than_a_few_large_steps_need_is_refused_by_name() {
        for name in ["WORKER_MAX_RUN_BYTES", "WORKER_MAX_BACKLOG_BYTES"] {
            assert!(read(name, "67108864").is_ok(), "{name}");
            let said = read(name, "67108863").expect_err(name);
            assert!(said.contains(name) && said.contains("at least 67108864"), "{said}");
        }
    }
}
