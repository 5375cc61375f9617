//! Requests to the proxy: addresses, credentials, attempts.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use reqwest::RequestBuilder;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use super::{
    Records,
    batch::{Leftover, RecordBatch},
    wire::{self, Problem},
};
use crate::{
    bus::{ApiKey, BusConfig, BusError, ProduceApi},
    outbound::{self, Outbound, OutboundError, Reply},
    resilience::{BreakerSettings, CallError, Cause, Classify, Guard},
    telemetry::{
        names,
        redact::{Redactor, Secrets},
    },
};
use domain::{
    event::{Event, Topic},
    retry::{Failure, RetryPolicy},
};

/// The largest reply: 500 reports of some 300 bytes, with room.
const MAX_REPLY: usize = 1024 * 1024;
/// A ping must tell soon.
const PING: RetryPolicy = RetryPolicy::standard(2, Duration::from_secs(3));

/// Sends batches of records.
#[derive(Debug)]
pub(super) struct Producer {
    outbound: Outbound,
    base: Url,
    api: ProduceApi,
    /// The cluster's id, configured or asked for once.
    cluster_id: OnceCell<String>,
    authorization: Option<HeaderValue>,
    /// Keeps the credentials out of errors: some gateway's page may repeat what it was sent.
    redactor: Redactor,
    guard: Guard,
    /// Its own, so that a ping tells how things are now, whatever the breaker of `guard` remembers.
    ping_guard: Guard,
}

/// What an attempt met.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{0}")]
    Transport(#[from] OutboundError),
    #[error("status {status}, code {}: {}", .problem.code, .problem.message)]
    Status { status: u16, problem: Problem, retry_after: Option<Duration> },
    #[error("{}", .0.reason)]
    Leftover(Leftover),
}

impl Classify for AttemptError {
    fn failure(&self) -> Failure {
        match self {
            Self::Transport(error) => error.failure(),
            // The code is the status, or says more than it.
            Self::Status { problem: Problem { code, .. }, retry_after, .. } => {
                wire::failure(*code, *retry_after)
            }
            Self::Leftover(leftover) => leftover.failure,
        }
    }

    fn blames_destination(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status { .. } => matches!(self.failure(), Failure::Server { .. }),
            // One partition without a leader must not close the way to all others.
            Self::Leftover(leftover) => {
                leftover.nothing_done && !matches!(leftover.failure, Failure::RateLimited { .. })
            }
        }
    }
}

impl Producer {
    pub(super) fn new(config: BusConfig) -> Self {
        let BusConfig { url, api, cluster_id, credentials, retry, attempt_timeout, breaker } = config;
        let mut secrets = Secrets::default();
        if let Some(ApiKey { key, secret }) = &credentials {
            secrets.login(key, secret.expose_secret());
        }
        Self {
            outbound: Outbound::to(&url),
            base: url,
            api,
            cluster_id: OnceCell::new_with(cluster_id),
            authorization: credentials.as_ref().and_then(basic),
            redactor: secrets.redactor(),
            guard: Guard::new("kafka_rest", retry, attempt_timeout, breaker),
            ping_guard: Guard::new(
                "kafka_rest",
                PING,
                PING.window(),
                BreakerSettings { failures: u32::MAX, cool_down: Duration::ZERO },
            ),
        }
    }

    /// One record in the proxy's form.
    pub(super) fn encode(&self, event: &Event) -> Result<Vec<u8>, BusError> {
        wire::record(self.api, event).map_err(|error| BusError::Refused {
            topic: event.payload.topic(),
            code: 400,
            message: error.to_string(),
        })
    }

    /// Sends the records of several publishes, again where needed; gives each publish's result.
    pub(super) async fn produce(&self, topic: Topic, publishes: Vec<Records>) -> Vec<Result<(), BusError>> {
        let batch = RecordBatch::of(publishes);
        let outcome = self.guard.call("produce", || self.attempt(topic, &batch)).await;
        metrics::counter!(names::BUS_RECORDS, names::TOPIC => topic.as_str())
            .increment(batch.stored() as u64);
        batch.results(topic, outcome.err().as_ref().map(bus_error).as_ref())
    }

