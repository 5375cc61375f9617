//! HTTP sink connector configurations, as Kafka Connect has them: the same files configure Confluent's connectors,
//! self-managed and managed, Aiven's open one, and this bridge.

mod aiven;
mod body;
mod dialect;
mod keys;
mod managed;
mod parse;
mod placeholders;
mod request;
mod self_managed;
mod statuses;
mod transforms;
mod values;

use std::{path::PathBuf, time::Duration};

use http::{HeaderMap, Method};
use secrecy::SecretString;
use url::Url;

pub use self::{parse::read, statuses::Statuses};

/// The class of Confluent's self-managed connector.
pub const CLASS: &str = "io.confluent.connect.http.HttpSinkConnector";
/// The class of Confluent Cloud's managed connector, "HTTP Sink V2".
pub const MANAGED_CLASS: &str = "HttpSinkV2";

/// The class of Aiven's open connector.
pub const AIVEN_CLASS: &str = "io.aiven.kafka.connect.http.HttpSinkConnector";

/// A connector's configuration, checked.
#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    /// The connector's name; also the consumer group whose offsets it moves.
    pub name: String,
    /// The topics it delivers.
    pub topics: Vec<String>,
    /// Where to, before `${topic}` is filled in.
    pub(crate) url: String,
    /// How.
    pub method: Method,
    /// Headers of every request; values may be secrets, they are marked sensitive.
    pub headers: HeaderMap,
    /// Basic authentication.
    pub basic: Option<(String, SecretString)>,
    /// How records become a body.
    pub body: BodyFormat,
    /// Most records in one request.
    pub batch_max: usize,
    /// Statuses that are tried again.
    pub retry_on: Statuses,
    /// Attempts after the first.
    pub max_retries: u32,
    /// First delay between attempts.
    pub backoff: Duration,
    /// How delays go on.
    pub backoff_policy: BackoffPolicy,
    /// What to do with tombstones.
    pub on_null: OnNull,
    /// What to do when retries are used up, or when a status is not in the retry list.
    pub on_error: OnError,
    /// Whether a record that cannot be put into a body fails the task or goes to the error topic.
    pub tolerate_bad_records: bool,
    /// What the error record says.
    pub report_errors_as: ErrorReport,
    /// Where undeliverable records go when `on_error` lets the task go on.
    pub error_topic: String,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for a request, connecting included.
    pub request_timeout: Duration,
}

impl ConnectorConfig {
    /// The address for records of `topic`.
    ///
    /// # Errors
    /// When it is no URL.
    pub fn url_for(&self, topic: &str) -> Result<Url, url::ParseError> {
        self.url.replace("${topic}", topic).parse()
    }
}

/// `request.body.format` and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyFormat {
    /// Values as they are, joined; a single record stands alone when batches are off.
    Text {
        /// Before the first.
        prefix: String,
        /// Between two.
        separator: String,
        /// After the last.
        suffix: String,
    },
    /// A JSON array, of one record too.
    JsonArray,
    /// One JSON value a request.
    JsonSingle,
}

/// `retry.backoff.policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackoffPolicy {
    /// Doubled every time up to a few seconds, with jitter.
    ExponentialWithJitter,
    /// Always the same.
    Constant,
}

/// `behavior.on.null.values`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNull {
    /// Skip.
    Ignore,
    /// Skip and log.
    Log,
    /// Fail the task.
    Fail,
}

/// `behavior.on.error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The task fails; nothing is skipped.
    Fail,
    /// The records go to the error topic.
    Ignore,
    /// The same, and it is logged.
    Log,
}

/// `report.errors.as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorReport {
    /// A sentence.
    ErrorString,
    /// The body of the reply.
    HttpResponse,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// It cannot be read.
    #[error("connector file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not of Kafka Connect's form.
    #[error("connector file {path} is not of the form {{\"name\": …, \"config\": {{…}}}}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Keys are missing, unknown, not supported or contradict each other: all of them.
    #[error("connector file {path}: {}", problems.join("; "))]
    Keys {
        /// The file.
        path: PathBuf,
        /// A sentence each. Never the value of a variable.
        problems: Vec<String>,
    },
}
