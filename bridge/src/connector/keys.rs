//! The keys of the real connectors that the bridge has no use for: which it lets through, and which it refuses.

use super::{AIVEN_CLASS, CLASS, MANAGED_CLASS};

/// One of the forms of connector files.
#[derive(Debug)]
pub(super) struct Form {
    /// Its `connector.class`.
    pub(super) class: &'static str,
    /// Keys and (with a dot at the end) prefixes of keys that say nothing to the bridge: how Connect itself reads the topic, who it is at the broker, where its
    /// reporter and licence live. They stand in files that Connect runs, so they are let through.
    of_connect: &'static [&'static [&'static str]],
    /// Keys and (with a dot at the end) prefixes of keys of the real connector that the bridge does not have.
    not_supported: &'static [&'static str],
}

/// What every Connect cluster reads itself, whatever it runs.
const CONVERTERS_AND_ERRORS: &[&str] = &[
    "key.converter",
    "key.converter.schemas.enable",
    "value.converter",
    "value.converter.schemas.enable",
    "errors.deadletterqueue.topic.replication.factor",
    "errors.deadletterqueue.context.headers.enable",
    "errors.log.enable",
    "errors.log.include.messages",
];

pub(super) static SELF_MANAGED: Form = Form {
    class: CLASS,
    of_connect: &[
        CONVERTERS_AND_ERRORS,
        &[
            "confluent.topic.bootstrap.servers",
            "confluent.topic.replication.factor",
            "confluent.license",
            "reporter.bootstrap.servers",
            "reporter.error.topic.replication.factor",
            "reporter.error.topic.partitions",
            "reporter.result.topic.name",
            "reporter.result.topic.replication.factor",
            "reporter.result.topic.partitions",
            "errors.deadletterqueue.topic.name",
        ],
    ],
    not_supported: &[
        "topics.regex",
        "batch.key.pattern",
        "regex.",
        "oauth2.",
        "http.proxy.",
        "https.",
        "deletes.send.in.order",
        "json.decimal.format",
        "reporter.result.topic.value.format",
        "errors.retry.",
        "transforms",
        "transforms.",
        "predicates",
        "predicates.",
        "header.converter",
        "connection.disallow.local.ips",
    ],
};

pub(super) static MANAGED: Form = Form {
    class: MANAGED_CLASS,
    of_connect: &[&[
        "kafka.auth.mode",
        "kafka.api.key",
        "kafka.api.secret",
        "kafka.service.account.id",
        "max.poll.records",
        "max.poll.interval.ms",
        "value.converter.schemas.enable",
        "schema.context.name",
        "auto.restart.on.user.error",
        "errors.deadletterqueue.topic.name",
        "reporter.result.topic.name",
        "api1.http.response.compression.enabled",
        "api1.report.only.status.code.to.success.topic",
    ]],
    not_supported: &[
        "topics.regex",
        "open.api.spec.",
        "oauth2.",
        "http.proxy.",
        "https.",
        "transforms",
        "transforms.",
        "predicates",
        "predicates.",
        "consumer.override.",
        "api1.http.request.parameters",
        "api1.http.request.parameters.separator",
        "api1.http.path.parameters",
        "api1.http.path.parameters.separator",
        "api1.http.request.body",
        "api1.batch.key.pattern",
        "api1.regex.",
        "api1.upsert.",
        "api1.test.api.",
    ],
};

pub(super) static AIVEN: Form = Form {
    class: AIVEN_CLASS,
    of_connect: &[CONVERTERS_AND_ERRORS, &["consumer.override.", "kafka.retry.backoff.ms", "decimal.format"]],
    not_supported: &[
        "topics.regex",
        "oauth2.",
        "http.proxy.",
        "http.ssl.truststore.",
        "errors.retry.",
        "header.converter",
    ],
};

/// Whether `key` is in the list, or begins with an entry that ends with a dot.
fn lists(list: &[&str], key: &str) -> bool {
    list.iter().any(|entry| key == *entry || entry.ends_with('.') && key.starts_with(entry))
}

impl Form {
    /// The form of files that say this class.
    pub(super) fn of(class: &str) -> &'static Self {
        [&MANAGED, &AIVEN].into_iter().find(|form| form.class == class).unwrap_or(&SELF_MANAGED)
    }

    /// Whether `key` says nothing to the bridge.
    pub(super) fn is_for_connect(&self, key: &str) -> bool {
        self.of_connect.iter().any(|list| lists(list, key))
    }

    /// What to say of a key that nobody asked for.
    pub(super) fn complaint(&self, key: &str) -> String {
        if lists(self.not_supported, key) {
            format!("{key} is a key of the real connector that the bridge does not support; remove it")
        } else {
            format!("{key} is not a key of {}", self.class)
        }
    }
}