    /// Sends what is pending. A request that is too large for some gateway on the way is sent in halves, so that
    /// only a record that is too large by itself is refused.
    async fn attempt(&self, topic: Topic, batch: &RecordBatch) -> Result<(), AttemptError> {
        let mut left = vec![batch.pending()];
        while let Some(mut places) = left.pop() {
            metrics::counter!(names::BUS_REQUESTS, names::TOPIC => topic.as_str()).increment(1);
            let body = wire::body(self.api, places.iter().map(|place| batch.record(*place)));
            let reply = self.post(topic, body).await?;
            match (reply.status, places.as_slice()) {
                (200..300, _) => {
                    let reports = wire::reports(self.api, &reply.body);
                    if let Some(leftover) = batch.settle(&places, reports, reply.retry_after) {
                        return Err(AttemptError::Leftover(leftover));
                    }
                }
                (413, [place]) => batch.refuse(*place, self.problem_of(&reply)),
                (413, _) => {
                    let second = places.split_off(places.len() / 2);
                    left.extend([second, places]);
                }
                _ => return Err(self.refusal(&reply)),
            }
        }
        Ok(())
    }

    async fn post(&self, topic: Topic, body: Vec<u8>) -> Result<Reply, AttemptError> {
        let url = match self.api {
            ProduceApi::V3 => {
                let cluster = self.cluster_id.get_or_try_init(|| self.ask_cluster_id()).await?;
                self.url(&["v3", "clusters", cluster, "topics", topic.as_str(), "records"])
            }
            ProduceApi::V2 => self.url(&["topics", topic.as_str()]),
        };
        let (content_type, accept) = wire::content_types(self.api);
        let request = self.outbound.client()?.post(url).header(header::CONTENT_TYPE, content_type);
        let request = self.authorized(request).header(header::ACCEPT, accept).body(body);
        Ok(outbound::send(request, MAX_REPLY).await?)
    }

    /// The id of the proxy's (first) cluster.
    async fn ask_cluster_id(&self) -> Result<String, AttemptError> {
        #[derive(Deserialize)]
        struct Clusters {
            data: Vec<Cluster>,
        }
        #[derive(Deserialize)]
        struct Cluster {
            cluster_id: String,
        }
        let reply = self.get(&["v3", "clusters"]).await?;
        if !reply.is_success() {
            return Err(self.refusal(&reply));
        }
        let clusters =
            serde_json::from_slice(&reply.body).map_or_else(|_| Vec::new(), |Clusters { data }| data);
        let first = clusters.into_iter().next().map(|Cluster { cluster_id }| cluster_id);
        first.ok_or_else(|| AttemptError::Status {
            status: reply.status,
            problem: Problem { code: 404, message: "it names no cluster; set KAFKA_CLUSTER_ID".into() },
            retry_after: None,
        })
    }

    /// Whether the proxy answers and accepts our credentials.
    pub(super) async fn ping(&self) -> Result<(), BusError> {
        let path: &[&str] = match self.api {
            ProduceApi::V3 => &["v3", "clusters"],
            ProduceApi::V2 => &["topics"],
        };
        let ping = async || {
            let reply = self.get(path).await?;
            if reply.is_success() { Ok(()) } else { Err(self.refusal(&reply)) }
        };
        self.ping_guard.call("ping", ping).await.map_err(|error| bus_error(&error))
    }

    async fn get(&self, path: &[&str]) -> Result<Reply, AttemptError> {
        let request = self
            .authorized(self.outbound.client()?.get(self.url(path)))
            .header(header::ACCEPT, "application/json");
        Ok(outbound::send(request, MAX_REPLY).await?)
    }

    /// The error that a reply stands for, whether it has the proxy's form or is some gateway's page.
    fn problem_of(&self, reply: &Reply) -> Problem {
        let problem = wire::problem(&reply.body).filter(|problem| problem.code >= 400);
        let Problem { code, message } = problem.unwrap_or_else(|| Problem {
            code: i64::from(reply.status),
            message: reply.excerpt(&self.redactor),
        });
        Problem { code, message: self.redactor.text(&message).into_owned() }
    }

    fn refusal(&self, reply: &Reply) -> AttemptError {
        let problem = self.problem_of(reply);
        AttemptError::Status { status: reply.status, problem, retry_after: reply.retry_after }
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only an address that cannot be a base (`mailto:`) has no path; the settings admit none.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

fn basic(ApiKey { key, secret }: &ApiKey) -> Option<HeaderValue> {
    let encoded = STANDARD.encode(format!("{key}:{}", secret.expose_secret()));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn bus_error(error: &CallError<AttemptError>) -> BusError {
    match (&error.cause, error.failure()) {
        (Cause::Failed(AttemptError::Status { status, problem, .. }), Failure::Permanent) => {
            BusError::Denied { status: *status, message: problem.message.clone() }
        }
        (
            _,
            Failure::RateLimited { retry_after }
            | Failure::Server { retry_after }
            | Failure::Rejected { retry_after },
        ) => BusError::Unavailable { reason: error.to_string(), retry_after },
        _ => BusError::Unavailable { reason: error.to_string(), retry_after: None },
    }
}
