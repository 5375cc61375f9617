//! The REST Proxy's forms: how records are written, how reports are read, what its codes mean. Pure.
//!
//! Sources: Confluent's API reference, <https://docs.confluent.io/cloud/current/kafka-rest/krest-qs.html>, and the
//! REST Proxy's own code, <https://github.com/confluentinc/kafka-rest>. Strimzi's HTTP bridge speaks v2 with shorter
//! replies, <https://github.com/strimzi/strimzi-kafka-bridge>.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bus::ProduceApi;
use domain::event::Event;
use domain::retry::Failure;

/// One record in the API's form.
pub(super) fn record(api: ProduceApi, event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Typed<T> {
        r#type: &'static str,
        data: T,
    }
    #[derive(Serialize)]
    struct Record<K, V> {
        key: K,
        value: V,
    }
    let key = event.payload.key();
    match api {
        // The type is always said: without it a self-hosted proxy looks for the topic's registered schema. A key of
        // type JSON would be written with its quotes and so hash to another partition.
        ProduceApi::V3 => serde_json::to_vec(&Record {
            key: Typed { r#type: "STRING", data: key },
            value: Typed { r#type: "JSON", data: event },
        }),
        ProduceApi::V2 => serde_json::to_vec(&Record { key, value: event }),
    }
}

/// A request's body: the records as concatenated objects (v3), or in one list (v2).
pub(super) fn body<'a>(api: ProduceApi, records: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    const V2_START: &[u8] = br#"{"records":["#;
    let size = records.clone().map(|record| record.len() + 1).sum::<usize>() + V2_START.len() + 2;
    let mut body = Vec::with_capacity(size);
    match api {
        ProduceApi::V3 => {
            for record in records {
                body.extend_from_slice(record);
                body.push(b'\n');
            }
        }
        ProduceApi::V2 => {
            body.extend_from_slice(V2_START);
            for record in records {
                if body.len() > V2_START.len() {
                    body.push(b',');
                }
                body.extend_from_slice(record);
            }
            body.extend_from_slice(b"]}");
        }
    }
    body
}

/// Content types: of the request, and of the reply we want.
pub(super) const fn content_types(api: ProduceApi) -> (&'static str, &'static str) {
    match api {
        ProduceApi::V3 => ("application/json", "application/json"),
        ProduceApi::V2 => ("application/vnd.kafka.json.v2+json", "application/vnd.kafka.v2+json"),
    }
}

/// What became of one record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// It is durable.
    Stored,
    /// It is not.
    Failed(Problem),
}

/// An error as the proxy reports it, for a record or for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Confluent's error code: an HTTP status, or one with two more digits.
    pub(super) code: i64,
    /// The text with it.
    pub(super) message: String,
}

/// The reports of a 200 reply, in the order of the records. There may be fewer than records: a v3 stream ends at
/// the first record that is not JSON, or when the connection breaks; what follows is not known.
pub(super) fn reports(api: ProduceApi, body: &[u8]) -> Vec<Report> {
    #[derive(Deserialize)]
    struct Offsets<'a> {
        #[serde(borrow)]
        offsets: Vec<&'a RawValue>,
    }
    match api {
        ProduceApi::V3 => {
            let lines = serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>();
            lines.map_while(Result::ok).map(report).collect()
        }
        ProduceApi::V2 => serde_json::from_slice(body)
            .map_or_else(|_| Vec::new(), |Offsets { offsets }| offsets.into_iter().map(report).collect()),
    }
}

/// One record's report. One that cannot be read says nothing of its neighbours.
fn report(text: &RawValue) -> Report {
    #[derive(Default, Deserialize)]
    struct Fields {
        error_code: Option<i64>,
        message: Option<String>,
        /// As v2 calls the message.
        error: Option<String>,
        offset: Option<i64>,
    }
    let Fields { error_code, message, error, offset } = serde_json::from_str(text.get()).unwrap_or_default();
    match (error_code, offset) {
        // A success: v2 has null for its code, and old proxies and Strimzi's bridge have no code at all.
        (Some(200), _) | (None, Some(_)) => Report::Stored,
        (code, _) => Report::Failed(Problem {
            code: code.unwrap_or(UNKNOWN),
            message: message
                .or(error)
                .unwrap_or_else(|| "the report has neither a code nor an offset".into()),
        }),
    }
}

/// Stands for a report without code and offset, as for a server's error: the record may be stored or not.
const UNKNOWN: i64 = 500;

/// The error in a reply's body, if it has the proxy's form.
pub(super) fn problem(body: &[u8]) -> Option<Problem> {
    #[derive(Deserialize)]
    struct Body {
        error_code: i64,
        #[serde(default)]
        message: String,
    }
    serde_json::from_slice(body)
        .ok()
        .map(|Body { error_code, message }| Problem { code: error_code, message })
}

/// What kind of failure an error code is.
pub(super) fn failure(code: i64, retry_after: Option<std::time::Duration>) -> Failure {
    match code {
        // Its stream was open for too long: nothing is wrong with the server.
        408 => Failure::Connection,
        // The partition is moving: its leader is not here, or not elected yet.
        40403 | 40404 => Failure::Server { retry_after },
        // "Kafka error that is not retriable".
        50002 => Failure::Permanent,
        _ => {
            let status = if code >= 1_000 { code / 100 } else { code };
            u16::try_from(status)
                .ok()
                .and_then(|status| Failure::of_status(status, retry_after))
                .unwrap_or(Failure::Permanent)
        }
    }
}

#[cfg(test)]
mod tests;
