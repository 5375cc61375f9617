//! `records:batch`: a bounded list of entries with ids, answered with 207.

use std::{collections::HashSet, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_server::Peer;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    record_batch::{RecordBatch, TopicAppender},
    wire::Place,
};
use crate::http::{Front, Refusal};

/// Longest entry id, in characters.
const ID_CHARS: usize = 80;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProduceBatchRequest<'a> {
    #[serde(borrow)]
    entries: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct ProduceBatchRequestEntry {
    id: Option<serde_json::Value>,
}

/// `POST …/records:batch`.
pub(in crate::http) async fn produce_batch(
    State(front): State<Arc<Front>>,
    Path((cluster, topic)): Path<(String, String)>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    front.admit_json(&cluster, &headers)?;
    let body = front.whole(&peer, body).await?;
    let entries = entries(&body.bytes, front.limits.max_batch_entries)?;
    let now = front.clock.now_millis();
    let mut batch = RecordBatch::with_capacity(entries.len());
    for (_, entry) in &entries {
        // Each stands for itself, whatever those before it are.
        batch.add(&body.bytes.slice_ref(entry.get().as_bytes()), Place::Entry, now);
    }
    let mut appender = TopicAppender::new(front, &cluster, topic);
    let stored = appender.append(batch).await;
    let (mut successes, mut failures) = (Vec::new(), Vec::new());
    for ((id, _), stored) in entries.iter().zip(stored) {
        match stored {
            Ok((appended, sizes)) => {
                begin_entry(&mut successes, id);
                appender.reporter.write_stored(&mut successes, &appended, sizes);
            }
            Err(refusal) => {
                begin_entry(&mut failures, id);
                let mut body = Vec::new();
                refusal.write(&mut body);
                failures.extend_from_slice(&body[1..]);
            }
        }
    }
    let body = [&b"{\"successes\":["[..], &successes, b"],\"failures\":[", &failures, b"]}"].concat();
    Ok((StatusCode::MULTI_STATUS, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn begin_entry(list: &mut Vec<u8>, id: &str) {
    if !list.is_empty() {
        list.push(b',');
    }
    list.extend_from_slice(b"{\"id\":");
    list.extend_from_slice(serde_json::Value::from(id).to_string().as_bytes());
    list.push(b',');
}

fn entries(body: &Bytes, limit: usize) -> Result<Vec<(String, &RawValue)>, Refusal> {
    let refuse = |text: &str| Err(Refusal::new(422, 42208, text));
    if body.trim_ascii().is_empty() {
        return refuse("Request body is empty. Data is required.");
    }
    let request: ProduceBatchRequest<'_> = serde_json::from_slice(body).map_err(Refusal::bad_request)?;
    let entries = request.entries.unwrap_or_default();
    if entries.is_empty() {
        return refuse("Empty batch.");
    }
    if entries.len() > limit {
        return refuse("Too many entries in batch.");
    }
    let mut identified = Vec::with_capacity(entries.len());
    for entry in entries {
        let ProduceBatchRequestEntry { id } =
            serde_json::from_str(entry.get()).map_err(Refusal::bad_request)?;
        match id {
            Some(serde_json::Value::String(id)) if (1..=ID_CHARS).contains(&id.chars().count()) => {
                identified.push((id, entry));
            }
            _ => return refuse("Batch entry identifier is not a valid string."),
        }
    }
    let distinct: HashSet<_> = identified.iter().map(|(id, _)| id).collect();
    if distinct.len() < identified.len() {
        return refuse("Batch entry IDs are not distinct.");
    }
    Ok(identified)
}
