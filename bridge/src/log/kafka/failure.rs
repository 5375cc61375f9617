//! What Kafka's errors mean to a producer.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

use crate::log::{LogError, NewRecord};

/// Why `record` was not appended to `topic`. (`UnknownPartition` does not know how many there are.)
pub(super) fn of_record(error: &KafkaError, topic: &str, record: &RecordFacts) -> LogError {
    let Some(code) = error.rdkafka_error_code() else { return of_client(error) };
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition => LogError::UnknownTopic(topic.into()),
        Code::UnknownPartition => LogError::UnknownPartition {
            topic: topic.into(),
            partition: record.partition.map_or(-1, i64::from),
            partitions: 0,
        },
        Code::InvalidTopic => LogError::InvalidTopic(topic.into()),
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
            LogError::TooLarge { size: record.size, limit: record.limit }
        }
        Code::QueueFull => LogError::Busy { queued: record.queued, limit: record.queued },
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            LogError::Denied(code.to_string().into())
        }
        Code::PolicyViolation | Code::InvalidRecord | Code::InvalidTimestamp => {
            LogError::Refused(code.to_string().into())
        }
        Code::PurgeQueue | Code::PurgeInflight => LogError::Closed,
        _ => of_code(code),
    }
}

/// Why the cluster did not do what was asked.
pub(super) fn of_client(error: &KafkaError) -> LogError {
    match error.rdkafka_error_code() {
        Some(code) => of_code(code),
        None => LogError::Unreachable(error.to_string().into()),
    }
}

/// Why librdkafka does not take the settings. Without the property's value: it may be a secret.
pub(super) fn of_settings(error: &KafkaError) -> LogError {
    LogError::Settings(match error {
        KafkaError::ClientConfig(_, what, ..) if what.contains("not available at build time") => {
            format!("{what}; it takes a program built with the feature kafka-tls").into()
        }
        KafkaError::ClientConfig(_, what, ..) => what.as_str().into(),
        error => error.to_string().into(),
    })
}

fn of_code(code: Code) -> LogError {
    let text = || code.to_string().into();
    match code {
        Code::SaslAuthenticationFailed | Code::Authentication => LogError::Unauthenticated(text()),
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed => LogError::Denied(text()),
        _ => LogError::Unreachable(text()),
    }
}

/// What a refusal of a record may have to tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordFacts {
    /// The partition that was asked for.
    pub(super) partition: Option<u32>,
    /// Its size in bytes.
    pub(super) size: usize,
    /// The limit for it.
    pub(super) limit: usize,
    /// The limit of bytes that wait.
    pub(super) queued: usize,
}

impl RecordFacts {
    pub(super) fn new(record: &NewRecord, limit: usize, queued: usize) -> Self {
        Self { partition: record.partition, size: record.size(), limit, queued }
    }
}

#[cfg(test)]
mod tests {
    use crate::log::kafka::{KafkaSettings, admin::Admin};

    #[test]
    fn a_property_that_librdkafka_does_not_know_is_named_without_its_value() {
        let properties = [("sasl.pasword".to_owned(), "lovelace-1815".to_owned())].into();
        let settings = KafkaSettings { properties, ..KafkaSettings::new("127.0.0.1:1") };
        let error = Admin::new(&settings).err().unwrap().to_string();
        assert!(error.contains("sasl.pasword") && !error.contains("lovelace"), "{error}");
    }
}
