//! The keys of Aiven's open connector (`io.aiven.kafka.connect.http.HttpSinkConnector`): it always sends POST to one
//! address, tries every failure again after the same delay, and joins values as texts.
//!
//! Source: its `HttpSinkConfig`, <https://github.com/Aiven-Open/http-connector-for-apache-kafka>.

use std::time::Duration;

use http::{
    HeaderMap, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::{
    BackoffPolicy, BodyFormat, ConnectorConfig, ErrorReport, OnError, OnNull, Statuses, request, transforms,
    values::Keys,
};

pub(super) fn connector(name: &str, keys: &mut Keys) -> ConnectorConfig {
    let topics = keys.required_list("topics");
    let url = url(keys);
    let mut headers = HeaderMap::new();
    request::add_headers(keys, "http.headers.additional", ",", &mut headers);
    authenticate(keys, &mut headers);
    if let Some(kind) = keys.take("http.headers.content.type") {
        match request::secret_value(&kind) {
            Some(value) => drop(headers.insert(CONTENT_TYPE, value)),
            None => keys.complain("http.headers.content.type is not the value of a header".to_owned()),
        }
    }
    if keys.flag("http.ssl.trust.all.certs", false) {
        keys.complain("http.ssl.trust.all.certs has to be false: the bridge always verifies".to_owned());
    }
    let (body, batch_max) = body(keys);
    let tolerant = keys.choice("errors.tolerance", "none", &[("none", false), ("all", true)]);
    let error_topic = error_topic(keys, name, tolerant, batch_max, &topics);
    let drops_tombstones = transforms::drops_tombstones(keys);
    let timeout = Duration::from_secs(keys.number("http.timeout", 30, 1..=3_600));
    ConnectorConfig {
        name: name.to_owned(),
        topics,
        url,
        method: Method::POST,
        headers,
        basic: None,
        body,
        batch_max,
        retry_on: Statuses::default(),
        max_retries: keys.number("max.retries", 1, 0..=2_147_483_647),
        backoff: keys.millis("retry.backoff.ms", 3_000, 0..=3_600_000),
        backoff_policy: BackoffPolicy::Constant,
        on_null: match (drops_tombstones, tolerant) {
            (true, _) => OnNull::Ignore,
            (false, true) => OnNull::Log,
            (false, false) => OnNull::Fail,
        },
        on_error: if tolerant { OnError::Ignore } else { OnError::Fail },
        tolerate_bad_records: tolerant,
        report_errors_as: ErrorReport::ErrorString,
        error_topic,
        connect_timeout: timeout,
        request_timeout: timeout,
    }
}

fn url(keys: &mut Keys) -> String {
    let Some(url) = keys.required("http.url") else { return String::new() };
    if url.contains("${topic}") {
        keys.complain("http.url has a placeholder: this connector knows ${env:NAME} only".to_owned());
    } else {
        request::check_url(&url, "http.url", keys);
    }
    url
}

fn authenticate(keys: &mut Keys, headers: &mut HeaderMap) {
    let Some(kind) = keys.required("http.authorization.type") else { return };
    let secret = keys.take("http.headers.authorization").filter(|value| !value.trim().is_empty());
    match (&*kind, secret) {
        ("none", None) => {}
        ("none", Some(_)) => {
            keys.complain("http.headers.authorization needs http.authorization.type static".to_owned());
        }
        ("static", None) => {
            keys.complain("http.authorization.type static needs http.headers.authorization".to_owned());
        }
        ("static", Some(secret)) => match request::secret_value(&secret) {
            Some(value) => drop(headers.insert(AUTHORIZATION, value)),
            None => {
                keys.complain("http.headers.authorization has characters that no header can have".to_owned());
            }
        },
        (other, _) => keys.complain(format!(
            "http.authorization.type is {other:?}, not supported; use one of none, static"
        )),
    }
}

fn body(keys: &mut Keys) -> (BodyFormat, usize) {
    let batching = keys.flag("batching.enabled", false);
    let batch_max = keys.number("batch.max.size", 500, 1..=1_000_000);
    let mut part = |key: &str, default: &str| keys.take(key).unwrap_or_else(|| default.to_owned());
    let (prefix, separator, suffix) =
        (part("batch.prefix", ""), part("batch.separator", "\n"), part("batch.suffix", "\n"));
    if batching {
        (BodyFormat::Text { prefix, separator, suffix }, batch_max)
    } else {
        // A value stands alone, whatever the keys of batches say.
        (BodyFormat::Text { prefix: String::new(), separator: String::new(), suffix: String::new() }, 1)
    }
}

/// Where records go that are given up: Connect's dead letters, which is what this connector reports them to.
fn error_topic(keys: &mut Keys, name: &str, tolerant: bool, batch_max: usize, topics: &[String]) -> String {
    let topic = keys.take("errors.deadletterqueue.topic.name");
    if tolerant && batch_max > 1 {
        keys.complain("errors.tolerance all and batching.enabled true exclude each other".to_owned());
    } else if tolerant && topic.is_none() {
        keys.complain(
            "errors.tolerance all needs errors.deadletterqueue.topic.name: records would be lost".to_owned(),
        );
    }
    if topic.as_ref().is_some_and(|topic| topics.contains(topic)) {
        keys.complain(
            "errors.deadletterqueue.topic.name is one of the topics: errors would be delivered again"
                .to_owned(),
        );
    }
    topic.unwrap_or_else(|| format!("error-{name}"))
}

#[cfg(test)]
#[path = "aiven_tests.rs"]
mod tests;
