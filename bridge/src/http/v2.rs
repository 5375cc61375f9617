//! REST API v2, as the self-hosted proxy has it: JSON and base64 records. (Avro, JSON Schema and Protobuf need a
//! schema registry.) A field that is not known refuses the request, as the REST Proxy does: a misspelt or a v3-shaped
//! record would else be acknowledged and stored without its value.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_server::Peer;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{Front, Refusal, body::media_type};
use crate::log::{Appended, LogError, NewRecord};

const JSON: &str = "application/vnd.kafka.json.v2+json";
const BINARY: &str = "application/vnd.kafka.binary.v2+json";
const REPLY: &str = "application/vnd.kafka.v2+json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProduceRequest<'a> {
    #[serde(borrow)]
    records: Option<Vec<WireRecord<'a>>>,
    // How a schema is named: known, and of no use without a registry.
    key_schema: Option<IgnoredAny>,
    key_schema_id: Option<IgnoredAny>,
    value_schema: Option<IgnoredAny>,
    value_schema_id: Option<IgnoredAny>,
}

impl ProduceRequest<'_> {
    fn names_a_schema(&self) -> bool {
        let Self { key_schema, key_schema_id, value_schema, value_schema_id, .. } = self;
        [key_schema, key_schema_id, value_schema, value_schema_id].into_iter().any(Option::is_some)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecord<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    partition: Option<i64>,
}

#[derive(Serialize)]
struct ProduceResponse {
    offsets: Vec<PartitionOffset>,
    key_schema_id: Option<u32>,
    value_schema_id: Option<u32>,
}

#[derive(Serialize)]
struct PartitionOffset {
    partition: Option<u32>,
    offset: Option<u64>,
    error_code: Option<u32>,
    error: Option<String>,
}

/// `GET /topics`: the topics' names. Clients of v2 ask for them to see whether the proxy is there.
pub(super) async fn topics(State(front): State<Arc<Front>>, headers: HeaderMap) -> Result<Response, Refusal> {
    front.auth.check(&headers)?;
    let names: Vec<_> = front.log.topics().await?.into_iter().map(|topic| topic.name.to_string()).collect();
    let body = serde_json::to_vec(&names).map_err(|e| Refusal::new(500, 500, e.to_string()))?;
    Ok(([(header::CONTENT_TYPE, REPLY)], body).into_response())
}

/// `POST /topics/{topic}`.
pub(super) async fn produce(
    State(front): State<Arc<Front>>,
    Path(topic): Path<String>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    store(&front, &topic, None, &peer, &headers, body).await
}

/// `POST /topics/{topic}/partitions/{partition}`.
pub(super) async fn produce_to_partition(
    State(front): State<Arc<Front>>,
    Path((topic, partition)): Path<(String, String)>,
    peer: Peer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Ok(partition) = partition.parse() else {
        return Err(Refusal::new(404, 40402, format!("Partition {partition} cannot be found.")));
    };
    store(&front, &topic, Some(partition), &peer, &headers, body).await
}

async fn store(
    front: &Front,
    topic: &str,
    partition: Option<u32>,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    front.stats.request();
    front.auth.check(headers)?;
    let binary = match &*media_type(headers) {
        JSON => false,
        BINARY => true,
        other => return Err(Refusal::media_type(&format!("{other:?}, send {JSON} or {BINARY}"))),
    };
    let body = front.whole(peer, body).await?;
    let records = records(&body.bytes, binary, partition, front.clock.now_millis())?;
    let results = front.append(topic, records).await;
    if let Some(refusal) = whole_refusal(&results, partition.is_some()) {
        return Err(refusal);
    }
    let offsets = results.into_iter().map(PartitionOffset::from).collect();
    let response = ProduceResponse { offsets, key_schema_id: None, value_schema_id: None };
    let body = serde_json::to_vec(&response).map_err(|e| Refusal::new(500, 500, e.to_string()))?;
    Ok(([(header::CONTENT_TYPE, REPLY)], body).into_response())
}

/// What is wrong with the request's address refuses it whole.
fn whole_refusal(results: &[Result<Appended, LogError>], to_partition: bool) -> Option<Refusal> {
    let refuses = |error: &&LogError| match error {
        LogError::UnknownTopic(_) | LogError::InvalidTopic(_) | LogError::TooManyTopics { .. } => true,
        LogError::UnknownPartition { .. } => to_partition,
        _ => false,
    };
    results.iter().filter_map(|r| r.as_ref().err()).find(refuses).map(|error| error.clone().into())
}

impl From<Result<Appended, LogError>> for PartitionOffset {
    fn from(result: Result<Appended, LogError>) -> Self {
        match result {
            Ok(Appended { partition, offset, .. }) => {
                Self { partition: Some(partition), offset: Some(offset), error_code: None, error: None }
            }
            Err(error) => {
                let code = if error.passes() { 50003 } else { 50002 };
                Self { partition: None, offset: None, error_code: Some(code), error: Some(error.to_string()) }
            }
        }
    }
}

fn records(body: &Bytes, binary: bool, partition: Option<u32>, now: i64) -> Result<Vec<NewRecord>, Refusal> {
    if body.trim_ascii().is_empty() {
        return Err(Refusal::empty_body());
    }
    let request: ProduceRequest<'_> = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() { Refusal::new(422, 422, error.to_string()) } else { Refusal::bad_request(error) }
    })?;
    if request.names_a_schema() {
        return Err(Refusal::new(
            422,
            422,
            "schemas need a schema registry, which this server does not have",
        ));
    }
    let records = request.records.unwrap_or_default();
    if records.is_empty() {
        return Err(Refusal::new(422, 422, "records may not be empty"));
    }
    let convert = |wire: WireRecord<'_>| {
        let own = match wire.partition {
            None => None,
            Some(id) => Some(u32::try_from(id).map_err(|_| {
                Refusal::new(422, 422, format!("partition must be greater than or equal to 0, not {id}"))
            })?),
        };
        if partition.is_some() && own.is_some() {
            return Err(Refusal::new(
                422,
                422,
                "partition is given by the address; a record may not name one",
            ));
        }
        let key = wire.key.map(|raw| field(raw, "key", binary, body)).transpose()?;
        let value = wire.value.map(|raw| field(raw, "value", binary, body)).transpose()?;
        let json = !binary && value.is_some();
        Ok(NewRecord { partition: partition.or(own), key, value, headers: Vec::new(), timestamp: now, json })
    };
    records.into_iter().map(convert).collect()
}

fn field(raw: &RawValue, what: &str, binary: bool, body: &Bytes) -> Result<Bytes, Refusal> {
    if !binary {
        return Ok(body.slice_ref(raw.get().as_bytes()));
    }
    let invalid = || Refusal::new(422, 422, format!("Record {what} contains invalid base64 encoding"));
    let text: String = serde_json::from_str(raw.get()).map_err(|_| invalid())?;
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| invalid())
}

#[cfg(test)]
#[path = "v2_tests.rs"]
mod tests;
