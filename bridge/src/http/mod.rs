//! The front: Confluent's REST produce API (v3, and v2 of the self-hosted proxy), with and without the prefix
//! `/kafka` that Confluent's clusters have.

mod admin;
mod auth;
mod body;
mod refusal;
mod v2;
mod v3;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    middleware::map_response_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_server::{
    Peer,
    room::{Held, Room},
};
use tokio_util::sync::CancellationToken;

use self::{auth::BasicAuthenticator, refusal::Refusal};
use crate::{
    clock::Clock,
    config::{BridgeConfig, Limits},
    log::{Appended, Log, LogError, NewRecord},
    stats::Stats,
};

/// What the handlers share.
pub(crate) struct Front {
    log: Arc<dyn Log>,
    clock: Arc<dyn Clock>,
    stats: Arc<Stats>,
    auth: BasicAuthenticator,
    cluster_id: String,
    check_cluster_id: bool,
    limits: Limits,
    /// Ends produce streams: they would stay open for hours.
    stop: CancellationToken,
    /// Memory for bodies.
    body_room: Arc<Room>,
}

impl Front {
    pub(crate) fn new(
        config: &BridgeConfig,
        log: Arc<dyn Log>,
        stats: Arc<Stats>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            log,
            clock: config.clock.clone(),
            stats,
            auth: BasicAuthenticator::new(config.auth.as_ref()),
            cluster_id: config.cluster_id.clone(),
            check_cluster_id: config.check_cluster_id,
            limits: config.limits.clone(),
            stop,
            body_room: Room::new(config.limits.max_body_bytes),
        })
    }

    /// Appends and counts.
    async fn append(&self, topic: &str, records: Vec<NewRecord>) -> Vec<Result<Appended, LogError>> {
        if records.is_empty() {
            return Vec::new();
        }
        let bytes: usize = records.iter().map(NewRecord::size).sum();
        let results = self.log.append(topic, records).await;
        let refused = results.iter().filter(|result| result.is_err()).count();
        self.stats.appended((results.len() - refused) as u64, bytes as u64, refused as u64);
        results
    }

    /// Memory for a body of that sender.
    fn hold(&self, peer: &Peer) -> Held {
        self.body_room.hold(peer.addr().ip())
    }

    fn check_cluster(&self, id: &str) -> Result<(), Refusal> {
        if self.check_cluster_id && id != self.cluster_id {
            return Err(Refusal::unknown_cluster(id));
        }
        Ok(())
    }
}

/// All routes of the front.
pub(crate) fn router(front: Arc<Front>) -> Router {
    let api = || {
        Router::new()
            .route("/v3/clusters", get(v3::clusters))
            .route("/v3/clusters/{cluster}", get(v3::cluster))
            .route("/v3/clusters/{cluster}/topics/{topic}/records", post(v3::produce))
            .route("/v3/clusters/{cluster}/topics/{topic}/records:batch", post(v3::produce_batch))
            .route("/topics", get(v2::topics))
            .route("/topics/{topic}", post(v2::produce))
            .route("/topics/{topic}/partitions/{partition}", post(v2::produce_to_partition))
    };
    Router::new()
        .merge(api())
        .nest("/kafka", api())
        .route("/healthz", get(admin::health))
        .route("/metrics", get(admin::metrics))
        .fallback(|| async { plain(404, "HTTP 404 Not Found") })
        .method_not_allowed_fallback(|| async { plain(405, "HTTP 405 Method Not Allowed") })
        .layer(map_response_with_state(Arc::clone(&front), count))
        .with_state(front)
}

async fn count(State(front): State<Arc<Front>>, response: Response) -> Response {
    front.stats.answered(response.status());
    response
}

fn plain(status: u16, message: &str) -> Response {
    Refusal::new(status, u32::from(status), message.to_owned()).into_response()
}

#[cfg(test)]
mod tests;
