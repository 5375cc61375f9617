//! The REST Proxy's forms: how records are written, how reports are read, what its codes mean. Pure.
//!
//! Sources: Confluent's API reference, <https://docs.confluent.io/cloud/current/kafka-rest/krest-qs.html>, and the
//! REST Proxy's own code, <https://github.com/confluentinc/kafka-rest>.

use serde::{Deserialize, Serialize};

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
    struct Line {
        error_code: Option<i64>,
        #[serde(alias = "error")]
        message: Option<String>,
        offset: Option<i64>,
    }
    #[derive(Deserialize)]
    struct Offsets {
        offsets: Vec<Line>,
    }
    let lines = match api {
        ProduceApi::V3 => {
            serde_json::Deserializer::from_slice(body).into_iter::<Line>().map_while(Result::ok).collect()
        }
        ProduceApi::V2 => {
            serde_json::from_slice(body).map_or_else(|_| Vec::new(), |Offsets { offsets }| offsets)
        }
    };
    let report = |line: Line| match (line.error_code, line.offset) {
        // Old proxies leave the code of a success out; v2 has null there.
        (Some(200), _) | (None, Some(_)) => Report::Stored,
        (code, _) => Report::Failed(Problem {
            code: code.unwrap_or(UNKNOWN),
            message: line.message.unwrap_or_else(|| "the report has neither a code nor an offset".into()),
        }),
    };
    lines.into_iter().map(report).collect()
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
mod tests {
    use super::*;

    #[test]
    fn codes_are_classified_as_confluent_documents_them() {
        let server = Failure::Server { retry_after: None };
        for (code, expected) in [
            (400, Failure::Permanent),
            (40002, Failure::Permanent),
            (40101, Failure::Permanent),
            (40301, Failure::Permanent),
            (404, Failure::Permanent),
            (40401, Failure::Permanent),
            (40402, Failure::Permanent),
            (40403, server),
            (40404, server),
            (408, Failure::Connection),
            (413, Failure::Permanent),
            (415, Failure::Permanent),
            (42206, Failure::Permanent),
            (429, Failure::RateLimited { retry_after: None }),
            (42901, Failure::RateLimited { retry_after: None }),
            (500, server),
            (50002, Failure::Permanent),
            (50003, server),
            (503, server),
            (50302, server),
            (0, Failure::Permanent),
            (-1, Failure::Permanent),
        ] {
            assert_eq!(failure(code, None), expected, "{code}");
        }
    }

    #[test]
    fn v3_reports_are_read_one_after_another_until_the_stream_breaks() {
        let body = concat!(
            r#"{"error_code":200,"cluster_id":"c","topic_name":"t","partition_id":3,"offset":42,"key":{"type":"STRING","size":6}}"#,
            "\r\n",
            r#"{"error_code":400,"message":"Bad Request: data=1 is not a base64 string."}{"partition_id":0,"offset":7}"#,
            r#"{"error_code":200,"off"#
        );
        let bad = Problem { code: 400, message: "Bad Request: data=1 is not a base64 string.".into() };
        assert_eq!(
            reports(ProduceApi::V3, body.as_bytes()),
            [Report::Stored, Report::Failed(bad), Report::Stored]
        );
    }

    #[test]
    fn v2_reports_are_read_from_their_list() {
        let body = br#"{"offsets":[{"partition":2,"offset":100,"error_code":null,"error":null},
            {"partition":null,"offset":null,"error_code":50003,"error":"later"},{}],"key_schema_id":null}"#;
        let reports = reports(ProduceApi::V2, body);
        assert_eq!(reports[0], Report::Stored);
        assert_eq!(reports[1], Report::Failed(Problem { code: 50003, message: "later".into() }));
        assert!(matches!(&reports[2], Report::Failed(Problem { code: UNKNOWN, .. })));
    }

    #[test]
    fn bodies_hold_the_records_in_their_order() {
        let records = [&b"{\"a\":1}"[..], b"{\"b\":2}"];
        assert_eq!(body(ProduceApi::V3, records.into_iter()), b"{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(body(ProduceApi::V2, records.into_iter()), b"{\"records\":[{\"a\":1},{\"b\":2}]}");
    }
}
