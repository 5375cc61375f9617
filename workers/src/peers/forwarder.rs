//! Takes tasks to the worker that they belong to.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use backon::{ExponentialBuilder, Retryable};
use minireipaz::telemetry::names;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::{HANDED_OVER, HandoffQueue, Peers};
use crate::{
    backoff::doubling,
    crash_points::{CrashPoint, pass},
    journal::{Journal, JournalError},
    processor::{Input, Inputs},
};

/// A request: so many tasks, or so many bytes of them.
const ROWS: usize = 100;
const BYTES: usize = 4 << 20;
/// The owner has to answer within this time.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Connections are kept for less time than the owner's door keeps them.
const IDLE_LIMIT: Duration = Duration::from_secs(50);
/// Waits between attempts.
const BACKOFF: ExponentialBuilder = doubling(Duration::from_millis(50), Duration::from_secs(2));

/// Takes the tasks of one owner there, tenants in turns, one request at a time.
pub(crate) struct Forwarder {
    owner: Arc<str>,
    /// Its address; this worker's own for an owner that is not among the peers any more, so that its tasks are
    /// sorted anew.
    target: String,
    /// Whether the target shall keep them, whomever it takes for their owner.
    for_good: bool,
    secret: SecretString,
    http: reqwest::Client,
    journal: Arc<Journal>,
    handoff_queue: Arc<HandoffQueue>,
    inputs: Inputs,
}

/// What all forwarders work with.
pub(crate) struct Forwarders {
    pub(crate) secret: SecretString,
    pub(crate) journal: Arc<Journal>,
    pub(crate) handoff_queue: Arc<HandoffQueue>,
    pub(crate) inputs: Inputs,
}

/// How other workers are called.
pub(super) fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .no_proxy()
        .user_agent(concat!("minireipaz-worker/", env!("CARGO_PKG_VERSION")))
}

impl Forwarders {
    /// One for each other worker, and one for each that was one before: what waits for it goes through the door of
    /// this worker, at `addr`, again.
    ///
    /// # Errors
    /// When their HTTP client cannot be built.
    pub(crate) fn all(&self, peers: &Peers, addr: SocketAddr) -> reqwest::Result<Vec<Forwarder>> {
        let http = client().timeout(TIME_LIMIT).build()?;
        let others: BTreeSet<_> = peers.others().cloned().collect();
        let mut all: Vec<_> = others
            .iter()
            .map(|owner| self.forwarder(&http, owner, &format!("{owner}/tasks"), true))
            .collect();
        let gone = self.handoff_queue.owners().into_iter().filter(|owner| !others.contains(owner));
        all.extend(gone.map(|owner| self.forwarder(&http, &owner, &format!("http://{addr}/tasks"), false)));
        Ok(all)
    }

    fn forwarder(&self, http: &reqwest::Client, owner: &Arc<str>, target: &str, for_good: bool) -> Forwarder {
        Forwarder {
            owner: Arc::clone(owner),
            target: target.to_owned(),
            for_good,
            secret: self.secret.clone(),
            http: http.clone(),
            journal: Arc::clone(&self.journal),
            handoff_queue: Arc::clone(&self.handoff_queue),
            inputs: self.inputs.clone(),
        }
    }
}

impl Forwarder {
    /// Works until `stop`. What the owner has not confirmed then stays in the journal.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.take_all()).await;
    }

    async fn take_all(self) {
        let bell = self.handoff_queue.bell(&self.owner);
        loop {
            let rung = bell.notified();
            let places = self.handoff_queue.take(&self.owner, ROWS, BYTES);
            if places.is_empty() {
                rung.await;
                continue;
            }
            let sequences: Vec<_> = places.iter().map(|place| place.sequence).collect();
            let read = (|| self.read(sequences.clone())).retry(BACKOFF).notify(|error, pause| {
                tracing::error!(%error, retry_in = ?pause, "tasks of other workers cannot be read; trying again");
            });
            // It is tried until it succeeds.
            let Ok(records) = read.await else { continue };
            pass(CrashPoint::BeforeHandover);
            self.take(&records).await;
            pass(CrashPoint::HandedOver);
            self.handoff_queue.taken(&places);
            self.inputs.send(Input::HandedOver { owner: Arc::clone(&self.owner), sequences });
        }
    }

    async fn read(&self, sequences: Vec<u64>) -> Result<Vec<Vec<u8>>, JournalError> {
        let (journal, owner) = (Arc::clone(&self.journal), Arc::clone(&self.owner));
        let read = tokio::task::spawn_blocking(move || {
            let snapshot = journal.read()?;
            sequences
                .into_iter()
                .filter_map(|sequence| snapshot.handoff(&owner, sequence).transpose())
                .collect()
        });
        read.await.unwrap_or_else(|error| Err(JournalError::Failed(error.to_string())))
    }

    /// Sends them until the owner has them: it recognises those that it has already.
    async fn take(&self, records: &[Vec<u8>]) {
        let body = bytes::Bytes::from([b"[".as_slice(), &records.join(&b','), b"]"].concat());
        let told = |reason: &String, pause| {
            metrics::counter!(names::WORKER_HANDOFF_FAILURES).increment(1);
            tracing::warn!(
                owner = %self.owner, tasks = records.len(), reason, retry_in = ?pause,
                "tasks of another worker wait here"
            );
        };
        // It is tried until it succeeds.
        let _ = (|| self.send(body.clone())).retry(BACKOFF).notify(told).await;
    }

    async fn send(&self, body: bytes::Bytes) -> Result<(), String> {
        let mut request = self.http.post(&self.target).header(CONTENT_TYPE, "application/json");
        if self.for_good {
            request = request.header(HANDED_OVER, "1");
        }
        match request.bearer_auth(self.secret.expose_secret()).body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status())),
            Err(error) => {
                // The innermost cause says what happened.
                let mut cause: &dyn std::error::Error = &error;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                Err(if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() })
            }
        }
    }
}
