//! The keys of Confluent's connector: which of them the bridge knows, and which it has to refuse.

/// Keys that say nothing to the bridge: how Connect itself reads the topic, where its reporter and licence live.
/// They stand in files that Connect runs, so they are let through.
const OF_CONNECT: [&str; 14] = [
    "key.converter",
    "key.converter.schemas.enable",
    "value.converter",
    "value.converter.schemas.enable",
    "confluent.topic.bootstrap.servers",
    "confluent.topic.replication.factor",
    "confluent.license",
    "reporter.bootstrap.servers",
    "reporter.error.topic.replication.factor",
    "reporter.error.topic.partitions",
    "reporter.result.topic.replication.factor",
    "reporter.result.topic.partitions",
    "errors.log.enable",
    "errors.log.include.messages",
];

/// Keys and prefixes of keys of the real connector that the bridge does not have.
const NOT_SUPPORTED: [&str; 16] = [
    "topics.regex",
    "batch.key.pattern",
    "regex.",
    "oauth2.",
    "http.proxy.",
    "https.",
    "deletes.send.in.order",
    "json.decimal.format",
    "reporter.result.topic.name",
    "reporter.result.topic.value.format",
    "errors.deadletterqueue.",
    "errors.retry.",
    "transforms",
    "predicates",
    "header.converter",
    "connection.disallow.local.ips",
];

/// Whether `key` says nothing to the bridge.
pub(super) fn is_for_connect(key: &str) -> bool {
    OF_CONNECT.contains(&key)
}

/// What to say of a key that nobody asked for.
pub(super) fn complaint(key: &str) -> String {
    let known = |entry: &str| {
        key == entry || (entry.ends_with('.') || entry == "transforms") && key.starts_with(entry)
    };
    if NOT_SUPPORTED.iter().any(|entry| known(entry)) {
        format!("{key} is a key of the real connector that the bridge does not support; remove it")
    } else {
        format!("{key} is not a key of {}", super::CLASS)
    }
}
