//! The error topic: records that could not be delivered, as they were, with the reason in their headers. (The
//! real connector puts the reason into the value and loses the record; here it can be sent again.)

use bytes::Bytes;

use super::attempt::FailedAttempt;
use crate::{
    connector::{ConnectorConfig, ErrorReport},
    log::{Header, NewRecord, Record, TopicPartition},
};

/// Why records go to the error topic.
pub(super) enum Reason<'a> {
    /// The receiver refused them.
    Refused(&'a FailedAttempt),
    /// They cannot be put into a body.
    Unfit(&'a str),
}

/// The error record for `record`.
pub(super) fn error_record(
    connector: &ConnectorConfig,
    at: &TopicPartition,
    record: &Record,
    reason: &Reason<'_>,
) -> NewRecord {
    let (error, status) = match reason {
        Reason::Unfit(text) => (Bytes::copy_from_slice(text.as_bytes()), None),
        Reason::Refused(failed) => {
            let error = match connector.report_errors_as {
                ErrorReport::HttpResponse if failed.status.is_some() => failed.reply.clone(),
                _ => Bytes::copy_from_slice(failed.reason.as_bytes()),
            };
            (error, failed.status)
        }
    };
    let header = |name: &str, value: Bytes| Header { name: name.to_owned(), value: Some(value) };
    let mut headers = vec![
        header("error", error),
        header("input_record_topic", Bytes::copy_from_slice(at.topic.as_bytes())),
        header("input_record_partition", at.partition.to_string().into()),
        header("input_record_offset", record.offset.to_string().into()),
    ];
    headers.extend(status.map(|status| header("http_status", status.to_string().into())));
    NewRecord {
        partition: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
        timestamp: record.timestamp,
        json: record.json,
    }
}
