//! REST API v3: one record or a stream of them, and the batch of entries.

mod batch;
mod clusters;
mod record_batch;
mod report;
mod splitter;
mod stream;
mod wire;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use http_server::Peer;

pub(super) use self::{
    batch::produce_batch,
    clusters::{cluster, clusters},
};
use self::{
    record_batch::{RecordBatch, TopicAppender},
    splitter::Splitter,
};
use super::{
    Front, Refusal,
    body::{Incoming, media_type},
};

/// `POST /v3/clusters/{id}/topics/{topic}/records`: one record or many, written one after another. A report for
/// each, in order, with HTTP status 200, whatever became of the record.
pub(super) async fn produce(
    State(front): State<Arc<Front>>,
    Path((cluster, topic)): Path<(String, String)>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    front.admit_json(&cluster, &headers)?;
    let mut appender = TopicAppender::new(front, &cluster, topic);
    match appender.front.incoming(&peer, body).await? {
        Incoming::Whole(body) => {
            let (mut splitter, mut batch) = (Splitter::default(), RecordBatch::default());
            splitter.push(body.bytes.clone());
            batch.read(&mut splitter, appender.front.clock.now_millis());
            batch.end_of_input(&splitter);
            if batch.is_empty() {
                return Err(Refusal::empty_body());
            }
            Ok(reports(appender.append_and_report(batch).await))
        }
        Incoming::Stream(frames, room) => stream::produce(appender, frames, room).await,
    }
}

fn reports(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

impl Front {
    fn admit_json(&self, cluster: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        self.stats.request();
        self.auth.check(headers)?;
        self.check_cluster(cluster)?;
        match &*media_type(headers) {
            "application/json" => Ok(()),
            other => Err(Refusal::media_type(&format!("{other:?}, send application/json"))),
        }
    }
}
