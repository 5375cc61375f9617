//! Asks the workers over HTTP.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::run::{RunKey, RunStatus};
use http::header;
use reqwest::Client;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::{
    pin,
    time::{Instant, sleep, timeout},
};

use super::{
    Ask, ITEMS, ItemsAsk, LiveConfig, LiveError, LiveRun, LiveRuns, OWNER_UNAVAILABLE, PATH, UNKNOWN_RUN,
};
use crate::{
    clock::{Clock, SystemClock},
    outbound::{self, OutboundError, Reply},
    resilience::{Breaker, Permit},
    store::Head,
    telemetry::{names, seldom::Seldom},
};

/// The largest answer: above what the platforms of functions pass on.
const MAX_REPLY: usize = 64 << 20;
/// Who is still there after this time has taken the request: it does not wait any longer for leave to ask.
const TAKEN: Duration = Duration::from_millis(500);

const DESTINATION: &str = "worker";
const OPERATION: &str = "read_run";

/// The workers' door, at the address that they share.
#[derive(Debug)]
pub struct WorkerDoor {
    client: Client,
    config: LiveConfig,
    /// `…/runs/`
    runs: String,
    breaker: Breaker,
    told: Seldom,
}

impl WorkerDoor {
    /// A way to the workers. Connects when it is first used, and keeps its connections.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: LiveConfig) -> Result<Self, OutboundError> {
        let client = outbound::client(&config.url)?;
        let runs = format!("{}{PATH}/", config.url.as_str().trim_end_matches('/'));
        metrics::gauge!(names::BREAKER_OPEN, names::DESTINATION => DESTINATION).set(0.0);
        metrics::counter!(names::BREAKER_OPENED, names::DESTINATION => DESTINATION).increment(0);
        let (breaker, told) = (Breaker::new(config.breaker), Seldom::once_a_minute());
        Ok(Self { client, config, runs, breaker, told })
    }

    /// Asks for what is below the address of a run; how long the worker may wait before it answers.
    async fn send(&self, below: &str, wait: Duration) -> Result<Reply, LiveError> {
        let request = self
            .client
            .get(format!("{}{below}", self.runs))
            .header(header::ACCEPT, "application/json")
            .bearer_auth(self.config.secret.expose_secret());
        let longest = wait + self.config.patience;
        let sent = timeout(longest, outbound::send(request, MAX_REPLY)).await;
        sent.map_err(|_| LiveError::Failed(format!("nothing came within {longest:?}")))?
            .map_err(|error| LiveError::Failed(error.to_string()))
    }

    /// Asks, unless the workers are left alone, and counts how it went.
    async fn guarded<T>(&self, asked: impl Future<Output = Result<T, LiveError>>) -> Result<T, LiveError> {
        let Ok(permit) = self.breaker.try_acquire(Instant::now()) else { return Err(LiveError::Away) };
        pin!(asked);
        let (answer, permit) = tokio::select! {
            answer = &mut asked => (answer, Ok(permit)),
            () = sleep(TAKEN) => {
                // A worker that holds a request may be well: whether others may ask is not up to this one any more.
                drop(permit);
                (asked.await, self.breaker.try_acquire(Instant::now()))
            }
        };
        let failed = matches!(answer, Err(LiveError::Failed(_)));
        if let Ok(permit) = permit {
            self.note(permit, !failed);
        }
        if let Err(error) = &answer
            && failed
        {
            self.tell(error);
        }
        let outcome = match &answer {
            Ok(_) => "success",
            Err(LiveError::Busy) => "rate_limited",
            Err(_) => "server",
        };
        metrics::counter!(
            names::CALL_ATTEMPTS,
            names::DESTINATION => DESTINATION, names::OPERATION => OPERATION, names::OUTCOME => outcome
        )
        .increment(1);
        answer
    }

    /// Notes how it went: several failures in a row, and it is left alone for a while.
    fn note(&self, permit: Permit<'_>, well: bool) {
        if well {
            if permit.success() {
                metrics::gauge!(names::BREAKER_OPEN, names::DESTINATION => DESTINATION).set(0.0);
            }
        } else if permit.failure(Instant::now()) {
            metrics::counter!(names::BREAKER_OPENED, names::DESTINATION => DESTINATION).increment(1);
            metrics::gauge!(names::BREAKER_OPEN, names::DESTINATION => DESTINATION).set(1.0);
        }
    }

    fn tell(&self, error: &LiveError) {
        if let Some(more) = self.told.may_speak(SystemClock.now()) {
            tracing::warn!(
                %error, more,
                "runs are read from the store alone, which hears of them later: {error}; and {more} more times since \
                 this was last said"
            );
        }
    }
}

#[async_trait]
impl LiveRuns for WorkerDoor {
    async fn ask(&self, (tenant, run): &RunKey, ask: Ask) -> Result<Option<LiveRun>, LiveError> {
        let below = format!("{run}?{}", ask.query(tenant));
        self.guarded(async { read_run(self.send(&below, ask.wait).await?) }).await
    }

    async fn items(&self, (tenant, run): &RunKey, ask: &ItemsAsk) -> Result<Option<Bytes>, LiveError> {
        let below = format!("{run}{ITEMS}?{}", ask.query(tenant));
        self.guarded(async { read(self.send(&below, Duration::ZERO).await?) }).await
    }
}

/// The run that an answer of the worker holds.
fn read_run(reply: Reply) -> Result<Option<LiveRun>, LiveError> {
    #[derive(Deserialize)]
    struct RunForm {
        attempt: u32,
        revision: u64,
        status: RunStatus,
    }
    let Some(json) = read(reply)? else { return Ok(None) };
    let RunForm { attempt, revision, status } = serde_json::from_slice(&json)
        .map_err(|error| LiveError::Failed(format!("what it sent is no run: {error}")))?;
    Ok(Some(LiveRun { head: Head { attempt, revision, status }, json }))
}

/// What an answer of the worker says.
fn read(reply: Reply) -> Result<Option<Bytes>, LiveError> {
    #[derive(Deserialize)]
    struct ProblemForm {
        code: String,
    }
    let code =
        || serde_json::from_slice(&reply.body).map_or_else(|_| String::new(), |ProblemForm { code }| code);
    match reply.status {
        200 => Ok(Some(reply.body)),
        404 if code() == UNKNOWN_RUN => Ok(None),
        404 => Err(LiveError::Failed(format!("there is no {PATH} at WORKER_URL (status 404)"))),
        503 if code() == OWNER_UNAVAILABLE => Err(LiveError::OwnerAway),
        429 => Err(LiveError::Busy),
        401 => Err(LiveError::Failed(
            "it does not take this function's CONNECTOR_SECRET (status 401)".to_owned(),
        )),
        status => Err(LiveError::Failed(format!("status {status}"))),
    }
}
