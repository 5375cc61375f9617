//! Request bodies, put together from the records' own bytes.

use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::{
    connector::{BodyFormat, ConnectorConfig},
    log::Record,
};

/// The body for `records` (at least one, all with a value).
pub(super) fn assemble(connector: &ConnectorConfig, records: &[&Record]) -> Bytes {
    let values = || records.iter().filter_map(|record| record.value.as_ref());
    let (prefix, separator, suffix) = match &connector.body {
        BodyFormat::JsonArray => ("[", ",", "]"),
        BodyFormat::JsonSingle => ("", "", ""),
        // Without batches a value stands alone, as in the real connector.
        BodyFormat::Text { .. } if connector.batch_max == 1 => ("", "", ""),
        BodyFormat::Text { prefix, separator, suffix } => (&**prefix, &**separator, &**suffix),
    };
    if prefix.is_empty() && suffix.is_empty() && records.len() == 1 {
        return values().next().cloned().unwrap_or_default();
    }
    let size: usize = values().map(|value| value.len() + separator.len()).sum();
    let mut body = Vec::with_capacity(size + prefix.len() + suffix.len());
    body.extend_from_slice(prefix.as_bytes());
    for (place, value) in values().enumerate() {
        if place > 0 {
            body.extend_from_slice(separator.as_bytes());
        }
        body.extend_from_slice(value);
    }
    body.extend_from_slice(suffix.as_bytes());
    body.into()
}

/// Whether the record's value can stand in a body of the connector's format. What came in as JSON was checked by
/// the front and is not read again.
pub(super) fn fits(connector: &ConnectorConfig, record: &Record) -> Result<(), String> {
    let (false, Some(value)) = (record.json, &record.value) else { return Ok(()) };
    match connector.body {
        BodyFormat::Text { .. } => Ok(()),
        BodyFormat::JsonArray | BodyFormat::JsonSingle => serde_json::from_slice::<IgnoredAny>(value)
            .map(|_| ())
            .map_err(|error| format!("the value is not JSON: {error}")),
    }
}
