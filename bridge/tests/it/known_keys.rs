//! The keys of Confluent's two HTTP sink connectors and of Aiven's with what each may be: from Confluent's documentation
//! and Aiven's source, kept apart from the bridge's own parser, so that a file that the bridge takes and a real connector
//! refuses is noticed.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// What a value may be.
pub(crate) enum Rule {
    Text,
    /// Also nothing.
    Any,
    /// Names separated by commas, at least one.
    Names,
    OneOf(&'static [&'static str]),
    Number(RangeInclusive<u64>),
    /// `400-`, or codes and ranges separated by commas.
    Statuses,
    /// `Name:Value` pairs separated by `|`.
    Headers,
    /// Begins with `http://` or `https://` once variables are filled in.
    Url,
}
use Rule::{Any, Headers, Names, Number, OneOf, Statuses, Text, Url};

const BOOLEAN: Rule = OneOf(&["true", "false"]);
const MILLIS: Rule = Number(1..=3_600_000);
const BACKOFF: Rule = OneOf(&["EXPONENTIAL_WITH_JITTER", "CONSTANT_VALUE"]);
const CONVERTERS: Rule = OneOf(&[
    "org.apache.kafka.connect.json.JsonConverter",
    "org.apache.kafka.connect.storage.StringConverter",
    "org.apache.kafka.connect.converters.ByteArrayConverter",
]);

pub(crate) const SELF_MANAGED: &[(&str, Rule)] = &[
    ("connector.class", OneOf(&["io.confluent.connect.http.HttpSinkConnector"])),
    ("tasks.max", Number(1..=1_000)),
    ("topics", Names),
    ("key.converter", CONVERTERS),
    ("value.converter", CONVERTERS),
    ("value.converter.schemas.enable", BOOLEAN),
    ("http.api.url", Url),
    ("request.method", OneOf(&["POST", "PUT", "PATCH"])),
    ("headers", Headers),
    ("header.separator", OneOf(&["|"])),
    ("request.body.format", OneOf(&["string", "json"])),
    ("batch.max.size", Number(1..=100_000)),
    ("batch.json.as.array", BOOLEAN),
    ("batch.prefix", Any),
    ("batch.separator", Any),
    ("batch.suffix", Any),
    ("auth.type", OneOf(&["NONE", "BASIC", "OAUTH2"])),
    ("connection.user", Text),
    ("connection.password", Text),
    ("retry.on.status.codes", Statuses),
    ("max.retries", Number(0..=2_147_483_647)),
    ("retry.backoff.ms", MILLIS),
    ("retry.backoff.policy", BACKOFF),
    ("behavior.on.null.values", OneOf(&["ignore", "fail", "delete", "log"])),
    ("behavior.on.error", OneOf(&["fail", "ignore", "log"])),
    ("errors.tolerance", OneOf(&["none", "all"])),
    ("errors.deadletterqueue.topic.name", Text),
    ("errors.deadletterqueue.topic.replication.factor", Number(1..=10)),
    ("errors.deadletterqueue.context.headers.enable", BOOLEAN),
    ("errors.log.enable", BOOLEAN),
    ("report.errors.as", OneOf(&["error_string", "http_response"])),
    ("reporter.bootstrap.servers", Text),
    ("reporter.result.topic.name", Text),
    ("reporter.result.topic.replication.factor", Number(1..=10)),
    ("reporter.error.topic.name", Text),
    ("reporter.error.topic.replication.factor", Number(1..=10)),
    ("confluent.topic.bootstrap.servers", Text),
    ("confluent.topic.replication.factor", Number(1..=10)),
    ("http.connect.timeout.ms", MILLIS),
    ("http.request.timeout.ms", MILLIS),
];

