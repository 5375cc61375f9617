//! Reads a connector file and checks every key; what is wrong is said all at once.

use std::{collections::BTreeMap, fmt::Display, path::Path, str::FromStr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::Value;

use super::{
    BackoffPolicy, BodyFormat, CLASS, ConnectorConfig, ConnectorError, ErrorReport, OnError, OnNull,
    Statuses, keys, placeholders,
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
    let File { name, config } = serde_json::from_slice(&text)
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
    let mut keys = Keys { values: BTreeMap::new(), problems: Vec::new() };
    for (key, value) in config {
        keys.insert(key, value, variables);
    }
    let connector = connector(name, &mut keys);
    keys.finish(connector)
}

fn connector(name: &str, keys: &mut Keys) -> ConnectorConfig {
    if keys.required("connector.class").is_some_and(|class| class != CLASS) {
        keys.complain(format!("connector.class has to be {CLASS}"));
    }
    if keys.take("name").is_some_and(|inner| inner != name) {
        keys.complain("name in config differs from the connector's name".to_owned());
    }
    // Parallelism goes by partitions here; the number is checked and has no effect.
    keys.number("tasks.max", 1, 1..=1_000_u32);
    let topics: Vec<String> = keys
        .required("topics")
        .map(|list| list.split(',').map(|topic| topic.trim().to_owned()).filter(|t| !t.is_empty()).collect())
        .unwrap_or_default();
    if topics.is_empty() {
        keys.complain("topics names no topic".to_owned());
    }
    let url = keys.required("http.api.url");
    if let Some(url) = &url {
        check_url(url, keys);
    }
    let headers = headers(keys);
    let basic = basic(keys);
    let batch_max = keys.number("batch.max.size", 1, 1..=100_000_usize);
    let body = body(keys, batch_max);
    let method = keys.choice(
        "request.method",
        "POST",
        &[("POST", Method::POST), ("PUT", Method::PUT), ("PATCH", Method::PATCH)],
    );
    let connector = ConnectorConfig {
        name: name.to_owned(),
        topics,
        url: url.unwrap_or_default(),
        method,
        headers,
        basic,
        body,
        batch_max,
        retry_on: statuses(keys),
        max_retries: keys.number("max.retries", 5, 0..=2_147_483_647),
        backoff: keys.millis("retry.backoff.ms", 3_000, 1..=3_600_000),
        backoff_policy: keys.choice(
            "retry.backoff.policy",
            "EXPONENTIAL_WITH_JITTER",
            &[
                ("EXPONENTIAL_WITH_JITTER", BackoffPolicy::ExponentialWithJitter),
                ("CONSTANT_VALUE", BackoffPolicy::Constant),
            ],
        ),
        on_null: keys.choice(
            "behavior.on.null.values",
            "ignore",
            &[("ignore", OnNull::Ignore), ("log", OnNull::Log), ("fail", OnNull::Fail)],
        ),
        on_error: keys.choice(
            "behavior.on.error",
            "fail",
            &[("fail", OnError::Fail), ("ignore", OnError::Ignore), ("log", OnError::Log)],
        ),
        tolerate_bad_records: keys.choice("errors.tolerance", "none", &[("none", false), ("all", true)]),
        report_errors_as: keys.choice(
            "report.errors.as",
            "error_string",
            &[("error_string", ErrorReport::ErrorString), ("http_response", ErrorReport::HttpResponse)],
        ),
        error_topic: keys
            .take("reporter.error.topic.name")
            .unwrap_or_else(|| "error-${connector}".to_owned()),
        connect_timeout: keys.millis("http.connect.timeout.ms", 30_000, 1..=3_600_000),
        request_timeout: keys.millis("http.request.timeout.ms", 30_000, 1..=3_600_000),
    };
    let error_topic = connector.error_topic.replace("${connector}", name);
    if connector.topics.contains(&error_topic) {
        keys.complain(
            "reporter.error.topic.name is one of the topics: errors would be delivered again".to_owned(),
        );
    }
    ConnectorConfig { error_topic, ..connector }
}

fn check_url(url: &str, keys: &mut Keys) {
    let without_topic = url.replace("${topic}", "topic");
    if without_topic.contains("${") {
        keys.complain("http.api.url has a placeholder other than ${topic} and ${env:NAME}".to_owned());
        return;
    }
    match without_topic.parse::<url::Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            if url.password().is_some() {
                keys.complain("http.api.url holds a password: use auth.type BASIC".to_owned());
            }
        }
        _ => keys.complain("http.api.url is not an address that begins with http:// or https://".to_owned()),
    }
}

