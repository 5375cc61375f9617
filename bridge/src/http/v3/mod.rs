//! REST API v3: one record or a stream of them, and the batch of entries.

mod batch;
mod report;
mod splitter;
mod stream;
mod wire;

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::json;

pub(super) use self::batch::produce_batch;
use self::{
    report::{Reporter, Sizes},
    splitter::Splitter,
    wire::Unreadable,
};
use super::{
    Front, Refusal,
    body::{Incoming, media_type},
};
use crate::log::NewRecord;

/// `GET /v3/clusters`: how a client finds the cluster's id.
pub(super) async fn clusters(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    front.door.admit(&headers)?;
    let list = json!({
        "kind": "KafkaClusterList",
        "metadata": { "self": "/v3/clusters", "next": null },
        "data": [cluster_body(&front.cluster_id)],
    });
    Ok(Json(list).into_response())
}

/// `GET /v3/clusters/{id}`.
pub(super) async fn cluster(
    State(front): State<Arc<Front>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    front.door.admit(&headers)?;
    if id != front.cluster_id {
        return Err(Refusal::new(404, 404, format!("Cluster {id} cannot be found.")));
    }
    Ok(Json(cluster_body(&id)).into_response())
}

fn cluster_body(id: &str) -> serde_json::Value {
    json!({
        "kind": "KafkaCluster",
        "metadata": { "self": format!("/v3/clusters/{id}"), "resource_name": format!("crn:///kafka={id}") },
        "cluster_id": id,
    })
}

/// `POST /v3/clusters/{id}/topics/{topic}/records`: one record or many, written one after another. A report for
/// each, in order, with HTTP status 200, whatever became of the record.
pub(super) async fn produce(
    State(front): State<Arc<Front>>,
    Path((cluster, topic)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    front.admit_json(&cluster, &headers)?;
    let mut target = Target::new(front, &cluster, topic);
    match target.front.incoming(body).await? {
        Incoming::Whole(body) => {
            let mut splitter = Splitter::default();
            splitter.push(body.bytes.clone());
            let mut batch = Batch::default();
            target.split(&mut splitter, &mut batch);
            if !batch.ended && splitter.pending() > 0 {
                batch.end_with(&Refusal::bad_request(
                    "Unexpected end-of-input: the last object is not complete",
                ));
            }
            if batch.is_empty() {
                return Err(Refusal::empty_body());
            }
            Ok(reports(target.store(batch).await))
        }
        Incoming::Stream(frames) => stream::produce(target, frames).await,
    }
}

fn reports(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

impl Front {
    fn admit_json(&self, cluster: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        self.stats.request();
        self.door.admit(headers)?;
        self.check_cluster(cluster)?;
        match &*media_type(headers) {
            "application/json" => Ok(()),
            other => Err(Refusal::media_type(&format!("{other:?}, send application/json"))),
        }
    }
}

/// Where the records of a request go.
struct Target {
    front: Arc<Front>,
    topic: String,
    reporter: Reporter,
}

/// Records to append together, and the reports of those that are none.
#[derive(Default)]
struct Batch {
    records: Vec<NewRecord>,
    /// In the order of the request.
    outcomes: Vec<Outcome>,
    /// Nothing after this can be read.
    ended: bool,
}

enum Outcome {
    /// The next of `records`.
    Record(Sizes),
    Refused(Refusal),
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    fn end_with(&mut self, refusal: &Refusal) {
        self.outcomes.push(Outcome::Refused(refusal.clone()));
        self.ended = true;
    }
}

impl Target {
    fn new(front: Arc<Front>, cluster: &str, topic: String) -> Self {
        let reporter = Reporter::new(cluster, &topic);
        Self { front, topic, reporter }
    }

    /// Reads the complete objects that the splitter has into `batch`.
    fn split(&self, splitter: &mut Splitter, batch: &mut Batch) {
        let now = self.front.clock.now_millis();
        while !batch.ended {
            match splitter.next_object() {
                Ok(None) => return,
                Ok(Some(object)) => Self::add(&object, now, batch),
                Err(splitter::NotAnObject) => {
                    batch.end_with(&Refusal::bad_request(
                        "Unexpected character: every record is a JSON object",
                    ));
                }
            }
        }
    }

    fn add(object: &Bytes, now: i64, batch: &mut Batch) {
        match wire::parse(object, now) {
            Ok(parsed) => {
                batch.outcomes.push(Outcome::Record(Sizes::of(&parsed)));
                batch.records.push(parsed.record);
            }
            Err(Unreadable::Refused(refusal)) => batch.outcomes.push(Outcome::Refused(refusal)),
            Err(Unreadable::Malformed(refusal)) => batch.end_with(&refusal),
        }
    }

    /// Appends the batch and writes the reports, one a line.
    async fn store(&mut self, batch: Batch) -> Vec<u8> {
        let Batch { records, outcomes, .. } = batch;
        let mut appended = self.front.append(&self.topic, records).await.into_iter();
        let mut reports = Vec::with_capacity(outcomes.len() * 224);
        for outcome in outcomes {
            if !reports.is_empty() {
                reports.push(b'\n');
            }
            let stored = match outcome {
                Outcome::Refused(refusal) => Err(refusal),
                // The log answers for every record.
                Outcome::Record(sizes) => match appended.next() {
                    Some(Ok(appended)) => Ok((appended, sizes)),
                    Some(Err(error)) => Err(error.into()),
                    None => Err(crate::log::LogError::Closed.into()),
                },
            };
            match stored {
                Ok((appended, sizes)) => {
                    reports.extend_from_slice(b"{\"error_code\":200,");
                    self.reporter.write_stored(&mut reports, &appended, sizes);
                }
                Err(refusal) => refusal.write(&mut reports),
            }
        }
        reports
    }
}
