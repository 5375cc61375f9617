use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::super::{AIVEN_CLASS, BackoffPolicy, BodyFormat, ConnectorConfig, OnError, OnNull, parse::parse};

fn parsed(extra: &Value) -> Result<ConnectorConfig, Vec<String>> {
    let base = json!({
        "connector.class": AIVEN_CLASS, "topics": "a", "http.url": "http://h:1/x",
        "http.authorization.type": "none",
    });
    let mut config: BTreeMap<String, Value> = serde_json::from_value(base).unwrap();
    for (key, value) in extra.as_object().unwrap() {
        config.insert(key.clone(), value.clone());
    }
    config.retain(|_, value| !value.is_null());
    parse("sink", config, &BTreeMap::from([("SECRET".to_owned(), "s3cret".to_owned())]))
}

fn text(prefix: &str, separator: &str, suffix: &str) -> BodyFormat {
    let [prefix, separator, suffix] = [prefix, separator, suffix].map(str::to_owned);
    BodyFormat::Text { prefix, separator, suffix }
}

#[test]
fn what_is_not_said_is_as_in_the_open_connector() {
    let c = parsed(&json!({})).unwrap();
    assert_eq!((c.url_for("a").unwrap().as_str(), c.method.as_str()), ("http://h:1/x", "POST"));
    assert_eq!((&c.body, c.batch_max), (&text("", "", ""), 1));
    assert_eq!((c.max_retries, c.backoff), (1, Duration::from_secs(3)));
    assert_eq!(
        (c.backoff_policy, c.on_error, c.on_null),
        (BackoffPolicy::Constant, OnError::Fail, OnNull::Fail)
    );
    assert_eq!(c.request_timeout, Duration::from_secs(30));
    assert!((400..600).all(|status| c.retry_on.contains(status)) && c.headers.is_empty());
    let batched = parsed(&json!({ "batching.enabled": "true" })).unwrap();
    assert_eq!((batched.body, batched.batch_max), (text("", "\n", "\n"), 500));
}

#[test]
fn headers_batches_retries_and_the_filter_of_tombstones_are_read() {
    let c = parsed(&json!({
        "http.authorization.type": "static", "http.headers.authorization": "Bearer ${env:SECRET}",
        "http.headers.content.type": "application/x-ndjson", "http.headers.additional": "X-A:1,X-B:2",
        "batching.enabled": true, "batch.max.size": 7, "batch.prefix": "[", "batch.separator": ",",
        "batch.suffix": "]", "max.retries": 9, "retry.backoff.ms": 10, "http.timeout": "5",
        "transforms": "t", "transforms.t.type": "org.apache.kafka.connect.transforms.Filter",
        "transforms.t.predicate": "p", "predicates": "p",
        "predicates.p.type": "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter", "errors.tolerance": "none",
        "consumer.override.session.timeout.ms": "8000", "kafka.retry.backoff.ms": "1", "decimal.format": "NUMERIC",
    }))
    .unwrap();
    assert_eq!((&c.body, c.batch_max, c.max_retries), (&text("[", ",", "]"), 7, 9));
    assert_eq!((c.backoff, c.request_timeout), (Duration::from_millis(10), Duration::from_secs(5)));
    let header = |name: &str| c.headers[name].to_str().unwrap();
    assert_eq!([header("authorization"), header("x-a"), header("x-b")], ["Bearer s3cret", "1", "2"]);
    assert_eq!((header("content-type"), c.on_null), ("application/x-ndjson", OnNull::Ignore));
    assert!(!format!("{c:?}").contains("s3cret"));
}

#[test]
fn a_record_that_is_given_up_goes_to_connects_dead_letters() {
    let c =
        parsed(&json!({ "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dlq" })).unwrap();
    assert_eq!((c.on_error, c.error_topic.as_str(), c.on_null), (OnError::Ignore, "dlq", OnNull::Log));
}

#[test]
fn what_the_open_connector_refuses_or_the_bridge_cannot_do_is_refused() {
    for (case, said) in [
        (json!({ "http.url": null }), "http.url is missing"),
        (json!({ "http.url": "http://h/${topic}" }), "http.url has a placeholder"),
        (json!({ "http.url": "h" }), "http.url is not an address"),
        (json!({ "http.authorization.type": null }), "http.authorization.type is missing"),
        (json!({ "http.authorization.type": "oauth2" }), "use one of none, static"),
        (json!({ "http.authorization.type": "static" }), "needs http.headers.authorization"),
        (json!({ "http.headers.authorization": "x" }), "needs http.authorization.type static"),
        (json!({ "http.headers.additional": "X-A" }), "http.headers.additional: number 1"),
        (json!({ "http.ssl.trust.all.certs": "true" }), "has to be false"),
        (json!({ "batching.enabled": "yes" }), "batching.enabled is \"yes\""),
        (
            json!({ "batching.enabled": "true", "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "d" }),
            "exclude each other",
        ),
        (json!({ "errors.tolerance": "all" }), "records would be lost"),
        (json!({ "errors.deadletterqueue.topic.name": "a" }), "is one of the topics"),
        (json!({ "http.api.url": "http://h" }), "http.api.url is not a key of io.aiven"),
        (json!({ "oauth2.client.id": "x" }), "that the bridge does not support"),
        (json!({ "transforms": "t", "transforms.t.type": "Flatten" }), "the bridge has no other"),
        (
            json!({ "predicates": "p", "predicates.p.type": "HasHeaderKey" }),
            "predicates.p.type has to be org.apache",
        ),
    ] {
        let problems = parsed(&case).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(said), "{case}: {problems:?}");
    }
}
