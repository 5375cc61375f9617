//! A record as v3 sends it. A field that is none of a record's is refused, as the REST Proxy does: a misspelt or a
//! v2-shaped record would else be acknowledged and stored without its value.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    http::Refusal,
    log::{Header, NewRecord},
};

/// Text that is borrowed where it can be (an `Option<Cow<str>>` would always be a copy).
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecord<'a> {
    /// An entry of a batch has one; a record of a stream has none.
    id: Option<IgnoredAny>,
    partition_id: Option<i64>,
    #[serde(borrow, default)]
    headers: Option<Vec<WireHeader<'a>>>,
    #[serde(borrow)]
    key: Option<WireData<'a>>,
    #[serde(borrow)]
    value: Option<WireData<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHeader<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireData<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    // How a schema is named: known, and of no use without a registry.
    subject: Option<IgnoredAny>,
    subject_name_strategy: Option<IgnoredAny>,
    schema: Option<IgnoredAny>,
    schema_id: Option<IgnoredAny>,
    schema_version: Option<IgnoredAny>,
}

impl WireData<'_> {
    fn names_a_schema(&self) -> bool {
        let Self { subject, subject_name_strategy, schema, schema_id, schema_version, .. } = self;
        [subject, subject_name_strategy, schema, schema_id, schema_version].into_iter().any(Option::is_some)
    }
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a stream of records.
    Stream,
    /// Among a batch's entries, with an id.
    Entry,
}

/// How a key or value was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Binary,
    String,
    Json,
}

impl Format {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "BINARY",
            Self::String => "STRING",
            Self::Json => "JSON",
        }
    }
}

/// A record and what its report says of it.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) record: NewRecord,
    pub(super) key: Option<Format>,
    pub(super) value: Option<Format>,
}

/// Why an object is no record.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is no JSON: the stream cannot be trusted any more.
    Malformed(Refusal),
    /// It is JSON, but no record.
    Refused(Refusal),
}

/// Reads one record; its bytes are those of `object`, not copies, wherever that is possible.
pub(super) fn parse(object: &Bytes, place: Place, now: i64) -> Result<Parsed, Unreadable> {
    let wire: WireRecord<'_> = serde_json::from_slice(object).map_err(|error| {
        let refusal = Refusal::bad_request(&error);
        if error.is_data() { Unreadable::Refused(refusal) } else { Unreadable::Malformed(refusal) }
    })?;
    if place == Place::Stream && wire.id.is_some() {
        let text = "unknown field `id`: only an entry of records:batch has one";
        return Err(Unreadable::Refused(Refusal::bad_request(text)));
    }
    record(wire, object, now).map_err(Unreadable::Refused)
}

fn record(wire: WireRecord<'_>, object: &Bytes, now: i64) -> Result<Parsed, Refusal> {
    let partition = match wire.partition_id {
        None => None,
        Some(id) => Some(u32::try_from(id).map_err(|_| {
            Refusal::new(
                404,
                40402,
                format!("Partition {id} cannot be found: partitions are numbered from 0."),
            )
        })?),
    };
    let (key_format, key) = data(wire.key, "key", object)?;
    let (value_format, value) = data(wire.value, "value", object)?;
    let headers = wire.headers.unwrap_or_default().into_iter().map(header).collect::<Result<_, _>>()?;
    let timestamp = match wire.timestamp {
        None => now,
        Some(Text(text)) => chrono::DateTime::parse_from_rfc3339(&text)
            .map_err(|error| Refusal::bad_request(format!("timestamp {text:?} is not RFC 3339: {error}")))?
            .timestamp_millis(),
    };
    let json = value.is_some() && value_format == Some(Format::Json);
    let record = NewRecord { partition, key, value, headers, timestamp, json };
    Ok(Parsed { record, key: key_format, value: value_format })
}

fn header(wire: WireHeader<'_>) -> Result<Header, Refusal> {
    let value = wire.value.map(|text| binary(&text.0)).transpose()?;
    Ok(Header { name: wire.name.0.into_owned(), value })
}

const NO_REGISTRY: &str = "needs a schema registry, which this server does not have";

/// The bytes of a key or value. `null` data is no key, or a tombstone.
fn data(
    wire: Option<WireData<'_>>,
    what: &str,
    object: &Bytes,
) -> Result<(Option<Format>, Option<Bytes>), Refusal> {
    let Some(wire) = wire else { return Ok((None, None)) };
    if wire.names_a_schema() {
        return Err(Refusal::bad_request(format!("the schema of {what} {NO_REGISTRY}")));
    }
    let WireData { r#type, data, .. } = wire;
    let format = match r#type.as_ref().map(|t| &*t.0) {
        Some("BINARY") => Format::Binary,
        Some("STRING") => Format::String,
        Some("JSON") => Format::Json,
        Some(schema @ ("AVRO" | "JSONSCHEMA" | "PROTOBUF")) => {
            return Err(Refusal::bad_request(format!("{what} type {schema} {NO_REGISTRY}")));
        }
        Some(other) => {
            return Err(Refusal::bad_request(format!(
                "{what} type {other:?} is none of BINARY, STRING, JSON"
            )));
        }
        None => {
            let text = format!("Payload error. {what} has no type; send BINARY, STRING or JSON.");
            return Err(Refusal::new(422, 42206, text));
        }
    };
    let Some(data) = data else { return Ok((None, None)) };
    let bytes = match format {
        Format::Json => object.slice_ref(data.get().as_bytes()),
        Format::String => match text(data) {
            Some(Cow::Borrowed(text)) => object.slice_ref(text.as_bytes()),
            Some(Cow::Owned(text)) => Bytes::from(text),
            None => {
                return Err(Refusal::bad_request(format!("data={} is not a string.", excerpt(data.get()))));
            }
        },
        Format::Binary => match text(data) {
            Some(text) => binary(&text)?,
            None => return Err(not_base64(data.get())),
        },
    };
    Ok((Some(format), Some(bytes)))
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

fn binary(text: &str) -> Result<Bytes, Refusal> {
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|_| not_base64(text))
}

fn not_base64(data: &str) -> Refusal {
    Refusal::bad_request(format!("data={} is not a base64 string.", excerpt(data)))
}

/// Enough of a value to recognise it in an error.
fn excerpt(text: &str) -> &str {
    const CHARS: usize = 64;
    text.char_indices().nth(CHARS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
