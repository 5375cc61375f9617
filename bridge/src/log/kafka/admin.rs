//! Creating topics.

use std::time::Duration;

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode as Code,
};

use super::{KafkaSettings, failure};
use crate::log::LogError;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Creates topics.
pub(super) struct Admin {
    client: AdminClient<DefaultClientContext>,
    partitions: i32,
    /// Of the topics that it makes; a broker's default may be less than the front takes.
    max_message_bytes: String,
}

impl Admin {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, LogError> {
        let client = settings.admin().create().map_err(|error| failure::of_settings(&error))?;
        let partitions = i32::try_from(settings.partitions).unwrap_or(i32::MAX);
        Ok(Self { client, partitions, max_message_bytes: settings.max_message_bytes() })
    }

    /// Makes sure that the topics exist; those that do are left as they are.
    pub(super) async fn create(&self, topics: &[String]) -> Result<(), LogError> {
        // -1: the broker's default.
        let new = |topic| {
            NewTopic::new(topic, self.partitions, TopicReplication::Fixed(-1))
                .set("max.message.bytes", &self.max_message_bytes)
        };
        let new: Vec<_> = topics.iter().map(|topic| new(topic)).collect();
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        let results =
            self.client.create_topics(&new, &options).await.map_err(|error| failure::of_client(&error))?;
        for result in results {
            match result {
                Ok(topic) => tracing::info!(topic, partitions = self.partitions, "topic created"),
                Err((_, Code::TopicAlreadyExists)) => {}
                Err((topic, code @ (Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed))) => {
                    return Err(LogError::Denied(format!("{topic}: {code}").into()));
                }
                Err((topic, code)) => return Err(LogError::Refused(format!("{topic}: {code}").into())),
            }
        }
        Ok(())
    }
}