fn headers(keys: &mut Keys) -> HeaderMap {
    let separator = keys.take("header.separator").unwrap_or_else(|| "|".to_owned());
    let text = keys.take("headers").unwrap_or_default();
    let mut headers = HeaderMap::new();
    if separator.is_empty() {
        keys.complain("header.separator is empty".to_owned());
        return headers;
    }
    for (place, pair) in text.split(&*separator).enumerate().filter(|(_, pair)| !pair.trim().is_empty()) {
        // A header may be a secret: errors tell its place only.
        let parsed = pair.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_str(name.trim()).ok()?;
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        match parsed {
            Some((name, value)) => {
                headers.append(name, value);
            }
            None => keys.complain(format!("headers: number {} is not of the form Name:Value", place + 1)),
        }
    }
    headers
}

fn statuses(keys: &mut Keys) -> Statuses {
    let Some(text) = keys.take("retry.on.status.codes") else { return Statuses::default() };
    text.parse().unwrap_or_else(|problem| {
        keys.complain(format!("retry.on.status.codes: {problem}"));
        Statuses::default()
    })
}

fn basic(keys: &mut Keys) -> Option<(String, secrecy::SecretString)> {
    let basic = keys.choice("auth.type", "NONE", &[("NONE", false), ("BASIC", true)]);
    let (user, password) = (keys.take("connection.user"), keys.take("connection.password"));
    match (basic, user, password) {
        (true, Some(user), Some(password)) => Some((user, password.into())),
        (true, ..) => {
            keys.complain("auth.type BASIC needs connection.user and connection.password".to_owned());
            None
        }
        (false, None, None) => None,
        (false, ..) => {
            keys.complain("connection.user and connection.password need auth.type BASIC".to_owned());
            None
        }
    }
}

fn body(keys: &mut Keys, batch_max: usize) -> BodyFormat {
    let json = keys.choice("request.body.format", "string", &[("string", false), ("json", true)]);
    let as_array = keys.take("batch.json.as.array");
    let (prefix, separator, suffix) =
        (keys.take("batch.prefix"), keys.take("batch.separator"), keys.take("batch.suffix"));
    if !json {
        if as_array.is_some_and(|value| value == "true") {
            keys.complain("batch.json.as.array needs request.body.format json".to_owned());
        }
        return BodyFormat::Text {
            prefix: prefix.unwrap_or_default(),
            separator: separator.unwrap_or_else(|| ",".to_owned()),
            suffix: suffix.unwrap_or_default(),
        };
    }
    if prefix.or(separator).or(suffix).is_some() {
        keys.complain(
            "batch.prefix, batch.separator and batch.suffix need request.body.format string".to_owned(),
        );
    }
    match as_array.as_deref() {
        None | Some("true") => BodyFormat::JsonArray,
        Some("false") => {
            if batch_max != 1 {
                keys.complain("batch.json.as.array false needs batch.max.size 1".to_owned());
            }
            BodyFormat::JsonSingle
        }
        Some(other) => {
            keys.complain(format!("batch.json.as.array is {other:?}, neither true nor false"));
            BodyFormat::JsonArray
        }
    }
}

/// The keys that were not asked for yet, and what is wrong so far.
struct Keys {
    values: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Keys {
    fn insert(&mut self, key: String, value: Value, variables: &BTreeMap<String, String>) {
        let text = match value {
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return self.complain(format!("{key} has to be a string, a number or a boolean")),
        };
        match placeholders::resolve(&text, variables) {
            Ok(text) => {
                self.values.insert(key, text);
            }
            Err(problem) => self.complain(format!("{key} {problem}")),
        }
    }

    fn complain(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    fn required(&mut self, key: &str) -> Option<String> {
        let value = self.take(key);
        // A key whose placeholder could not be filled in has its complaint already.
        if value.is_none() && !self.problems.iter().any(|problem| problem.starts_with(&format!("{key} "))) {
            self.complain(format!("{key} is missing"));
        }
        value
    }

    fn choice<T: Clone>(&mut self, key: &str, default: &str, choices: &[(&str, T)]) -> T {
        let text = self.take(key).unwrap_or_else(|| default.to_owned());
        if let Some((_, value)) = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text)) {
            return value.clone();
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        self.complain(format!("{key} is {text:?}, not supported; use one of {}", names.join(", ")));
        choices[0].1.clone()
    }

    fn number<T>(&mut self, key: &str, default: T, range: std::ops::RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.take(key) else { return default };
        match text.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.complain(format!(
                    "{key} is {text:?}, not a number from {} to {}",
                    range.start(),
                    range.end()
                ));
                default
            }
        }
    }

    fn millis(&mut self, key: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(key, default, range))
    }

    /// What is left was not asked for.
    fn finish<T>(mut self, value: T) -> Result<T, Vec<String>> {
        let left = std::mem::take(&mut self.values);
        self.problems.extend(
            left.into_keys().filter(|key| !keys::is_for_connect(key)).map(|key| keys::complaint(&key)),
        );
        if self.problems.is_empty() { Ok(value) } else { Err(self.problems) }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
