//! How the cluster is reached.

use std::{collections::BTreeMap, fmt, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

/// How a Kafka cluster is reached and used.
#[derive(Clone)]
pub struct KafkaSettings {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// Further properties of librdkafka, such as `security.protocol`; they win over the bridge's own choice.
    /// May hold secrets; never logged.
    pub properties: BTreeMap<String, String>,
    /// How long a record may wait for its acknowledgement before it is refused.
    pub append_timeout: Duration,
    /// A member of a group that is silent for so long is taken for dead and its partitions go to others.
    pub session_timeout: Duration,
    /// Partitions of the topics that the bridge creates.
    pub partitions: u32,
    /// Whether it creates topics: those of its connectors, and those that are produced to.
    pub auto_create: bool,
    /// Largest record: key, value and headers, in bytes.
    pub max_record_bytes: usize,
    /// Bytes of records that wait for their acknowledgement.
    pub max_queued_bytes: usize,
}

impl KafkaSettings {
    /// The defaults for a cluster.
    #[must_use]
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            properties: BTreeMap::new(),
            append_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(6),
            partitions: 4,
            auto_create: true,
            max_record_bytes: 2 << 20,
            max_queued_bytes: 64 << 20,
        }
    }

    /// The largest record with what the protocol puts around it, as Kafka's settings take it.
    pub(super) fn max_message_bytes(&self) -> String {
        (self.max_record_bytes + (64 << 10)).to_string()
    }

    /// What all clients have in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "minireipaz-bridge")
            .set("socket.keepalive.enable", "true")
            // Requests are small and each is waited for.
            .set("socket.nagle.disable", "true")
            // A broker that is back after an outage is found within a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("retry.backoff.ms", "50")
            .set("retry.backoff.max.ms", "1000")
            .set_log_level(RDKafkaLogLevel::Info);
        client
    }

    /// The producer's properties.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut client = self.client();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // What arrives while a request is under way goes with the next one: no need to wait for more.
            .set("linger.ms", "0")
            .set("message.timeout.ms", self.append_timeout.as_millis().to_string())
            // Where Java clients put a key.
            .set("partitioner", "murmur2_random")
            .set("topic.metadata.propagation.max.ms", "3000")
            // The bounds are ours (`max_queued_bytes`); librdkafka's must not be reached before.
            .set("message.max.bytes", self.max_message_bytes())
            .set("queue.buffering.max.messages", "10000000")
            .set("queue.buffering.max.kbytes", (self.max_queued_bytes / 1024 * 4 + 4_096).to_string())
            .set("statistics.interval.ms", "1000");
        self.finish(client)
    }

    /// The properties of a member of `group`.
    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "earliest")
            // What was handled is noted by us and committed by librdkafka soon after, and on leaving.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "200")
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", (self.session_timeout.as_millis() / 3).max(1).to_string())
            // A fetch ends with the first record; an empty one must not hold back a partition that joins in.
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "20")
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "8192")
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set("statistics.interval.ms", "2000");
        self.finish(client)
    }

    /// The admin client's properties.
    pub(super) fn admin(&self) -> ClientConfig {
        let client = self.client();
        self.finish(client)
    }

    fn finish(&self, mut client: ClientConfig) -> ClientConfig {
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
    }
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.properties.keys().collect();
        f.debug_struct("KafkaSettings").field("brokers", &self.brokers).field("properties", &names).finish()
    }
}
