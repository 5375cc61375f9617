//! Reads a connector file and checks every key; what is wrong is said all at once.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::Value;

use super::{
    AIVEN_CLASS, BackoffPolicy, CLASS, ConnectorConfig, ConnectorError, MANAGED_CLASS, aiven, body,
    dialect::{Dialect, Target},
    keys::Form,
    managed, request, self_managed,
    values::Keys,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    config: BTreeMap<String, Value>,
}

/// Reads the connector at `path`, with `variables` for its `${env:NAME}`.
///
/// # Errors
/// When the file cannot be read, or for all of its unknown, unsupported, missing and contradicting keys.
pub fn read(path: &Path, variables: &BTreeMap<String, String>) -> Result<ConnectorConfig, ConnectorError> {
    let text =
        std::fs::read(path).map_err(|source| ConnectorError::Read { path: path.to_owned(), source })?;
    read_text(&text, path, variables)
}

/// Reads the text of the file at `path`.
fn read_text(
    text: &[u8],
    path: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<ConnectorConfig, ConnectorError> {
    let File { name, config } = serde_json::from_slice(text)
        .map_err(|source| ConnectorError::Form { path: path.to_owned(), source })?;
    parse(&name, config, variables)
        .map_err(|problems| ConnectorError::Keys { path: path.to_owned(), problems })
}

/// Checks a connector's keys.
pub(super) fn parse(
    name: &str,
    config: BTreeMap<String, Value>,
    variables: &BTreeMap<String, String>,
) -> Result<ConnectorConfig, Vec<String>> {
    let form = Form::of(config.get("connector.class").and_then(Value::as_str).unwrap_or_default());
    let mut keys = Keys::new(form, config, variables);
    if keys.required("connector.class").is_some_and(|class| class != form.class) {
        keys.complain(format!("connector.class has to be {CLASS}, {MANAGED_CLASS} or {AIVEN_CLASS}"));
    }
    if keys.take("name").is_some_and(|inner| inner != name) {
        keys.complain("name in config differs from the connector's name".to_owned());
    }
    // Parallelism goes by partitions here; the number is checked and has no effect.
    keys.number("tasks.max", 1, 1..=1_000_u32);
    let connector = match form.class {
        AIVEN_CLASS => aiven::connector(name, &mut keys),
        MANAGED_CLASS => {
            let target = managed::target(&mut keys);
            connector(name, target, &managed::DIALECT, &mut keys)
        }
        _ => {
            let target = self_managed::target(&mut keys);
            connector(name, target, &self_managed::DIALECT, &mut keys)
        }
    };
    keys.finish(connector)
}

/// What Confluent's two connectors have in common.
fn connector(name: &str, target: Target, dialect: &Dialect, keys: &mut Keys) -> ConnectorConfig {
    let key = |key: &str| format!("{}{key}", dialect.body.prefix);
    let (body, batch_max) = body::read(keys, &dialect.body);
    let error_topic =
        keys.take("reporter.error.topic.name").unwrap_or_else(|| "error-${connector}".to_owned());
    let error_topic = error_topic.replace("${connector}", name);
    if target.topics.contains(&error_topic) {
        keys.complain(
            "reporter.error.topic.name is one of the topics: errors would be delivered again".to_owned(),
        );
    }
    ConnectorConfig {
        name: name.to_owned(),
        topics: target.topics,
        url: target.url,
        method: target.method,
        headers: target.headers,
        basic: target.basic,
        body,
        batch_max,
        retry_on: request::statuses(keys, &key("retry.on.status.codes")),
        max_retries: keys.number(&key("max.retries"), 5, dialect.max_retries.clone()),
        backoff: keys.millis(&key("retry.backoff.ms"), 3_000, 1..=3_600_000),
        backoff_policy: keys.choice(
            &key("retry.backoff.policy"),
            "EXPONENTIAL_WITH_JITTER",
            &[
                ("EXPONENTIAL_WITH_JITTER", BackoffPolicy::ExponentialWithJitter),
                ("CONSTANT_VALUE", BackoffPolicy::Constant),
            ],
        ),
        on_null: keys.choice(&key("behavior.on.null.values"), "ignore", dialect.on_null),
        on_error: keys.choice("behavior.on.error", "fail", dialect.on_error),
        tolerate_bad_records: keys.choice(
            "errors.tolerance",
            dialect.tolerance,
            &[("none", false), ("all", true)],
        ),
        report_errors_as: keys.choice("report.errors.as", dialect.report[0].0, &dialect.report),
        error_topic,
        connect_timeout: keys.millis(&key("http.connect.timeout.ms"), 30_000, 1..=3_600_000),
        request_timeout: keys.millis(&key("http.request.timeout.ms"), 30_000, 1..=3_600_000),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