pub(crate) const MANAGED: &[(&str, Rule)] = &[
    ("connector.class", OneOf(&["HttpSinkV2"])),
    ("name", Text),
    ("kafka.auth.mode", OneOf(&["SERVICE_ACCOUNT", "KAFKA_API_KEY"])),
    ("kafka.service.account.id", Text),
    ("kafka.api.key", Text),
    ("kafka.api.secret", Text),
    ("tasks.max", Number(1..=1_000)),
    ("topics", Names),
    ("input.data.format", OneOf(&["AVRO", "JSON_SR", "PROTOBUF", "JSON", "BYTES"])),
    ("value.converter.schemas.enable", BOOLEAN),
    ("max.poll.records", Number(1..=500)),
    ("max.poll.interval.ms", Number(60_000..=1_800_000)),
    ("use.open.api.spec", BOOLEAN),
    ("http.api.base.url", Url),
    ("auth.type", OneOf(&["NONE", "BASIC", "OAUTH2", "BEARER", "API_KEY"])),
    ("connection.user", Text),
    ("connection.password", Text),
    ("bearer.token", Text),
    ("api.key.location", OneOf(&["HEADER", "QUERY"])),
    ("api.key.name", Text),
    ("api.key.value", Text),
    ("behavior.on.error", OneOf(&["FAIL", "IGNORE"])),
    ("auto.restart.on.user.error", BOOLEAN),
    ("errors.tolerance", OneOf(&["none", "all"])),
    ("errors.deadletterqueue.topic.name", Text),
    ("report.errors.as", OneOf(&["Error string", "HTTP response"])),
    ("reporter.result.topic.name", Text),
    ("reporter.error.topic.name", Text),
    ("apis.num", Number(1..=15)),
    ("api1.topics", Names),
    ("api1.http.api.path", Text),
    ("api1.http.request.method", OneOf(&["POST", "PUT", "PATCH", "GET", "DELETE"])),
    ("api1.http.request.headers", Headers),
    ("api1.http.request.headers.separator", OneOf(&["|"])),
    ("api1.http.request.sensitive.headers", Headers),
    ("api1.forward.kafka.headers", BOOLEAN),
    ("api1.request.body.format", OneOf(&["JSON", "STRING"])),
    ("api1.max.batch.size", Number(1..=100_000)),
    ("api1.batch.json.as.array", BOOLEAN),
    ("api1.behavior.on.null.values", OneOf(&["IGNORE", "DELETE", "FAIL"])),
    ("api1.retry.on.status.codes", Statuses),
    ("api1.max.retries", Number(1..=5_000)),
    ("api1.retry.backoff.policy", BACKOFF),
    ("api1.retry.backoff.ms", MILLIS),
    ("api1.http.connect.timeout.ms", MILLIS),
    ("api1.http.request.timeout.ms", MILLIS),
    ("api1.http.response.compression.enabled", BOOLEAN),
    ("api1.report.only.status.code.to.success.topic", BOOLEAN),
];

pub(crate) const AIVEN: &[(&str, Rule)] = &[
    ("connector.class", OneOf(&["io.aiven.kafka.connect.http.HttpSinkConnector"])),
    ("tasks.max", Number(1..=1_000)),
    ("topics", Names),
    ("key.converter", CONVERTERS),
    ("value.converter", CONVERTERS),
    ("value.converter.schemas.enable", BOOLEAN),
    ("http.url", Url),
    ("http.authorization.type", OneOf(&["none", "static", "oauth2"])),
    ("http.headers.authorization", Text),
    ("http.headers.content.type", Text),
    ("http.headers.additional", Text),
    ("http.timeout", Number(1..=2_147_483_647)),
    ("batching.enabled", BOOLEAN),
    ("batch.max.size", Number(1..=1_000_000)),
    ("batch.prefix", Any),
    ("batch.separator", Any),
    ("batch.suffix", Any),
    ("max.retries", Number(0..=2_147_483_647)),
    ("retry.backoff.ms", Number(0..=2_147_483_647)),
    ("kafka.retry.backoff.ms", Number(0..=86_400_000)),
    ("errors.log.enable", BOOLEAN),
    ("transforms", Names),
    ("transforms.dropTombstones.type", OneOf(&["org.apache.kafka.connect.transforms.Filter"])),
    ("transforms.dropTombstones.predicate", OneOf(&["isTombstone"])),
    ("predicates", Names),
    (
        "predicates.isTombstone.type",
        OneOf(&["org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"]),
    ),
    ("consumer.override.session.timeout.ms", Number(6_000..=1_800_000)),
];

/// What is wrong with `config`, a sentence each.
pub(crate) fn complaints(config: &Map<String, Value>) -> Vec<String> {
    let known = match config["connector.class"].as_str() {
        Some("HttpSinkV2") => MANAGED,
        Some("io.aiven.kafka.connect.http.HttpSinkConnector") => AIVEN,
        _ => SELF_MANAGED,
    };
    let mut complaints = Vec::new();
    for (key, value) in config {
        match (known.iter().find(|(name, _)| name == key), value.as_str()) {
            (None, _) => complaints.push(format!("{key} is unknown")),
            (_, None) => complaints.push(format!("{key} is no string, as Connect's values are")),
            (Some((_, rule)), Some(text)) if !rule.allows(text) => {
                complaints.push(format!("{key} cannot be {text:?}"));
            }
            _ => {}
        }
    }
    complaints
}

impl Rule {
    fn allows(&self, text: &str) -> bool {
        let code = |text: &str| matches!(text.parse(), Ok(100..=599_u16));
        match self {
            Text => !text.is_empty(),
            Any => true,
            Names => text.split(',').all(|name| !name.trim().is_empty()),
            OneOf(values) => values.contains(&text),
            Number(range) => text.parse().is_ok_and(|number| range.contains(&number)),
            Statuses => text.split(',').all(|part| match part.split_once('-') {
                None => code(part),
                Some((from, to)) => code(from) && (to.is_empty() || code(to)),
            }),
            Headers => {
                text.split('|').all(|pair| pair.split_once(':').is_some_and(|(name, _)| !name.is_empty()))
            }
            Url => text.starts_with("${env:") || text.starts_with("https://") || text.starts_with("http://"),
        }
    }
}
