//! Takes tasks to the worker that they belong to.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use minireipaz::telemetry::names;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;

use super::{HANDED_OVER, Peers, Post};
use crate::{
    journal::{Handoff, Journal, JournalError},
    processor::{Input, Inputs},
};

/// A request: so many tasks, or so many bytes of them.
const ROWS: usize = 100;
const BYTES: usize = 4 << 20;
/// The owner has to answer within this time.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Waits between attempts: they double from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Takes the tasks of one owner there, in order, one request at a time.
pub(crate) struct Postman {
    owner: Arc<str>,
    /// Its address; this worker's own for an owner that is not among the peers any more, so that its tasks are
    /// sorted anew.
    target: String,
    /// Whether the target shall keep them, whomever it takes for their owner.
    for_good: bool,
    secret: SecretString,
    http: reqwest::Client,
    journal: Arc<Journal>,
    post: Arc<Post>,
    inputs: Inputs,
}

/// What all postmen work with.
pub(crate) struct Office {
    pub(crate) secret: SecretString,
    pub(crate) journal: Arc<Journal>,
    pub(crate) post: Arc<Post>,
    pub(crate) inputs: Inputs,
}

impl Office {
    /// One for each other worker, and one for each that was one before: what waits for it goes through the door of
    /// this worker, at `addr`, again.
    ///
    /// # Errors
    /// When their HTTP client cannot be built.
    pub(crate) fn postmen(&self, peers: &Peers, addr: SocketAddr) -> reqwest::Result<Vec<Postman>> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TIME_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy()
            .user_agent(concat!("minireipaz-worker/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let others: BTreeSet<_> = peers.others().cloned().collect();
        let mut postmen: Vec<_> =
            others.iter().map(|owner| self.postman(&http, owner, &format!("{owner}/tasks"), true)).collect();
        let gone = self.post.owners().into_iter().filter(|owner| !others.contains(owner));
        postmen.extend(gone.map(|owner| self.postman(&http, &owner, &format!("http://{addr}/tasks"), false)));
        Ok(postmen)
    }

    fn postman(&self, http: &reqwest::Client, owner: &Arc<str>, target: &str, for_good: bool) -> Postman {
        Postman {
            owner: Arc::clone(owner),
            target: target.to_owned(),
            for_good,
            secret: self.secret.clone(),
            http: http.clone(),
            journal: Arc::clone(&self.journal),
            post: Arc::clone(&self.post),
            inputs: self.inputs.clone(),
        }
    }
}

impl Postman {
    /// Works until `stop`. What the owner has not confirmed then stays in the journal.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.take_all()).await;
    }

    async fn take_all(self) {
        let bell = self.post.bell(&self.owner);
        let mut last = 0;
        let mut pause = BACKOFF.0;
        loop {
            let rung = bell.notified();
            let rows = match self.read(last + 1).await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::error!(%error, "tasks of other workers cannot be read; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    continue;
                }
            };
            pause = BACKOFF.0;
            let Some(newest) = rows.last().map(|row| row.sequence) else {
                rung.await;
                continue;
            };
            self.take(&rows).await;
            last = newest;
            let bytes = rows.iter().map(|row| row.record.len()).sum();
            self.post.taken(&self.owner, rows.len() as u64, bytes);
            self.inputs.send(Input::HandedOver { owner: Arc::clone(&self.owner), last });
        }
    }

    async fn read(&self, from: u64) -> Result<Vec<Handoff>, JournalError> {
        let (journal, owner) = (Arc::clone(&self.journal), Arc::clone(&self.owner));
        let read =
            tokio::task::spawn_blocking(move || journal.read()?.handoffs(&owner, from, ROWS, BYTES)).await;
        read.unwrap_or_else(|error| Err(JournalError::Corrupt(error.to_string())))
    }

    /// Sends them until the owner has them: it recognises those that it has already.
    async fn take(&self, rows: &[Handoff]) {
        let records: Vec<_> = rows.iter().map(|row| row.record.as_slice()).collect();
        let body = bytes::Bytes::from([b"[".as_slice(), &records.join(&b','), b"]"].concat());
        let mut pause = BACKOFF.0;
        loop {
            let Err(reason) = self.send(body.clone()).await else { return };
            metrics::counter!(names::WORKER_HANDOFF_FAILURES).increment(1);
            tracing::warn!(
                owner = %self.owner, tasks = rows.len(), reason, retry_in = ?pause,
                "tasks of another worker wait here"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
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
